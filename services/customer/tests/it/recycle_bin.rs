//! What was deleted goes for good after 30 days, with everything that hangs on it.

use std::time::Duration;

use chrono::TimeDelta;
use crm_proto::crm::{
    customer::v1::{
        Account, AccountPurged, AccountUpdated, BatchCreateContactsRequest, Contact, ContactAccount,
        ContactPurged, ContactUpdated, CreateContactRequest, DeleteAccountRequest, DeleteContactRequest,
        DeleteLeadRequest, Lead, LeadPurged, ListContactsRequest, MarkLeadDuplicateRequest,
        UndeleteAccountRequest,
    },
    event::v1::{Event, StartFrom, StreamEventsRequest, event::ChangeKind},
    record::v1::{
        CreateCustomFieldRequest, CustomField, CustomValue, ExternalId, custom_field::Type,
        custom_value::Value,
    },
};
use crm_testkit::{Caller, Rights, status::assert_error};
use sqlx::{PgConnection, Row as _};
use tonic::Code;
use uuid::Uuid;

use crate::rig::{Rig, named, serve};

impl Rig {
    pub async fn delete(&self, caller: &Caller, id: &str) -> Account {
        let request = DeleteAccountRequest { id: id.into(), etag: String::new() };
        self.accounts(caller).delete_account(request).await.unwrap().into_inner()
    }

    pub async fn delete_contact(&self, caller: &Caller, id: &str) {
        let request = DeleteContactRequest { id: id.into(), etag: String::new() };
        self.contacts(caller).delete_contact(request).await.unwrap();
    }

    async fn undelete(&self, caller: &Caller, id: &str) -> Result<Account, tonic::Status> {
        let request = UndeleteAccountRequest { id: id.into(), etag: String::new() };
        self.accounts(caller).undelete_account(request).await.map(tonic::Response::into_inner)
    }

    /// All events so far: those before one that is made here.
    pub async fn told(&self, caller: &Caller) -> Vec<Event> {
        let last = self.create(caller, named("The last one")).await.unwrap();
        let request =
            StreamEventsRequest { start_from: StartFrom::Earliest.into(), ..StreamEventsRequest::default() };
        let mut stream = self.events(caller).stream_events(request).await.unwrap().into_inner();
        let mut events = Vec::new();
        loop {
            let answer = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap();
            for event in answer.unwrap().unwrap().events {
                if event.record_id == last.id {
                    return events;
                }
                events.push(event);
            }
        }
    }

    pub async fn count(&self, sql: &'static str, id: &str) -> i64 {
        let id: Uuid = id.parse().unwrap();
        sqlx::query_scalar(sql).bind(id).fetch_one(&mut self.database.look().await).await.unwrap()
    }
}

pub fn payload<E: prost::Message + Default>(event: &Event) -> E {
    E::decode(event.payload.as_ref().unwrap().value.as_slice()).unwrap()
}

pub fn purges(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| event.change_kind() == ChangeKind::Purge).collect()
}

/// Rows that hang on a record, in whatever table.
const HANGING: &str = "SELECT (SELECT count(*) FROM external_id WHERE record_id = $1) \
     + (SELECT count(*) FROM unique_value WHERE record_id = $1) + (SELECT count(*) FROM match_key WHERE record_id = $1) \
     + (SELECT count(*) FROM duplicate_hold WHERE record_id = $1) \
     + (SELECT count(*) FROM contact_account WHERE contact_id = $1 OR account_id = $1) \
     + (SELECT count(*) FROM account WHERE id = $1) + (SELECT count(*) FROM contact WHERE id = $1)";

#[tokio::test]
async fn a_record_goes_after_thirty_days_and_not_before() {
    let rig = Rig::new().await;
    let (me, other) = (rig.administrator(), rig.administrator());
    let erp = ExternalId { system: "erp".into(), value: "4711".into() };
    let account = Account { external_ids: vec![erp], ..named("西湖机械有限公司") };
    let (gone, stays) =
        (rig.create(&me, account).await.unwrap(), rig.create(&me, named("stays")).await.unwrap());
    let foreign = rig.create(&other, named("of another tenant")).await.unwrap();
    let deleted = rig.delete(&me, &gone.id).await;
    rig.delete(&other, &foreign.id).await;

    rig.clock.advance(TimeDelta::days(29));
    assert_eq!(rig.purge().await, 0);
    assert_eq!(rig.get(&me, &gone.id).await.unwrap(), deleted);

    rig.clock.advance(TimeDelta::days(2));
    assert_eq!(rig.purge().await, 2);
    assert_error(rig.get(&me, &gone.id).await, Code::NotFound, "NOT_FOUND");
    assert_error(rig.undelete(&me, &gone.id).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(rig.count(HANGING, &gone.id).await, 0);
    assert_eq!(rig.get(&me, &stays.id).await.unwrap(), stays);
    assert_eq!(rig.purge().await, 0, "a second run finds nothing");

    let events = rig.told(&me).await;
    let purges = purges(&events);
    assert_eq!(purges.len(), 1);
    assert_eq!((purges[0].record_id.as_str(), purges[0].collection.as_str()), (gone.id.as_str(), "accounts"));
    assert_eq!(purges[0].actor_id, Uuid::nil().to_string());
    let told: AccountPurged = payload(purges[0]);
    assert_eq!(told, AccountPurged { id: gone.id.clone(), delete_time: deleted.delete_time });
    let sql = "SELECT action, method, length(before) + length(after) AS kept, type_name FROM audit_log \
               WHERE record_id = $1 ORDER BY id DESC LIMIT 1";
    let id: Uuid = gone.id.parse().unwrap();
    let row = sqlx::query(sql).bind(id).fetch_one(&mut rig.database.look().await).await.unwrap();
    let audited = (row.get::<&str, _>("action"), row.get::<&str, _>("method"), row.get::<i32, _>("kept"));
    assert_eq!(audited, ("purge", "job/purge", 0));
    assert_eq!(row.get::<&str, _>("type_name"), "crm.customer.v1.Account");
}

#[tokio::test]
async fn who_comes_back_in_between_stays() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("one")).await.unwrap();
    rig.delete(&me, &account.id).await;
    rig.clock.advance(TimeDelta::days(29));
    rig.undelete(&me, &account.id).await.unwrap();
    rig.clock.advance(TimeDelta::days(2));
    assert_eq!(rig.purge().await, 0);
    assert!(rig.get(&me, &account.id).await.unwrap().delete_time.is_none());
    // Deleted again, its days are counted anew.
    rig.delete(&me, &account.id).await;
    rig.clock.advance(TimeDelta::days(29));
    assert_eq!(rig.purge().await, 0);
    rig.clock.advance(TimeDelta::days(1) + TimeDelta::seconds(1));
    assert_eq!(rig.purge().await, 1);
}

async fn run(conn: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(conn).await.unwrap();
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_passed_over() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let held = rig.create(&me, named("held")).await.unwrap();
    let free = rig.create(&me, named("free")).await.unwrap();
    for id in [&held.id, &free.id] {
        rig.delete(&me, id).await;
    }
    rig.clock.advance(TimeDelta::days(31));
    // A call that brings the record back and has not committed yet.
    let mut call = rig.database.look().await;
    run(
        &mut call,
        "BEGIN; UPDATE account SET delete_time = NULL, revision = revision + 1 WHERE display_name = 'held'",
    )
    .await;
    assert_eq!(rig.purge().await, 1, "without waiting for the other");
    assert_error(rig.get(&me, &free.id).await, Code::NotFound, "NOT_FOUND");
    run(&mut call, "COMMIT").await;
    assert_eq!(rig.purge().await, 0);
    assert!(rig.get(&me, &held.id).await.unwrap().delete_time.is_none());
}

#[tokio::test]
async fn calls_that_bring_a_record_back_while_it_is_purged_win_or_find_nothing() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for round in 0..10 {
        let account = rig.create(&me, named(&format!("round {round}"))).await.unwrap();
        rig.delete(&me, &account.id).await;
        rig.clock.advance(TimeDelta::days(31));
        let (purged, back, twice) = futures::join!(rig.purge(), rig.undelete(&me, &account.id), rig.purge());
        let found = rig.get(&me, &account.id).await;
        match back {
            Ok(back) => {
                assert_eq!((purged + twice, found.unwrap()), (0, back));
            }
            Err(status) => {
                assert_eq!((purged + twice, status.code()), (1, Code::NotFound));
                assert_error(found, Code::NotFound, "NOT_FOUND");
            }
        }
    }
}

fn tie(account: &Account, primary: bool) -> ContactAccount {
    ContactAccount { account_id: account.id.clone(), primary, ..ContactAccount::default() }
}

#[tokio::test]
async fn records_that_refer_to_a_purged_one_lose_the_reference() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let field = CustomField {
        display_name: "Partner".into(),
        collection: "contacts".into(),
        key: "partner".into(),
        reference_collection: "accounts".into(),
        r#type: Type::Reference.into(),
        ..CustomField::default()
    };
    let request = CreateCustomFieldRequest { service: String::new(), custom_field: Some(field) };
    rig.custom_fields(&me).create_custom_field(request).await.unwrap();
    let top = rig.create(&me, named("top")).await.unwrap();
    let stays = rig.create(&me, named("stays")).await.unwrap();
    let below = rig.create(&me, Account { parent_id: top.id.clone(), ..named("below") }).await.unwrap();
    let boss =
        rig.create_contact(&me, Contact { display_name: "Boss".into(), ..Contact::default() }).await.unwrap();
    let partner = CustomValue { value: Some(Value::ReferenceId(top.id.clone())), sensitivity: 0 };
    let person = Contact {
        display_name: "Person".into(),
        reports_to_id: boss.id.clone(),
        accounts: vec![tie(&top, true), tie(&stays, false)],
        custom: [("partner".to_owned(), partner)].into(),
        ..Contact::default()
    };
    let person = rig.create_contact(&me, person).await.unwrap();
    rig.delete(&me, &top.id).await;
    rig.delete_contact(&me, &boss.id).await;
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 2);

    let child = rig.get(&me, &below.id).await.unwrap();
    assert_eq!(child.parent_id, "");
    assert_ne!(child.etag, below.etag, "it changed for its readers");
    let left = rig.get_contact(&me, &person.id).await.unwrap();
    assert_eq!(left.accounts, [tie(&stays, true)], "the one that is left is the main one");
    assert!(left.reports_to_id.is_empty() && left.custom.is_empty());
    for id in [&top.id, &boss.id] {
        assert_eq!(rig.count(HANGING, id).await, 0);
    }

    let events = rig.told(&me).await;
    let updates = events.iter().filter(|event| event.change_kind() == ChangeKind::Update);
    let told: Vec<(&str, Vec<String>)> = updates
        .map(|event| (event.record_id.as_str(), event.changed_fields.clone().unwrap().paths))
        .collect();
    let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    assert_eq!(told[0], (person.id.as_str(), paths(&["reports_to_id"])));
    assert!(told.contains(&(below.id.as_str(), paths(&["parent_id"]))));
    assert!(told.contains(&(person.id.as_str(), paths(&["accounts", "custom"]))), "{told:?}");
    assert_eq!(told.len(), 3);
    let of = |id: &str| {
        let mut of_record = events.iter().filter(|event| event.record_id == id);
        of_record.rfind(|event| event.change_kind() == ChangeKind::Update).unwrap()
    };
    assert_eq!(payload::<AccountUpdated>(of(&below.id)).previous.unwrap().parent_id, top.id);
    assert_eq!(payload::<ContactUpdated>(of(&person.id)).contact, Some(left));
    let order: Vec<&str> = purges(&events).iter().map(|event| event.record_id.as_str()).collect();
    assert_eq!(order, [boss.id.as_str(), top.id.as_str()], "contacts go before accounts");
    assert_eq!(payload::<ContactPurged>(purges(&events)[0]).id, boss.id);
}

#[tokio::test]
async fn records_that_go_together_tell_nothing_of_each_other() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let top = rig.create(&me, named("top")).await.unwrap();
    let below = rig.create(&me, Account { parent_id: top.id.clone(), ..named("below") }).await.unwrap();
    let person = Contact { display_name: "P".into(), accounts: vec![tie(&top, true)], ..Contact::default() };
    let person = rig.create_contact(&me, person).await.unwrap();
    rig.delete(&me, &below.id).await;
    rig.delete(&me, &top.id).await;
    rig.delete_contact(&me, &person.id).await;
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 3);
    let kinds: Vec<ChangeKind> = rig.told(&me).await.iter().map(Event::change_kind).collect();
    assert!(!kinds.contains(&ChangeKind::Update), "{kinds:?}");
}

#[tokio::test]
async fn a_record_that_very_many_refer_to_goes_in_steps() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let top = rig.create(&me, named("top")).await.unwrap();
    let contact = |index: usize| CreateContactRequest {
        contact: Some(Contact {
            display_name: format!("Contact {index}"),
            accounts: vec![tie(&top, true)],
            ..Contact::default()
        }),
    };
    for _ in 0..2 {
        let requests = (0..600).map(contact).collect();
        rig.contacts(&me).batch_create_contacts(BatchCreateContactsRequest { requests }).await.unwrap();
    }
    rig.delete(&me, &top.id).await;
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 1);
    assert_eq!(rig.count(HANGING, &top.id).await, 0);
    let tied = ListContactsRequest {
        filter: format!("account_id == '{}'", top.id),
        include_total_size: true,
        ..ListContactsRequest::default()
    };
    assert_eq!(rig.list_contacts(&me, tied).await.unwrap().total_size, 0);
}

#[tokio::test]
async fn one_record_that_cannot_go_holds_up_no_other() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut ids = Vec::new();
    for name in ["a", "stuck", "b"] {
        let account = rig.create(&me, named(name)).await.unwrap();
        rig.delete(&me, &account.id).await;
        ids.push(account.id);
    }
    let mut conn = rig.database.look().await;
    // Something of the operator's own that holds the row.
    run(&mut conn, "CREATE TABLE note (tenant_id uuid, account_id uuid, FOREIGN KEY (tenant_id, account_id) REFERENCES account); \
                    INSERT INTO note SELECT tenant_id, id FROM account WHERE display_name = 'stuck'").await;
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 2);
    assert!(rig.get(&me, &ids[1]).await.unwrap().delete_time.is_some());
    run(&mut conn, "DROP TABLE note").await;
    assert_eq!(rig.purge().await, 1);
}

#[tokio::test]
async fn a_purge_is_told_to_those_who_saw_the_owner_before() {
    let rig = Rig::new().await;
    let tenant = Uuid::new_v4();
    let all = rig.callers.add(&Rights::all(tenant));
    let near = rig.callers.add(&Rights::all(tenant).with_team(&[]));
    let mine = rig.create(&near, named("mine")).await.unwrap();
    let theirs = rig.create(&all, named("theirs")).await.unwrap();
    for id in [&mine.id, &theirs.id] {
        rig.delete(&all, id).await;
    }
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 2);
    let told =
        |events: &[Event]| purges(events).iter().map(|event| event.record_id.clone()).collect::<Vec<_>>();
    assert_eq!(told(&rig.told(&near).await), std::slice::from_ref(&mine.id));
    assert_eq!(told(&rig.told(&all).await).len(), 2);
}

/// The process that deleted is stopped; one that starts later purges by itself.
#[tokio::test]
async fn a_process_empties_the_bins_when_it_starts() {
    let mut rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("one")).await.unwrap();
    rig.delete(&me, &account.id).await;
    rig.shutdown.cancel();
    rig.clock.advance(TimeDelta::days(31));
    (rig.channel, rig.shutdown) = serve(rig.database.db(), &rig.callers, &rig.clock).await;
    let request = StreamEventsRequest {
        start_from: StartFrom::Earliest.into(),
        max_events: 3,
        ..StreamEventsRequest::default()
    };
    let mut stream = rig.events(&me).stream_events(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while events.len() < 3 {
        let answer = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap();
        events.extend(answer.unwrap().unwrap().events);
    }
    assert_eq!(events[2].change_kind(), ChangeKind::Purge);
    assert_error(rig.get(&me, &account.id).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn walks_read_the_index_and_no_record_that_is_not_due() {
    let rig = Rig::new().await;
    let mut conn = rig.database.look().await;
    run(&mut conn, "SET enable_seqscan = off; SET enable_bitmapscan = off").await;
    for table in ["account", "contact", "lead"] {
        let sql = format!(
            "SELECT r.tenant_id, r.id, r.delete_time FROM {table} AS r \
             WHERE r.delete_time < now() AND (r.delete_time, r.tenant_id, r.id) > ('epoch', gen_random_uuid(), gen_random_uuid()) \
             ORDER BY r.delete_time, r.tenant_id, r.id LIMIT 200"
        );
        let plan = crm_testkit::database::plan(&mut conn, sql.into()).await;
        assert!(plan.contains(&format!("{table}_bin_idx")) && !plan.contains("Sort"), "{plan}");
    }
}

#[tokio::test]
async fn a_lead_goes_with_the_history_of_its_status() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let lead = Lead { display_name: "L".into(), email: "l@example.com".into(), ..Lead::default() };
    let lead = rig.create_lead(&me, lead).await.unwrap();
    let request = DeleteLeadRequest { id: lead.id.clone(), etag: String::new() };
    let twin = Lead { display_name: "T".into(), email: "t@example.com".into(), ..Lead::default() };
    let twin = rig.create_lead(&me, twin).await.unwrap();
    let mark = MarkLeadDuplicateRequest {
        id: twin.id.clone(),
        duplicate_of_id: lead.id.clone(),
        ..MarkLeadDuplicateRequest::default()
    };
    let twin = rig.leads(&me).mark_lead_duplicate(mark).await.unwrap().into_inner();
    assert_eq!(twin.duplicate_of_id, lead.id);
    let deleted = rig.leads(&me).delete_lead(request).await.unwrap().into_inner();
    let history = "SELECT count(*) FROM lead_status_change WHERE lead_id = $1";
    assert!(rig.count(history, &lead.id).await > 0);
    rig.clock.advance(TimeDelta::days(29));
    assert_eq!(rig.purge().await, 0);
    rig.clock.advance(TimeDelta::days(2));
    assert_eq!(rig.purge().await, 1);
    assert_eq!(rig.count(history, &lead.id).await, 0);
    assert_error(rig.get_lead(&me, &lead.id).await, Code::NotFound, "NOT_FOUND");
    let left = rig.get_lead(&me, &twin.id).await.unwrap();
    assert_eq!((left.duplicate_of_id.as_str(), left.status), ("", twin.status));
    let events = rig.told(&me).await;
    let told: LeadPurged = payload(purges(&events)[0]);
    assert_eq!(told, LeadPurged { id: lead.id, delete_time: deleted.delete_time });
}
