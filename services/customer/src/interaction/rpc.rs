//! `crm.customer.v1.InteractionService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_proto::crm::customer::v1::{
    BatchCreateInteractionsRequest, BatchCreateInteractionsResponse, BatchDeleteInteractionsRequest,
    BatchDeleteInteractionsResponse, BatchGetInteractionsRequest, BatchGetInteractionsResponse,
    BatchUpdateInteractionsRequest, BatchUpdateInteractionsResponse, BulkUpsertInteractionsRequest,
    BulkUpsertInteractionsResponse, CreateInteractionRequest, DeleteInteractionRequest,
    GetInteractionRequest, Interaction, ListInteractionsRequest, ListInteractionsResponse,
    UndeleteInteractionRequest, UpdateInteractionRequest, interaction_service_server::InteractionService,
};
use tonic::{Request, Streaming};

use super::Interactions;

/// The service's methods over the use cases of interactions.
#[derive(Clone, Debug)]
pub struct Handlers(pub Interactions);

#[tonic::async_trait]
impl InteractionService for Handlers {
    type BulkUpsertInteractionsStream = Answers<BulkUpsertInteractionsResponse>;

    async fn get_interaction(&self, request: Request<GetInteractionRequest>) -> Answer<Interaction> {
        serve::get(&self.0, request).await
    }

    async fn list_interactions(
        &self,
        request: Request<ListInteractionsRequest>,
    ) -> Answer<ListInteractionsResponse> {
        serve::list(&self.0, request).await
    }

    async fn create_interaction(&self, request: Request<CreateInteractionRequest>) -> Answer<Interaction> {
        serve::create(&self.0, request).await
    }

    async fn update_interaction(&self, request: Request<UpdateInteractionRequest>) -> Answer<Interaction> {
        serve::update(&self.0, request).await
    }

    async fn delete_interaction(&self, request: Request<DeleteInteractionRequest>) -> Answer<Interaction> {
        serve::delete(&self.0, request).await
    }

    async fn undelete_interaction(
        &self,
        request: Request<UndeleteInteractionRequest>,
    ) -> Answer<Interaction> {
        serve::undelete(&self.0, request).await
    }

    async fn batch_get_interactions(
        &self,
        request: Request<BatchGetInteractionsRequest>,
    ) -> Answer<BatchGetInteractionsResponse> {
        serve::batch_get(&self.0, request).await
    }

    async fn batch_create_interactions(
        &self,
        request: Request<BatchCreateInteractionsRequest>,
    ) -> Answer<BatchCreateInteractionsResponse> {
        serve::batch_create(&self.0, request).await
    }

    async fn batch_update_interactions(
        &self,
        request: Request<BatchUpdateInteractionsRequest>,
    ) -> Answer<BatchUpdateInteractionsResponse> {
        serve::batch_update(&self.0, request).await
    }

    async fn batch_delete_interactions(
        &self,
        request: Request<BatchDeleteInteractionsRequest>,
    ) -> Answer<BatchDeleteInteractionsResponse> {
        serve::batch_delete(&self.0, request).await
    }

    async fn bulk_upsert_interactions(
        &self,
        request: Request<Streaming<BulkUpsertInteractionsRequest>>,
    ) -> Answer<Self::BulkUpsertInteractionsStream> {
        serve::bulk_upsert(&self.0, request)
    }
}
