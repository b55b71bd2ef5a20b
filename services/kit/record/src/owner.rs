//! Owners: whoever a record is given to is a live user of the tenant. Whoever has it keeps it, also after being disabled.

use crm_kit_api::{Call, Result};
use crm_kit_pg::people::Standing;
use uuid::Uuid;

use crate::{Record, Slice};

impl<R: Record> Slice<R> {
    /// Makes sure, before the transaction, that the people directory knows the owners that requests name as text. What is no id is refused later.
    pub(crate) async fn meet<'w>(&self, call: &Call, sent: impl Iterator<Item = &'w R::Wire>) -> Result<()> {
        let owners = sent.filter_map(|wire| named::<R>(wire));
        let owners: Vec<Uuid> = owners.collect();
        self.people.meet(call, owners).await
    }
}

/// The owner a request names.
pub(crate) fn named<R: Record>(wire: &R::Wire) -> Option<Uuid> {
    Uuid::try_parse(R::sent(wire).owner_id).ok()
}

/// Fails with `INVALID_ARGUMENT / FIELD_INVALID` for a new owner who is no user of the tenant (`USER_UNKNOWN`) or not live (`USER_DISABLED`).
pub(crate) fn check<R: Record>(
    standing: &Standing,
    call: &Call,
    owner: Option<Uuid>,
    before: Option<Uuid>,
) -> Result<()> {
    let Some(owner) = owner.filter(|_| owner != before) else { return Ok(()) };
    let field = format!("{}.owner_id", R::KIND.field);
    standing.check(call, &field, owner)
}
