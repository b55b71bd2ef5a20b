//! `crm.customer.v1.AssignmentRuleService`.

use crm_kit_rpc::call;
use crm_proto::crm::customer::v1::{
    AssignmentRule, CreateAssignmentRuleRequest, DeleteAssignmentRuleRequest, GetAssignmentRuleRequest,
    ListAssignmentRulesRequest, ListAssignmentRulesResponse, UpdateAssignmentRuleRequest,
    assignment_rule_service_server::AssignmentRuleService,
};
use tonic::{Request, Response, Status};

use super::AssignmentRules;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AssignmentRuleService for AssignmentRules {
    async fn get_assignment_rule(
        &self,
        request: Request<GetAssignmentRuleRequest>,
    ) -> Answer<AssignmentRule> {
        let call = call(&request)?;
        Ok(Response::new(self.get(&call, &request.get_ref().id).await?))
    }

    async fn list_assignment_rules(
        &self,
        request: Request<ListAssignmentRulesRequest>,
    ) -> Answer<ListAssignmentRulesResponse> {
        let call = call(&request)?;
        let assignment_rules = self.list(&call).await?;
        Ok(Response::new(ListAssignmentRulesResponse { assignment_rules }))
    }

    async fn create_assignment_rule(
        &self,
        request: Request<CreateAssignmentRuleRequest>,
    ) -> Answer<AssignmentRule> {
        let call = call(&request)?;
        let wire = request.into_inner().assignment_rule.unwrap_or_default();
        Ok(Response::new(self.create(&call, wire).await?))
    }

    async fn update_assignment_rule(
        &self,
        request: Request<UpdateAssignmentRuleRequest>,
    ) -> Answer<AssignmentRule> {
        let call = call(&request)?;
        let UpdateAssignmentRuleRequest { assignment_rule, update_mask } = request.into_inner();
        Ok(Response::new(self.update(&call, assignment_rule.unwrap_or_default(), update_mask).await?))
    }

    async fn delete_assignment_rule(
        &self,
        request: Request<DeleteAssignmentRuleRequest>,
    ) -> Answer<AssignmentRule> {
        let call = call(&request)?;
        let DeleteAssignmentRuleRequest { id, etag } = request.get_ref();
        Ok(Response::new(self.delete(&call, id, etag).await?))
    }
}
