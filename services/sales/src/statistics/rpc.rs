//! `crm.sales.v1.StatisticsService`.

use crm_kit_api::id;
use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    Funnel, GetFunnelRequest, GetPipelineSummaryRequest, ListDealOutcomesRequest, ListDealOutcomesResponse,
    PipelineSummary, statistics_service_server::StatisticsService,
};
use tonic::{Request, Response, Status};

use super::{Statistics, funnel::Span, outcome::Question};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl StatisticsService for Statistics {
    async fn get_pipeline_summary(
        &self,
        request: Request<GetPipelineSummaryRequest>,
    ) -> Answer<PipelineSummary> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(self.summary(&call, id).await?))
    }

    async fn list_deal_outcomes(
        &self,
        request: Request<ListDealOutcomesRequest>,
    ) -> Answer<ListDealOutcomesResponse> {
        let call = call(&request)?;
        let question = Question::read(request.get_ref())?;
        Ok(Response::new(ListDealOutcomesResponse { outcomes: self.outcomes(&call, &question).await? }))
    }

    async fn get_funnel(&self, request: Request<GetFunnelRequest>) -> Answer<Funnel> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        let span = Span::read(&call, request.get_ref())?;
        Ok(Response::new(self.funnel(&call, id, span).await?))
    }
}
