//! The user service on the wire.

use crm_kit_api::{Call, Result as Read, id};
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    ChangePasswordRequest, CreateUserRequest, DeleteUserRequest, DisableUserRequest, EnableUserRequest,
    GetUserRequest, ListUsersRequest, ListUsersResponse, ResetPasswordRequest, ResetPasswordResponse,
    SessionTokens, UndeleteUserRequest, UpdateUserRequest, User, user_service_server::UserService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Passwords, list, ops};
use crate::session::Client;

/// What the caller's own user is called in place of its id.
const ME: &str = "me";

/// Serves users.
#[derive(Clone, Debug)]
pub struct Users {
    pub passwords: Passwords,
    pub trust_client_ip: bool,
}

#[tonic::async_trait]
impl UserService for Users {
    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<User>, Status> {
        let call = call(&request)?;
        let id = named(&call, "id", &request.get_ref().id)?;
        Ok(Response::new(ops::get(&self.passwords.db, &call, id).await?.to_wire()))
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(list::list(&self.passwords.db, &call, request.get_ref()).await?))
    }

    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<User>, Status> {
        let call = call(&request)?;
        let user = request.into_inner().user.unwrap_or_default();
        let Passwords { db, hasher, .. } = &self.passwords;
        Ok(Response::new(ops::create(db, hasher, &call, &user).await?))
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Result<Response<User>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let id = named(&call, "user.id", request.user.as_ref().map_or("", |user| &user.id))?;
        Ok(Response::new(ops::update(&self.passwords.db, &call, id, &request).await?))
    }

    async fn disable_user(&self, request: Request<DisableUserRequest>) -> Result<Response<User>, Status> {
        let call = call(&request)?;
        let DisableUserRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::disable(&self.passwords.db, &call, id::parse("id", id)?, etag).await?))
    }

    async fn enable_user(&self, request: Request<EnableUserRequest>) -> Result<Response<User>, Status> {
        let call = call(&request)?;
        let EnableUserRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::enable(&self.passwords.db, &call, id::parse("id", id)?, etag).await?))
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Result<Response<User>, Status> {
        let call = call(&request)?;
        let DeleteUserRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::delete(&self.passwords.db, &call, id::parse("id", id)?, etag).await?))
    }

    async fn undelete_user(&self, request: Request<UndeleteUserRequest>) -> Result<Response<User>, Status> {
        let call = call(&request)?;
        let UndeleteUserRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::undelete(&self.passwords.db, &call, id::parse("id", id)?, etag).await?))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(self.passwords.reset(&call, id).await?))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<SessionTokens>, Status> {
        let call = call(&request)?;
        let client = Client::of(&request, self.trust_client_ip);
        Ok(Response::new(self.passwords.change(&call, request.get_ref(), &client).await?))
    }
}

/// The user that an id names, or the caller.
fn named(call: &Call, field: &str, text: &str) -> Read<Uuid> {
    if text == ME { Ok(call.caller_id()) } else { id::parse(field, text) }
}
