//! What roles grant, how the grants of several roles add up, and when one set of rights reaches further than another.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_kit_api::{
    Result,
    call::Permissions,
    sensitivity::{Mask, Masks, Sensitivity},
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::built_in;
use crate::reason;

/// A set of rights that users are given together.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub display_name: String,
    pub description: String,
    /// Empty for a built-in role, whose permissions are in the code.
    pub permissions: Vec<String>,
    pub record_scope: RecordScope,
    /// Empty for a built-in role, whose masks are in the code.
    pub masks: Json<ClassMasks>,
    pub built_in: Option<String>,
}

/// Whose records a role shows. Each scope includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[repr(i64)]
pub enum RecordScope {
    #[default]
    Own = 1,
    Subordinates = 2,
    DepartmentTree = 3,
    All = 4,
}

/// Masks by class, as stored and as the contract names them: `SENSITIVITY_PHONE` to `MASK_LEVEL_PARTIAL`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassMasks(BTreeMap<String, Level>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Level {
    #[serde(rename = "MASK_LEVEL_PARTIAL")]
    Partial,
    #[serde(rename = "MASK_LEVEL_HIDDEN")]
    Hidden,
}

/// What somebody may do and see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    pub permissions: Permissions,
    pub scope: RecordScope,
    pub masks: Masks,
}

impl Role {
    /// What the role grants.
    pub fn rights(&self) -> Rights {
        match self.built_in.as_deref().and_then(built_in::find) {
            Some(built_in) => built_in.rights(),
            None => Rights {
                permissions: Permissions::new(self.permissions.iter().cloned()),
                scope: self.record_scope,
                masks: self.masks.0.masks(),
            },
        }
    }
}

impl ClassMasks {
    /// The stored form of masks.
    pub fn new(masks: &Masks) -> Self {
        let entry = |class: Sensitivity| {
            let level = match masks.of(class) {
                Mask::None => return None,
                Mask::Partial => Level::Partial,
                Mask::Hidden => Level::Hidden,
            };
            Some((class.as_str_name().to_owned(), level))
        };
        Self(classes().filter_map(entry).collect())
    }

    /// The masks.
    pub fn masks(&self) -> Masks {
        self.0.iter().fold(Masks::default(), |masks, (class, level)| {
            let mask = match level {
                Level::Partial => Mask::Partial,
                Level::Hidden => Mask::Hidden,
            };
            masks.with(Sensitivity::from_str_name(class).unwrap_or_default(), mask)
        })
    }
}

/// Every class of sensitivity.
pub fn classes() -> impl Iterator<Item = Sensitivity> {
    (1..).map_while(|number| Sensitivity::try_from(number).ok())
}

impl Rights {
    /// What somebody without any role may do and see: nothing.
    pub fn none() -> Self {
        let masks = classes().fold(Masks::default(), |masks, class| masks.with(class, Mask::Hidden));
        Self { permissions: Permissions::default(), scope: RecordScope::Own, masks }
    }

    /// What somebody with all of these may do and see: any permission, the broadest scope, the least masks.
    pub fn union(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::none(), |union, rights| Self {
            permissions: Permissions::new(
                union.permissions.names().chain(rights.permissions.names()).map(str::to_owned),
            ),
            scope: union.scope.max(rights.scope),
            masks: union.masks.least(rights.masks),
        })
    }

    /// Whether they are an administrator's: every permission, on every record.
    pub fn are_unlimited(&self) -> bool {
        self.permissions.allows("*") && self.scope == RecordScope::All
    }

    /// Fails with `PERMISSION_DENIED / RIGHTS_EXCEEDED` when `given` reaches further than these rights.
    pub fn check_cover(&self, given: &Self) -> Result<()> {
        if let Some(permission) =
            given.permissions.names().find(|permission| !self.permissions.allows(permission))
        {
            return Err(reason::rights_exceeded("permission", permission));
        }
        if given.scope > self.scope {
            return Err(reason::rights_exceeded("record_scope", given.scope.name()));
        }
        match classes().find(|class| given.masks.of(*class) < self.masks.of(*class)) {
            Some(class) => Err(reason::rights_exceeded("sensitivity", class.as_str_name())),
            None => Ok(()),
        }
    }
}

impl RecordScope {
    /// Name in the contract, without the prefix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "SELF",
            Self::Subordinates => "SELF_AND_SUBORDINATES",
            Self::DepartmentTree => "DEPARTMENT_TREE",
            Self::All => "ALL",
        }
    }
}

/// Permissions that both sets grant: what a key with an allow-list may do as its service account.
pub fn intersection(one: &Permissions, other: &Permissions) -> Permissions {
    let of_one = one.names().filter(|name| other.allows(name));
    let of_other = other.names().filter(|name| one.allows(name));
    Permissions::new(of_one.chain(of_other).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn permissions(names: &[&str]) -> Permissions {
        Permissions::new(names.iter().map(|name| (*name).to_owned()))
    }

    fn rights(names: &[&str], scope: RecordScope, masks: &[(Sensitivity, Mask)]) -> Rights {
        let masks = masks.iter().fold(Masks::default(), |all, (class, mask)| all.with(*class, *mask));
        Rights { permissions: permissions(names), scope, masks }
    }

    #[test]
    fn several_roles_allow_what_any_allows_and_mask_what_all_mask() {
        let union = Rights::union([
            rights(
                &["a.b.read"],
                RecordScope::Own,
                &[(Sensitivity::Phone, Mask::Hidden), (Sensitivity::Email, Mask::Partial)],
            ),
            rights(&["a.c.*"], RecordScope::DepartmentTree, &[(Sensitivity::Phone, Mask::Partial)]),
        ]);
        assert_eq!(union.scope, RecordScope::DepartmentTree);
        assert!(union.permissions.allows("a.b.read") && union.permissions.allows("a.c.delete"));
        assert_eq!(union.masks, Masks::default().with(Sensitivity::Phone, Mask::Partial));
    }

    #[test]
    fn without_a_role_there_are_no_rights() {
        let none = Rights::union([]);
        assert!(!none.permissions.allows("a.b.read"));
        assert!(classes().all(|class| none.masks.of(class) == Mask::Hidden));
        assert!(classes().count() >= 8);
    }

    #[test]
    fn a_right_that_one_lacks_cannot_be_given() {
        let own = rights(
            &["customer.*", "event.events.read"],
            RecordScope::Subordinates,
            &[(Sensitivity::Phone, Mask::Partial)],
        );
        let masked = &[(Sensitivity::Phone, Mask::Partial)];
        let given = |names: &[&str], scope, masks| {
            own.check_cover(&rights(names, scope, masks)).map_err(|error| error.reason().to_owned())
        };
        assert_eq!(given(&["customer.accounts.*"], RecordScope::Own, masked), Ok(()));
        assert_eq!(
            given(&["customer.*"], RecordScope::Subordinates, &[(Sensitivity::Phone, Mask::Hidden)]),
            Ok(())
        );
        for (names, scope, masks) in [
            (&["*"][..], RecordScope::Own, &masked[..]),
            (&["sales.quotes.read"], RecordScope::Own, masked),
            (&["event.*"], RecordScope::Own, masked),
            (&["customer.*"], RecordScope::All, masked),
            (&["customer.*"], RecordScope::Own, &[]),
        ] {
            assert_eq!(given(names, scope, masks), Err("RIGHTS_EXCEEDED".to_owned()), "{names:?} {scope:?}");
        }
    }

    #[test]
    fn stored_masks_come_back() {
        let masks =
            Masks::default().with(Sensitivity::Phone, Mask::Partial).with(Sensitivity::Note, Mask::Hidden);
        let stored = serde_json::to_string(&ClassMasks::new(&masks)).unwrap();
        assert_eq!(
            stored,
            r#"{"SENSITIVITY_NOTE":"MASK_LEVEL_HIDDEN","SENSITIVITY_PHONE":"MASK_LEVEL_PARTIAL"}"#
        );
        assert_eq!(serde_json::from_str::<ClassMasks>(&stored).unwrap().masks(), masks);
    }

    proptest! {
        #[test]
        fn an_intersection_allows_exactly_what_both_allow(
            one in prop::collection::vec("[ab](\\.[ab]){0,2}(\\.\\*)?|\\*", 0..4),
            other in prop::collection::vec("[ab](\\.[ab]){0,2}(\\.\\*)?|\\*", 0..4),
            asked in "[ab]\\.[ab]\\.[ab]",
        ) {
            let (one, other) = (Permissions::new(one), Permissions::new(other));
            let both = intersection(&one, &other);
            prop_assert_eq!(both.allows(&asked), one.allows(&asked) && other.allows(&asked));
        }
    }
}
