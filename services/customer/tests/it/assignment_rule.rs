//! Who gets leads that come in without an owner.

use crm_proto::crm::customer::v1::{
    AssignmentRule, BatchCreateLeadsRequest, CreateAssignmentRuleRequest, CreateLeadRequest,
    CreatePoolRequest, DeletePoolRequest, Lead, ListAssignmentRulesRequest, ListLeadStatusChangesRequest,
    Pool, UpdateAssignmentRuleRequest, assignment_rule_service_client::AssignmentRuleServiceClient,
    lead::Status as LeadStatus, pool_service_client::PoolServiceClient,
};
use crm_testkit::{
    Caller,
    status::{assert_error, violations},
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::rig::{Rig, Wired, field_mask};

fn rules(rig: &Rig, caller: &Caller) -> AssignmentRuleServiceClient<Wired> {
    AssignmentRuleServiceClient::new(caller.on(&rig.channel))
}

async fn create(rig: &Rig, boss: &Caller, rule: AssignmentRule) -> Result<AssignmentRule, Status> {
    let request = CreateAssignmentRuleRequest { assignment_rule: Some(rule) };
    rules(rig, boss).create_assignment_rule(request).await.map(tonic::Response::into_inner)
}

fn rule(name: &str, position: i32, condition: &str) -> AssignmentRule {
    AssignmentRule {
        display_name: name.into(),
        position,
        condition: condition.into(),
        ..AssignmentRule::default()
    }
}

fn lead(source: &str, score: i32) -> Lead {
    Lead { phone: "13812341234".into(), source: source.into(), score, ..Lead::default() }
}

#[tokio::test]
async fn rules_decide_in_their_order_and_the_creator_keeps_the_rest() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let [anna, ben, gone] = [1, 2, 3].map(Uuid::from_u128);
    rig.database.knows(boss.tenant_id, &[anna, ben, gone]).await;
    let pool = Pool { display_name: "raw".into(), collection: "leads".into(), ..Pool::default() };
    let request = CreatePoolRequest { pool: Some(pool) };
    let mut pools = PoolServiceClient::new(boss.on(&rig.channel));
    let pool = pools.create_pool(request).await.unwrap().into_inner();
    let to_pool =
        AssignmentRule { pool_id: pool.id.clone(), ..rule("bought lists", 20, "source == \"list\"") };
    create(&rig, &boss, to_pool).await.unwrap();
    let users = vec![anna.to_string(), gone.to_string(), ben.to_string()];
    let hot = AssignmentRule { user_ids: users, ..rule("hot ones", 10, "score >= 80") };
    let hot = create(&rig, &boss, hot).await.unwrap();
    sqlx::query("UPDATE colleague SET state = 2 WHERE id = $1")
        .bind(gone)
        .execute(&mut rig.database.look().await)
        .await
        .unwrap();

    // In turn, over single calls and batches alike; who has left is passed over.
    let first = rig.create_lead(&boss, lead("list", 90)).await.unwrap();
    let requests = (0..3).map(|_| CreateLeadRequest { lead: Some(lead("web", 85)) }).collect();
    let batch = rig.leads(&boss).batch_create_leads(BatchCreateLeadsRequest { requests }).await.unwrap();
    let owners: Vec<String> = [first.owner_id.clone()]
        .into_iter()
        .chain(batch.into_inner().leads.into_iter().map(|lead| lead.owner_id))
        .collect();
    assert_eq!(owners, [anna, ben, anna, ben].map(|id| id.to_string()));
    assert_eq!((first.status(), first.status_reason.as_str()), (LeadStatus::Assigned, "hot ones"));
    let request = ListLeadStatusChangesRequest { id: first.id, ..Default::default() };
    let changes = rig.leads(&boss).list_lead_status_changes(request).await.unwrap().into_inner();
    assert_eq!(changes.status_changes[0].reason, "hot ones");

    let waits = rig.create_lead(&boss, lead("list", 10)).await.unwrap();
    assert_eq!(
        (waits.pool_id.as_str(), waits.owner_id.as_str(), waits.status()),
        (pool.id.as_str(), "", LeadStatus::New)
    );
    let mine = rig.create_lead(&boss, lead("web", 10)).await.unwrap();
    assert_eq!(mine.owner_id, boss.id.to_string());
    // Whoever is named gets the lead, whatever the rules say.
    let named =
        rig.create_lead(&boss, Lead { owner_id: boss.id.to_string(), ..lead("list", 90) }).await.unwrap();
    assert_eq!(named.owner_id, boss.id.to_string());
    let off = AssignmentRule { id: hot.id, disabled: true, ..AssignmentRule::default() };
    let request =
        UpdateAssignmentRuleRequest { assignment_rule: Some(off), update_mask: field_mask(&["disabled"]) };
    rules(&rig, &boss).update_assignment_rule(request).await.unwrap();
    assert_eq!(rig.create_lead(&boss, lead("list", 90)).await.unwrap().pool_id, pool.id);
    let listed =
        rules(&rig, &boss).list_assignment_rules(ListAssignmentRulesRequest {}).await.unwrap().into_inner();
    let titles: Vec<&str> = listed.assignment_rules.iter().map(|rule| rule.display_name.as_str()).collect();
    assert_eq!(titles, ["hot ones", "bought lists"]);
    let delete = DeletePoolRequest { id: pool.id, etag: String::new() };
    assert_error(pools.delete_pool(delete).await, Code::FailedPrecondition, "POOL_NOT_EMPTY");
}

#[tokio::test]
async fn no_turn_is_taken_twice_by_leads_that_come_at_once() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let users: Vec<Uuid> = (1..=4).map(Uuid::from_u128).collect();
    rig.database.knows(boss.tenant_id, &users).await;
    let all = AssignmentRule { user_ids: users.iter().map(Uuid::to_string).collect(), ..rule("all", 0, "") };
    create(&rig, &boss, all).await.unwrap();
    let created = futures::future::join_all((0..12).map(|_| rig.create_lead(&boss, lead("web", 0)))).await;
    let mut owners: Vec<String> = created.into_iter().map(|lead| lead.unwrap().owner_id).collect();
    owners.sort();
    let wanted: Vec<String> = users.iter().flat_map(|id| std::iter::repeat_n(id.to_string(), 3)).collect();
    assert_eq!(owners, wanted);
}

#[tokio::test]
async fn what_a_rule_says_is_checked() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let both = AssignmentRule {
        user_ids: vec![boss.id.to_string()],
        pool_id: Uuid::new_v4().to_string(),
        ..rule(" ", 0, "colour == 1")
    };
    let status = assert_error(create(&rig, &boss, both).await, Code::InvalidArgument, "FIELD_INVALID");
    let mut told = violations(&status);
    told.sort();
    let wanted = [
        ("assignment_rule.condition", "FILTER_INVALID"),
        ("assignment_rule.display_name", "REQUIRED"),
        ("assignment_rule.user_ids", "TARGET"),
    ];
    assert_eq!(told, wanted.map(|(field, code)| (field.to_owned(), code.to_owned())));
    let nowhere = AssignmentRule { pool_id: Uuid::new_v4().to_string(), ..rule("nowhere", 0, "") };
    assert_error(create(&rig, &boss, nowhere).await, Code::NotFound, "NOT_FOUND");
}
