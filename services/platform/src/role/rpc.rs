//! The role service on the wire.

use crm_kit_api::id;
use crm_kit_pg::Db;
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    CreateRoleRequest, DeleteRoleRequest, GetRoleRequest, ListPermissionsRequest, ListPermissionsResponse,
    ListRolesRequest, ListRolesResponse, Permission, Role, UpdateRoleRequest,
    role_service_server::RoleService,
};
use tonic::{Request, Response, Status};

use super::{ops, permission};

/// Serves roles.
#[derive(Clone, Debug)]
pub struct Roles {
    pub db: Db,
}

#[tonic::async_trait]
impl RoleService for Roles {
    async fn get_role(&self, request: Request<GetRoleRequest>) -> Result<Response<Role>, Status> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(ops::get(&self.db, &call, id).await?.to_wire()))
    }

    async fn list_roles(
        &self,
        request: Request<ListRolesRequest>,
    ) -> Result<Response<ListRolesResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::list(&self.db, &call, request.get_ref()).await?))
    }

    async fn create_role(&self, request: Request<CreateRoleRequest>) -> Result<Response<Role>, Status> {
        let call = call(&request)?;
        let role = request.into_inner().role.unwrap_or_default();
        Ok(Response::new(ops::create(&self.db, &call, &role).await?))
    }

    async fn update_role(&self, request: Request<UpdateRoleRequest>) -> Result<Response<Role>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let id = id::parse("role.id", request.role.as_ref().map_or("", |role| &role.id))?;
        Ok(Response::new(ops::update(&self.db, &call, id, &request).await?))
    }

    async fn delete_role(&self, request: Request<DeleteRoleRequest>) -> Result<Response<Role>, Status> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(ops::delete(&self.db, &call, id, request.get_ref()).await?))
    }

    async fn list_permissions(
        &self,
        _: Request<ListPermissionsRequest>,
    ) -> Result<Response<ListPermissionsResponse>, Status> {
        let entry = |(name, methods): (&String, &Vec<String>)| Permission {
            permission: name.clone(),
            methods: methods.clone(),
        };
        let permissions = permission::catalogue().iter().map(entry).collect();
        Ok(Response::new(ListPermissionsResponse { permissions }))
    }
}
