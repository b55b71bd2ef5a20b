//! The API-key service on the wire.

use crm_kit_api::id;
use crm_kit_pg::Db;
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    ApiKey, CreateApiKeyRequest, DeleteApiKeyRequest, ListApiKeysRequest, ListApiKeysResponse,
    api_key_service_server::ApiKeyService,
};
use tonic::{Request, Response, Status};

use super::ops;

/// Serves API keys.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    pub db: Db,
}

#[tonic::async_trait]
impl ApiKeyService for ApiKeys {
    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<ApiKey>, Status> {
        let call = call(&request)?;
        let key = request.into_inner().api_key.unwrap_or_default();
        Ok(Response::new(ops::create(&self.db, &call, &key).await?))
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::list(&self.db, &call, request.get_ref()).await?))
    }

    async fn delete_api_key(
        &self,
        request: Request<DeleteApiKeyRequest>,
    ) -> Result<Response<ApiKey>, Status> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(ops::delete(&self.db, &call, id).await?))
    }
}
