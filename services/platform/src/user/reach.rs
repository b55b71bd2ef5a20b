//! What keeps changes of place and rights from showing somebody more records.
//!
//! Whose records a user sees follows from its roles and from two trees, so moving people is giving away sight. The rule: what anybody newly
//! reaches by a change, whoever makes the change reaches already. It is kept by four checks, of which a caller who sees all records passes
//! the last three:
//!
//! 1. Nobody sets its own superior or departments, or leads a department by its own word, except an administrator.
//! 2. Whoever moves a user sees the records of that user and, with a new superior, of everybody below: superiors and colleagues gain these.
//! 3. Whatever the moved user itself gains, by its new place or its roles, the caller sees. This is looked at after the change is written.
//! 4. Whoever hands out a user's place, by a password or an API key, sees all that the user sees.
//!
//! Changes that could widen each other take turns by the tenant's row.

use crm_kit_api::{Call, Result};
use crm_kit_pg::Tx;
use uuid::Uuid;

use super::{model::User, store};
use crate::{
    access::{self, model::Reach},
    reason, role,
    role::model::RecordScope,
    tenant,
};

/// What the checks after a change need to know from before it.
#[derive(Debug)]
pub struct Before(Option<Reach>);

/// Checks a step of a user before it is written.
pub async fn before(tx: &mut Tx<'_>, call: &Call, from: Option<&User>, to: &User) -> Result<Before> {
    let moved = from.is_some_and(|from| from.superior_id != to.superior_id);
    let transferred = from.is_some_and(|from| from.department_ids != to.department_ids);
    if (moved || transferred) && to.id == call.caller_id() {
        require_administrator(tx, call, if moved { "superior_id" } else { "department_ids" }).await?;
    }
    let is_widening = match from {
        Some(from) => moved || transferred || from.role_ids != to.role_ids,
        None => to.superior_id.is_some() || !to.department_ids.is_empty() || !to.role_ids.is_empty(),
    };
    if !is_widening || call.access.scope.owners().is_none() {
        return Ok(Before(None));
    }
    let tenant_id = tx.tenant_id();
    tenant::store::lock(tx.conn(), tenant_id).await?;
    if moved {
        check_seen(call, &store::below(tx.conn(), tenant_id, to.id).await?)?;
    } else if transferred {
        check_seen(call, &[to.id])?;
    }
    let reach = match from {
        Some(from) => access::store::reach(tx.conn(), tenant_id, from.id).await?,
        // Whoever does not exist yet owns nothing.
        None => Reach { scope: RecordScope::Own, owners: vec![to.id] },
    };
    Ok(Before(Some(reach)))
}

/// Checks a step of a user after it is written: what the user gained.
pub async fn after(tx: &mut Tx<'_>, call: &Call, id: Uuid, Before(before): Before) -> Result<()> {
    let Some(before) = before.filter(|before| before.scope != RecordScope::All) else { return Ok(()) };
    let tenant_id = tx.tenant_id();
    let Reach { scope, mut owners } = access::store::reach(tx.conn(), tenant_id, id).await?;
    if scope == RecordScope::All {
        return Err(reason::rights_exceeded("record_scope", scope.name()));
    }
    owners.retain(|owner| !before.owners.contains(owner));
    check_seen(call, &owners)
}

/// Fails unless the caller sees all that a user sees.
pub async fn check_all(tx: &mut Tx<'_>, call: &Call, id: Uuid) -> Result<()> {
    if call.access.scope.owners().is_none() || id == call.caller_id() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id();
    let Reach { scope, owners } = access::store::reach(tx.conn(), tenant_id, id).await?;
    if scope == RecordScope::All {
        return Err(reason::rights_exceeded("record_scope", scope.name()));
    }
    check_seen(call, &owners)
}

/// Fails unless the caller sees the records of all of these.
pub fn check_seen(call: &Call, owners: &[Uuid]) -> Result<()> {
    let unseen = owners.iter().find(|owner| !call.access.scope.covers(Some(**owner)));
    unseen.map_or(Ok(()), |owner| Err(reason::reach_exceeded(*owner)))
}

/// Fails unless the caller has every right there is; `field` is what nobody else sets for itself.
pub async fn require_administrator(tx: &mut Tx<'_>, call: &Call, field: &str) -> Result<()> {
    let unlimited = role::ops::own_rights(tx, call).await?.are_unlimited();
    if unlimited { Ok(()) } else { Err(reason::own_position(field)) }
}
