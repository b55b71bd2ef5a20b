//! The access service on the wire.

use chrono::{DateTime, Utc};
use crm_kit_api::{Error, Result, call::Access, id, time::timestamp};
use crm_kit_pg::Db;
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    self as wire, GetAccessRequest, GetUserAccessRequest, access_service_server::AccessService,
};
use futures::FutureExt as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{
    KEPT,
    store::{self, Named},
};
use crate::{role, user};

/// Tells callers, and the services they call, what they may do.
#[derive(Clone, Debug)]
pub struct Accesses {
    pub db: Db,
}

#[tonic::async_trait]
impl AccessService for Accesses {
    async fn get_access(&self, request: Request<GetAccessRequest>) -> Result<Response<wire::Access>, Status> {
        let call = call(&request)?;
        let (tenant_id, caller_id) = (call.tenant_id(), call.caller_id());
        let names = self.db.read(&call, |tx| store::names(tx.conn(), tenant_id, caller_id).boxed()).await?;
        Ok(Response::new(to_wire(&call.access, call.now, names)))
    }

    async fn get_user_access(
        &self,
        request: Request<GetUserAccessRequest>,
    ) -> Result<Response<wire::Access>, Status> {
        let call = call(&request)?;
        let user_id = id::parse("id", &request.get_ref().id)?;
        let (tenant_id, now) = (call.tenant_id(), call.now);
        let found = self.db.read(&call, |tx| {
            async move {
                let Some(user) = store::caller(tx.conn(), tenant_id, Named::User(user_id), now).await? else {
                    return Err(Error::not_found(user::COLLECTION, user_id));
                };
                Ok((user.access(tenant_id), store::names(tx.conn(), tenant_id, user_id).await?))
            }
            .boxed()
        });
        let (access, names) = found.await?;
        Ok(Response::new(to_wire(&access, now, names)))
    }
}

fn to_wire(
    access: &Access,
    now: DateTime<Utc>,
    (display_name, tenant_display_name): (String, String),
) -> wire::Access {
    let owners = access.scope.owners();
    wire::Access {
        tenant_id: access.tenant_id.to_string(),
        caller_id: access.caller_id.to_string(),
        permissions: access.permissions.names().map(str::to_owned).collect(),
        all_records: owners.is_none(),
        record_owner_ids: owners.unwrap_or_default().iter().map(Uuid::to_string).collect(),
        masks: role::masks_to_wire(&access.masks),
        region_code: access.tenant.region_code.clone(),
        time_zone: access.tenant.time_zone.clone(),
        currency_code: access.tenant.currency_code.clone(),
        language_code: access.tenant.language_code.clone(),
        group_ids: access.groups.iter().map(Uuid::to_string).collect(),
        password_change_required: access.password_change_required,
        expire_time: Some(timestamp(now + KEPT)),
        display_name,
        tenant_display_name,
    }
}
