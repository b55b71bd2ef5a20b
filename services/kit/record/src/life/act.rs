//! Verbs: changes of one record that the server makes when a caller asks for them.

use crm_kit_api::{Call, Result, etag, filter::Moment, id};
use crm_kit_pg::Tx;
use uuid::Uuid;

use super::{Revision, hold, live, write};
use crate::{
    Record, Slice,
    batch::only,
    custom_field::{Fields, refresh},
};

impl<R: Record> Slice<R> {
    /// Does a verb with a live record: holds it, checks its etag, stores what `change` makes of it and tells of it; returns the record after it.
    pub async fn act<F>(
        &self,
        call: &Call,
        action: &'static str,
        (id, etag): (&str, &str),
        change: F,
    ) -> Result<R::Wire>
    where
        F: Fn(&mut R) -> Result<()> + Send + Sync,
    {
        let (fields, id, change) = (&self.fields(call).await?, id::parse("id", id)?, &change);
        self.db
            .write(call, action, move |tx| {
                Box::pin(async move {
                    let was = held::<R>(tx, call, id, etag).await?;
                    let mut record = was.clone();
                    change(&mut record)?;
                    let written = write(tx, call, fields, vec![revised(call, fields, was, record)]).await?;
                    Ok(only(written))
                })
            })
            .await
    }
}

/// A live record within the caller's scope that still has the etag, held until the transaction ends.
pub async fn held<R: Record>(tx: &mut Tx<'_>, call: &Call, id: Uuid, etag: &str) -> Result<R> {
    let record = live(&mut hold::<R>(tx, call, &[id]).await?, &id)?;
    etag::check(etag, record.head().revision)?;
    Ok(record)
}

/// What a verb makes of a record, with the tenant's formulas computed anew.
pub fn revised<R: Record>(call: &Call, fields: &Fields, was: R, mut record: R) -> Revision<R> {
    refresh::evaluate(fields, &mut record, Moment::from(call.now));
    Revision::new(fields, was, record)
}
