//! `crm.customer.v1.ContactService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_proto::crm::customer::v1::{
    BatchCreateContactsRequest, BatchCreateContactsResponse, BatchDeleteContactsRequest,
    BatchDeleteContactsResponse, BatchGetContactsRequest, BatchGetContactsResponse,
    BatchUpdateContactsRequest, BatchUpdateContactsResponse, BulkUpsertContactsRequest,
    BulkUpsertContactsResponse, Contact, CreateContactRequest, DeleteContactRequest, GetContactRequest,
    ListContactsRequest, ListContactsResponse, UndeleteContactRequest, UpdateContactRequest,
    contact_service_server::ContactService,
};
use tonic::{Request, Streaming};

use super::Contacts;

/// The service's methods over the use cases of contacts.
#[derive(Clone, Debug)]
pub struct Handlers(pub Contacts);

#[tonic::async_trait]
impl ContactService for Handlers {
    type BulkUpsertContactsStream = Answers<BulkUpsertContactsResponse>;

    async fn get_contact(&self, request: Request<GetContactRequest>) -> Answer<Contact> {
        serve::get(&self.0, request).await
    }

    async fn list_contacts(&self, request: Request<ListContactsRequest>) -> Answer<ListContactsResponse> {
        serve::list(&self.0, request).await
    }

    async fn create_contact(&self, request: Request<CreateContactRequest>) -> Answer<Contact> {
        serve::create(&self.0, request).await
    }

    async fn update_contact(&self, request: Request<UpdateContactRequest>) -> Answer<Contact> {
        serve::update(&self.0, request).await
    }

    async fn delete_contact(&self, request: Request<DeleteContactRequest>) -> Answer<Contact> {
        serve::delete(&self.0, request).await
    }

    async fn undelete_contact(&self, request: Request<UndeleteContactRequest>) -> Answer<Contact> {
        serve::undelete(&self.0, request).await
    }

    async fn batch_get_contacts(
        &self,
        request: Request<BatchGetContactsRequest>,
    ) -> Answer<BatchGetContactsResponse> {
        serve::batch_get(&self.0, request).await
    }

    async fn batch_create_contacts(
        &self,
        request: Request<BatchCreateContactsRequest>,
    ) -> Answer<BatchCreateContactsResponse> {
        serve::batch_create(&self.0, request).await
    }

    async fn batch_update_contacts(
        &self,
        request: Request<BatchUpdateContactsRequest>,
    ) -> Answer<BatchUpdateContactsResponse> {
        serve::batch_update(&self.0, request).await
    }

    async fn batch_delete_contacts(
        &self,
        request: Request<BatchDeleteContactsRequest>,
    ) -> Answer<BatchDeleteContactsResponse> {
        serve::batch_delete(&self.0, request).await
    }

    async fn bulk_upsert_contacts(
        &self,
        request: Request<Streaming<BulkUpsertContactsRequest>>,
    ) -> Answer<Self::BulkUpsertContactsStream> {
        serve::bulk_upsert(&self.0, request)
    }
}
