//! What a decision means for a kind of record: one transaction that holds the record, takes the decision and writes what the record makes of it.

use std::sync::Arc;

use crm_kit_api::{Call, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Record, Slice,
    life::{self, Revision},
};
use uuid::Uuid;

use super::{Decision, Target, claim};

/// A kind of record that may need approval.
pub trait Approvable: Record {
    /// Its name at the platform's approvals.
    const OBJECT_TYPE: &'static str;

    /// The revision that was submitted, while the record waits for a decision.
    fn awaiting(&self) -> Option<i64>;
    /// The record after a decision, or after the platform took the request.
    #[must_use]
    fn decided(self, decision: Decision) -> Self;
    /// What else follows from a decision, in its transaction.
    fn follow(&self, _tx: &mut Tx<'_>) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// What decisions of approvers mean for a kind of record.
pub fn target<R: Approvable>(slice: &Slice<R>) -> Target {
    let slice = slice.clone();
    Target {
        object_type: R::OBJECT_TYPE,
        settle: Arc::new(move |call, object| {
            let slice = slice.clone();
            Box::pin(async move { settle(&slice, &call, object).await })
        }),
    }
}

/// What approvers, or the platform, make of a record; a decision once: one that is no longer in that approval stays as it is.
async fn settle<R: Approvable>(slice: &Slice<R>, call: &Call, (id, submitted): (Uuid, i64)) -> Result<()> {
    let fields = &slice.fields(call).await?;
    slice
        .db
        .write_rows(call, "approval", move |tx| {
            Box::pin(async move {
                let held = life::hold::<R>(tx, call, &[id]).await?.remove(&id);
                let decision = claim(tx, R::OBJECT_TYPE, (id, submitted)).await?;
                let (Some(was), Some(decision)) = (held, decision) else { return Ok(()) };
                if was.awaiting() != Some(submitted) {
                    return Ok(());
                }
                let record = was.clone().decided(decision);
                record.follow(tx).await?;
                life::write_one(tx, call, fields, Revision::new(fields, was, record)).await.map(drop)
            })
        })
        .await
}
