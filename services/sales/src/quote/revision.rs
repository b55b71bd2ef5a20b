//! New quotes from old ones: the next revision, and a copy that is a quote of its own.

use crm_kit_api::{Call, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{Choice, custom_field::Fields, life as record, only, single};
use crm_proto::crm::sales::v1::{
    CopyQuoteRequest, DocumentLine, Quote as Wire,
    quote::{ApprovalState, State},
};
use sqlx::types::Json;

use super::{Quote, Quotes, life, store};

/// Begins the next revision of the latest one, with the same content and prices. The revisions are held; one that was begun while this call waited for
/// them is seen by looking again.
pub async fn revise(tx: &mut Tx<'_>, call: &Call, fields: &Fields, was: &Quote) -> Result<Wire> {
    let tenant = tx.tenant_id();
    let revisions = store::lock_revisions(tx.conn(), tenant, was.id).await?;
    let later = revisions.iter().filter(|other| other.revision_number > was.revision_number);
    if let Some(later) = later.clone().find(|other| other.delete_time.is_none()) {
        return Err(life::revised(later));
    }
    life::must_be(was, call.now, &[State::Approved, State::Presented, State::Rejected, State::Expired])?;
    // A revision in the recycle bin keeps its number.
    let next = later.map(|later| later.revision_number).max().unwrap_or(was.revision_number) + 1;
    let quote = Quote {
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        number: format!("{}-R{next}", was.base_number),
        revision_number: next,
        state: Choice(State::Draft),
        approval_state: Choice(ApprovalState::Unspecified),
        approval_request_id: None,
        approval_comment: String::new(),
        submitted_revision: 0,
        submit_time: None,
        close_time: None,
        close_reason: String::new(),
        external_ids: Json(Vec::new()),
        ..was.clone()
    };
    record::insert(tx, call, fields, &[quote]).await.map(only)
}

impl Quotes {
    /// Makes a new quote with the content of another one, priced anew.
    pub async fn copy(&self, call: &Call, request: CopyQuoteRequest) -> Result<Wire> {
        // Whoever copies a quote reads it.
        call.require("sales.quotes.read")?;
        let was = self.slice.get(call, &[request.id]).await.map(only)?;
        let mut wire = Wire {
            number: String::new(),
            opportunity_id: was.opportunity_id.clone(),
            valid_until: request.valid_until,
            external_ids: Vec::new(),
            owner_id: String::new(),
            lines: was.lines.iter().cloned().map(anew).collect(),
            ..was
        };
        if !request.opportunity_id.is_empty() {
            wire.opportunity_id = request.opportunity_id;
        }
        self.slice.create(call, vec![wire], single, only).await
    }
}

/// A line that gets the list price of today, unless its price was the caller's own.
fn anew(line: DocumentLine) -> DocumentLine {
    let is_list = !line.product_id.is_empty() && line.unit_price == line.list_price;
    DocumentLine {
        id: String::new(),
        unit_price: if is_list { String::new() } else { line.unit_price },
        ..line
    }
}
