//! The records in a pool, as its members see them before somebody claims them: whatever their record scope, with telephone numbers and e-mail
//! addresses masked. Neither filters nor orders nor searches use what is masked.

use std::sync::{Arc, LazyLock};

use crm_kit_api::{
    Call, Error, Result,
    call::{Access, Scope},
    filter::Filter,
    sensitivity::{Mask, Masker, Masks, Sensitivity},
};
use crm_kit_record::{Listed, Slice, Wanted};
use crm_proto::crm::customer::v1::{ListPoolRecordsRequest, ListPoolRecordsResponse};
use prost::{Message as _, Name as _};

use super::{model::Pool, place::Pooled};

static MASKER: LazyLock<Masker> = LazyLock::new(|| Masker::new(crm_proto::pool()));

/// A page of the records that wait in a pool.
pub async fn list<R: Pooled>(
    slice: &Slice<R>,
    call: &Call,
    pool: &Pool,
    request: &ListPoolRecordsRequest,
) -> Result<ListPoolRecordsResponse> {
    let call = &as_member(call);
    let fields = slice.fields(call).await?;
    // Read alone first, so that faults are told by their place in what the caller wrote.
    Filter::parse(&request.filter, &R::filter_schema(&fields, call))?;
    let mut filter = format!("pool_id == \"{}\"", pool.id);
    if !request.filter.trim().is_empty() {
        filter = format!("({}) && {filter}", request.filter);
    }
    let wanted = Wanted {
        page_size: request.page_size,
        page_token: &request.page_token,
        filter: &filter,
        order_by: &request.order_by,
        q: &request.q,
        show_deleted: false,
        include_total_size: request.include_total_size,
    };
    let Listed { wires, next_page_token, total_size, total_size_estimated } =
        slice.list(call, wanted).await?;
    let records = wires.iter().map(|wire| masked::<R>(wire, &call.access.masks).map(R::pooled));
    Ok(ListPoolRecordsResponse {
        records: records.collect::<Result<_>>()?,
        next_page_token,
        total_size,
        total_size_estimated,
    })
}

/// The call with the rights that members of a pool have over what waits in it.
fn as_member(call: &Call) -> Call {
    let masks = [Sensitivity::Phone, Sensitivity::Email]
        .into_iter()
        .fold(call.access.masks, |masks, class| masks.with(class, masks.of(class).max(Mask::Partial)));
    let access = Access { scope: Scope::All, masks, ..(*call.access).clone() };
    Call { access: Arc::new(access), ..call.clone() }
}

fn masked<R: Pooled>(wire: &R::Wire, masks: &Masks) -> Result<R::Wire> {
    let bytes = wire.encode_to_vec().into();
    let bytes = MASKER.apply(&R::Wire::full_name(), &bytes, masks)?;
    R::Wire::decode(bytes).map_err(Error::internal)
}
