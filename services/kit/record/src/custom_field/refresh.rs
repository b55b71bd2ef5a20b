//! Brings the computed values of stored records up to date: roll-ups first, then the formulas over them. Records in which nothing changes are left
//! alone; the others are written like any change, with event and audit row.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use crm_kit_api::{
    Call, Result,
    call::{Access, Permissions, Scope, Statistics, TenantSettings},
    filter::Moment,
    sensitivity::Masks,
};
use uuid::Uuid;

use super::{Fields, roll_up};
use crate::{
    Record, Slice,
    life::{self, Revision},
    rows,
};

/// Records in one transaction.
const BATCH: i64 = 200;

/// The call of the server itself, which no person makes.
pub fn server_call(tenant_id: Uuid, now: DateTime<Utc>, name: &str) -> Call {
    let access = Access {
        tenant_id,
        caller_id: Uuid::nil(),
        service: None,
        permissions: Permissions::new(["*".to_owned()]),
        scope: Scope::All,
        masks: Masks::default(),
        tenant: TenantSettings {
            region_code: String::new(),
            time_zone: "UTC".to_owned(),
            currency_code: String::new(),
            language_code: "en".to_owned(),
        },
        groups: Arc::default(),
        password_change_required: false,
    };
    Call {
        access: Arc::new(access),
        now,
        deadline: None,
        request_id: Arc::default(),
        method: name.into(),
        idempotency: None,
        overrides: Arc::default(),
        statistics: Arc::new(Statistics::default()),
    }
}

/// Brings records up to date.
pub async fn refresh<R: Record>(slice: &Slice<R>, call: &Call, ids: &[Uuid]) -> Result<()> {
    let fields = &slice.fields(call).await?;
    slice
        .db
        .write_rows(call, "refresh", move |tx| {
            Box::pin(async move {
                let mut held = life::hold::<R>(tx, call, ids).await?;
                held.retain(|_, record| record.head().delete_time.is_none());
                // Read after the records are held, so that of two jobs the later one sees what the earlier one did not.
                let tenant = tx.tenant_id();
                let summaries = roll_up::summaries(tx.conn(), tenant, (R::KIND, fields), ids).await?;
                let mut revisions = Vec::new();
                for (id, was) in held {
                    let mut record = was.clone();
                    roll_up::put(record.head_mut().custom, fields, id, &summaries);
                    evaluate(fields, &mut record, call.moment());
                    if record != was {
                        revisions.push(Revision::new(fields, was, record));
                    }
                }
                life::write(tx, call, fields, revisions).await.map(drop)
            })
        })
        .await
}

/// Brings every live record of the collection up to date.
pub async fn refresh_all<R: Record>(slice: &Slice<R>, call: &Call) -> Result<()> {
    let (tenant, mut after) = (call.tenant_id(), Uuid::nil());
    loop {
        let ids = slice
            .db
            .for_tenant(tenant, move |tx| {
                Box::pin(async move { rows::live_ids(tx.conn(), R::KIND, tenant, (after, BATCH)).await })
            })
            .await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        refresh(slice, call, &ids).await?;
    }
}

/// Computes the formulas of a record.
pub fn evaluate<R: Record>(fields: &Fields, record: &mut R, moment: Moment) {
    let mut values = std::mem::take(record.head_mut().custom);
    fields.evaluate(&mut values, &|path| record.filter_value(path), moment);
    *record.head_mut().custom = values;
}
