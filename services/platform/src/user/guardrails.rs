//! What every change of a user has to respect: existing references, the tree of superiors, the rights of whoever makes the change, and the last
//! administrator.

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::Tx;

use super::{events::COLLECTION, model::User, store};
use crate::{reason, role, tenant, tree};

/// Checks everything that a step from `before` (nothing at a creation) to `after` could break.
pub async fn check(tx: &mut Tx<'_>, call: &Call, before: Option<&User>, after: &User) -> Result<()> {
    check_departments(tx, before, after).await?;
    check_superior(tx, before, after).await?;
    check_roles(tx, call, before, after).await?;
    let Some(before) = before else { return Ok(()) };
    check_cover_user(tx, call, before).await?;
    check_administrator(tx, before, after).await
}

async fn check_departments(tx: &mut Tx<'_>, before: Option<&User>, after: &User) -> Result<()> {
    let known = before.map_or(&[][..], |before| &before.department_ids);
    let new: Vec<_> = after.department_ids.iter().filter(|id| !known.contains(id)).copied().collect();
    if new.is_empty() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id();
    match store::missing_department(tx.conn(), tenant_id, &new).await? {
        Some(id) => Err(Error::not_found("departments", id)),
        None => Ok(()),
    }
}

async fn check_superior(tx: &mut Tx<'_>, before: Option<&User>, after: &User) -> Result<()> {
    let changed =
        after.superior_id.filter(|_| before.and_then(|before| before.superior_id) != after.superior_id);
    let Some(superior_id) = changed else { return Ok(()) };
    let tenant_id = tx.tenant_id();
    tenant::store::lock(tx.conn(), tenant_id).await?;
    let place = store::place(tx.conn(), tenant_id, after.id, superior_id).await?;
    if place.ancestors.is_empty() {
        return Err(Error::not_found(COLLECTION, superior_id));
    }
    tree::check(COLLECTION, after.id, &place)
}

async fn check_roles(tx: &mut Tx<'_>, call: &Call, before: Option<&User>, after: &User) -> Result<()> {
    let known = before.map_or(&[][..], |before| &before.role_ids);
    let new: Vec<_> = after.role_ids.iter().filter(|id| !known.contains(id)).copied().collect();
    if new.is_empty() { Ok(()) } else { check_cover(tx, call, &new).await }
}

/// Fails unless the caller's rights cover those of the roles.
pub async fn check_cover(tx: &mut Tx<'_>, call: &Call, role_ids: &[uuid::Uuid]) -> Result<()> {
    let given = role::ops::rights_of(tx, role_ids).await?;
    role::ops::own_rights(tx, call).await?.check_cover(&given)
}

/// Fails unless the caller's rights cover the user's: else the caller could take the user's place, or take a superior's rights away. Everybody
/// may change itself.
pub async fn check_cover_user(tx: &mut Tx<'_>, call: &Call, user: &User) -> Result<()> {
    if user.role_ids.is_empty() || user.id == call.caller_id() {
        return Ok(());
    }
    check_cover(tx, call, &user.role_ids).await
}

/// Fails when the step takes the last administrator away. Steps that could take turns by the role's row.
async fn check_administrator(tx: &mut Tx<'_>, before: &User, after: &User) -> Result<()> {
    let tenant_id = tx.tenant_id();
    let unchanged = before.role_ids == after.role_ids && before.is_live() == after.is_live();
    if unchanged || before.service_account || !before.is_live() {
        return Ok(());
    }
    let role = role::store::lock_built_in(tx.conn(), tenant_id, role::built_in::ADMINISTRATOR).await?;
    let Some(role) = role.filter(|role| before.role_ids.contains(role)) else { return Ok(()) };
    let keeps = after.is_live() && after.role_ids.contains(&role);
    if keeps || store::another_holds(tx.conn(), tenant_id, role, before.id).await? {
        return Ok(());
    }
    Err(reason::last_administrator(before.id))
}
