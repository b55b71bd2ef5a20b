//! The change stream.

use std::time::Duration;

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::{
    customer::v1::{Account, AccountCreated, AccountUpdated},
    event::v1::{Event, StartFrom, StreamEventsRequest, SubscribeRequest, event::ChangeKind},
};
use crm_testkit::{Caller, Rights, status::assert_error};
use prost::Message as _;
use tonic::Code;

use crate::rig::{Rig, named};

async fn read(rig: &Rig, caller: &Caller, start: StartFrom, cursor: &str, count: i32) -> Vec<Event> {
    let request = StreamEventsRequest {
        start_from: start.into(),
        cursor: cursor.into(),
        max_events: count,
        ..StreamEventsRequest::default()
    };
    let mut stream = rig.events(caller).stream_events(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while events.len() < usize::try_from(count).unwrap() {
        let answer = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap().unwrap();
        events.extend(answer.unwrap().events);
    }
    events
}

#[tokio::test]
async fn every_change_is_told_in_order_with_all_a_consumer_needs() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let created = rig.create(&me, named("one")).await.unwrap();
    let change = Account { id: created.id.clone(), region: "North".into(), ..Account::default() };
    let updated = rig.update(&me, change, &["region"]).await.unwrap();
    let events = read(&rig, &me, StartFrom::Earliest, "", 2).await;
    assert_eq!(events[0].change_kind(), ChangeKind::Create);
    assert_eq!(events[1].change_kind(), ChangeKind::Update);
    assert!(events.iter().all(|event| event.record_id == created.id && event.actor_id == me.id.to_string()));
    let first = AccountCreated::decode(events[0].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(first.account, Some(created));
    let second = AccountUpdated::decode(events[1].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(second.account, Some(updated));
    assert_eq!(events[1].changed_fields.as_ref().unwrap().paths, ["region"]);
    assert_eq!(second.previous.unwrap().region, "");

    let after = read(&rig, &me, StartFrom::After, &events[0].cursor, 1).await;
    assert_eq!(after[0].id, events[1].id);
}

#[tokio::test]
async fn a_slower_transaction_is_not_skipped() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let first = rig.create(&me, named("first")).await.unwrap();
    // A transaction that has its id, and whose event comes last although it began first.
    let mut slow = rig.database.look().await;
    let copy = "INSERT INTO outbox (tenant_id, id, event_time, collection, record_id, owner_id, change_kind, changed_fields, actor_id, \
                request_id, type_name, payload) SELECT tenant_id, gen_random_uuid(), event_time, collection, record_id, owner_id, \
                change_kind, changed_fields, actor_id, 'slow', type_name, payload FROM outbox LIMIT 1";
    sqlx::raw_sql("BEGIN").execute(&mut slow).await.unwrap();
    sqlx::raw_sql(copy).execute(&mut slow).await.unwrap();
    rig.create(&me, named("second")).await.unwrap();
    // The second is committed but waits behind the slow one.
    let events = read(&rig, &me, StartFrom::Earliest, "", 1).await;
    assert_eq!(events[0].record_id, first.id);
    let rest = {
        let (rig, me, cursor) = (&rig, &me, events[0].cursor.clone());
        let reader = async move { read(rig, me, StartFrom::After, &cursor, 2).await };
        let commit = async { sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap() };
        futures::join!(reader, commit).0
    };
    assert_eq!(rest[0].request_id, "slow");
    assert_eq!(rest.len(), 2);
}

#[tokio::test]
async fn the_server_sends_no_more_than_the_credit() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for index in 0..5 {
        rig.create(&me, named(&format!("n{index}"))).await.unwrap();
    }
    let (sender, requests) = tokio::sync::mpsc::channel(4);
    let first =
        SubscribeRequest { start_from: StartFrom::Earliest.into(), credit: 2, ..SubscribeRequest::default() };
    sender.send(first).await.unwrap();
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut stream = rig.events(&me).subscribe(requests).await.unwrap().into_inner();
    let answer = stream.message().await.unwrap().unwrap();
    assert_eq!((answer.events.len(), answer.credit_left), (2, 0));
    let silence = tokio::time::timeout(Duration::from_millis(700), stream.message()).await;
    assert!(silence.is_err(), "{silence:?}");
    sender.send(SubscribeRequest { credit: 10, ..SubscribeRequest::default() }).await.unwrap();
    let answer = stream.message().await.unwrap().unwrap();
    assert_eq!((answer.events.len(), answer.credit_left), (3, 7));
}

#[tokio::test]
async fn a_subscriber_sees_its_own_tenant_scope_and_masks_only() {
    let rig = Rig::new().await;
    let (boss, stranger) = (rig.administrator(), rig.administrator());
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let anna = rig.callers.add(&rights.masking(Sensitivity::Phone, Mask::Partial));
    rig.create(&stranger, named("foreign")).await.unwrap();
    rig.create(&boss, named("boss's")).await.unwrap();
    rig.create(&anna, Account { phone: "+8613812341234".into(), ..named("anna's") }).await.unwrap();
    let events = read(&rig, &anna, StartFrom::Earliest, "", 1).await;
    let told = AccountCreated::decode(events[0].payload.as_ref().unwrap().value.as_slice())
        .unwrap()
        .account
        .unwrap();
    assert_eq!((told.display_name.as_str(), told.phone.as_str()), ("anna's", "+86138****1234"));

    let foreign = read(&rig, &stranger, StartFrom::Earliest, "", 1).await;
    let request = StreamEventsRequest {
        start_from: StartFrom::After.into(),
        cursor: foreign[0].cursor.clone(),
        ..StreamEventsRequest::default()
    };
    assert_error(rig.events(&boss).stream_events(request).await, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn a_cursor_older_than_the_log_is_told_to_start_anew() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    rig.create(&me, named("old")).await.unwrap();
    rig.create(&me, named("newer")).await.unwrap();
    let cursor = read(&rig, &me, StartFrom::Earliest, "", 1).await[0].cursor.clone();
    let later = rig.clock.now() + chrono::TimeDelta::days(31);
    assert_eq!(crm_kit_pg::housekeeping::run(&rig.database.db(), later).await.unwrap(), 2);
    let request =
        StreamEventsRequest { start_from: StartFrom::After.into(), cursor, ..StreamEventsRequest::default() };
    assert_error(rig.events(&me).stream_events(request).await, Code::FailedPrecondition, "RESYNC_REQUIRED");
}

#[tokio::test]
async fn a_stream_ends_when_the_server_goes_down_and_says_so() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut stream =
        rig.events(&me).stream_events(StreamEventsRequest::default()).await.unwrap().into_inner();
    rig.shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.message()).await.unwrap();
    assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_may_no_longer_read() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut stream =
        rig.events(&me).stream_events(StreamEventsRequest::default()).await.unwrap().into_inner();
    rig.callers.revoke(&me);
    let within = crm_kit_rpc::layer::guard::RECHECK + Duration::from_secs(10);
    let ended = tokio::time::timeout(within, stream.message()).await.unwrap();
    assert_eq!(ended.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn an_idle_stream_leaves_the_database_alone() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    rig.create(&me, named("one")).await.unwrap();
    let _stream = rig.events(&me).stream_events(StreamEventsRequest::default()).await.unwrap();
    let transactions = async |rig: &Rig| {
        let mut conn = rig.database.look().await;
        let sql = "SELECT pg_stat_force_next_flush(), xact_commit + xact_rollback FROM pg_stat_database \
                   WHERE datname = current_database()";
        sqlx::query_as::<_, ((), i64)>(sql).fetch_one(&mut conn).await.unwrap().1
    };
    let before = transactions(&rig).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let polled = transactions(&rig).await - before;
    // The stream and the workers look a few times a second; a stream that wakes itself looks thousands of times.
    assert!(polled < 300, "{polled} transactions in three idle seconds");
}

#[tokio::test]
async fn a_stream_tells_only_of_collections_the_caller_may_read() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id);
    let blind = rig.callers.add(&rights.clone().with_permissions(&["event.events.read"]));
    let refused = rig.events(&blind).stream_events(StreamEventsRequest::default()).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    let reader = rig.callers.add(&rights.with_permissions(&["event.events.read", "customer.contacts.read"]));
    let request =
        StreamEventsRequest { collections: vec!["accounts".into()], ..StreamEventsRequest::default() };
    let refused = rig.events(&reader).stream_events(request).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    rig.create(&boss, named("told to nobody")).await.unwrap();
    let request =
        StreamEventsRequest { start_from: StartFrom::Earliest.into(), ..StreamEventsRequest::default() };
    let mut stream = rig.events(&reader).stream_events(request).await.unwrap().into_inner();
    let silence = tokio::time::timeout(Duration::from_secs(1), stream.message()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test]
async fn the_owner_before_hears_that_a_record_went_and_nothing_more() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, ben) = (rig.callers.add(&rights), rig.callers.add(&rights));
    rig.database.knows(boss.tenant_id, &[ben.id]).await;
    let mine = rig.create(&anna, named("anna's")).await.unwrap();
    let given = Account {
        id: mine.id.clone(),
        owner_id: ben.id.to_string(),
        region: "North".into(),
        ..Account::default()
    };
    let given = rig.update(&boss, given, &["owner_id", "region"]).await.unwrap();
    let later = Account { id: mine.id.clone(), region: "South".into(), ..Account::default() };
    rig.update(&boss, later, &["region"]).await.unwrap();
    let own = rig.create(&anna, named("another of anna's")).await.unwrap();

    // Anna: her own record, its loss, and nothing of what became of it later.
    let heard = read(&rig, &anna, StartFrom::Earliest, "", 3).await;
    let records: Vec<&str> = heard.iter().map(|event| event.record_id.as_str()).collect();
    assert_eq!(records, [mine.id.as_str(), mine.id.as_str(), own.id.as_str()]);
    assert_eq!(heard[1].change_kind(), ChangeKind::Update);
    assert_eq!(heard[1].changed_fields.as_ref().unwrap().paths, ["owner_id"]);
    let loss = AccountUpdated::decode(heard[1].payload.as_ref().unwrap().value.as_slice()).unwrap();
    let known = Account {
        id: mine.id.clone(),
        update_time: given.update_time,
        etag: given.etag.clone(),
        owner_id: ben.id.to_string(),
        ..Account::default()
    };
    assert_eq!(loss.account, Some(known), "the region is not told");
    let before = Account { owner_id: anna.id.to_string(), ..Account::default() };
    assert_eq!(loss.previous, Some(before));
    assert_eq!(loss.changed_fields.unwrap().paths, ["owner_id"]);

    // Ben: all of it from the moment it is his. The boss: every change as it was made.
    let heard = read(&rig, &ben, StartFrom::Earliest, "", 2).await;
    let gain = AccountUpdated::decode(heard[0].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(gain.account, Some(given));
    let all = read(&rig, &boss, StartFrom::Earliest, "", 4).await;
    let mut paths = all[1].changed_fields.clone().unwrap().paths;
    paths.sort();
    assert_eq!(paths, ["claim_time", "owner_id", "region"]);
}
