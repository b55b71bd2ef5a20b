//! Credentials with chosen rights, for tests of one service. Tests of the suite sign in at the platform instead.

use std::{collections::HashMap, sync::Arc};

use crm_kit_api::{
    Error, Result,
    call::{Access, Permissions, Scope, TenantSettings},
    clock::Clock,
    sensitivity::{Mask, Masks, Sensitivity},
};
use crm_kit_rpc::{
    auth::{Authenticate, Credential},
    client,
    peer::Peers,
};
use parking_lot::RwLock;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};
use uuid::Uuid;

/// The other services as the service `name` of a test reaches them: every service of a test process has the same secret.
pub fn peers(name: &'static str, clock: &Clock) -> Peers {
    let secret = "a secret that the services of one test share".to_owned().into();
    Peers::new(name, &secret, clock.clone()).expect("a secret that is long enough")
}

/// As [`peers`], for a test without other services: nobody answers where they should be.
pub fn peers_alone(name: &'static str, clock: &Clock) -> Peers {
    let nobody = client::connect("http://127.0.0.1:1").expect("an address");
    peers(name, clock).with("platform", nobody.clone()).with("customer", nobody)
}

/// What a caller of a test may do and see.
#[derive(Clone, Debug)]
pub struct Rights {
    /// The tenant.
    pub tenant_id: Uuid,
    /// Permissions; `*` for all.
    pub permissions: Vec<&'static str>,
    /// Users whose records it sees beside its own; `None` for every record.
    pub team: Option<Vec<Uuid>>,
    /// Masked classes.
    pub masks: Vec<(Sensitivity, Mask)>,
    /// Roles and departments it belongs to.
    pub groups: Vec<Uuid>,
    /// Country of telephone numbers.
    pub region: &'static str,
}

impl Rights {
    /// Everything in a tenant.
    pub fn all(tenant_id: Uuid) -> Self {
        Self {
            tenant_id,
            permissions: vec!["*"],
            team: None,
            masks: Vec::new(),
            groups: Vec::new(),
            region: "CN",
        }
    }

    /// Only these permissions.
    #[must_use]
    pub fn with_permissions(mut self, permissions: &[&'static str]) -> Self {
        self.permissions = permissions.to_vec();
        self
    }

    /// Only its own records and those of these users.
    #[must_use]
    pub fn with_team(mut self, team: &[Uuid]) -> Self {
        self.team = Some(team.to_vec());
        self
    }

    /// With roles and departments.
    #[must_use]
    pub fn in_groups(mut self, groups: &[Uuid]) -> Self {
        self.groups = groups.to_vec();
        self
    }

    /// With a class masked.
    #[must_use]
    pub fn masking(mut self, class: Sensitivity, mask: Mask) -> Self {
        self.masks.push((class, mask));
        self
    }
}

/// Knows the callers of one test.
#[derive(Clone, Debug, Default)]
pub struct Callers(Arc<RwLock<HashMap<String, Arc<Access>>>>);

impl Callers {
    /// A new caller with its credential.
    pub fn add(&self, rights: &Rights) -> Caller {
        let id = Uuid::new_v4();
        let token = format!("test-{}", Uuid::new_v4().simple());
        let scope = match &rights.team {
            None => Scope::All,
            Some(team) => Scope::Owners(team.iter().copied().chain([id]).collect::<Vec<_>>().into()),
        };
        let masks =
            rights.masks.iter().fold(Masks::default(), |masks, (class, mask)| masks.with(*class, *mask));
        let access = Access {
            tenant_id: rights.tenant_id,
            caller_id: id,
            service: None,
            permissions: Permissions::new(rights.permissions.iter().map(|name| (*name).to_owned())),
            scope,
            masks,
            tenant: TenantSettings {
                region_code: rights.region.to_owned(),
                time_zone: "Asia/Shanghai".to_owned(),
                currency_code: "CNY".to_owned(),
                language_code: "zh-CN".to_owned(),
            },
            groups: rights.groups.clone().into(),
            password_change_required: false,
        };
        self.0.write().insert(token.clone(), Arc::new(access));
        Caller { id, tenant_id: rights.tenant_id, token }
    }

    /// Ends a caller's credential.
    pub fn revoke(&self, caller: &Caller) {
        self.0.write().remove(&caller.token);
    }
}

#[tonic::async_trait]
impl Authenticate for Callers {
    async fn authenticate(&self, credential: &Credential) -> Result<Arc<Access>> {
        self.0.read().get(credential.text()).cloned().ok_or_else(Error::credential_invalid)
    }

    async fn user_access(&self, tenant_id: Uuid, user_id: Uuid) -> Result<Arc<Access>> {
        let callers = self.0.read();
        let found =
            callers.values().find(|access| (access.tenant_id, access.caller_id) == (tenant_id, user_id));
        found.cloned().ok_or_else(Error::credential_invalid)
    }
}

/// A caller of a test.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    /// Its credential.
    pub token: String,
}

impl Caller {
    /// A channel on which every request carries the caller's credential.
    pub fn on(&self, channel: &Channel) -> InterceptedService<Channel, Bearer> {
        Bearer::new(&self.token).on(channel)
    }
}

/// Adds a credential to requests that bring none.
#[derive(Clone, Debug)]
pub struct Bearer(MetadataValue<Ascii>);

impl Bearer {
    /// The credential `token`.
    pub fn new(token: &str) -> Self {
        Self(format!("Bearer {token}").parse().expect("a token of ASCII"))
    }

    /// A channel on which every request carries the credential.
    pub fn on(self, channel: &Channel) -> InterceptedService<Channel, Self> {
        InterceptedService::new(channel.clone(), self)
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if request.metadata().get("authorization").is_none() {
            request.metadata_mut().insert("authorization", self.0.clone());
        }
        Ok(request)
    }
}
