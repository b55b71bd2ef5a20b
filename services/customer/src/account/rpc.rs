//! `crm.customer.v1.AccountService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_proto::crm::customer::v1::{
    Account, BatchCreateAccountsRequest, BatchCreateAccountsResponse, BatchDeleteAccountsRequest,
    BatchDeleteAccountsResponse, BatchGetAccountsRequest, BatchGetAccountsResponse,
    BatchUpdateAccountsRequest, BatchUpdateAccountsResponse, BulkUpsertAccountsRequest,
    BulkUpsertAccountsResponse, CreateAccountRequest, DeleteAccountRequest, GetAccountRequest,
    ListAccountsRequest, ListAccountsResponse, UndeleteAccountRequest, UpdateAccountRequest,
    account_service_server::AccountService,
};
use tonic::{Request, Streaming};

use super::Accounts;

/// The service's methods over the use cases of accounts.
#[derive(Clone, Debug)]
pub struct Handlers(pub Accounts);

#[tonic::async_trait]
impl AccountService for Handlers {
    type BulkUpsertAccountsStream = Answers<BulkUpsertAccountsResponse>;

    async fn get_account(&self, request: Request<GetAccountRequest>) -> Answer<Account> {
        serve::get(&self.0, request).await
    }

    async fn list_accounts(&self, request: Request<ListAccountsRequest>) -> Answer<ListAccountsResponse> {
        serve::list(&self.0, request).await
    }

    async fn create_account(&self, request: Request<CreateAccountRequest>) -> Answer<Account> {
        serve::create(&self.0, request).await
    }

    async fn update_account(&self, request: Request<UpdateAccountRequest>) -> Answer<Account> {
        serve::update(&self.0, request).await
    }

    async fn delete_account(&self, request: Request<DeleteAccountRequest>) -> Answer<Account> {
        serve::delete(&self.0, request).await
    }

    async fn undelete_account(&self, request: Request<UndeleteAccountRequest>) -> Answer<Account> {
        serve::undelete(&self.0, request).await
    }

    async fn batch_get_accounts(
        &self,
        request: Request<BatchGetAccountsRequest>,
    ) -> Answer<BatchGetAccountsResponse> {
        serve::batch_get(&self.0, request).await
    }

    async fn batch_create_accounts(
        &self,
        request: Request<BatchCreateAccountsRequest>,
    ) -> Answer<BatchCreateAccountsResponse> {
        serve::batch_create(&self.0, request).await
    }

    async fn batch_update_accounts(
        &self,
        request: Request<BatchUpdateAccountsRequest>,
    ) -> Answer<BatchUpdateAccountsResponse> {
        serve::batch_update(&self.0, request).await
    }

    async fn batch_delete_accounts(
        &self,
        request: Request<BatchDeleteAccountsRequest>,
    ) -> Answer<BatchDeleteAccountsResponse> {
        serve::batch_delete(&self.0, request).await
    }

    async fn bulk_upsert_accounts(
        &self,
        request: Request<Streaming<BulkUpsertAccountsRequest>>,
    ) -> Answer<Self::BulkUpsertAccountsStream> {
        serve::bulk_upsert(&self.0, request)
    }
}
