//! What one person has going to others: who gets what, what stays, and what is written of it.

use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::{
    customer::v1::{
        Account, AccountUpdated, BatchCreateAccountsRequest, CompleteTaskRequest, Contact, ContactAccount,
        ConversionTarget, ConvertLeadRequest, CreateAccountRequest, CreateTaskRequest, GetTaskRequest, Lead,
        ListAccountsRequest, ListOwnershipPeriodsRequest, QualifyLeadRequest, Task, conversion_target::Mode,
        lead::Status as LeadStatus, ownership_period::Act, pool_service_client::PoolServiceClient,
        task_service_client::TaskServiceClient,
    },
    event::v1::event::ChangeKind,
    record::v1::{
        CancelHandOverRequest, CreateHandOverRequest, ExternalId, GetHandOverRequest, HandOver,
        ListHandOversRequest,
        hand_over::{Rule, State},
        hand_over_service_client::HandOverServiceClient,
    },
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::{
    recycle_bin::payload,
    rig::{Rig, Wired, named, serve},
};

fn client(rig: &Rig, caller: &Caller) -> HandOverServiceClient<Wired> {
    HandOverServiceClient::new(caller.on(&rig.channel))
}

fn tasks(rig: &Rig, caller: &Caller) -> TaskServiceClient<Wired> {
    TaskServiceClient::new(caller.on(&rig.channel))
}

fn rule(collection: &str, filter: &str, users: &[Uuid]) -> Rule {
    let to_user_ids = users.iter().map(Uuid::to_string).collect();
    Rule { collection: collection.into(), filter: filter.into(), to_user_ids }
}

fn of(from: Uuid, rules: Vec<Rule>) -> HandOver {
    HandOver { from_user_id: from.to_string(), rules, reason: "left".into(), ..HandOver::default() }
}

async fn begin(rig: &Rig, who: &Caller, hand_over: HandOver, dry_run: bool) -> Result<HandOver, Status> {
    let request = CreateHandOverRequest { hand_over: Some(hand_over), dry_run, service: String::new() };
    client(rig, who).create_hand_over(request).await.map(Response::into_inner)
}

async fn get(rig: &Rig, who: &Caller, id: &str) -> Result<HandOver, Status> {
    let request = GetHandOverRequest { id: id.into(), service: String::new() };
    client(rig, who).get_hand_over(request).await.map(Response::into_inner)
}

/// The hand-over once it has ended.
async fn ended(rig: &Rig, who: &Caller, id: &str) -> HandOver {
    for _ in 0..3000 {
        let job = get(rig, who, id).await.unwrap();
        if job.state() != State::Running {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the hand-over does not end");
}

/// Records by collection and who gets them.
fn counted(job: &HandOver) -> BTreeMap<(String, String), i64> {
    let counts = job.counts.iter();
    counts.map(|count| ((count.collection.clone(), count.to_user_id.clone()), count.records)).collect()
}

/// A seller of the administrator's tenant, and colleagues the service knows.
async fn staff(rig: &Rig, boss: &Caller, colleagues: &[Uuid]) -> Caller {
    rig.database.knows(boss.tenant_id, colleagues).await;
    rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]))
}

fn create_target() -> ConversionTarget {
    ConversionTarget { mode: Mode::Create.into(), id: String::new() }
}

#[tokio::test]
async fn everything_goes_in_turn_and_keeps_its_stage_links_and_history() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let [anna, ben] = [1, 2].map(Uuid::from_u128);
    let seller = staff(&rig, &boss, &[anna, ben]).await;
    let outside = ExternalId { system: "erp".into(), value: "K-1".into() };
    let first = Account { external_ids: vec![outside.clone()], ..named("First") };
    let first = rig.create(&seller, first).await.unwrap();
    for name in ["Second", "Third"] {
        rig.create(&seller, named(name)).await.unwrap();
    }
    let tie = ContactAccount { account_id: first.id.clone(), primary: true, ..ContactAccount::default() };
    let person = Contact { display_name: "Li".into(), accounts: vec![tie.clone()], ..Contact::default() };
    let person = rig.create_contact(&seller, person).await.unwrap();
    let lead = |name: &str| Lead {
        display_name: name.into(),
        email: "a@b.cn".into(),
        owner_id: seller.id.to_string(),
        ..Lead::default()
    };
    let open = rig.create_lead(&seller, lead("Open")).await.unwrap();
    let request = QualifyLeadRequest { id: open.id.clone(), ..QualifyLeadRequest::default() };
    rig.leads(&seller).qualify_lead(request).await.unwrap();
    let converted =
        rig.create_lead(&seller, Lead { company_name: "C".into(), ..lead("Converted") }).await.unwrap();
    let request =
        ConvertLeadRequest { id: converted.id.clone(), account: Some(create_target()), ..Default::default() };
    rig.leads(&seller).convert_lead(request).await.unwrap();
    let task = |name: &str| CreateTaskRequest {
        task: Some(Task { display_name: name.into(), account_id: first.id.clone(), ..Task::default() }),
    };
    let to_do = tasks(&rig, &seller).create_task(task("To do")).await.unwrap().into_inner();
    let done = tasks(&rig, &seller).create_task(task("Done")).await.unwrap().into_inner();
    let request = CompleteTaskRequest { id: done.id.clone(), etag: String::new() };
    tasks(&rig, &seller).complete_task(request).await.unwrap();
    rig.create(&boss, named("Not the seller's")).await.unwrap();

    let all = of(seller.id, vec![rule("", "", &[anna, ben])]);
    let rehearsed = begin(&rig, &boss, all.clone(), true).await.unwrap();
    assert_eq!((rehearsed.id.as_str(), rehearsed.state()), ("", State::Unspecified));
    assert_eq!(rig.get(&boss, &first.id).await.unwrap().owner_id, seller.id.to_string(), "nothing went");
    let begun = begin(&rig, &boss, all.clone(), false).await.unwrap();
    let job = ended(&rig, &boss, &begun.id).await;
    assert_eq!((job.state(), job.failure.as_str(), job.reason.as_str()), (State::Done, "", "left"));
    let key = |collection: &str, user: Option<Uuid>| {
        (collection.to_owned(), user.map(|user| user.to_string()).unwrap_or_default())
    };
    let wanted: BTreeMap<_, i64> = [
        (key("accounts", Some(anna)), 2),
        (key("accounts", Some(ben)), 2),
        (key("contacts", Some(anna)), 1),
        (key("leads", Some(anna)), 1),
        (key("leads", None), 1),
        (key("tasks", Some(anna)), 1),
        (key("tasks", None), 1),
    ]
    .into();
    assert_eq!((counted(&job), counted(&rehearsed)), (wanted.clone(), wanted));

    let given = rig.get(&boss, &first.id).await.unwrap();
    assert_eq!((given.owner_id.as_str(), &given.external_ids), (anna.to_string().as_str(), &vec![outside]));
    let given = rig.get_contact(&boss, &person.id).await.unwrap();
    assert_eq!((given.owner_id, given.accounts), (anna.to_string(), vec![tie]));
    let given = rig.get_lead(&boss, &open.id).await.unwrap();
    assert_eq!((given.owner_id.as_str(), given.status()), (anna.to_string().as_str(), LeadStatus::Qualified));
    assert_eq!(rig.get_lead(&boss, &converted.id).await.unwrap().owner_id, seller.id.to_string());
    let owner = async |id: &str| {
        let request = GetTaskRequest { id: id.into() };
        tasks(&rig, &boss).get_task(request).await.unwrap().into_inner().owner_id
    };
    assert_eq!((owner(&to_do.id).await, owner(&done.id).await), (anna.to_string(), seller.id.to_string()));

    // Once more finds nothing but what stays.
    let again = begin(&rig, &boss, all, false).await.unwrap();
    let again = counted(&ended(&rig, &boss, &again.id).await);
    assert_eq!(again, [(key("leads", None), 1), (key("tasks", None), 1)].into());
    written(&rig, &boss, &seller, &first, anna).await;
}

/// A hand-over leaves what any transfer leaves: a period of ownership, an event and an audit row, in the name of who asked for it.
async fn written(rig: &Rig, boss: &Caller, from: &Caller, account: &Account, to: Uuid) {
    let request =
        ListOwnershipPeriodsRequest { collection: "accounts".into(), record_id: account.id.clone() };
    let mut pools = PoolServiceClient::new(boss.on(&rig.channel));
    let periods = pools.list_ownership_periods(request).await.unwrap().into_inner().periods;
    let told: Vec<_> =
        periods.iter().map(|one| (one.act(), one.owner_id.clone(), one.operator_id.clone())).collect();
    assert!(told.contains(&(Act::HandedOver, to.to_string(), boss.id.to_string())), "{told:?}");
    let events = rig.told(boss).await;
    let of_account = |event: &&_| matches_update(event, &account.id);
    let event = events.iter().find(of_account).unwrap();
    assert_eq!(event.actor_id, boss.id.to_string());
    let update: AccountUpdated = payload(event);
    assert_eq!(update.previous.unwrap().owner_id, from.id.to_string());
    let sql = "SELECT count(*) FROM audit_log WHERE record_id = $1 AND action = 'handOver'";
    assert_eq!(rig.count(sql, &account.id).await, 1);
    // Who sees only the seller's records hears that the account went, and nothing more.
    let farewell = rig.told(from).await;
    let farewell: AccountUpdated = payload(farewell.iter().find(of_account).unwrap());
    assert_eq!(farewell.account.unwrap().display_name, "");
}

fn matches_update(event: &crm_proto::crm::event::v1::Event, id: &str) -> bool {
    event.record_id == id && event.change_kind() == ChangeKind::Update
}

#[tokio::test]
async fn rules_apply_in_their_order_by_their_filters() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let [anna, ben, cleo] = [1, 2, 3].map(Uuid::from_u128);
    let seller = staff(&rig, &boss, &[anna, ben, cleo]).await;
    for (name, region) in [("a", "North"), ("b", "South"), ("c", "North"), ("d", "West"), ("e", "South")] {
        // Turns go by id, and ids of one instant have no order.
        rig.clock.advance(TimeDelta::milliseconds(1));
        rig.create(&seller, Account { region: region.into(), ..named(name) }).await.unwrap();
    }
    let rules = vec![
        rule("accounts", "region == \"North\"", &[anna]),
        rule("accounts", "region in [\"North\", \"South\"]", &[ben, cleo]),
    ];
    let hand_over = of(seller.id, rules);
    let rehearsed = begin(&rig, &boss, hand_over.clone(), true).await.unwrap();
    let begun = begin(&rig, &boss, hand_over, false).await.unwrap();
    let job = ended(&rig, &boss, &begun.id).await;
    let owners =
        rig.list(&boss, ListAccountsRequest { order_by: "display_name".into(), ..Default::default() }).await;
    let owners: Vec<String> = owners.unwrap().accounts.into_iter().map(|account| account.owner_id).collect();
    assert_eq!(owners, [anna, ben, anna, seller.id, cleo].map(|user| user.to_string()));
    assert_eq!(counted(&job), counted(&rehearsed));
    let listed =
        client(&rig, &boss).list_hand_overs(ListHandOversRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.hand_overs, [job]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_goes() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let anna = Uuid::from_u128(1);
    let seller = staff(&rig, &boss, &[anna]).await;
    rig.create(&seller, named("A")).await.unwrap();
    let fault = async |rules: Vec<Rule>| {
        violations(&begin(&rig, &boss, of(seller.id, rules), true).await.unwrap_err())
    };
    let pair = |field: &str, reason: &str| vec![(format!("hand_over.rules[0].{field}"), reason.to_owned())];
    assert_eq!(
        fault(vec![rule("interactions", "", &[anna])]).await,
        pair("collection", "COLLECTION_UNKNOWN")
    );
    assert_eq!(fault(vec![rule("", "region == \"X\"", &[anna])]).await, pair("collection", "REQUIRED"));
    assert_eq!(fault(vec![rule("accounts", "", &[seller.id])]).await, pair("to_user_ids[0]", "SAME_USER"));
    sqlx::query("UPDATE colleague SET state = 2").execute(&mut rig.database.look().await).await.unwrap();
    assert_eq!(fault(vec![rule("accounts", "", &[anna])]).await, pair("to_user_ids[0]", "USER_DISABLED"));
    sqlx::query("UPDATE colleague SET state = 1").execute(&mut rig.database.look().await).await.unwrap();
    let wrong = begin(&rig, &boss, of(seller.id, vec![rule("accounts", "shoe == 1", &[anna])]), true).await;
    assert_error(wrong, Code::InvalidArgument, "FILTER_INVALID");

    let all = || of(seller.id, vec![rule("accounts", "", &[anna])]);
    let rights = Rights::all(boss.tenant_id);
    let may_not = rig.callers.add(&rights.clone().with_permissions(&["customer.*"]));
    assert_error(begin(&rig, &may_not, all(), true).await, Code::PermissionDenied, "PERMISSION_MISSING");
    let half = rig.callers.add(&rights.clone().with_permissions(&["record.*", "customer.accounts.update"]));
    let refused =
        assert_error(begin(&rig, &half, all(), true).await, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_eq!(metadata(&refused, "permission"), "customer.accounts.transfer");
    let elsewhere = rig.callers.add(&rights.clone().with_team(&[anna]));
    assert_error(begin(&rig, &elsewhere, all(), false).await, Code::NotFound, "NOT_FOUND");
    let masked = rig.callers.add(&rights.masking(Sensitivity::Phone, Mask::Partial));
    let by_phone = of(seller.id, vec![rule("accounts", "phone == \"1\"", &[anna])]);
    assert_error(begin(&rig, &masked, by_phone, false).await, Code::PermissionDenied, "FIELD_MASKED");

    let begun = begin(&rig, &boss, all(), false).await.unwrap();
    let stranger = rig.administrator();
    assert_error(get(&rig, &stranger, &begun.id).await, Code::NotFound, "NOT_FOUND");
    let other = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[seller.id]));
    assert_error(get(&rig, &other, &begun.id).await, Code::NotFound, "NOT_FOUND");
    ended(&rig, &boss, &begun.id).await;
    let request = CancelHandOverRequest { id: begun.id, service: String::new() };
    let late = client(&rig, &boss).cancel_hand_over(request).await;
    assert_eq!(metadata(&assert_error(late, Code::FailedPrecondition, "JOB_STATE"), "state"), "DONE");
}

/// Gives a seller so many accounts.
async fn many(rig: &Rig, seller: &Caller, count: usize) {
    let requests =
        (0..count).map(|index| CreateAccountRequest { account: Some(named(&format!("A{index}"))) });
    let request = BatchCreateAccountsRequest { requests: requests.collect() };
    rig.accounts(seller).batch_create_accounts(request).await.unwrap();
}

const BY_OWNER: &str = "SELECT count(*) FROM account WHERE owner_id = $1";

#[tokio::test]
async fn a_large_one_goes_on_in_another_process_and_moves_no_record_twice() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let users = [1, 2, 3].map(Uuid::from_u128);
    let seller = staff(&rig, &boss, &users).await;
    many(&rig, &seller, 900).await;
    let begun = begin(&rig, &boss, of(seller.id, vec![rule("", "", &users)]), false).await.unwrap();
    let refused = begin(&rig, &boss, of(seller.id, vec![rule("tasks", "", &users)]), false).await;
    assert_error(refused, Code::FailedPrecondition, "HAND_OVER_RUNNING");
    while get(&rig, &boss, &begun.id).await.unwrap().counts.is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The first process ends between two groups, and another one is there already.
    let (channel, second) = serve(rig.database.db(), &rig.callers, &rig.clock).await;
    rig.shutdown.cancel();
    let rig = Rig { channel, shutdown: second, ..rig };
    let job = ended(&rig, &boss, &begun.id).await;
    assert_eq!((job.state(), job.failure.as_str()), (State::Done, ""));
    assert_eq!(job.counts.iter().map(|count| count.records).collect::<Vec<_>>(), [300, 300, 300]);
    for user in users {
        assert_eq!(rig.count(BY_OWNER, &user.to_string()).await, 300);
    }
    let sql = "SELECT count(*) FROM (SELECT 1 FROM audit_log WHERE action = 'handOver' AND actor_id = $1 AND collection = 'accounts' \
               GROUP BY record_id HAVING count(*) > 1) AS twice";
    assert_eq!(rig.count(sql, &boss.id.to_string()).await, 0);
}

#[tokio::test]
async fn one_that_is_stopped_leaves_what_went_and_one_that_meets_a_fault_says_so() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let anna = Uuid::from_u128(1);
    let seller = staff(&rig, &boss, &[anna]).await;
    many(&rig, &seller, 1000).await;
    many(&rig, &seller, 1000).await;
    let all = || of(seller.id, vec![rule("accounts", "", &[anna])]);
    let begun = begin(&rig, &boss, all(), false).await.unwrap();
    let request = CancelHandOverRequest { id: begun.id.clone(), service: String::new() };
    let stopped = client(&rig, &boss).cancel_hand_over(request).await.unwrap().into_inner();
    assert_eq!(stopped.state(), State::Cancelled);
    let moved: i64 = stopped.counts.iter().map(|count| count.records).sum();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(rig.count(BY_OWNER, &anna.to_string()).await, moved, "nothing goes afterwards");
    assert!(moved < 2000);

    // Whoever is to get them leaves in the middle.
    let begun = begin(&rig, &boss, all(), false).await.unwrap();
    sqlx::query("UPDATE colleague SET state = 2").execute(&mut rig.database.look().await).await.unwrap();
    let job = ended(&rig, &boss, &begun.id).await;
    assert_eq!(job.state(), State::Failed);
    assert!(job.failure.contains("disabled"), "{}", job.failure);
    let moved_since: i64 = job.counts.iter().map(|count| count.records).sum();
    assert_eq!(rig.count(BY_OWNER, &anna.to_string()).await, moved + moved_since);
}

/// Has the database refuse changes of accounts whose names begin with `Odd`.
async fn refuse_odd(rig: &Rig, what: &str) {
    let sql = format!(
        "CREATE SEQUENCE clash; GRANT ALL ON clash TO PUBLIC;
         CREATE FUNCTION refuse_odd() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF NEW.display_name LIKE 'Odd%' THEN {what}; END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER refuse_odd BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION refuse_odd();"
    );
    let mut conn = rig.database.look().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
}

#[tokio::test]
async fn a_record_whose_change_is_refused_stays_and_holds_up_no_other() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let anna = Uuid::from_u128(1);
    let seller = staff(&rig, &boss, &[anna]).await;
    many(&rig, &seller, 150).await;
    let first = rig.create(&seller, named("Odd 1")).await.unwrap();
    many(&rig, &seller, 150).await;
    let odd = [first, rig.create(&seller, named("Odd 2")).await.unwrap()];
    refuse_odd(&rig, "RAISE unique_violation USING CONSTRAINT = 'account_number_key'").await;
    let rules = vec![rule("accounts", "", &[anna])];
    let rehearsed = begin(&rig, &boss, of(seller.id, rules.clone()), true).await.unwrap();
    assert_eq!(counted(&rehearsed).values().sum::<i64>(), 302);
    let begun = begin(&rig, &boss, of(seller.id, rules), false).await.unwrap();
    let job = ended(&rig, &boss, &begun.id).await;
    assert_eq!((job.state(), job.failure.as_str(), job.refused_records), (State::Done, "", 2));
    assert_eq!(counted(&job), [(("accounts".to_owned(), anna.to_string()), 300)].into());
    let refused: BTreeMap<_, _> =
        job.refusals.iter().map(|one| (one.record_id.clone(), one.reason.as_str())).collect();
    assert_eq!(refused, odd.map(|account| (account.id, "NUMBER_TAKEN")).into());
    assert!(job.refusals.iter().all(|one| one.collection == "accounts" && !one.message.is_empty()));
    assert_eq!(rig.count(BY_OWNER, &seller.id.to_string()).await, 2);
    assert_eq!(rig.count(BY_OWNER, &anna.to_string()).await, 300);
}

#[tokio::test]
async fn a_clash_with_somebody_else_is_waited_for_and_is_no_failure() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let anna = Uuid::from_u128(1);
    let seller = staff(&rig, &boss, &[anna]).await;
    rig.create(&seller, named("Odd")).await.unwrap();
    // As a lock that is not given in time, four times.
    refuse_odd(&rig, "IF nextval('clash') < 5 THEN RAISE lock_not_available; END IF").await;
    let begin_time = std::time::Instant::now();
    let begun = begin(&rig, &boss, of(seller.id, vec![rule("accounts", "", &[anna])]), false).await.unwrap();
    let job = ended(&rig, &boss, &begun.id).await;
    assert_eq!((job.state(), job.refused_records), (State::Done, 0));
    let least = Duration::from_millis(50 + 100 + 200 + 400);
    assert!(begin_time.elapsed() >= least, "it waited longer each time");
    assert_eq!(rig.count(BY_OWNER, &anna.to_string()).await, 1);
}
