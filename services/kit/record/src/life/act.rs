//! Verbs: changes of one record that the server makes when a caller asks for them.

use crm_kit_api::{Call, Result, id};

use super::{Revision, hold_one, write_one};
use crate::{Record, Slice};

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
                    let was = hold_one::<R>(tx, call, id, etag).await?;
                    let mut record = was.clone();
                    change(&mut record)?;
                    write_one(tx, call, fields, Revision::new(fields, was, record)).await
                })
            })
            .await
    }
}
