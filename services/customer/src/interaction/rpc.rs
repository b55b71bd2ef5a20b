//! `crm.customer.v1.InteractionService`.

use std::pin::Pin;

use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::customer::v1::{
    BatchCreateInteractionsRequest, BatchCreateInteractionsResponse, BatchDeleteInteractionsRequest,
    BatchDeleteInteractionsResponse, BatchGetInteractionsRequest, BatchGetInteractionsResponse,
    BatchUpdateInteractionsRequest, BatchUpdateInteractionsResponse, BulkUpsertInteractionsRequest,
    BulkUpsertInteractionsResponse, CreateInteractionRequest, DeleteInteractionRequest,
    GetInteractionRequest, Interaction, ListInteractionsRequest, ListInteractionsResponse,
    UndeleteInteractionRequest, UpdateInteractionRequest, interaction_service_server::InteractionService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::Interactions;
use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, single};

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of interactions.
#[derive(Clone, Debug)]
pub struct Handlers(pub Interactions);

#[tonic::async_trait]
impl InteractionService for Handlers {
    type BulkUpsertInteractionsStream =
        Pin<Box<dyn Stream<Item = Result<BulkUpsertInteractionsResponse, Status>> + Send>>;

    async fn get_interaction(&self, request: Request<GetInteractionRequest>) -> Answer<Interaction> {
        let call = call(&request)?;
        Ok(Response::new(self.0.get(&call, &[request.into_inner().id]).await.map(only)?))
    }

    async fn list_interactions(
        &self,
        request: Request<ListInteractionsRequest>,
    ) -> Answer<ListInteractionsResponse> {
        let call = call(&request)?;
        let page = self.0.list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListInteractionsResponse {
            interactions: page.wires,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_interaction(&self, request: Request<CreateInteractionRequest>) -> Answer<Interaction> {
        let call = call(&request)?;
        let interaction = request.into_inner().interaction.unwrap_or_default();
        Ok(Response::new(self.0.create(&call, vec![interaction], single, only).await?))
    }

    async fn update_interaction(&self, request: Request<UpdateInteractionRequest>) -> Answer<Interaction> {
        let call = call(&request)?;
        let update = update(request.into_inner());
        Ok(Response::new(self.0.update(&call, vec![update], single, only).await?))
    }

    async fn delete_interaction(&self, request: Request<DeleteInteractionRequest>) -> Answer<Interaction> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(self.0.delete(&call, vec![delete], single, only).await?))
    }

    async fn undelete_interaction(
        &self,
        request: Request<UndeleteInteractionRequest>,
    ) -> Answer<Interaction> {
        let call = call(&request)?;
        let UndeleteInteractionRequest { id, etag } = request.into_inner();
        Ok(Response::new(self.0.undelete(&call, Delete { id, etag }).await?))
    }

    async fn batch_get_interactions(
        &self,
        request: Request<BatchGetInteractionsRequest>,
    ) -> Answer<BatchGetInteractionsResponse> {
        let call = call(&request)?;
        let interactions = self.0.get(&call, &request.into_inner().ids).await?;
        Ok(Response::new(BatchGetInteractionsResponse { interactions }))
    }

    async fn batch_create_interactions(
        &self,
        request: Request<BatchCreateInteractionsRequest>,
    ) -> Answer<BatchCreateInteractionsResponse> {
        let call = call(&request)?;
        let interactions = request.into_inner().requests.into_iter();
        let interactions = interactions.map(|request| request.interaction.unwrap_or_default()).collect();
        let answer = |interactions| BatchCreateInteractionsResponse { interactions };
        Ok(Response::new(self.0.create(&call, interactions, item, answer).await?))
    }

    async fn batch_update_interactions(
        &self,
        request: Request<BatchUpdateInteractionsRequest>,
    ) -> Answer<BatchUpdateInteractionsResponse> {
        let call = call(&request)?;
        let updates = request.into_inner().requests.into_iter().map(update).collect();
        let answer = |interactions| BatchUpdateInteractionsResponse { interactions };
        Ok(Response::new(self.0.update(&call, updates, item, answer).await?))
    }

    async fn batch_delete_interactions(
        &self,
        request: Request<BatchDeleteInteractionsRequest>,
    ) -> Answer<BatchDeleteInteractionsResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |interactions| BatchDeleteInteractionsResponse { interactions };
        Ok(Response::new(self.0.delete(&call, deletes, item, answer).await?))
    }

    async fn bulk_upsert_interactions(
        &self,
        request: Request<Streaming<BulkUpsertInteractionsRequest>>,
    ) -> Answer<Self::BulkUpsertInteractionsStream> {
        let (call, checks) = (call(&request)?, row_checks(&request));
        let rows = request.into_inner().map(|row| {
            row.map(|row| bulk::row(row.key, row.interaction.unwrap_or_default(), row.update_mask))
        });
        let results = bulk::run(self.0.clone(), call, checks, rows);
        Ok(Response::new(Box::pin(
            results.map(|results| Ok(BulkUpsertInteractionsResponse { results: results? })),
        )))
    }
}

fn wanted(request: &ListInteractionsRequest) -> Wanted<'_> {
    Wanted {
        page_size: request.page_size,
        page_token: &request.page_token,
        filter: &request.filter,
        order_by: &request.order_by,
        q: &request.q,
        show_deleted: request.show_deleted,
        include_total_size: request.include_total_size,
    }
}

fn update(request: UpdateInteractionRequest) -> Update<Interaction> {
    Update { wire: request.interaction.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeleteInteractionRequest { id, etag }: DeleteInteractionRequest) -> Delete {
    Delete { id, etag }
}
