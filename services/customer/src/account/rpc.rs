//! `crm.customer.v1.AccountService`.

use std::pin::Pin;

use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::customer::v1::{
    Account, BatchCreateAccountsRequest, BatchCreateAccountsResponse, BatchDeleteAccountsRequest,
    BatchDeleteAccountsResponse, BatchGetAccountsRequest, BatchGetAccountsResponse,
    BatchUpdateAccountsRequest, BatchUpdateAccountsResponse, BulkUpsertAccountsRequest,
    BulkUpsertAccountsResponse, CreateAccountRequest, DeleteAccountRequest, GetAccountRequest,
    ListAccountsRequest, ListAccountsResponse, UndeleteAccountRequest, UpdateAccountRequest,
    account_service_server::AccountService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::Accounts;
use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, redirect, single};

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of accounts.
#[derive(Clone, Debug)]
pub struct Handlers(pub Accounts);

#[tonic::async_trait]
impl AccountService for Handlers {
    type BulkUpsertAccountsStream =
        Pin<Box<dyn Stream<Item = Result<BulkUpsertAccountsResponse, Status>> + Send>>;

    async fn get_account(&self, request: Request<GetAccountRequest>) -> Answer<Account> {
        let call = call(&request)?;
        let asked = [request.into_inner().id];
        let account = self.0.get(&call, &asked).await.map(only)?;
        Ok(redirect::answer(&asked, [account.id.clone()], account))
    }

    async fn list_accounts(&self, request: Request<ListAccountsRequest>) -> Answer<ListAccountsResponse> {
        let call = call(&request)?;
        let page = self.0.list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListAccountsResponse {
            accounts: page.wires,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_account(&self, request: Request<CreateAccountRequest>) -> Answer<Account> {
        let call = call(&request)?;
        let account = request.into_inner().account.unwrap_or_default();
        Ok(Response::new(self.0.create(&call, vec![account], single, only).await?))
    }

    async fn update_account(&self, request: Request<UpdateAccountRequest>) -> Answer<Account> {
        let call = call(&request)?;
        let update = update(request.into_inner());
        let asked = [update.wire.id.clone()];
        let account = self.0.update(&call, vec![update], single, only).await?;
        Ok(redirect::answer(&asked, [account.id.clone()], account))
    }

    async fn delete_account(&self, request: Request<DeleteAccountRequest>) -> Answer<Account> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(self.0.delete(&call, vec![delete], single, only).await?))
    }

    async fn undelete_account(&self, request: Request<UndeleteAccountRequest>) -> Answer<Account> {
        let call = call(&request)?;
        let UndeleteAccountRequest { id, etag } = request.into_inner();
        Ok(Response::new(self.0.undelete(&call, Delete { id, etag }).await?))
    }

    async fn batch_get_accounts(
        &self,
        request: Request<BatchGetAccountsRequest>,
    ) -> Answer<BatchGetAccountsResponse> {
        let call = call(&request)?;
        let asked = request.into_inner().ids;
        let accounts = self.0.get(&call, &asked).await?;
        Ok(redirect::answer(&asked, ids(&accounts), BatchGetAccountsResponse { accounts }))
    }

    async fn batch_create_accounts(
        &self,
        request: Request<BatchCreateAccountsRequest>,
    ) -> Answer<BatchCreateAccountsResponse> {
        let call = call(&request)?;
        let accounts = request.into_inner().requests.into_iter();
        let accounts = accounts.map(|request| request.account.unwrap_or_default()).collect();
        let answer = |accounts| BatchCreateAccountsResponse { accounts };
        Ok(Response::new(self.0.create(&call, accounts, item, answer).await?))
    }

    async fn batch_update_accounts(
        &self,
        request: Request<BatchUpdateAccountsRequest>,
    ) -> Answer<BatchUpdateAccountsResponse> {
        let call = call(&request)?;
        let updates: Vec<_> = request.into_inner().requests.into_iter().map(update).collect();
        let asked: Vec<String> = updates.iter().map(|update| update.wire.id.clone()).collect();
        let answer = |accounts| BatchUpdateAccountsResponse { accounts };
        let done = self.0.update(&call, updates, item, answer).await?;
        Ok(redirect::answer(&asked, ids(&done.accounts), done))
    }

    async fn batch_delete_accounts(
        &self,
        request: Request<BatchDeleteAccountsRequest>,
    ) -> Answer<BatchDeleteAccountsResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |accounts| BatchDeleteAccountsResponse { accounts };
        Ok(Response::new(self.0.delete(&call, deletes, item, answer).await?))
    }

    async fn bulk_upsert_accounts(
        &self,
        request: Request<Streaming<BulkUpsertAccountsRequest>>,
    ) -> Answer<Self::BulkUpsertAccountsStream> {
        let (call, checks) = (call(&request)?, row_checks(&request));
        let rows = request
            .into_inner()
            .map(|row| row.map(|row| bulk::row(row.key, row.account.unwrap_or_default(), row.update_mask)));
        let results = bulk::run(self.0.clone(), call, checks, rows);
        Ok(Response::new(Box::pin(
            results.map(|results| Ok(BulkUpsertAccountsResponse { results: results? })),
        )))
    }
}

fn wanted(request: &ListAccountsRequest) -> Wanted<'_> {
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

fn ids(accounts: &[Account]) -> Vec<String> {
    accounts.iter().map(|account| account.id.clone()).collect()
}

fn update(request: UpdateAccountRequest) -> Update<Account> {
    Update { wire: request.account.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeleteAccountRequest { id, etag }: DeleteAccountRequest) -> Delete {
    Delete { id, etag }
}
