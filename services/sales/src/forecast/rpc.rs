//! `crm.sales.v1.ForecastService`.

use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    AdjustForecastRequest, DeleteForecastAdjustmentRequest, Forecast, ForecastAdjustment, ForecastSubmission,
    GetForecastRequest, GetForecastSubmissionRequest, ListForecastSubmissionsRequest,
    ListForecastSubmissionsResponse, SubmitForecastRequest, forecast_service_server::ForecastService,
};
use tonic::{Request, Response, Status};

use super::{Forecasts, roll_up::Question};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ForecastService for Forecasts {
    async fn get_forecast(&self, request: Request<GetForecastRequest>) -> Answer<Forecast> {
        let call = call(&request)?;
        let question = Question::read(&call, request.get_ref())?;
        Ok(Response::new(self.forecast(&call, &question).await?.1))
    }

    async fn adjust_forecast(&self, request: Request<AdjustForecastRequest>) -> Answer<ForecastAdjustment> {
        let call = call(&request)?;
        Ok(Response::new(self.adjust(&call, request.into_inner()).await?))
    }

    async fn delete_forecast_adjustment(
        &self,
        request: Request<DeleteForecastAdjustmentRequest>,
    ) -> Answer<ForecastAdjustment> {
        let call = call(&request)?;
        Ok(Response::new(self.take_back(&call, &request.get_ref().id).await?))
    }

    async fn submit_forecast(&self, request: Request<SubmitForecastRequest>) -> Answer<ForecastSubmission> {
        let call = call(&request)?;
        Ok(Response::new(self.submit(&call, request.into_inner()).await?))
    }

    async fn list_forecast_submissions(
        &self,
        request: Request<ListForecastSubmissionsRequest>,
    ) -> Answer<ListForecastSubmissionsResponse> {
        let call = call(&request)?;
        Ok(Response::new(self.submissions(&call, request.get_ref()).await?))
    }

    async fn get_forecast_submission(
        &self,
        request: Request<GetForecastSubmissionRequest>,
    ) -> Answer<ForecastSubmission> {
        let call = call(&request)?;
        Ok(Response::new(self.submission(&call, &request.get_ref().id).await?))
    }
}
