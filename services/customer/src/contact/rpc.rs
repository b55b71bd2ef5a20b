//! `crm.customer.v1.ContactService`.

use std::pin::Pin;

use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::customer::v1::{
    BatchCreateContactsRequest, BatchCreateContactsResponse, BatchDeleteContactsRequest,
    BatchDeleteContactsResponse, BatchGetContactsRequest, BatchGetContactsResponse,
    BatchUpdateContactsRequest, BatchUpdateContactsResponse, BulkUpsertContactsRequest,
    BulkUpsertContactsResponse, Contact, CreateContactRequest, DeleteContactRequest, GetContactRequest,
    ListContactsRequest, ListContactsResponse, UndeleteContactRequest, UpdateContactRequest,
    contact_service_server::ContactService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::Contacts;
use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, redirect, single};

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of contacts.
#[derive(Clone, Debug)]
pub struct Handlers(pub Contacts);

#[tonic::async_trait]
impl ContactService for Handlers {
    type BulkUpsertContactsStream =
        Pin<Box<dyn Stream<Item = Result<BulkUpsertContactsResponse, Status>> + Send>>;

    async fn get_contact(&self, request: Request<GetContactRequest>) -> Answer<Contact> {
        let call = call(&request)?;
        let asked = [request.into_inner().id];
        let contact = self.0.get(&call, &asked).await.map(only)?;
        Ok(redirect::answer(&asked, [contact.id.clone()], contact))
    }

    async fn list_contacts(&self, request: Request<ListContactsRequest>) -> Answer<ListContactsResponse> {
        let call = call(&request)?;
        let page = self.0.list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListContactsResponse {
            contacts: page.wires,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_contact(&self, request: Request<CreateContactRequest>) -> Answer<Contact> {
        let call = call(&request)?;
        let contact = request.into_inner().contact.unwrap_or_default();
        Ok(Response::new(self.0.create(&call, vec![contact], single, only).await?))
    }

    async fn update_contact(&self, request: Request<UpdateContactRequest>) -> Answer<Contact> {
        let call = call(&request)?;
        let update = update(request.into_inner());
        let asked = [update.wire.id.clone()];
        let contact = self.0.update(&call, vec![update], single, only).await?;
        Ok(redirect::answer(&asked, [contact.id.clone()], contact))
    }

    async fn delete_contact(&self, request: Request<DeleteContactRequest>) -> Answer<Contact> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(self.0.delete(&call, vec![delete], single, only).await?))
    }

    async fn undelete_contact(&self, request: Request<UndeleteContactRequest>) -> Answer<Contact> {
        let call = call(&request)?;
        let UndeleteContactRequest { id, etag } = request.into_inner();
        Ok(Response::new(self.0.undelete(&call, Delete { id, etag }).await?))
    }

    async fn batch_get_contacts(
        &self,
        request: Request<BatchGetContactsRequest>,
    ) -> Answer<BatchGetContactsResponse> {
        let call = call(&request)?;
        let asked = request.into_inner().ids;
        let contacts = self.0.get(&call, &asked).await?;
        Ok(redirect::answer(&asked, ids(&contacts), BatchGetContactsResponse { contacts }))
    }

    async fn batch_create_contacts(
        &self,
        request: Request<BatchCreateContactsRequest>,
    ) -> Answer<BatchCreateContactsResponse> {
        let call = call(&request)?;
        let contacts = request.into_inner().requests.into_iter();
        let contacts = contacts.map(|request| request.contact.unwrap_or_default()).collect();
        let answer = |contacts| BatchCreateContactsResponse { contacts };
        Ok(Response::new(self.0.create(&call, contacts, item, answer).await?))
    }

    async fn batch_update_contacts(
        &self,
        request: Request<BatchUpdateContactsRequest>,
    ) -> Answer<BatchUpdateContactsResponse> {
        let call = call(&request)?;
        let updates: Vec<_> = request.into_inner().requests.into_iter().map(update).collect();
        let asked: Vec<String> = updates.iter().map(|update| update.wire.id.clone()).collect();
        let answer = |contacts| BatchUpdateContactsResponse { contacts };
        let done = self.0.update(&call, updates, item, answer).await?;
        Ok(redirect::answer(&asked, ids(&done.contacts), done))
    }

    async fn batch_delete_contacts(
        &self,
        request: Request<BatchDeleteContactsRequest>,
    ) -> Answer<BatchDeleteContactsResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |contacts| BatchDeleteContactsResponse { contacts };
        Ok(Response::new(self.0.delete(&call, deletes, item, answer).await?))
    }

    async fn bulk_upsert_contacts(
        &self,
        request: Request<Streaming<BulkUpsertContactsRequest>>,
    ) -> Answer<Self::BulkUpsertContactsStream> {
        let (call, checks) = (call(&request)?, row_checks(&request));
        let rows = request
            .into_inner()
            .map(|row| row.map(|row| bulk::row(row.key, row.contact.unwrap_or_default(), row.update_mask)));
        let results = bulk::run(self.0.clone(), call, checks, rows);
        Ok(Response::new(Box::pin(
            results.map(|results| Ok(BulkUpsertContactsResponse { results: results? })),
        )))
    }
}

fn wanted(request: &ListContactsRequest) -> Wanted<'_> {
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

fn ids(contacts: &[Contact]) -> Vec<String> {
    contacts.iter().map(|contact| contact.id.clone()).collect()
}

fn update(request: UpdateContactRequest) -> Update<Contact> {
    Update { wire: request.contact.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeleteContactRequest { id, etag }: DeleteContactRequest) -> Delete {
    Delete { id, etag }
}
