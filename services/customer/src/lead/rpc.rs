//! `crm.customer.v1.LeadService`.

use std::pin::Pin;

use crm_kit_api::id;
use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::customer::v1::{
    AssignLeadRequest, BatchCreateLeadsRequest, BatchCreateLeadsResponse, BatchDeleteLeadsRequest,
    BatchDeleteLeadsResponse, BatchGetLeadsRequest, BatchGetLeadsResponse, BatchUpdateLeadsRequest,
    BatchUpdateLeadsResponse, BulkUpsertLeadsRequest, BulkUpsertLeadsResponse, ConvertLeadRequest,
    ConvertLeadResponse, CreateLeadRequest, DeleteLeadRequest, DisqualifyLeadRequest, GetLeadRequest, Lead,
    ListLeadStatusChangesRequest, ListLeadStatusChangesResponse, ListLeadsRequest, ListLeadsResponse,
    MarkLeadDuplicateRequest, QualifyLeadRequest, ReopenLeadRequest, StartLeadRequest, UndeleteLeadRequest,
    UpdateLeadRequest, lead::Status as State, lead_service_server::LeadService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::{
    Leads,
    ops::{self, Becomes, Wanted as Change},
};
use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, redirect, single};

use crate::conversion::Conversions;

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of leads.
#[derive(Clone, Debug)]
pub struct Handlers {
    /// What leads share with other records.
    pub leads: Leads,
    /// How they become accounts and contacts.
    pub conversions: Conversions,
}

#[tonic::async_trait]
impl LeadService for Handlers {
    type BulkUpsertLeadsStream = Pin<Box<dyn Stream<Item = Result<BulkUpsertLeadsResponse, Status>> + Send>>;

    async fn get_lead(&self, request: Request<GetLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let asked = [request.into_inner().id];
        let lead = self.leads.get(&call, &asked).await.map(only)?;
        Ok(redirect::answer(&asked, [lead.id.clone()], lead))
    }

    async fn list_leads(&self, request: Request<ListLeadsRequest>) -> Answer<ListLeadsResponse> {
        let call = call(&request)?;
        let page = self.leads.list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListLeadsResponse {
            leads: page.wires,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_lead(&self, request: Request<CreateLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let lead = request.into_inner().lead.unwrap_or_default();
        Ok(Response::new(self.leads.create(&call, vec![lead], single, only).await?))
    }

    async fn update_lead(&self, request: Request<UpdateLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let update = update(request.into_inner());
        let asked = [update.wire.id.clone()];
        let lead = self.leads.update(&call, vec![update], single, only).await?;
        Ok(redirect::answer(&asked, [lead.id.clone()], lead))
    }

    async fn delete_lead(&self, request: Request<DeleteLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(self.leads.delete(&call, vec![delete], single, only).await?))
    }

    async fn undelete_lead(&self, request: Request<UndeleteLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let UndeleteLeadRequest { id, etag } = request.into_inner();
        Ok(Response::new(self.leads.undelete(&call, Delete { id, etag }).await?))
    }

    async fn batch_get_leads(&self, request: Request<BatchGetLeadsRequest>) -> Answer<BatchGetLeadsResponse> {
        let call = call(&request)?;
        let asked = request.into_inner().ids;
        let leads = self.leads.get(&call, &asked).await?;
        Ok(redirect::answer(&asked, ids(&leads), BatchGetLeadsResponse { leads }))
    }

    async fn batch_create_leads(
        &self,
        request: Request<BatchCreateLeadsRequest>,
    ) -> Answer<BatchCreateLeadsResponse> {
        let call = call(&request)?;
        let leads = request.into_inner().requests.into_iter();
        let leads = leads.map(|request| request.lead.unwrap_or_default()).collect();
        let answer = |leads| BatchCreateLeadsResponse { leads };
        Ok(Response::new(self.leads.create(&call, leads, item, answer).await?))
    }

    async fn batch_update_leads(
        &self,
        request: Request<BatchUpdateLeadsRequest>,
    ) -> Answer<BatchUpdateLeadsResponse> {
        let call = call(&request)?;
        let updates: Vec<_> = request.into_inner().requests.into_iter().map(update).collect();
        let asked: Vec<String> = updates.iter().map(|update| update.wire.id.clone()).collect();
        let answer = |leads| BatchUpdateLeadsResponse { leads };
        let done = self.leads.update(&call, updates, item, answer).await?;
        Ok(redirect::answer(&asked, ids(&done.leads), done))
    }

    async fn batch_delete_leads(
        &self,
        request: Request<BatchDeleteLeadsRequest>,
    ) -> Answer<BatchDeleteLeadsResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |leads| BatchDeleteLeadsResponse { leads };
        Ok(Response::new(self.leads.delete(&call, deletes, item, answer).await?))
    }

    async fn bulk_upsert_leads(
        &self,
        request: Request<Streaming<BulkUpsertLeadsRequest>>,
    ) -> Answer<Self::BulkUpsertLeadsStream> {
        let (call, checks) = (call(&request)?, row_checks(&request));
        let rows = request
            .into_inner()
            .map(|row| row.map(|row| bulk::row(row.key, row.lead.unwrap_or_default(), row.update_mask)));
        let results = bulk::run(self.leads.clone(), call, checks, rows);
        Ok(Response::new(Box::pin(results.map(|results| Ok(BulkUpsertLeadsResponse { results: results? })))))
    }

    async fn assign_lead(&self, request: Request<AssignLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let AssignLeadRequest { id, etag, owner_id, reason } = request.into_inner();
        let becomes = Becomes::Owned(id::parse("owner_id", &owner_id)?);
        Ok(Response::new(ops::change(&self.leads, &call, Change { id, etag, becomes, reason }).await?))
    }

    async fn start_lead(&self, request: Request<StartLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let StartLeadRequest { id, etag } = request.into_inner();
        let becomes = Becomes::Status(State::Working);
        Ok(Response::new(
            ops::change(&self.leads, &call, Change { id, etag, becomes, reason: String::new() }).await?,
        ))
    }

    async fn qualify_lead(&self, request: Request<QualifyLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let QualifyLeadRequest { id, etag, reason } = request.into_inner();
        let becomes = Becomes::Status(State::Qualified);
        Ok(Response::new(ops::change(&self.leads, &call, Change { id, etag, becomes, reason }).await?))
    }

    async fn disqualify_lead(&self, request: Request<DisqualifyLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let DisqualifyLeadRequest { id, etag, reason } = request.into_inner();
        let becomes = Becomes::Status(State::Disqualified);
        Ok(Response::new(ops::change(&self.leads, &call, Change { id, etag, becomes, reason }).await?))
    }

    async fn mark_lead_duplicate(&self, request: Request<MarkLeadDuplicateRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let MarkLeadDuplicateRequest { id, etag, duplicate_of_id, reason } = request.into_inner();
        let becomes = Becomes::DuplicateOf(id::parse("duplicate_of_id", &duplicate_of_id)?);
        Ok(Response::new(ops::change(&self.leads, &call, Change { id, etag, becomes, reason }).await?))
    }

    async fn reopen_lead(&self, request: Request<ReopenLeadRequest>) -> Answer<Lead> {
        let call = call(&request)?;
        let ReopenLeadRequest { id, etag, reason } = request.into_inner();
        let becomes = Becomes::Status(State::New);
        Ok(Response::new(ops::change(&self.leads, &call, Change { id, etag, becomes, reason }).await?))
    }

    async fn convert_lead(&self, request: Request<ConvertLeadRequest>) -> Answer<ConvertLeadResponse> {
        let call = call(&request)?;
        let converted = Box::pin(self.conversions.convert(&call, request.into_inner()));
        Ok(Response::new(converted.await?))
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

fn wanted(request: &ListLeadsRequest) -> Wanted<'_> {
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

fn ids(leads: &[Lead]) -> Vec<String> {
    leads.iter().map(|lead| lead.id.clone()).collect()
}

fn update(request: UpdateLeadRequest) -> Update<Lead> {
    Update { wire: request.lead.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeleteLeadRequest { id, etag }: DeleteLeadRequest) -> Delete {
    Delete { id, etag }
}
