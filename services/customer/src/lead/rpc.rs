//! `crm.customer.v1.LeadService`.

use crm_kit_api::{Call, id};
use crm_kit_record::serve::{self, Answer, Answers};
use crm_kit_rpc::call;
use crm_proto::crm::customer::v1::{
    AssignLeadRequest, BatchCreateLeadsRequest, BatchCreateLeadsResponse, BatchDeleteLeadsRequest,
    BatchDeleteLeadsResponse, BatchGetLeadsRequest, BatchGetLeadsResponse, BatchUpdateLeadsRequest,
    BatchUpdateLeadsResponse, BulkUpsertLeadsRequest, BulkUpsertLeadsResponse, Conversion,
    ConvertLeadRequest, ConvertLeadResponse, CreateLeadRequest, DeleteLeadRequest, DisqualifyLeadRequest,
    GetConversionRequest, GetLeadRequest, Lead, ListLeadStatusChangesRequest, ListLeadStatusChangesResponse,
    ListLeadsRequest, ListLeadsResponse, MarkLeadDuplicateRequest, QualifyLeadRequest, ReopenLeadRequest,
    StartLeadRequest, UndeleteLeadRequest, UpdateLeadRequest, lead::Status as State,
    lead_service_server::LeadService,
};
use tonic::{Request, Response, Streaming};

use super::{
    Leads,
    ops::{self, Becomes, Wanted as Change},
};

use crate::conversion::Conversions;

/// The service's methods over the use cases of leads.
#[derive(Clone, Debug)]
pub struct Handlers {
    /// What leads share with other records.
    pub leads: Leads,
    /// How they become accounts and contacts.
    pub conversions: Conversions,
}

impl Handlers {
    async fn change(&self, call: &Call, change: Change) -> Answer<Lead> {
        serve::told(&self.leads, call, ops::change(&self.leads, call, change).await?)
    }
}

#[tonic::async_trait]
impl LeadService for Handlers {
    type BulkUpsertLeadsStream = Answers<BulkUpsertLeadsResponse>;

    async fn get_lead(&self, request: Request<GetLeadRequest>) -> Answer<Lead> {
        serve::get(&self.leads, request).await
    }

    async fn list_leads(&self, request: Request<ListLeadsRequest>) -> Answer<ListLeadsResponse> {
        serve::list(&self.leads, request).await
    }

    async fn create_lead(&self, request: Request<CreateLeadRequest>) -> Answer<Lead> {
        serve::create(&self.leads, request).await
    }

    async fn update_lead(&self, request: Request<UpdateLeadRequest>) -> Answer<Lead> {
        serve::update(&self.leads, request).await
    }

    async fn delete_lead(&self, request: Request<DeleteLeadRequest>) -> Answer<Lead> {
        serve::delete(&self.leads, request).await
    }

    async fn undelete_lead(&self, request: Request<UndeleteLeadRequest>) -> Answer<Lead> {
        serve::undelete(&self.leads, request).await
    }

    async fn batch_get_leads(&self, request: Request<BatchGetLeadsRequest>) -> Answer<BatchGetLeadsResponse> {
        serve::batch_get(&self.leads, request).await
    }

    async fn batch_create_leads(
        &self,
        request: Request<BatchCreateLeadsRequest>,
    ) -> Answer<BatchCreateLeadsResponse> {
        serve::batch_create(&self.leads, request).await
    }

    async fn batch_update_leads(
        &self,
        request: Request<BatchUpdateLeadsRequest>,
    ) -> Answer<BatchUpdateLeadsResponse> {
        serve::batch_update(&self.leads, request).await
    }

    async fn batch_delete_leads(
        &self,
        request: Request<BatchDeleteLeadsRequest>,
    ) -> Answer<BatchDeleteLeadsResponse> {
        serve::batch_delete(&self.leads, request).await
    }

    async fn bulk_upsert_leads(
        &self,
        request: Request<Streaming<BulkUpsertLeadsRequest>>,
    ) -> Answer<Self::BulkUpsertLeadsStream> {
        serve::bulk_upsert(&self.leads, request)
    }

    async fn assign_lead(&self, request: Request<AssignLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let AssignLeadRequest { id, etag, owner_id, reason } = request.into_inner();
        let becomes = Becomes::Owned(id::parse("owner_id", &owner_id)?);
        self.change(&call, Change { id, etag, becomes, reason }).await
    }

    async fn start_lead(&self, request: Request<StartLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let StartLeadRequest { id, etag } = request.into_inner();
        let becomes = Becomes::Status(State::Working);
        self.change(&call, Change { id, etag, becomes, reason: String::new() }).await
    }

    async fn qualify_lead(&self, request: Request<QualifyLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let QualifyLeadRequest { id, etag, reason } = request.into_inner();
        let becomes = Becomes::Status(State::Qualified);
        self.change(&call, Change { id, etag, becomes, reason }).await
    }

    async fn disqualify_lead(&self, request: Request<DisqualifyLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let DisqualifyLeadRequest { id, etag, reason } = request.into_inner();
        let becomes = Becomes::Status(State::Disqualified);
        self.change(&call, Change { id, etag, becomes, reason }).await
    }

    async fn mark_lead_duplicate(&self, request: Request<MarkLeadDuplicateRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let MarkLeadDuplicateRequest { id, etag, duplicate_of_id, reason } = request.into_inner();
        let becomes = Becomes::DuplicateOf(id::parse("duplicate_of_id", &duplicate_of_id)?);
        self.change(&call, Change { id, etag, becomes, reason }).await
    }

    async fn reopen_lead(&self, request: Request<ReopenLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let ReopenLeadRequest { id, etag, reason } = request.into_inner();
        let becomes = Becomes::Status(State::New);
        self.change(&call, Change { id, etag, becomes, reason }).await
    }

    async fn convert_lead(&self, request: Request<ConvertLeadRequest>) -> Answer<ConvertLeadResponse> {
        let call = call(&request)?;
        let converted = Box::pin(self.conversions.convert(&call, request.into_inner()));
        Ok(Response::new(converted.await?))
    }

    async fn get_conversion(&self, request: Request<GetConversionRequest>) -> Answer<Conversion> {
        let call = call(&request)?;
        Ok(Response::new(self.conversions.get(&call, &request.get_ref().id).await?))
    }

    async fn list_lead_status_changes(
        &self,
        request: Request<ListLeadStatusChangesRequest>,
    ) -> Answer<ListLeadStatusChangesResponse> {
        let call = call(&request)?;
        let ListLeadStatusChangesRequest { id, page_size, page_token } = request.get_ref();
        let (status_changes, next_page_token) =
            ops::status_changes(&self.leads, &call, id, *page_size, page_token).await?;
        Ok(Response::new(ListLeadStatusChangesResponse { status_changes, next_page_token }))
    }
}
