//! `crm.customer.v1.AccountRelationService`.

use crm_kit_rpc::call;
use crm_proto::crm::customer::v1::{
    AccountRelation, CreateAccountRelationRequest, DeleteAccountRelationRequest, GetAccountRelationRequest,
    ListAccountRelationsRequest, ListAccountRelationsResponse, UpdateAccountRelationRequest,
    account_relation_service_server::AccountRelationService,
};
use tonic::{Request, Response, Status};

use super::AccountRelations;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AccountRelationService for AccountRelations {
    async fn get_account_relation(
        &self,
        request: Request<GetAccountRelationRequest>,
    ) -> Answer<AccountRelation> {
        let call = call(&request)?;
        Ok(Response::new(self.get(&call, &request.get_ref().id).await?))
    }

    async fn list_account_relations(
        &self,
        request: Request<ListAccountRelationsRequest>,
    ) -> Answer<ListAccountRelationsResponse> {
        let call = call(&request)?;
        Ok(Response::new(self.list(&call, request.get_ref()).await?))
    }

    async fn create_account_relation(
        &self,
        request: Request<CreateAccountRelationRequest>,
    ) -> Answer<AccountRelation> {
        let call = call(&request)?;
        let wire = request.into_inner().account_relation.unwrap_or_default();
        Ok(Response::new(self.create(&call, wire).await?))
    }

    async fn update_account_relation(
        &self,
        request: Request<UpdateAccountRelationRequest>,
    ) -> Answer<AccountRelation> {
        let call = call(&request)?;
        let UpdateAccountRelationRequest { account_relation, update_mask } = request.into_inner();
        Ok(Response::new(self.update(&call, account_relation.unwrap_or_default(), update_mask).await?))
    }

    async fn delete_account_relation(&self, request: Request<DeleteAccountRelationRequest>) -> Answer<()> {
        let call = call(&request)?;
        let DeleteAccountRelationRequest { id, etag } = request.get_ref();
        Ok(Response::new(self.delete(&call, id, etag).await?))
    }
}
