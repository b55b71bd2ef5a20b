//! The business calendar service on the wire.

use crm_kit_api::id;
use crm_kit_pg::Db;
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    AddWorkingTimeRequest, AddWorkingTimeResponse, BusinessCalendar, CreateBusinessCalendarRequest,
    DeleteBusinessCalendarRequest, GetBusinessCalendarRequest, ListBusinessCalendarsRequest,
    ListBusinessCalendarsResponse, MeasureWorkingTimeRequest, MeasureWorkingTimeResponse,
    SetBusinessCalendarYearRequest, UpdateBusinessCalendarRequest,
    business_calendar_service_server::BusinessCalendarService,
};
use tonic::{Request, Response, Status};

use super::{count, ops};

/// Serves business calendars.
#[derive(Clone, Debug)]
pub struct BusinessCalendars {
    pub db: Db,
}

#[tonic::async_trait]
impl BusinessCalendarService for BusinessCalendars {
    async fn get_business_calendar(
        &self,
        request: Request<GetBusinessCalendarRequest>,
    ) -> Result<Response<BusinessCalendar>, Status> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(ops::get(&self.db, &call, id).await?.to_wire()?))
    }

    async fn list_business_calendars(
        &self,
        request: Request<ListBusinessCalendarsRequest>,
    ) -> Result<Response<ListBusinessCalendarsResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::list(&self.db, &call, request.get_ref()).await?))
    }

    async fn create_business_calendar(
        &self,
        request: Request<CreateBusinessCalendarRequest>,
    ) -> Result<Response<BusinessCalendar>, Status> {
        let call = call(&request)?;
        let business_calendar = request.into_inner().business_calendar.unwrap_or_default();
        Ok(Response::new(ops::create(&self.db, &call, &business_calendar).await?))
    }

    async fn update_business_calendar(
        &self,
        request: Request<UpdateBusinessCalendarRequest>,
    ) -> Result<Response<BusinessCalendar>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let id = id::parse(
            "business_calendar.id",
            request.business_calendar.as_ref().map_or("", |business_calendar| &business_calendar.id),
        )?;
        Ok(Response::new(ops::update(&self.db, &call, id, &request).await?))
    }

    async fn delete_business_calendar(
        &self,
        request: Request<DeleteBusinessCalendarRequest>,
    ) -> Result<Response<BusinessCalendar>, Status> {
        let call = call(&request)?;
        let DeleteBusinessCalendarRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::delete(&self.db, &call, id::parse("id", id)?, etag).await?))
    }

    async fn set_business_calendar_year(
        &self,
        request: Request<SetBusinessCalendarYearRequest>,
    ) -> Result<Response<BusinessCalendar>, Status> {
        let call = call(&request)?;
        let request = request.get_ref();
        Ok(Response::new(ops::set_year(&self.db, &call, id::parse("id", &request.id)?, request).await?))
    }

    async fn add_working_time(
        &self,
        request: Request<AddWorkingTimeRequest>,
    ) -> Result<Response<AddWorkingTimeResponse>, Status> {
        let call = call(&request)?;
        let request = request.get_ref();
        Ok(Response::new(count::add(&self.db, &call, id::parse("id", &request.id)?, request).await?))
    }

    async fn measure_working_time(
        &self,
        request: Request<MeasureWorkingTimeRequest>,
    ) -> Result<Response<MeasureWorkingTimeResponse>, Status> {
        let call = call(&request)?;
        let request = request.get_ref();
        Ok(Response::new(count::measure(&self.db, &call, id::parse("id", &request.id)?, request).await?))
    }
}
