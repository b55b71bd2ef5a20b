//! From what the database says of a caller to what it may do and see.

use crm_kit_api::call::{Access, Permissions, Scope, TenantSettings};
use serde::Deserialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::role::{
    built_in,
    model::{ClassMasks, RecordScope, Rights, intersection},
};

/// A live caller.
#[derive(Debug)]
pub struct Caller {
    pub id: Uuid,
    pub password_change_required: bool,
    pub region_code: String,
    pub time_zone: String,
    pub currency_code: String,
    pub language_code: String,
    /// Hash of the API key's secret, when the caller came with one.
    pub secret_hash: Option<Vec<u8>>,
    /// Allow-list of the API key.
    pub allowed: Option<Vec<String>>,
    pub scope: RecordScope,
    /// Users whose records the caller's scope reaches, beside its own. Empty for the narrowest and the widest scope.
    pub seen_owners: Vec<Uuid>,
    /// Its roles, its departments, and the departments above them.
    pub groups: Vec<Uuid>,
    pub grants: Json<Vec<Grant>>,
}

/// Whose records a user sees, by its roles and its place in both trees.
#[derive(Debug)]
pub struct Reach {
    pub scope: RecordScope,
    /// The user and others; all that count unless the scope is that of all records.
    pub owners: Vec<Uuid>,
}

/// What one role of the caller grants, as stored.
#[derive(Debug, Deserialize)]
pub struct Grant {
    built_in: Option<String>,
    permissions: Vec<String>,
    masks: ClassMasks,
}

impl Caller {
    /// What the caller may do and see.
    pub fn access(self, tenant_id: Uuid) -> Access {
        let Rights { permissions, masks, .. } =
            Rights::union(self.grants.0.iter().map(|grant| grant.rights(self.scope)));
        let permissions = match self.allowed {
            Some(allowed) => intersection(&permissions, &Permissions::new(allowed)),
            None => permissions,
        };
        Access {
            tenant_id,
            caller_id: self.id,
            service: None,
            permissions,
            scope: scope(self.id, self.scope, self.seen_owners),
            masks,
            tenant: TenantSettings {
                region_code: self.region_code,
                time_zone: self.time_zone,
                currency_code: self.currency_code,
                language_code: self.language_code,
            },
            groups: self.groups.into(),
            password_change_required: self.password_change_required,
        }
    }
}

impl Grant {
    fn rights(&self, scope: RecordScope) -> Rights {
        match self.built_in.as_deref().and_then(built_in::find) {
            Some(built_in) => built_in.rights(),
            None => Rights {
                permissions: Permissions::new(self.permissions.iter().cloned()),
                scope,
                masks: self.masks.masks(),
            },
        }
    }
}

fn scope(own: Uuid, scope: RecordScope, mut owners: Vec<Uuid>) -> Scope {
    if scope == RecordScope::All {
        return Scope::All;
    }
    owners.push(own);
    owners.sort_unstable();
    owners.dedup();
    Scope::Owners(owners.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(scope: RecordScope, allowed: Option<&[&str]>) -> Caller {
        let grants = serde_json::json!([
            {"built_in": null, "permissions": ["customer.accounts.*"], "masks": {"SENSITIVITY_PHONE": "MASK_LEVEL_PARTIAL"}},
            {"built_in": "read-only", "permissions": [], "masks": {}},
        ]);
        Caller {
            id: Uuid::from_u128(5),
            groups: Vec::new(),
            password_change_required: false,
            region_code: "CN".into(),
            time_zone: "Asia/Shanghai".into(),
            currency_code: "CNY".into(),
            language_code: "zh-CN".into(),
            secret_hash: None,
            allowed: allowed.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            scope,
            seen_owners: vec![Uuid::from_u128(9), Uuid::from_u128(5), Uuid::from_u128(1)],
            grants: Json(serde_json::from_value(grants).unwrap()),
        }
    }

    #[test]
    fn roles_add_up_and_the_caller_always_sees_its_own() {
        let access = caller(RecordScope::Subordinates, None).access(Uuid::nil());
        assert!(
            access.permissions.allows("customer.accounts.delete")
                && access.permissions.allows("platform.users.read")
        );
        assert!(!access.masks.any());
        assert_eq!(access.scope.owners(), Some(&[1, 5, 9].map(Uuid::from_u128)[..]));
        assert_eq!(caller(RecordScope::All, None).access(Uuid::nil()).scope, Scope::All);
    }

    #[test]
    fn an_allow_list_narrows_and_never_widens() {
        let access =
            caller(RecordScope::Own, Some(&["customer.*", "sales.contracts.sign"])).access(Uuid::nil());
        assert!(access.permissions.allows("customer.accounts.delete"));
        assert!(access.permissions.allows("customer.contacts.read"));
        assert!(!access.permissions.allows("customer.contacts.delete"));
        assert!(!access.permissions.allows("platform.users.read"));
        assert!(!access.permissions.allows("sales.contracts.sign"));
    }
}
