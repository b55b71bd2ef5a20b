//! The tenant service on the wire.

use crm_kit_pg::Db;
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    CreateTenantRequest, CreateTenantResponse, GetTenantRequest, ListTenantsRequest, ListTenantsResponse,
    ResumeTenantRequest, SuspendTenantRequest, Tenant, UpdateTenantRequest,
    tenant_service_server::TenantService,
};
use tonic::{Request, Response, Status};

use super::{model::State, ops};
use crate::password::Hasher;

/// Serves tenants.
#[derive(Clone, Debug)]
pub struct Tenants {
    pub db: Db,
    pub hasher: Hasher,
}

#[tonic::async_trait]
impl TenantService for Tenants {
    async fn get_tenant(&self, request: Request<GetTenantRequest>) -> Result<Response<Tenant>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::get(&self.db, &call, &request.get_ref().id).await?.to_wire()))
    }

    async fn list_tenants(
        &self,
        request: Request<ListTenantsRequest>,
    ) -> Result<Response<ListTenantsResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::list(&self.db, &call, request.get_ref()).await?))
    }

    async fn create_tenant(
        &self,
        request: Request<CreateTenantRequest>,
    ) -> Result<Response<CreateTenantResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::create(&self.db, &self.hasher, &call, request.get_ref()).await?))
    }

    async fn update_tenant(&self, request: Request<UpdateTenantRequest>) -> Result<Response<Tenant>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::update(&self.db, &call, request.get_ref()).await?))
    }

    async fn suspend_tenant(
        &self,
        request: Request<SuspendTenantRequest>,
    ) -> Result<Response<Tenant>, Status> {
        let call = call(&request)?;
        let SuspendTenantRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::set_state(&self.db, &call, id, etag, State::Suspended).await?))
    }

    async fn resume_tenant(&self, request: Request<ResumeTenantRequest>) -> Result<Response<Tenant>, Status> {
        let call = call(&request)?;
        let ResumeTenantRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::set_state(&self.db, &call, id, etag, State::Active).await?))
    }
}
