//! `crm.sales.v1.OpportunityService`.

use std::pin::Pin;

use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, single};
use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::sales::v1::{
    BatchCreateOpportunitiesRequest, BatchCreateOpportunitiesResponse, BatchDeleteOpportunitiesRequest,
    BatchDeleteOpportunitiesResponse, BatchGetOpportunitiesRequest, BatchGetOpportunitiesResponse,
    BatchUpdateOpportunitiesRequest, BatchUpdateOpportunitiesResponse, BulkUpsertOpportunitiesRequest,
    BulkUpsertOpportunitiesResponse, CreateOpportunityRequest, DeleteOpportunityRequest,
    GetOpportunityRequest, InvalidateOpportunityRequest, ListOpportunitiesRequest, ListOpportunitiesResponse,
    ListStageEntriesRequest, ListStageEntriesResponse, LoseOpportunityRequest, MoveOpportunityStageRequest,
    Opportunity, ReopenOpportunityRequest, UndeleteOpportunityRequest, UpdateOpportunityRequest,
    WinOpportunityRequest, opportunity_service_server::OpportunityService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::ops::{Closing, Opportunities, Verb};

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of opportunities.
#[derive(Clone, Debug)]
pub struct Handlers(pub Opportunities);

#[tonic::async_trait]
impl OpportunityService for Handlers {
    type BulkUpsertOpportunitiesStream =
        Pin<Box<dyn Stream<Item = Result<BulkUpsertOpportunitiesResponse, Status>> + Send>>;

    async fn get_opportunity(&self, request: Request<GetOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        Ok(Response::new(self.0.slice.get(&call, &[request.into_inner().id]).await.map(only)?))
    }

    async fn list_opportunities(
        &self,
        request: Request<ListOpportunitiesRequest>,
    ) -> Answer<ListOpportunitiesResponse> {
        let call = call(&request)?;
        let page = self.0.slice.list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListOpportunitiesResponse {
            opportunities: page.wires,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_opportunity(&self, request: Request<CreateOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        self.0.pipelines.ensure(&call).await?;
        let opportunity = request.into_inner().opportunity.unwrap_or_default();
        Ok(Response::new(self.0.slice.create(&call, vec![opportunity], single, only).await?))
    }

    async fn update_opportunity(&self, request: Request<UpdateOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        self.0.pipelines.ensure(&call).await?;
        let update = update(request.into_inner());
        Ok(Response::new(self.0.slice.update(&call, vec![update], single, only).await?))
    }

    async fn delete_opportunity(&self, request: Request<DeleteOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(self.0.slice.delete(&call, vec![delete], single, only).await?))
    }

    async fn undelete_opportunity(
        &self,
        request: Request<UndeleteOpportunityRequest>,
    ) -> Answer<Opportunity> {
        let call = call(&request)?;
        let UndeleteOpportunityRequest { id, etag } = request.into_inner();
        Ok(Response::new(self.0.slice.undelete(&call, Delete { id, etag }).await?))
    }

    async fn batch_get_opportunities(
        &self,
        request: Request<BatchGetOpportunitiesRequest>,
    ) -> Answer<BatchGetOpportunitiesResponse> {
        let call = call(&request)?;
        let opportunities = self.0.slice.get(&call, &request.into_inner().ids).await?;
        Ok(Response::new(BatchGetOpportunitiesResponse { opportunities }))
    }

    async fn batch_create_opportunities(
        &self,
        request: Request<BatchCreateOpportunitiesRequest>,
    ) -> Answer<BatchCreateOpportunitiesResponse> {
        let call = call(&request)?;
        self.0.pipelines.ensure(&call).await?;
        let opportunities = request.into_inner().requests.into_iter();
        let opportunities = opportunities.map(|request| request.opportunity.unwrap_or_default()).collect();
        let answer = |opportunities| BatchCreateOpportunitiesResponse { opportunities };
        Ok(Response::new(self.0.slice.create(&call, opportunities, item, answer).await?))
    }

    async fn batch_update_opportunities(
        &self,
        request: Request<BatchUpdateOpportunitiesRequest>,
    ) -> Answer<BatchUpdateOpportunitiesResponse> {
        let call = call(&request)?;
        self.0.pipelines.ensure(&call).await?;
        let updates = request.into_inner().requests.into_iter().map(update).collect();
        let answer = |opportunities| BatchUpdateOpportunitiesResponse { opportunities };
        Ok(Response::new(self.0.slice.update(&call, updates, item, answer).await?))
    }

    async fn batch_delete_opportunities(
        &self,
        request: Request<BatchDeleteOpportunitiesRequest>,
    ) -> Answer<BatchDeleteOpportunitiesResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |opportunities| BatchDeleteOpportunitiesResponse { opportunities };
        Ok(Response::new(self.0.slice.delete(&call, deletes, item, answer).await?))
    }

    async fn bulk_upsert_opportunities(
        &self,
        request: Request<Streaming<BulkUpsertOpportunitiesRequest>>,
    ) -> Answer<Self::BulkUpsertOpportunitiesStream> {
        let (call, checks) = (call(&request)?, row_checks(&request));
        self.0.pipelines.ensure(&call).await?;
        let rows = request.into_inner().map(|row| {
            row.map(|row| bulk::row(row.key, row.opportunity.unwrap_or_default(), row.update_mask))
        });
        let results = bulk::run(self.0.slice.clone(), call, checks, rows);
        Ok(Response::new(Box::pin(
            results.map(|results| Ok(BulkUpsertOpportunitiesResponse { results: results? })),
        )))
    }

    async fn move_opportunity_stage(
        &self,
        request: Request<MoveOpportunityStageRequest>,
    ) -> Answer<Opportunity> {
        let call = call(&request)?;
        let MoveOpportunityStageRequest { id, etag, stage_key } = request.get_ref();
        Ok(Response::new(self.0.act(&call, (id, etag), Verb::Move(stage_key)).await?))
    }

    async fn win_opportunity(&self, request: Request<WinOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        let WinOpportunityRequest { id, etag, closed_date, close_reason } = request.into_inner();
        let closing = Closing { closed_date, close_reason };
        Ok(Response::new(self.0.act(&call, (&id, &etag), Verb::Win(&closing)).await?))
    }

    async fn lose_opportunity(&self, request: Request<LoseOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        let LoseOpportunityRequest { id, etag, closed_date, close_reason } = request.into_inner();
        let closing = Closing { closed_date, close_reason };
        Ok(Response::new(self.0.act(&call, (&id, &etag), Verb::Lose(&closing)).await?))
    }

    async fn invalidate_opportunity(
        &self,
        request: Request<InvalidateOpportunityRequest>,
    ) -> Answer<Opportunity> {
        let call = call(&request)?;
        let InvalidateOpportunityRequest { id, etag, closed_date, close_reason } = request.into_inner();
        let closing = Closing { closed_date, close_reason };
        Ok(Response::new(self.0.act(&call, (&id, &etag), Verb::Invalidate(&closing)).await?))
    }

    async fn reopen_opportunity(&self, request: Request<ReopenOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        let ReopenOpportunityRequest { id, etag, stage_key } = request.get_ref();
        Ok(Response::new(self.0.act(&call, (id, etag), Verb::Reopen(stage_key)).await?))
    }

    async fn list_stage_entries(
        &self,
        request: Request<ListStageEntriesRequest>,
    ) -> Answer<ListStageEntriesResponse> {
        let call = call(&request)?;
        let stage_entries = self.0.stage_entries(&call, &request.get_ref().opportunity_id).await?;
        Ok(Response::new(ListStageEntriesResponse { stage_entries }))
    }
}

fn wanted(request: &ListOpportunitiesRequest) -> Wanted<'_> {
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

fn update(request: UpdateOpportunityRequest) -> Update<Opportunity> {
    Update { wire: request.opportunity.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeleteOpportunityRequest { id, etag }: DeleteOpportunityRequest) -> Delete {
    Delete { id, etag }
}
