//! Access asked of the platform, and kept for as long as the platform says.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crm_kit_api::{
    Error, Result,
    call::{Access, Permissions, Scope, TenantSettings},
    clock::Clock,
    sensitivity::{Mask, Masks, Sensitivity},
};
use crm_proto::crm::platform::v1::{
    self as wire, GetAccessRequest, GetUserAccessRequest, MaskLevel,
    access_service_client::AccessServiceClient,
};
use moka::{Expiry, future::Cache};
use sha2::{Digest as _, Sha256};
use tonic::{Code, Request, Response, Status, transport::Channel};
use uuid::Uuid;

use super::{Authenticate, Credential};
use crate::peer::{Errand, Peers};

/// How long a refusal is kept, so that a flood of one bad credential does not reach the platform.
const REFUSAL_KEPT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);
const CAPACITY: u64 = 100_000;

/// Asks the platform's AccessService with the credential of the request at hand.
#[derive(Clone, Debug)]
pub struct RemoteAccess {
    platform: AccessServiceClient<Channel>,
    clock: Clock,
    /// By the credential's hash, the credential itself is not kept; or by a hash of tenant and user.
    known: Cache<[u8; 32], Known>,
    /// To ask for users' rights in this service's name.
    peers: Peers,
}

#[derive(Clone, Debug)]
struct Known {
    outcome: Result<Arc<Access>>,
    keep: Duration,
}

impl RemoteAccess {
    /// Asks over `platform`; the rights of users without a credential as one of the platform's `peers`.
    pub fn new(platform: Channel, clock: Clock, peers: Peers) -> Self {
        let known = Cache::builder().max_capacity(CAPACITY).expire_after(AsStated).build();
        Self { platform: AccessServiceClient::new(platform), clock, known, peers }
    }

    async fn ask(&self, credential: &Credential) -> Result<Known> {
        let mut request = Request::new(GetAccessRequest {});
        let header =
            format!("Bearer {}", credential.text()).parse().map_err(|_| Error::credential_invalid())?;
        request.metadata_mut().insert("authorization", header);
        request.set_timeout(TIMEOUT);
        self.keep(self.platform.clone().get_access(request).await)
    }

    async fn ask_for_user(&self, tenant_id: Uuid, user_id: Uuid) -> Result<Known> {
        let errand = Errand::in_tenant(tenant_id, TenantSettings::default(), "user-access");
        let mut platform = AccessServiceClient::new(self.peers.on("platform", errand)?);
        self.keep(platform.get_user_access(GetUserAccessRequest { id: user_id.to_string() }).await)
    }

    fn keep(&self, answer: Result<Response<wire::Access>, Status>) -> Result<Known> {
        match answer {
            Ok(response) => {
                let response = response.into_inner();
                let until = response.expire_time.as_ref().map_or(0, |time| time.seconds);
                let left = until.saturating_sub(self.clock.now().timestamp()).clamp(0, 60);
                let keep = Duration::from_secs(left.unsigned_abs());
                Ok(Known { outcome: Ok(Arc::new(access_from_wire(response)?)), keep })
            }
            Err(status) if matches!(status.code(), Code::Unauthenticated | Code::NotFound) => {
                Ok(Known { outcome: Err(Error::credential_invalid()), keep: REFUSAL_KEPT })
            }
            // Not kept: the platform may be back at the next request.
            Err(status) => Err(Error::unavailable("the platform service", status)),
        }
    }
}

#[tonic::async_trait]
impl Authenticate for RemoteAccess {
    async fn authenticate(&self, credential: &Credential) -> Result<Arc<Access>> {
        let key: [u8; 32] = Sha256::digest(credential.text()).into();
        // One question at a time for each credential, however many requests wait for it.
        let known = self.known.try_get_with(key, self.ask(credential)).await;
        known.map_err(|error| (*error).clone())?.outcome
    }

    async fn user_access(&self, tenant_id: Uuid, user_id: Uuid) -> Result<Arc<Access>> {
        let key =
            Sha256::new().chain_update(b"user\0").chain_update(tenant_id).chain_update(user_id).finalize();
        let known = self.known.try_get_with(key.into(), self.ask_for_user(tenant_id, user_id)).await;
        known.map_err(|error| (*error).clone())?.outcome
    }
}

/// The platform's answer in the form services use.
pub fn access_from_wire(access: wire::Access) -> Result<Access> {
    let id = |text: &str| Uuid::try_parse(text).map_err(Error::internal);
    let owners = access.record_owner_ids.iter().map(|owner| id(owner)).collect::<Result<Vec<_>>>()?;
    let groups = access.group_ids.iter().map(|group| id(group)).collect::<Result<Vec<_>>>()?;
    let masks = access.masks.iter().fold(Masks::default(), |masks, class| {
        let level = match class.level() {
            MaskLevel::Unspecified | MaskLevel::None => Mask::None,
            MaskLevel::Partial => Mask::Partial,
            MaskLevel::Hidden => Mask::Hidden,
        };
        masks.with(Sensitivity::try_from(class.sensitivity).unwrap_or_default(), level)
    });
    Ok(Access {
        tenant_id: id(&access.tenant_id)?,
        caller_id: id(&access.caller_id)?,
        service: None,
        permissions: Permissions::new(access.permissions),
        scope: if access.all_records { Scope::All } else { Scope::Owners(owners.into()) },
        masks,
        tenant: TenantSettings {
            region_code: access.region_code,
            time_zone: access.time_zone,
            currency_code: access.currency_code,
            language_code: access.language_code,
        },
        groups: groups.into(),
        password_change_required: access.password_change_required,
    })
}

/// Keeps each answer for as long as it says itself.
struct AsStated;

impl Expiry<[u8; 32], Known> for AsStated {
    fn expire_after_create(&self, _: &[u8; 32], known: &Known, _: Instant) -> Option<Duration> {
        Some(known.keep)
    }
}
