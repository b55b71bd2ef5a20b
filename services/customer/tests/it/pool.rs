//! Public pools: who gets what waits in them, who sees it, and when it comes back.

use chrono::TimeDelta;
use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::customer::v1::{
    Account, AssignPoolRecordsRequest, BatchClaimPoolRecordsRequest, ClaimPoolRecordRequest, ClaimResult,
    CreatePoolRequest, DeletePoolRequest, Lead, LeadStatusChange, ListAccountsRequest,
    ListLeadStatusChangesRequest, ListOwnershipPeriodsRequest, ListPoolRecordsRequest,
    ListPoolRecordsResponse, ListPoolsRequest, MovePoolRecordsRequest, OwnershipPeriod, Pool, PoolRecord,
    ReclaimPoolRecordsRequest, ReclaimPoolRecordsResponse, RecycleRule, ReturnRecordsToPoolRequest,
    UpdatePoolRequest, lead::Status as LeadStatus, ownership_period::Act, pool_record::Record,
    pool_service_client::PoolServiceClient,
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::rig::{Rig, Wired, field_mask, named};

fn pools(rig: &Rig, caller: &Caller) -> PoolServiceClient<Wired> {
    PoolServiceClient::new(caller.on(&rig.channel))
}

fn pool(name: &str) -> Pool {
    Pool { display_name: name.into(), collection: "accounts".into(), ..Pool::default() }
}

async fn create(rig: &Rig, boss: &Caller, pool: Pool) -> Pool {
    let request = CreatePoolRequest { pool: Some(pool) };
    pools(rig, boss).create_pool(request).await.unwrap().into_inner()
}

async fn change(rig: &Rig, boss: &Caller, pool: Pool, mask: &[&str]) -> Result<Pool, Status> {
    let request = UpdatePoolRequest { pool: Some(pool), update_mask: field_mask(mask) };
    pools(rig, boss).update_pool(request).await.map(tonic::Response::into_inner)
}

/// Accounts that wait in a pool.
async fn waiting(rig: &Rig, boss: &Caller, pool: &Pool, names: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names {
        let account = Account { phone: "13812341234".into(), ..named(name) };
        ids.push(rig.create(boss, account).await.unwrap().id);
    }
    give_back(rig, boss, &ids, &pool.id).await.unwrap();
    ids
}

async fn give_back(rig: &Rig, who: &Caller, ids: &[String], pool: &str) -> Result<Vec<Account>, Status> {
    let request = ReturnRecordsToPoolRequest {
        collection: "accounts".into(),
        record_ids: ids.to_vec(),
        pool_id: pool.into(),
        reason: "no time".into(),
    };
    let answer = pools(rig, who).return_records_to_pool(request).await?.into_inner();
    Ok(answer.records.into_iter().map(account).collect())
}

fn account(record: PoolRecord) -> Account {
    match record.record {
        Some(Record::Account(account)) => account,
        other => panic!("{other:?} is no account"),
    }
}

async fn claim(rig: &Rig, who: &Caller, pool: &Pool, id: &str) -> Result<Account, Status> {
    let request = ClaimPoolRecordRequest { pool_id: pool.id.clone(), record_id: id.into() };
    pools(rig, who).claim_pool_record(request).await.map(|answer| account(answer.into_inner()))
}

async fn claim_all(rig: &Rig, who: &Caller, pool: &Pool, ids: &[String]) -> Vec<ClaimResult> {
    let request = BatchClaimPoolRecordsRequest { pool_id: pool.id.clone(), record_ids: ids.to_vec() };
    pools(rig, who).batch_claim_pool_records(request).await.unwrap().into_inner().results
}

/// Who got what of a batch.
fn got(results: &[ClaimResult]) -> Vec<bool> {
    results.iter().map(|result| result.record.is_some()).collect()
}

async fn list(
    rig: &Rig,
    who: &Caller,
    request: ListPoolRecordsRequest,
) -> Result<ListPoolRecordsResponse, Status> {
    pools(rig, who).list_pool_records(request).await.map(tonic::Response::into_inner)
}

fn records_of(pool: &Pool) -> ListPoolRecordsRequest {
    ListPoolRecordsRequest { pool_id: pool.id.clone(), ..ListPoolRecordsRequest::default() }
}

async fn periods(rig: &Rig, who: &Caller, id: &str) -> Vec<OwnershipPeriod> {
    let request = ListOwnershipPeriodsRequest { collection: "accounts".into(), record_id: id.into() };
    pools(rig, who).list_ownership_periods(request).await.unwrap().into_inner().periods
}

async fn reclaim(
    rig: &Rig,
    who: &Caller,
    pool: &Pool,
    dry_run: bool,
) -> Result<ReclaimPoolRecordsResponse, Status> {
    let request = ReclaimPoolRecordsRequest { pool_id: pool.id.clone(), dry_run };
    pools(rig, who).reclaim_pool_records(request).await.map(tonic::Response::into_inner)
}

/// Makes records older than they are.
async fn age(rig: &Rig, ids: &[String], column: &str, days: i64) {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.parse().unwrap()).collect();
    let sql = format!("UPDATE account SET {column} = $2 WHERE id = ANY ($1)");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(ids)
        .bind(rig.clock.now() - TimeDelta::days(days))
        .execute(&mut rig.database.look().await)
        .await
        .unwrap();
}

fn seller(rig: &Rig, boss: &Caller) -> Caller {
    rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]).with_permissions(&[
        "customer.accounts.*",
        "customer.leads.*",
        "customer.pools.read",
        "customer.pools.claim",
        "customer.pools.return",
    ]))
}

#[tokio::test]
async fn of_many_who_claim_at_once_one_gets_the_record_and_the_others_are_told() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let pool = create(&rig, &boss, pool("south")).await;
    let id = waiting(&rig, &boss, &pool, &["Acme"]).await.remove(0);
    let sellers: Vec<Caller> = (0..6).map(|_| seller(&rig, &boss)).collect();
    let claims = sellers.iter().map(|who| claim(&rig, who, &pool, &id));
    let outcomes = futures::future::join_all(claims).await;
    let winners: Vec<usize> = (0..6).filter(|index| outcomes[*index].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    let winner = sellers[winners[0]].id.to_string();
    for lost in outcomes.into_iter().filter(Result::is_err) {
        let status = assert_error(lost, Code::Aborted, "ALREADY_CLAIMED");
        assert_eq!(
            (metadata(&status, "owner_id"), metadata(&status, "pool_id")),
            (winner.clone(), String::new())
        );
    }
    let owned = rig.get(&sellers[winners[0]], &id).await.unwrap();
    assert_eq!((&owned.owner_id, owned.pool_id.as_str(), owned.claim_time.is_some()), (&winner, "", true));
    let acts: Vec<Act> = periods(&rig, &boss, &id).await.iter().map(OwnershipPeriod::act).collect();
    assert_eq!(acts, [Act::Created, Act::Returned, Act::Claimed]);
    assert!(list(&rig, &boss, records_of(&pool)).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn claims_of_a_day_are_limited_also_when_they_come_at_once() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let pool = create(&rig, &boss, Pool { daily_claim_limit: 3, ..pool("south") }).await;
    let ids = waiting(&rig, &boss, &pool, &["a", "b", "c", "d", "e", "f"]).await;
    let anna = seller(&rig, &boss);
    let claims = ids[..5].iter().map(|id| claim(&rig, &anna, &pool, id));
    let outcomes = futures::future::join_all(claims).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    for refused in outcomes.into_iter().filter(Result::is_err) {
        let status = assert_error(refused, Code::ResourceExhausted, "CLAIM_LIMIT");
        assert_eq!(
            (metadata(&status, "which"), metadata(&status, "limit")),
            ("daily_claim_limit".into(), "3".into())
        );
    }
    // 08:00 UTC is 16:00 where the tenant is; its day ends 8 hours later.
    rig.clock.advance(TimeDelta::hours(7));
    assert_error(claim(&rig, &anna, &pool, &ids[5]).await, Code::ResourceExhausted, "CLAIM_LIMIT");
    rig.clock.advance(TimeDelta::hours(1));
    claim(&rig, &anna, &pool, &ids[5]).await.unwrap();
}

#[tokio::test]
async fn who_holds_enough_gets_no_more_and_what_is_exempt_does_not_count() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let exempt = "level == \"LEVEL_A\"";
    let wanted = Pool { holding_limit: 2, holding_exempt: exempt.into(), ..pool("south") };
    let pool = create(&rig, &boss, wanted).await;
    let ids = waiting(&rig, &boss, &pool, &["a", "b", "c", "d"]).await;
    let anna = seller(&rig, &boss);
    let results = claim_all(&rig, &anna, &pool, &ids[..3]).await;
    assert_eq!(got(&results), [true, true, false]);
    assert!(results[2].status.as_ref().unwrap().message.contains("holding_limit"));
    let strategic = Account { id: ids[0].clone(), level: 1, ..Account::default() };
    rig.update(&anna, strategic, &["level"]).await.unwrap();
    assert_eq!(got(&claim_all(&rig, &anna, &pool, &ids[2..]).await), [true, false]);
    // No limit binds administrators of the pool.
    let admin = seller(&rig, &boss);
    let named = Pool {
        id: pool.id.clone(),
        admin_ids: vec![admin.id.to_string()],
        holding_limit: 1,
        ..Pool::default()
    };
    change(&rig, &boss, named, &["admin_ids", "holding_limit"]).await.unwrap();
    give_back(&rig, &anna, &ids[1..3], "").await.unwrap();
    assert_eq!(got(&claim_all(&rig, &admin, &pool, &ids[1..]).await), [true, true, true]);
}

#[tokio::test]
async fn who_gave_a_record_back_waits_before_claiming_it_again() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let pool = create(&rig, &boss, Pool { cool_down_days: 7, freeze_days: 1, ..pool("south") }).await;
    let id = waiting(&rig, &boss, &pool, &["Acme"]).await.remove(0);
    let (anna, ben) = (seller(&rig, &boss), seller(&rig, &boss));
    let status =
        assert_error(claim(&rig, &anna, &pool, &id).await, Code::FailedPrecondition, "CLAIM_TOO_EARLY");
    assert!(metadata(&status, "until").starts_with("2026-03-02"));
    rig.clock.advance(TimeDelta::days(1));
    claim(&rig, &anna, &pool, &id).await.unwrap();
    give_back(&rig, &anna, std::slice::from_ref(&id), "").await.unwrap();
    rig.clock.advance(TimeDelta::days(2));
    let status =
        assert_error(claim(&rig, &anna, &pool, &id).await, Code::FailedPrecondition, "CLAIM_TOO_EARLY");
    assert!(metadata(&status, "until").starts_with("2026-03-09"));
    claim(&rig, &ben, &pool, &id).await.unwrap();
}

#[tokio::test]
async fn members_see_what_waits_with_masked_numbers_and_others_see_nothing() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let (department, role) = (Uuid::new_v4(), Uuid::new_v4());
    let rights = Rights::all(boss.tenant_id).with_team(&[]).with_permissions(&[
        "customer.accounts.read",
        "customer.pools.read",
        "customer.pools.claim",
    ]);
    let stranger = rig.callers.add(&rights);
    let (by_department, by_role) = (
        rig.callers.add(&rights.clone().in_groups(&[department])),
        rig.callers.add(&rights.clone().in_groups(&[role])),
    );
    let by_name = rig.callers.add(&rights);
    let wanted = Pool {
        user_ids: vec![by_name.id.to_string()],
        department_ids: vec![department.to_string()],
        role_ids: vec![role.to_string()],
        ..pool("south")
    };
    let pool = create(&rig, &boss, wanted).await;
    let id = waiting(&rig, &boss, &pool, &["Acme"]).await.remove(0);
    for member in [&by_name, &by_department, &by_role] {
        let seen = list(&rig, member, records_of(&pool)).await.unwrap().records.into_iter().map(account);
        let phones: Vec<String> = seen.map(|account| account.phone).collect();
        assert_eq!(phones, ["+86138****1234"]);
        assert_error(rig.get(member, &id).await, Code::NotFound, "NOT_FOUND");
        let by_phone =
            ListPoolRecordsRequest { filter: "phone == \"+8613812341234\"".into(), ..records_of(&pool) };
        assert_error(list(&rig, member, by_phone).await, Code::PermissionDenied, "FIELD_MASKED");
        let by_number = ListPoolRecordsRequest { q: "13812341234".into(), ..records_of(&pool) };
        assert!(list(&rig, member, by_number).await.unwrap().records.is_empty());
        let escape = ListPoolRecordsRequest { filter: "true) || (true".into(), ..records_of(&pool) };
        assert_error(list(&rig, member, escape).await, Code::InvalidArgument, "FILTER_INVALID");
    }
    let by_name_of_record =
        ListPoolRecordsRequest { q: "acm".into(), filter: "!blocked".into(), ..records_of(&pool) };
    assert_eq!(list(&rig, &by_role, by_name_of_record).await.unwrap().records.len(), 1);
    assert_error(list(&rig, &stranger, records_of(&pool)).await, Code::NotFound, "NOT_FOUND");
    assert_error(claim(&rig, &stranger, &pool, &id).await, Code::NotFound, "NOT_FOUND");
    let listed = pools(&rig, &stranger).list_pools(ListPoolsRequest::default()).await.unwrap().into_inner();
    assert!(listed.pools.is_empty());
    let other = rig.administrator();
    assert_error(list(&rig, &other, records_of(&pool)).await, Code::NotFound, "NOT_FOUND");
    // Whoever claimed the record sees it whole, as far as its own masks let it.
    assert_eq!(claim(&rig, &by_role, &pool, &id).await.unwrap().phone, "+8613812341234");
    let hidden = rights.in_groups(&[role]).masking(Sensitivity::Phone, Mask::Hidden);
    let hidden = rig.callers.add(&hidden);
    let id = waiting(&rig, &boss, &pool, &["Beta"]).await.remove(0);
    let seen = list(&rig, &hidden, records_of(&pool)).await.unwrap().records;
    assert_eq!(account(seen[0].clone()).phone, "");
    assert_eq!(claim(&rig, &hidden, &pool, &id).await.unwrap().phone, "");
}

#[tokio::test]
async fn records_are_assigned_moved_and_given_back_all_or_none() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let (south, north) = (create(&rig, &boss, pool("south")).await, create(&rig, &boss, pool("north")).await);
    let ids = waiting(&rig, &boss, &south, &["a", "b"]).await;
    let anna = seller(&rig, &boss);
    rig.database.knows(boss.tenant_id, &[anna.id]).await;
    let assign = |ids: &[String]| AssignPoolRecordsRequest {
        pool_id: south.id.clone(),
        record_ids: ids.to_vec(),
        owner_id: anna.id.to_string(),
        reason: "your region".into(),
    };
    let moved = |ids: &[String], target: &Pool| MovePoolRecordsRequest {
        pool_id: south.id.clone(),
        record_ids: ids.to_vec(),
        target_pool_id: target.id.clone(),
        reason: String::new(),
    };
    let mut client = pools(&rig, &boss);
    client.assign_pool_records(assign(&ids[..1])).await.unwrap();
    // One of the two is not there any more, so neither goes.
    assert_error(client.assign_pool_records(assign(&ids)).await, Code::Aborted, "ALREADY_CLAIMED");
    assert_error(client.move_pool_records(moved(&ids, &north)).await, Code::Aborted, "ALREADY_CLAIMED");
    let twice = [ids[1].clone(), ids[1].clone()];
    let status = client.move_pool_records(moved(&twice, &north)).await;
    assert_eq!(violations(&assert_error(status, Code::InvalidArgument, "FIELD_INVALID"))[0].1, "REPEATED");
    client.move_pool_records(moved(&ids[1..], &north)).await.unwrap();
    assert_eq!(list(&rig, &boss, records_of(&north)).await.unwrap().records.len(), 1);
    // Sellers neither assign nor move.
    let as_seller = pools(&rig, &anna).assign_pool_records(assign(&ids[1..])).await;
    assert_error(as_seller, Code::PermissionDenied, "PERMISSION_MISSING");
    // Back where it came from, with a reason and by who has it only.
    let silent = ReturnRecordsToPoolRequest {
        collection: "accounts".into(),
        record_ids: ids[..1].to_vec(),
        ..ReturnRecordsToPoolRequest::default()
    };
    let silent = pools(&rig, &anna).return_records_to_pool(silent).await;
    assert_error(silent, Code::InvalidArgument, "FIELD_INVALID");
    let ben = seller(&rig, &boss);
    assert_error(give_back(&rig, &ben, &ids[..1], "").await, Code::NotFound, "NOT_FOUND");
    let back = give_back(&rig, &anna, &ids[..1], "").await.unwrap().remove(0);
    assert_eq!((back.owner_id.as_str(), back.pool_id.as_str()), ("", south.id.as_str()));
    assert_error(give_back(&rig, &boss, &ids[..1], "").await, Code::FailedPrecondition, "ALREADY_IN_POOL");
    let told = periods(&rig, &boss, &ids[0]).await;
    let acts: Vec<Act> = told.iter().map(OwnershipPeriod::act).collect();
    assert_eq!(acts, [Act::Created, Act::Returned, Act::Assigned, Act::Returned]);
    assert_eq!((told[2].reason.as_str(), told[3].reason.as_str()), ("your region", "no time"));
    assert!(told[..3].iter().all(|period| period.to_time.is_some()) && told[3].to_time.is_none());
    // A pool that records wait in stays.
    let delete = DeletePoolRequest { id: south.id.clone(), etag: String::new() };
    assert_error(client.delete_pool(delete).await, Code::FailedPrecondition, "POOL_NOT_EMPTY");
}

#[tokio::test]
async fn without_a_word_where_to_a_record_goes_to_the_default_pool() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let mine = rig.create(&boss, named("Acme")).await.unwrap();
    let ids = [mine.id.clone()];
    assert_error(give_back(&rig, &boss, &ids, "").await, Code::FailedPrecondition, "POOL_NEEDED");
    let first = create(&rig, &boss, Pool { default: true, ..pool("first") }).await;
    let second = create(&rig, &boss, Pool { default: true, ..pool("second") }).await;
    let listed = pools(&rig, &boss).list_pools(ListPoolsRequest::default()).await.unwrap().into_inner().pools;
    let defaults: Vec<(&str, bool)> =
        listed.iter().map(|pool| (pool.display_name.as_str(), pool.default)).collect();
    assert_eq!(defaults, [("first", false), ("second", true)]);
    let back = give_back(&rig, &boss, &ids, "").await.unwrap().remove(0);
    assert_eq!(back.pool_id, second.id);
    // Owners are not written into what waits in a pool, and pools of another collection do not take it.
    let seized = Account { id: mine.id.clone(), owner_id: boss.id.to_string(), ..Account::default() };
    let status = rig.update(&boss, seized, &["owner_id"]).await;
    assert_eq!(violations(&assert_error(status, Code::InvalidArgument, "FIELD_INVALID"))[0].1, "IN_POOL");
    claim(&rig, &boss, &second, &mine.id).await.unwrap();
    let leads = create(&rig, &boss, Pool { collection: "leads".into(), ..pool("leads") }).await;
    assert_error(give_back(&rig, &boss, &ids, &leads.id).await, Code::NotFound, "NOT_FOUND");
    let taken = CreatePoolRequest { pool: Some(pool("first")) };
    assert_error(pools(&rig, &boss).create_pool(taken).await, Code::AlreadyExists, "POOL_NAME_TAKEN");
    let delete = DeletePoolRequest { id: first.id, etag: first.etag };
    assert_error(pools(&rig, &boss).delete_pool(delete.clone()).await, Code::Aborted, "ETAG_MISMATCH");
    pools(&rig, &boss).delete_pool(DeletePoolRequest { etag: String::new(), ..delete }).await.unwrap();
}

#[tokio::test]
async fn a_rule_takes_back_what_nobody_followed_and_a_second_run_changes_nothing() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rule = RecycleRule { key: "idle".into(), not_followed_days: 30, ..RecycleRule::default() };
    let wanted = Pool { default: true, recycle_rules: vec![rule], recycle_limit: 2, ..pool("south") };
    let pool = create(&rig, &boss, wanted).await;
    let mut ids = Vec::new();
    for name in ["old 1", "old 2", "old 3", "followed", "claimed", "new"] {
        ids.push(rig.create(&boss, named(name)).await.unwrap().id);
    }
    age(&rig, &ids[..5], "create_time", 100).await;
    age(&rig, &ids[3..4], "last_activity_time", 3).await;
    // Claimed today and never contacted: its owner has only just got it, whatever the owner before did.
    age(&rig, &ids[4..5], "last_activity_time", 90).await;
    age(&rig, &ids[4..5], "claim_time", 0).await;

    let dry = reclaim(&rig, &boss, &pool, true).await.unwrap();
    let due: Vec<&str> = dry.reclaims.iter().map(|reclaim| reclaim.record_id.as_str()).collect();
    assert_eq!((due, dry.more), (vec![ids[0].as_str(), ids[1].as_str()], true));
    assert_eq!(rig.get(&boss, &ids[0]).await.unwrap().owner_id, boss.id.to_string());

    let first = reclaim(&rig, &boss, &pool, false).await.unwrap();
    assert_eq!(first.reclaims, dry.reclaims);
    let second = reclaim(&rig, &boss, &pool, false).await.unwrap();
    let taken: Vec<&str> = second.reclaims.iter().map(|reclaim| reclaim.record_id.as_str()).collect();
    assert_eq!((taken, second.more), (vec![ids[2].as_str()], false));
    let reclaimed = rig.get(&boss, &ids[0]).await.unwrap();
    let third = reclaim(&rig, &boss, &pool, false).await.unwrap();
    assert_eq!((third.reclaims, third.more), (vec![], false));
    assert_eq!(rig.get(&boss, &ids[0]).await.unwrap(), reclaimed, "a run over nothing writes nothing");
    for id in &ids[3..] {
        assert_eq!(rig.get(&boss, id).await.unwrap().owner_id, boss.id.to_string());
        assert_eq!(periods(&rig, &boss, id).await.len(), 1);
    }
    let told = periods(&rig, &boss, &ids[0]).await;
    assert_eq!(
        (told[1].act(), told[1].reason.as_str(), told[1].pool_id.as_str()),
        (Act::Reclaimed, "idle", pool.id.as_str())
    );
}

#[tokio::test]
async fn a_record_is_taken_back_once_for_each_day_it_is_due() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rule = RecycleRule {
        key: "south".into(),
        condition: "region == \"South\"".into(),
        ..RecycleRule::default()
    };
    let wanted = Pool { recycle_rules: vec![rule], protection_days: 5, ..pool("south") };
    let pool = create(&rig, &boss, wanted).await;
    let ids = waiting(&rig, &boss, &pool, &["Acme"]).await;
    // Never in this pool, which is not the default one: its rules do not concern it.
    let other = rig.create(&boss, Account { region: "South".into(), ..named("other") }).await.unwrap();
    claim(&rig, &boss, &pool, &ids[0]).await.unwrap();
    let south = Account { id: ids[0].clone(), region: "South".into(), ..Account::default() };
    rig.update(&boss, south, &["region"]).await.unwrap();
    assert!(
        reclaim(&rig, &boss, &pool, false).await.unwrap().reclaims.is_empty(),
        "protected after the claim"
    );
    age(&rig, &ids, "claim_time", 6).await;
    assert_eq!(reclaim(&rig, &boss, &pool, false).await.unwrap().reclaims.len(), 1);
    // The same owner, the same claim, the same day: a copy of a run that comes late finds it noted.
    claim(&rig, &boss, &pool, &ids[0]).await.unwrap();
    age(&rig, &ids, "claim_time", 6).await;
    assert!(reclaim(&rig, &boss, &pool, false).await.unwrap().reclaims.is_empty());
    assert_eq!(rig.get(&boss, &other.id).await.unwrap().pool_id, "");
    // The switch.
    let paused = Pool { id: pool.id.clone(), recycle_paused: true, ..Pool::default() };
    change(&rig, &boss, paused, &["recycle_paused"]).await.unwrap();
    age(&rig, &ids, "claim_time", 7).await;
    assert_error(reclaim(&rig, &boss, &pool, false).await, Code::FailedPrecondition, "RECYCLE_PAUSED");
    assert_eq!(reclaim(&rig, &boss, &pool, true).await.unwrap().reclaims.len(), 1);
}

#[tokio::test]
async fn the_clock_runs_the_rules() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rule = RecycleRule { key: "idle".into(), not_followed_days: 30, ..RecycleRule::default() };
    let pool = create(&rig, &boss, Pool { default: true, recycle_rules: vec![rule], ..pool("south") }).await;
    let idle = rig.create(&boss, named("idle")).await.unwrap();
    rig.clock.advance(TimeDelta::days(31));
    let everything =
        ListAccountsRequest { filter: format!("pool_id == \"{}\"", pool.id), ..Default::default() };
    for _ in 0..100 {
        if rig.names(&boss, everything.clone()).await == ["idle"] {
            assert_eq!(periods(&rig, &boss, &idle.id).await[1].operator_id, Uuid::nil().to_string());
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("nobody ran the rules");
}

#[tokio::test]
async fn what_a_pool_says_is_checked() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rule = |key: &str, condition: &str| RecycleRule {
        key: key.into(),
        condition: condition.into(),
        ..RecycleRule::default()
    };
    let bad = Pool {
        display_name: " ".into(),
        holding_exempt: "colour == \"red\"".into(),
        recycle_rules: vec![rule("a", "region = 1"), rule("a", ""), rule("b", "blocked")],
        ..pool("")
    };
    let request = CreatePoolRequest { pool: Some(bad) };
    let status =
        assert_error(pools(&rig, &boss).create_pool(request).await, Code::InvalidArgument, "FIELD_INVALID");
    let mut told = violations(&status);
    told.sort();
    let wanted = [
        ("pool.display_name", "REQUIRED"),
        ("pool.holding_exempt", "FILTER_INVALID"),
        ("pool.recycle_rules[0].condition", "FILTER_INVALID"),
        ("pool.recycle_rules[1]", "RULE_EMPTY"),
        ("pool.recycle_rules[1].key", "REPEATED"),
    ];
    assert_eq!(told, wanted.map(|(field, code)| (field.to_owned(), code.to_owned())));
    let good = create(&rig, &boss, Pool { recycle_rules: vec![rule("b", "blocked")], ..pool("good") }).await;
    assert_eq!((good.recycle_limit, good.recycle_rules.len()), (500, 1));
    let moved = Pool { id: good.id.clone(), collection: "leads".into(), ..Pool::default() };
    assert_error(change(&rig, &boss, moved, &["collection"]).await, Code::InvalidArgument, "FIELD_INVALID");
    let anna = seller(&rig, &boss);
    let renamed = Pool { id: good.id, display_name: "mine".into(), ..Pool::default() };
    assert_error(
        change(&rig, &anna, renamed, &["display_name"]).await,
        Code::PermissionDenied,
        "PERMISSION_MISSING",
    );
}

#[tokio::test]
async fn a_lead_that_goes_back_is_recycled_and_comes_out_as_new() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let pool = create(&rig, &boss, Pool { collection: "leads".into(), ..pool("raw") }).await;
    let lead = rig.create_lead(&boss, Lead { phone: "13812341234".into(), ..Lead::default() }).await.unwrap();
    let request = ReturnRecordsToPoolRequest {
        collection: "leads".into(),
        record_ids: vec![lead.id.clone()],
        pool_id: pool.id.clone(),
        reason: "does not answer".into(),
    };
    pools(&rig, &boss).return_records_to_pool(request).await.unwrap();
    let back = rig.get_lead(&boss, &lead.id).await.unwrap();
    assert_eq!((back.status(), back.status_reason.as_str()), (LeadStatus::Recycled, "does not answer"));
    assert_eq!((back.owner_id.as_str(), back.pool_id.as_str()), ("", pool.id.as_str()));
    let anna = seller(&rig, &boss);
    let request = ClaimPoolRecordRequest { pool_id: pool.id.clone(), record_id: lead.id.clone() };
    pools(&rig, &anna).claim_pool_record(request).await.unwrap();
    let mine = rig.get_lead(&anna, &lead.id).await.unwrap();
    assert_eq!((mine.status(), mine.owner_id), (LeadStatus::Assigned, anna.id.to_string()));
    let request = ListLeadStatusChangesRequest { id: lead.id, ..Default::default() };
    let changes =
        rig.leads(&anna).list_lead_status_changes(request).await.unwrap().into_inner().status_changes;
    let ways: Vec<LeadStatus> = changes.iter().map(LeadStatusChange::to_status).collect();
    assert_eq!(ways, [LeadStatus::New, LeadStatus::Recycled, LeadStatus::New, LeadStatus::Assigned]);
}

#[tokio::test]
async fn the_database_holds_that_a_record_has_an_owner_or_a_pool() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let pool = create(&rig, &boss, pool("south")).await;
    let id: Uuid = rig.create(&boss, named("Acme")).await.unwrap().id.parse().unwrap();
    let mut conn = rig.database.look().await;
    for sql in
        ["UPDATE account SET owner_id = NULL WHERE id = $1", "UPDATE account SET pool_id = $2 WHERE id = $1"]
    {
        let done = sqlx::query(sql).bind(id);
        let done = if sql.contains("$2") { done.bind(pool.id.parse::<Uuid>().unwrap()) } else { done };
        let error = done.execute(&mut conn).await.unwrap_err();
        assert_eq!(
            error.as_database_error().unwrap().constraint(),
            Some("account_owner_or_pool_check"),
            "{sql}"
        );
    }
}
