//! `crm.sales.v1.ContractService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    AmendContractRequest, ArchiveContractRequest, BatchCreateContractsRequest, BatchCreateContractsResponse,
    BatchDeleteContractsRequest, BatchDeleteContractsResponse, BatchGetContractsRequest,
    BatchGetContractsResponse, BatchUpdateContractsRequest, BatchUpdateContractsResponse,
    BulkUpsertContractsRequest, BulkUpsertContractsResponse, CompleteContractRequest, Contract,
    ContractSettings, CreateContractRequest, DeleteContractRequest, GetContractRequest,
    GetContractSettingsRequest, ListContractVersionsRequest, ListContractVersionsResponse,
    ListContractsRequest, ListContractsResponse, PerformContractRequest, RedraftContractRequest,
    RenewContractRequest, RevertContractRequest, SignContractRequest, SubmitContractRequest,
    UndeleteContractRequest, UpdateContractRequest, UpdateContractSettingsRequest, VoidContractRequest,
    WithdrawContractRequest, contract_service_server::ContractService,
};
use tonic::{Request, Response, Streaming};

use super::{
    ops::{Contracts, Verb},
    settings::Limits,
};
use crate::rules;

/// The service's methods over the use cases of contracts.
#[derive(Clone, Debug)]
pub struct Handlers(pub Contracts);

#[tonic::async_trait]
impl ContractService for Handlers {
    type BulkUpsertContractsStream = Answers<BulkUpsertContractsResponse>;

    async fn get_contract(&self, request: Request<GetContractRequest>) -> Answer<Contract> {
        serve::get(&self.0.slice, request).await
    }

    async fn list_contracts(&self, request: Request<ListContractsRequest>) -> Answer<ListContractsResponse> {
        serve::list(&self.0.slice, request).await
    }

    async fn create_contract(&self, request: Request<CreateContractRequest>) -> Answer<Contract> {
        serve::create(&self.0.slice, request).await
    }

    async fn update_contract(&self, request: Request<UpdateContractRequest>) -> Answer<Contract> {
        serve::update(&self.0.slice, request).await
    }

    async fn delete_contract(&self, request: Request<DeleteContractRequest>) -> Answer<Contract> {
        serve::delete(&self.0.slice, request).await
    }

    async fn undelete_contract(&self, request: Request<UndeleteContractRequest>) -> Answer<Contract> {
        serve::undelete(&self.0.slice, request).await
    }

    async fn batch_get_contracts(
        &self,
        request: Request<BatchGetContractsRequest>,
    ) -> Answer<BatchGetContractsResponse> {
        serve::batch_get(&self.0.slice, request).await
    }

    async fn batch_create_contracts(
        &self,
        request: Request<BatchCreateContractsRequest>,
    ) -> Answer<BatchCreateContractsResponse> {
        serve::batch_create(&self.0.slice, request).await
    }

    async fn batch_update_contracts(
        &self,
        request: Request<BatchUpdateContractsRequest>,
    ) -> Answer<BatchUpdateContractsResponse> {
        serve::batch_update(&self.0.slice, request).await
    }

    async fn batch_delete_contracts(
        &self,
        request: Request<BatchDeleteContractsRequest>,
    ) -> Answer<BatchDeleteContractsResponse> {
        serve::batch_delete(&self.0.slice, request).await
    }

    async fn bulk_upsert_contracts(
        &self,
        request: Request<Streaming<BulkUpsertContractsRequest>>,
    ) -> Answer<Self::BulkUpsertContractsStream> {
        serve::bulk_upsert(&self.0.slice, request)
    }

    async fn submit_contract(&self, request: Request<SubmitContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let SubmitContractRequest { id, etag, comment } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Submit(comment)).await?)
    }

    async fn withdraw_contract(&self, request: Request<WithdrawContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let WithdrawContractRequest { id, etag, comment } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Withdraw(comment)).await?)
    }

    async fn redraft_contract(&self, request: Request<RedraftContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let RedraftContractRequest { id, etag } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Redraft).await?)
    }

    async fn perform_contract(&self, request: Request<PerformContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let PerformContractRequest { id, etag } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Perform).await?)
    }

    async fn complete_contract(&self, request: Request<CompleteContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let CompleteContractRequest { id, etag } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Complete).await?)
    }

    async fn archive_contract(&self, request: Request<ArchiveContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let ArchiveContractRequest { id, etag } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Archive).await?)
    }

    async fn revert_contract(&self, request: Request<RevertContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let RevertContractRequest { id, etag } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Revert).await?)
    }

    async fn void_contract(&self, request: Request<VoidContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let VoidContractRequest { id, etag, reason } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Void(reason)).await?)
    }

    async fn amend_contract(&self, request: Request<AmendContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let AmendContractRequest { id, etag, reason } = request.get_ref();
        serve::told(&self.0.slice, &call, self.0.act(&call, (id, etag), Verb::Amend(reason)).await?)
    }

    async fn sign_contract(&self, request: Request<SignContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        let SignContractRequest { id, etag, sign_time } = request.get_ref();
        serve::told(
            &self.0.slice,
            &call,
            self.0.act(&call, (id, etag), Verb::Sign(sign_time.as_ref())).await?,
        )
    }

    async fn renew_contract(&self, request: Request<RenewContractRequest>) -> Answer<Contract> {
        let call = call(&request)?;
        serve::told(&self.0.slice, &call, self.0.renew(&call, request.get_ref()).await?)
    }

    async fn list_contract_versions(
        &self,
        request: Request<ListContractVersionsRequest>,
    ) -> Answer<ListContractVersionsResponse> {
        let call = call(&request)?;
        Ok(Response::new(self.0.versions(&call, request.get_ref()).await?))
    }

    async fn get_contract_settings(
        &self,
        request: Request<GetContractSettingsRequest>,
    ) -> Answer<ContractSettings> {
        Ok(Response::new(rules::read::<Limits>(&self.0.slice.db, &call(&request)?).await?))
    }

    async fn update_contract_settings(
        &self,
        request: Request<UpdateContractSettingsRequest>,
    ) -> Answer<ContractSettings> {
        let call = call(&request)?;
        let UpdateContractSettingsRequest { contract_settings, update_mask } = request.get_ref();
        let wire = contract_settings.clone().unwrap_or_default();
        let sent = (&wire, update_mask.as_ref());
        Ok(Response::new(rules::set::<Limits>(&self.0.slice.db, &call, sent).await?))
    }
}
