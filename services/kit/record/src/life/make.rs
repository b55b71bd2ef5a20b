//! Records that the service makes of others, in transactions of its own.

use crm_kit_api::{Call, Error, Result};
use futures::future::BoxFuture;
use uuid::Uuid;

use super::not_found;
use crate::{Record, Slice, custom_field::Fields, number};

impl<R: Record> Slice<R> {
    /// Does work that makes a record of another one. It gets a fresh record with its numbers, which are taken before the transaction of the work and given back when
    /// it fails or answers with another record; `wire` says what the record brings, above all its number. Done again with other numbers when a record has those.
    pub async fn make<'w>(
        &self,
        call: &Call,
        fields: &Fields,
        wire: &R::Wire,
        work: impl Fn(R) -> BoxFuture<'w, Result<R::Wire>> + Send + Sync,
    ) -> Result<R::Wire> {
        for _ in 0..number::ATTEMPTS {
            let mut numbers = self.numbers_for(call, fields, std::iter::once(wire)).await?;
            let fresh = numbers.fresh(call, wire);
            let id = fresh.head().id.to_string();
            let outcome = work(fresh).await;
            match &outcome {
                Err(error) if self.passes(call, &numbers, error).await? => continue,
                Ok(made) if R::sent(made).id == id => {}
                _ => self.give_back(call, &numbers.into_taken()).await,
            }
            return outcome;
        }
        Err(Error::concurrent_change())
    }

    /// The live record with an id within the caller's scope, as the service keeps it.
    pub async fn found(&self, call: &Call, id: Uuid) -> Result<R> {
        let (tenant, owners) = (call.tenant_id(), R::KIND.owners(call));
        let found = self
            .db
            .read_one(call, move |one| {
                Box::pin(async move { R::get(one.conn(), tenant, &[id], owners).await })
            })
            .await?;
        let found = found.into_iter().find(|record| record.head().delete_time.is_none());
        found.ok_or_else(|| not_found::<R>(&id))
    }
}
