//! Who asks, with which rights, and until when: everything a use case may know about the request it serves.
//!
//! Not here: how a credential is checked (kit/rpc) and how scope becomes SQL (kit/pg).

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    id,
    sensitivity::Masks,
};

/// One request on its way through a service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Call {
    /// Rights of the caller, as the platform states them.
    pub access: Arc<Access>,
    /// Instant the request arrived; every time the request writes is this one.
    pub now: DateTime<Utc>,
    /// When the answer is no longer wanted.
    pub deadline: Option<Instant>,
    /// Names the request in logs, events and audit rows.
    pub request_id: Arc<str>,
    /// Full method name, for example `/crm.event.v1.EventService/StreamEvents`.
    pub method: Arc<str>,
    /// Key under which the change is made at most once.
    pub idempotency: Option<Idempotency>,
    /// Rules the caller sets aside for this request, by the permissions that let it, each of which it holds.
    pub overrides: Arc<[String]>,
    /// Work done in the database, for the log line.
    pub statistics: Arc<Statistics>,
}

/// Counts the work one request caused in the database.
#[derive(Debug, Default)]
pub struct Statistics {
    statements: AtomicU64,
    micros: AtomicU64,
}

impl Statistics {
    /// Adds statements and the time a connection was held for them.
    pub fn add(&self, statements: u64, time: Duration) {
        self.statements.fetch_add(statements, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Statements, and microseconds during which a connection was held.
    pub fn read(&self) -> (u64, u64) {
        (self.statements.load(Ordering::Relaxed), self.micros.load(Ordering::Relaxed))
    }
}

/// An idempotency key together with the request it was sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key, 1 to 128 printable ASCII characters.
    pub key: Arc<str>,
    /// SHA-256 over method and request message.
    pub request_hash: [u8; 32],
}

/// What a caller may do and see.
#[derive(Clone, Debug)]
pub struct Access {
    /// Tenant every statement of the call is confined to.
    pub tenant_id: Uuid,
    /// User or service account; for a call of a service, the user it works for, or else the service's own id.
    pub caller_id: Uuid,
    /// Name of the service of this installation that makes the call. `None` for everybody outside.
    pub service: Option<Arc<str>>,
    /// Permissions granted by the caller's roles, or the allow-list of an API key.
    pub permissions: Permissions,
    /// Records the caller may see and change.
    pub scope: Scope,
    /// Classes of values the caller sees masked.
    pub masks: Masks,
    /// What the caller belongs to: its roles, its departments, and those above them.
    pub groups: Arc<[Uuid]>,
    /// Settings of the tenant that every service needs.
    pub tenant: TenantSettings,
    /// Whether the caller may do nothing but set a new password.
    pub password_change_required: bool,
}

/// Settings of a tenant that every service needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantSettings {
    /// ISO 3166-1 alpha-2 country of telephone numbers without country code.
    pub region_code: String,
    /// IANA time zone of period boundaries.
    pub time_zone: String,
    /// ISO 4217 currency of amounts without one.
    pub currency_code: String,
    /// BCP 47 language of generated texts.
    pub language_code: String,
}

/// A set of permissions such as `customer.accounts.read`; `*` as the last segment stands for everything below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<String>);

/// Records a caller may see and change, by owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every record of the tenant.
    All,
    /// Records owned by one of these users.
    Owners(Arc<[Uuid]>),
}

impl Access {
    /// Everything within a tenant, unmasked: what a service of this installation may do there in its own name or for the user `caller_id`.
    pub fn of_service(name: Arc<str>, tenant_id: Uuid, caller_id: Uuid, tenant: TenantSettings) -> Self {
        Self {
            tenant_id,
            caller_id,
            service: Some(name),
            permissions: Permissions::new(["*".to_owned()]),
            scope: Scope::All,
            masks: Masks::default(),
            groups: Arc::default(),
            tenant,
            password_change_required: false,
        }
    }

    /// Whether a service reads the event streams of all tenants at once, which is all that such a call may do.
    pub fn spans_tenants(&self) -> bool {
        self.service.is_some() && self.tenant_id.is_nil()
    }

    /// The user behind the call: the caller, or whom a service works for.
    pub fn user_id(&self) -> Option<Uuid> {
        match &self.service {
            Some(name) if self.caller_id == id::of_service(name) => None,
            _ => Some(self.caller_id),
        }
    }

    /// Whether both let the same caller do and see the same.
    pub fn same_rights(&self, other: &Self) -> bool {
        (self.tenant_id, self.caller_id, &self.service) == (other.tenant_id, other.caller_id, &other.service)
            && self.permissions == other.permissions
            && self.scope == other.scope
            && self.masks == other.masks
            && self.groups == other.groups
            && self.password_change_required == other.password_change_required
    }
}

impl Permissions {
    /// A set from permission names.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Whether the set grants `permission`.
    pub fn allows(&self, permission: &str) -> bool {
        if self.0.contains(permission) || self.0.contains("*") {
            return true;
        }
        let dots = permission.match_indices('.').map(|(at, _)| &permission[..=at]);
        dots.into_iter().any(|prefix| self.0.contains(&format!("{prefix}*")))
    }

    /// The names in the set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Scope {
    /// Whether a record of `owner` lies within the scope. Records without an owner lie only within [`Scope::All`].
    pub fn covers(&self, owner: Option<Uuid>) -> bool {
        match self {
            Self::All => true,
            Self::Owners(owners) => owner.is_some_and(|owner| owners.contains(&owner)),
        }
    }

    /// The owners a statement is confined to, or `None` for all.
    pub fn owners(&self) -> Option<&[Uuid]> {
        match self {
            Self::All => None,
            Self::Owners(owners) => Some(owners),
        }
    }
}

impl Call {
    /// The caller's tenant.
    pub fn tenant_id(&self) -> Uuid {
        self.access.tenant_id
    }

    /// The caller: a user or a service account.
    pub fn caller_id(&self) -> Uuid {
        self.access.caller_id
    }

    /// A new id that sorts at the instant of the call.
    pub fn new_id(&self) -> Uuid {
        id::new(self.now)
    }

    /// Fails with `PERMISSION_DENIED / PERMISSION_MISSING` unless the caller's roles grant `permission`.
    pub fn require(&self, permission: &str) -> Result<()> {
        if self.access.permissions.allows(permission) {
            Ok(())
        } else {
            Err(Error::permission_missing(permission))
        }
    }

    /// Time left until the deadline; `DEADLINE_EXCEEDED` when none is.
    pub fn time_left(&self) -> Result<Option<Duration>> {
        match self.deadline {
            None => Ok(None),
            Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => Ok(Some(left)),
                _ => Err(Error::deadline_exceeded()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_grants_what_lies_below_it_and_nothing_beside_it() {
        let permissions =
            Permissions::new(["customer.accounts.*".to_owned(), "event.events.read".to_owned()]);
        assert!(permissions.allows("customer.accounts.create"));
        assert!(permissions.allows("event.events.read"));
        assert!(!permissions.allows("customer.contacts.read"));
        assert!(!permissions.allows("customer.accountsX.read"));
        assert!(Permissions::new(["*".to_owned()]).allows("anything.at.all"));
        assert!(Permissions::new(["customer.*".to_owned()]).allows("customer.contacts.read"));
    }

    #[test]
    fn a_record_without_owner_is_seen_only_by_the_scope_of_all() {
        let owner = Uuid::new_v4();
        let scope = Scope::Owners(vec![owner].into());
        assert!(scope.covers(Some(owner)) && !scope.covers(None) && !scope.covers(Some(Uuid::new_v4())));
        assert!(Scope::All.covers(None));
    }
}
