//! A merge that is undone before anybody edited anything leaves every row as it was.

use crm_proto::crm::customer::v1::{
    Account, Contact, ContactAccount, FieldPolicy, Lead, MergePolicy, MergeRecordsRequest,
};
use crm_testkit::Caller;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{email, external, into_first, lead, phone};
use crate::rig::{Rig, named};

/// Every row of the service that says something of a record, without what each write stamps.
const ROWS: &str = "
    SELECT to_jsonb(r) - 'revision' - 'update_time' FROM account r
    UNION ALL SELECT to_jsonb(r) - 'revision' - 'update_time' FROM contact r
    UNION ALL SELECT to_jsonb(r) - 'revision' - 'update_time' FROM lead r
    UNION ALL SELECT to_jsonb(r) FROM contact_account r
    UNION ALL SELECT to_jsonb(r) FROM external_id r
    UNION ALL SELECT to_jsonb(r) FROM match_key r
    UNION ALL SELECT to_jsonb(r) FROM lead_status_change r
    UNION ALL SELECT to_jsonb(r) FROM ownership_period r
    UNION ALL SELECT to_jsonb(r) FROM duplicate_dismissal r
    UNION ALL SELECT to_jsonb(r) FROM merged_record r
    UNION ALL SELECT to_jsonb(r) FROM merge_change r";

async fn rows(rig: &Rig) -> Vec<String> {
    let rows: Vec<serde_json::Value> =
        sqlx::query_scalar(ROWS).fetch_all(&mut rig.database.look().await).await.unwrap();
    let mut rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
    rows.sort_unstable();
    rows
}

/// What one record of a case has; small numbers so that records share some of it and lack other.
#[derive(Clone, Debug)]
struct Has {
    region: Option<u8>,
    tags: Vec<u8>,
    points: bool,
    external: bool,
    text: Option<u8>,
    flag: bool,
    /// Another record of the case, by place.
    refers_to: Option<usize>,
}

prop_compose! {
    fn has()(region in prop::option::of(0..3_u8), tags in prop::collection::vec(0..4_u8, 0..3), points: bool, external: bool,
             text in prop::option::of(0..3_u8), flag: bool, refers_to in prop::option::of(0..5_usize)) -> Has {
        Has { region, tags, points, external, text, flag, refers_to }
    }
}

fn text(value: Option<u8>) -> String {
    value.map(|value| format!("text {value}")).unwrap_or_default()
}

fn tags(has: &Has) -> Vec<String> {
    has.tags.iter().map(|tag| format!("tag {tag}")).collect()
}

/// Creates the records of a case; returns their ids and those of what refers to them.
async fn create(rig: &Rig, me: &Caller, collection: &str, case: usize, records: &[Has]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for (index, has) in records.iter().enumerate() {
        let name = format!("{collection} {case} {index}");
        let ids_of = |has: &Has| if has.external { vec![external(&name)] } else { Vec::new() };
        let upper = has.refers_to.and_then(|place| ids.get(place)).cloned().unwrap_or_default();
        let id = match collection {
            "accounts" => {
                let account = Account {
                    region: text(has.region),
                    tags: tags(has),
                    description: text(has.text),
                    blocked: has.flag,
                    external_ids: ids_of(has),
                    parent_id: upper,
                    ..named(&name)
                };
                let id = rig.create(me, account).await.unwrap().id;
                let tie =
                    ContactAccount { account_id: id.clone(), role: text(has.region), ..Default::default() };
                let contact =
                    Contact { display_name: format!("of {name}"), accounts: vec![tie], ..Contact::default() };
                rig.create_contact(me, contact).await.unwrap();
                id
            }
            "contacts" => {
                let address = format!("{}@example.com", name.replace(' ', "."));
                let contact = Contact {
                    display_name: name.clone(),
                    job_title: text(has.region),
                    tags: tags(has),
                    description: text(has.text),
                    emails: if has.points { vec![email(&address)] } else { Vec::new() },
                    phones: if has.flag {
                        vec![phone(&format!("+8613{case:04}{index:05}"))]
                    } else {
                        Vec::new()
                    },
                    external_ids: ids_of(has),
                    reports_to_id: upper,
                    ..Contact::default()
                };
                rig.create_contact(me, contact).await.unwrap().id
            }
            _ => {
                let made = Lead {
                    region: text(has.region),
                    tags: tags(has),
                    description: text(has.text),
                    external_ids: ids_of(has),
                    ..lead(&name, &format!("lead.{case}.{index}@example.com"))
                };
                rig.create_lead(me, made).await.unwrap().id
            }
        };
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn merging_and_undoing_leaves_every_row_as_it_was() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let records = prop::collection::vec(has(), 2..5);
    let policies = prop::option::of(prop::sample::select(vec![
        MergePolicy::Survivor,
        MergePolicy::Newest,
        MergePolicy::Oldest,
        MergePolicy::Longest,
    ]));
    for case in 0..24 {
        let (records, policy) = (&records, &policies).new_tree(&mut runner).unwrap().current();
        let collection = ["accounts", "contacts", "leads"][case % 3];
        let ids = create(&rig, &me, collection, case, &records).await;
        let before = rows(&rig).await;
        let paths = ["description", "tags"];
        let field_policies = policy
            .iter()
            .flat_map(|policy| paths.map(|path| FieldPolicy { path: path.into(), policy: (*policy).into() }));
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        // The first of the chain of references survives, or the last.
        let mut order = ids.clone();
        if case % 2 == 1 {
            order.reverse();
        }
        let request = MergeRecordsRequest {
            field_policies: field_policies.collect(),
            ..into_first(collection, &order)
        };
        let merge = rig.merge(&me, request).await.unwrap().merge.unwrap();
        assert_ne!(rows(&rig).await, before);
        let undone = rig.undo(&me, &merge.id).await.unwrap();
        assert_eq!(undone.conflicts, [], "{records:?}");
        let after = rows(&rig).await;
        let differ: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
        let new: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
        assert_eq!((differ, new), (Vec::new(), Vec::new()), "{collection} {records:?}");
        assert_eq!(after.len(), before.len());
    }
}
