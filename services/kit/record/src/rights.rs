//! The rights a job works with: its creator's, as they were when the work was asked for.
//!
//! A job runs long after the call that asked for it, when nobody's credential is at hand. So the call's access is kept in the job's row, under
//! row-level security, and every step of the work is a call with that access.

use std::sync::Arc;

use crm_kit_api::{
    Call, Error, Result,
    call::{Access, Permissions, Scope, Statistics, TenantSettings},
    clock::Clock,
    sensitivity::{Mask, Masks, Sensitivity},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Every class of sensitive values.
const CLASSES: [Sensitivity; 8] = [
    Sensitivity::Phone,
    Sensitivity::Email,
    Sensitivity::PersonName,
    Sensitivity::IdentityNumber,
    Sensitivity::Address,
    Sensitivity::Financial,
    Sensitivity::Note,
    Sensitivity::PersonalDate,
];

/// A caller's rights, as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rights {
    caller_id: Uuid,
    permissions: Vec<String>,
    /// Owners whose records are in scope; absent for all.
    owners: Option<Vec<Uuid>>,
    /// Roles and departments it belongs to.
    #[serde(default)]
    groups: Vec<Uuid>,
    /// Masks by the number of their class.
    masks: Vec<(i32, Hiding)>,
    region_code: String,
    time_zone: String,
    currency_code: String,
    language_code: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Hiding {
    Partial,
    Hidden,
}

impl Rights {
    /// The rights of a caller.
    pub fn of(access: &Access) -> Self {
        let masks = CLASSES.into_iter().filter_map(|class| match access.masks.of(class) {
            Mask::None => None,
            Mask::Partial => Some((class.into(), Hiding::Partial)),
            Mask::Hidden => Some((class.into(), Hiding::Hidden)),
        });
        let TenantSettings { region_code, time_zone, currency_code, language_code } = access.tenant.clone();
        Self {
            caller_id: access.caller_id,
            permissions: access.permissions.names().map(str::to_owned).collect(),
            owners: access.scope.owners().map(<[Uuid]>::to_vec),
            groups: access.groups.to_vec(),
            masks: masks.collect(),
            region_code,
            time_zone,
            currency_code,
            language_code,
        }
    }

    /// The access these rights give in a tenant.
    pub fn access(&self, tenant_id: Uuid) -> Access {
        let masks = self.masks.iter().fold(Masks::default(), |masks, (class, hiding)| {
            let class = Sensitivity::try_from(*class).unwrap_or_default();
            masks.with(
                class,
                match hiding {
                    Hiding::Partial => Mask::Partial,
                    Hiding::Hidden => Mask::Hidden,
                },
            )
        });
        Access {
            tenant_id,
            caller_id: self.caller_id,
            service: None,
            permissions: Permissions::new(self.permissions.iter().cloned()),
            scope: self.owners.as_ref().map_or(Scope::All, |owners| Scope::Owners(owners.clone().into())),
            masks,
            tenant: TenantSettings {
                region_code: self.region_code.clone(),
                time_zone: self.time_zone.clone(),
                currency_code: self.currency_code.clone(),
                language_code: self.language_code.clone(),
            },
            groups: self.groups.clone().into(),
            password_change_required: false,
        }
    }
}

/// Fails with `PERMISSION_DENIED / FIELD_MASKED` when the rows of a job's file show more than the caller may see: they stand in it as its creator sees
/// them.
pub fn see_rows(call: &Call, creator_id: Uuid) -> Result<()> {
    if creator_id == call.caller_id() || !call.access.masks.any() {
        return Ok(());
    }
    Err(Error::field_masked("file"))
}

/// In whose name a job calls, and as what.
#[derive(Clone, Debug)]
pub struct Caller {
    access: Arc<Access>,
    clock: Clock,
    request_id: Arc<str>,
    method: Arc<str>,
}

impl Caller {
    /// A caller with `access`; `request_id` and `method` stand in audit rows and events.
    pub fn new(access: Access, clock: Clock, request_id: &str, method: &str) -> Self {
        Self { access: Arc::new(access), clock, request_id: request_id.into(), method: method.into() }
    }

    /// A call at this instant.
    pub fn call(&self) -> Call {
        Call {
            access: Arc::clone(&self.access),
            now: self.clock.now(),
            deadline: None,
            request_id: Arc::clone(&self.request_id),
            method: Arc::clone(&self.method),
            idempotency: None,
            overrides: Arc::default(),
            statistics: Arc::new(Statistics::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_come_back_as_they_went_in() {
        let access = Access {
            tenant_id: Uuid::from_u128(1),
            caller_id: Uuid::from_u128(2),
            service: None,
            permissions: Permissions::new(["customer.*".to_owned(), "a.b".to_owned()]),
            scope: Scope::Owners(vec![Uuid::from_u128(2), Uuid::from_u128(3)].into()),
            masks: Masks::default()
                .with(Sensitivity::Phone, Mask::Partial)
                .with(Sensitivity::PersonalDate, Mask::Hidden),
            tenant: TenantSettings {
                region_code: "CN".to_owned(),
                time_zone: "Asia/Shanghai".to_owned(),
                currency_code: "CNY".to_owned(),
                language_code: "zh-CN".to_owned(),
            },
            groups: [Uuid::from_u128(7)].into(),
            password_change_required: false,
        };
        let stored = serde_json::to_string(&Rights::of(&access)).unwrap();
        let read: Rights = serde_json::from_str(&stored).unwrap();
        let again = read.access(access.tenant_id);
        assert!(again.same_rights(&access) && again.tenant == access.tenant);
        let all = Access { scope: Scope::All, ..access };
        assert_eq!(Rights::of(&all).access(all.tenant_id).scope, Scope::All);
    }
}
