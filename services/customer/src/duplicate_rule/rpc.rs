//! `crm.customer.v1.DuplicateRuleService`.

use crm_kit_rpc::call;
use crm_proto::crm::customer::v1::{
    CreateDuplicateRuleRequest, DeleteDuplicateRuleRequest, DuplicateRule, GetDuplicateRuleRequest,
    ListDuplicateRulesRequest, ListDuplicateRulesResponse, UpdateDuplicateRuleRequest,
    duplicate_rule_service_server::DuplicateRuleService,
};
use tonic::{Request, Response, Status};

use super::DuplicateRules;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl DuplicateRuleService for DuplicateRules {
    async fn get_duplicate_rule(&self, request: Request<GetDuplicateRuleRequest>) -> Answer<DuplicateRule> {
        let call = call(&request)?;
        Ok(Response::new(self.get(&call, &request.get_ref().id).await?))
    }

    async fn list_duplicate_rules(
        &self,
        request: Request<ListDuplicateRulesRequest>,
    ) -> Answer<ListDuplicateRulesResponse> {
        let call = call(&request)?;
        let duplicate_rules = self.list(&call, &request.get_ref().collection).await?;
        Ok(Response::new(ListDuplicateRulesResponse { duplicate_rules }))
    }

    async fn create_duplicate_rule(
        &self,
        request: Request<CreateDuplicateRuleRequest>,
    ) -> Answer<DuplicateRule> {
        let call = call(&request)?;
        let wire = request.into_inner().duplicate_rule.unwrap_or_default();
        Ok(Response::new(self.create(&call, wire).await?))
    }

    async fn update_duplicate_rule(
        &self,
        request: Request<UpdateDuplicateRuleRequest>,
    ) -> Answer<DuplicateRule> {
        let call = call(&request)?;
        let UpdateDuplicateRuleRequest { duplicate_rule, update_mask } = request.into_inner();
        Ok(Response::new(self.update(&call, duplicate_rule.unwrap_or_default(), update_mask).await?))
    }

    async fn delete_duplicate_rule(&self, request: Request<DeleteDuplicateRuleRequest>) -> Answer<()> {
        let call = call(&request)?;
        let DeleteDuplicateRuleRequest { id, etag } = request.get_ref();
        Ok(Response::new(self.delete(&call, id, etag).await?))
    }
}
