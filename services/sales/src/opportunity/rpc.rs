//! `crm.sales.v1.OpportunityService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    BatchCreateOpportunitiesRequest, BatchCreateOpportunitiesResponse, BatchDeleteOpportunitiesRequest,
    BatchDeleteOpportunitiesResponse, BatchGetOpportunitiesRequest, BatchGetOpportunitiesResponse,
    BatchUpdateOpportunitiesRequest, BatchUpdateOpportunitiesResponse, BulkUpsertOpportunitiesRequest,
    BulkUpsertOpportunitiesResponse, CreateOpportunityRequest, DeleteOpportunityRequest,
    GetOpportunityRequest, InvalidateOpportunityRequest, ListOpportunitiesRequest, ListOpportunitiesResponse,
    ListStageEntriesRequest, ListStageEntriesResponse, LookupOpportunityRequest, LoseOpportunityRequest,
    MoveOpportunityStageRequest, Opportunity, ReopenOpportunityRequest, UndeleteOpportunityRequest,
    UpdateOpportunityRequest, WinOpportunityRequest, opportunity_service_server::OpportunityService,
};
use tonic::{Request, Response, Streaming};

use super::ops::{Closing, Opportunities, Verb};

/// The service's methods over the use cases of opportunities.
#[derive(Clone, Debug)]
pub struct Handlers(pub Opportunities);

#[tonic::async_trait]
impl OpportunityService for Handlers {
    type BulkUpsertOpportunitiesStream = Answers<BulkUpsertOpportunitiesResponse>;

    async fn get_opportunity(&self, request: Request<GetOpportunityRequest>) -> Answer<Opportunity> {
        serve::get(&self.0.slice, request).await
    }

    async fn lookup_opportunity(&self, request: Request<LookupOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        let LookupOpportunityRequest { system, value } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.slice.lookup(&call, system, value).await?)
    }

    async fn list_opportunities(
        &self,
        request: Request<ListOpportunitiesRequest>,
    ) -> Answer<ListOpportunitiesResponse> {
        serve::list(&self.0.slice, request).await
    }

    async fn create_opportunity(&self, request: Request<CreateOpportunityRequest>) -> Answer<Opportunity> {
        self.0.pipelines.ensure(&call(&request)?).await?;
        serve::create(&self.0.slice, request).await
    }

    async fn update_opportunity(&self, request: Request<UpdateOpportunityRequest>) -> Answer<Opportunity> {
        self.0.pipelines.ensure(&call(&request)?).await?;
        serve::update(&self.0.slice, request).await
    }

    async fn delete_opportunity(&self, request: Request<DeleteOpportunityRequest>) -> Answer<Opportunity> {
        serve::delete(&self.0.slice, request).await
    }

    async fn undelete_opportunity(
        &self,
        request: Request<UndeleteOpportunityRequest>,
    ) -> Answer<Opportunity> {
        serve::undelete(&self.0.slice, request).await
    }

    async fn batch_get_opportunities(
        &self,
        request: Request<BatchGetOpportunitiesRequest>,
    ) -> Answer<BatchGetOpportunitiesResponse> {
        serve::batch_get(&self.0.slice, request).await
    }

    async fn batch_create_opportunities(
        &self,
        request: Request<BatchCreateOpportunitiesRequest>,
    ) -> Answer<BatchCreateOpportunitiesResponse> {
        self.0.pipelines.ensure(&call(&request)?).await?;
        serve::batch_create(&self.0.slice, request).await
    }

    async fn batch_update_opportunities(
        &self,
        request: Request<BatchUpdateOpportunitiesRequest>,
    ) -> Answer<BatchUpdateOpportunitiesResponse> {
        self.0.pipelines.ensure(&call(&request)?).await?;
        serve::batch_update(&self.0.slice, request).await
    }

    async fn batch_delete_opportunities(
        &self,
        request: Request<BatchDeleteOpportunitiesRequest>,
    ) -> Answer<BatchDeleteOpportunitiesResponse> {
        serve::batch_delete(&self.0.slice, request).await
    }

    async fn bulk_upsert_opportunities(
        &self,
        request: Request<Streaming<BulkUpsertOpportunitiesRequest>>,
    ) -> Answer<Self::BulkUpsertOpportunitiesStream> {
        self.0.pipelines.ensure(&call(&request)?).await?;
        serve::bulk_upsert(&self.0.slice, request)
    }

    async fn move_opportunity_stage(
        &self,
        request: Request<MoveOpportunityStageRequest>,
    ) -> Answer<Opportunity> {
        let call = call(&request)?;
        let MoveOpportunityStageRequest { id, etag, stage_key } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Move(stage_key)).await?)
    }

    async fn win_opportunity(&self, request: Request<WinOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        let WinOpportunityRequest { id, etag, closed_date, close_reason } = request.into_inner();
        let closing = Closing { closed_date, close_reason };
        serve::told(&self.0.slice, &call, self.0.act(&call, (&id, &etag), Verb::Win(&closing)).await?)
    }

    async fn lose_opportunity(&self, request: Request<LoseOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        let LoseOpportunityRequest { id, etag, closed_date, close_reason } = request.into_inner();
        let closing = Closing { closed_date, close_reason };
        serve::told(&self.0.slice, &call, self.0.act(&call, (&id, &etag), Verb::Lose(&closing)).await?)
    }

    async fn invalidate_opportunity(
        &self,
        request: Request<InvalidateOpportunityRequest>,
    ) -> Answer<Opportunity> {
        let call = call(&request)?;
        let InvalidateOpportunityRequest { id, etag, closed_date, close_reason } = request.into_inner();
        let closing = Closing { closed_date, close_reason };
        serve::told(&self.0.slice, &call, self.0.act(&call, (&id, &etag), Verb::Invalidate(&closing)).await?)
    }

    async fn reopen_opportunity(&self, request: Request<ReopenOpportunityRequest>) -> Answer<Opportunity> {
        let call = call(&request)?;
        let ReopenOpportunityRequest { id, etag, stage_key } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Reopen(stage_key)).await?)
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
