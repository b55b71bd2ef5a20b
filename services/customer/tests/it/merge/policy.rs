//! What a merge makes of records, and of what refers to them.

use crm_proto::crm::{
    customer::v1::{
        Account, AccountDeleted, Contact, ConversionTarget, ConvertLeadRequest, FieldPolicy, GetLeadRequest,
        MergePolicy, MergeRecordsRequest, RecordsMerged, SurvivorRule, conversion_target::Mode, merge::State,
    },
    record::v1::{
        CreateCustomFieldRequest, CustomField, CustomValue, custom_field::Type, custom_value::Value,
    },
};
use crm_proto::google::r#type::PostalAddress;
use crm_testkit::status::{assert_error, violations};
use prost::Message as _;
use tonic::Code;

use super::{email, external, into_first, lead, phone, tied, types_about};
use crate::rig::{Rig, filter, named, search};

fn address(city: &str, street: &str) -> PostalAddress {
    let address_lines = Some(street.to_owned()).filter(|street| !street.is_empty()).into_iter().collect();
    PostalAddress {
        region_code: "CN".into(),
        locality: city.into(),
        address_lines,
        ..PostalAddress::default()
    }
}

fn text(value: &str) -> CustomValue {
    CustomValue { value: Some(Value::Text(value.into())), ..CustomValue::default() }
}

#[tokio::test]
async fn accounts_become_one_with_all_that_any_of_them_knew() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let field = CustomField {
        collection: "accounts".into(),
        key: "segment".into(),
        display_name: "Segment".into(),
        r#type: Type::Text.into(),
        ..CustomField::default()
    };
    let request = CreateCustomFieldRequest { custom_field: Some(field), ..Default::default() };
    rig.custom_fields(&me).create_custom_field(request).await.unwrap();
    let first = Account {
        tags: vec!["a".into()],
        description: "The first.".into(),
        billing_address: Some(address("深圳", "")),
        external_ids: vec![external("1")],
        ..named("Alpha")
    };
    let second = Account {
        region: "South".into(),
        blocked: true,
        tags: vec!["b".into(), "a".into()],
        description: "The second.".into(),
        billing_address: Some(address("广州", "天河路 1 号")),
        external_ids: vec![external("2")],
        custom: [("segment".to_owned(), text("key"))].into(),
        ..named("Alpha Ltd")
    };
    let (a, b) = (rig.create(&me, first).await.unwrap(), rig.create(&me, second).await.unwrap());
    let preview = rig.preview(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap();
    assert_eq!(rig.get(&me, &a.id).await.unwrap(), a, "a preview writes nothing");
    let done = rig.merge(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap();
    let (merge, account) = (done.merge.unwrap(), done.account.unwrap());
    assert_eq!(preview.fields, merge.fields);
    assert_eq!(
        (account.id.as_str(), account.display_name.as_str(), account.region.as_str()),
        (&*a.id, "Alpha", "South")
    );
    assert!(account.blocked);
    assert_eq!(account.tags, ["a", "b"]);
    assert_eq!(account.description, "The first.\n\nThe second.");
    assert_eq!(account.billing_address, Some(address("广州", "天河路 1 号")));
    assert_eq!(account.external_ids, [external("1"), external("2")]);
    assert_eq!(account.custom["segment"].value, Some(Value::Text("key".into())));
    assert_eq!(account.number, a.number);
    assert_eq!(
        (merge.survivor_id, merge.loser_ids, merge.state),
        (a.id.clone(), vec![b.id.clone()], State::Moving.into())
    );
    let region = merge.fields.iter().find(|field| field.path == "region").unwrap();
    assert_eq!((region.policy(), &region.record_ids), (MergePolicy::FillEmpty, &vec![b.id.clone()]));
    // The loser is in no list, not even in that of the recycle bin, and found by no search.
    assert_eq!(rig.names(&me, filter("")).await, ["Alpha"]);
    assert_eq!(rig.names(&me, search("Ltd")).await, Vec::<String>::new());
    let bin = crm_proto::crm::customer::v1::ListAccountsRequest { show_deleted: true, ..filter("") };
    assert_eq!(rig.names(&me, bin).await, ["Alpha"]);
    let events = rig.heard(&me).await;
    assert_eq!(types_about(&events, &a.id), ["AccountCreated", "AccountUpdated"]);
    assert_eq!(types_about(&events, &b.id), ["AccountCreated", "AccountDeleted"]);
    let payload =
        |id: &str| events.iter().rfind(|event| event.record_id == id).unwrap().payload.clone().unwrap();
    let gone = AccountDeleted::decode(payload(&b.id).value.as_slice()).unwrap();
    assert_eq!(gone.merged_into_id, a.id);
    let told = RecordsMerged::decode(payload(&merge.id).value.as_slice()).unwrap();
    assert_eq!((told.display_name.as_str(), told.merge.unwrap().loser_ids), ("Alpha", vec![b.id]));
}

#[tokio::test]
async fn a_request_overrides_policies_and_wrong_ones_are_named() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let a = rig.create(&me, Account { region: "North".into(), ..named("Alpha") }).await.unwrap();
    rig.clock.advance(chrono::TimeDelta::minutes(1));
    let b = rig.create(&me, Account { region: "South-East".into(), ..named("Alpha Ltd") }).await.unwrap();
    let policy = |path: &str, policy: MergePolicy| FieldPolicy { path: path.into(), policy: policy.into() };
    let wrong = MergeRecordsRequest {
        survivor_id: uuid::Uuid::new_v4().to_string(),
        field_policies: vec![
            policy("owner_id", MergePolicy::Newest),
            policy("region", MergePolicy::Union),
            policy("industry", MergePolicy::Newest),
            policy("industry", MergePolicy::Oldest),
        ],
        ..into_first("accounts", &[&a.id, &b.id])
    };
    let status = assert_error(rig.merge(&me, wrong).await, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(
        fields,
        ["survivor_id", "field_policies[0].path", "field_policies[1].policy", "field_policies[3].path"]
    );
    let chosen = MergeRecordsRequest {
        field_policies: vec![
            policy("region", MergePolicy::Longest),
            policy("display_name", MergePolicy::Newest),
        ],
        survivor_id: String::new(),
        survivor_rule: SurvivorRule::Oldest.into(),
        ..into_first("accounts", &[&b.id, &a.id])
    };
    let account = rig.merge(&me, chosen).await.unwrap().account.unwrap();
    assert_eq!((&*account.id, &*account.region, &*account.display_name), (&*a.id, "South-East", "Alpha Ltd"));
}

#[tokio::test]
async fn what_refers_to_a_loser_refers_to_the_survivor() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (a, b) =
        (rig.create(&me, named("Alpha")).await.unwrap(), rig.create(&me, named("Beta")).await.unwrap());
    let child = rig.create(&me, Account { parent_id: b.id.clone(), ..named("Child") }).await.unwrap();
    // The survivor stands below the loser: it then stands where the loser stood.
    let top = rig.create(&me, named("Top")).await.unwrap();
    rig.update(&me, Account { id: b.id.clone(), parent_id: top.id.clone(), ..named("") }, &["parent_id"])
        .await
        .unwrap();
    rig.update(&me, Account { id: a.id.clone(), parent_id: b.id.clone(), ..named("") }, &["parent_id"])
        .await
        .unwrap();
    let one = rig.create_contact(&me, tied("One", &b)).await.unwrap();
    let mut both = tied("Both", &a);
    both.accounts.extend(tied("", &b).accounts);
    let both = rig.create_contact(&me, both).await.unwrap();
    let merge = rig.merge(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap();
    assert_eq!(merge.account.unwrap().parent_id, top.id);
    assert_eq!(merge.merge.unwrap().moved_count, 3);
    assert_eq!(rig.get(&me, &child.id).await.unwrap().parent_id, a.id);
    let ties = |contact: &Contact| {
        contact.accounts.iter().map(|tie| (tie.account_id.clone(), tie.primary)).collect::<Vec<_>>()
    };
    for id in [&one.id, &both.id] {
        assert_eq!(ties(&rig.get_contact(&me, id).await.unwrap()), [(a.id.clone(), true)]);
    }
    let filter = format!("account_id == \"{}\"", a.id);
    let request = crm_proto::crm::customer::v1::ListContactsRequest { filter, ..Default::default() };
    assert_eq!(rig.list_contacts(&me, request).await.unwrap().contacts.len(), 2);
}

#[tokio::test]
async fn contacts_unite_their_points_and_a_lead_finds_what_it_became() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let target = |mode: Mode| Some(ConversionTarget { mode: mode.into(), id: String::new() });
    let made = rig.create_lead(&me, lead("Zhang", "zhang@example.com")).await.unwrap();
    let convert =
        ConvertLeadRequest { id: made.id.clone(), contact: target(Mode::Create), ..Default::default() };
    let converted = rig.leads(&me).convert_lead(convert.clone()).await.unwrap().into_inner();
    let other = Contact {
        display_name: "张安怡".into(),
        emails: vec![email("zhang@other.cn")],
        phones: vec![phone("+8613812341234")],
        ..Contact::default()
    };
    let other = rig.create_contact(&me, other).await.unwrap();
    let subordinate = Contact {
        display_name: "Sub".into(),
        reports_to_id: converted.contact_id.clone(),
        ..Contact::default()
    };
    let subordinate = rig.create_contact(&me, subordinate).await.unwrap();
    let done = rig.merge(&me, into_first("contacts", &[&other.id, &converted.contact_id])).await.unwrap();
    let contact = done.contact.unwrap();
    let emails: Vec<_> = contact.emails.iter().map(|email| (email.address.as_str(), email.primary)).collect();
    assert_eq!(emails, [("zhang@other.cn", true), ("zhang@example.com", false)]);
    assert_eq!((contact.phones.len(), contact.display_name.as_str()), (1, "张安怡"));
    assert_eq!(rig.get_contact(&me, &subordinate.id).await.unwrap().reports_to_id, other.id);
    assert_eq!(rig.get_lead(&me, &made.id).await.unwrap().converted_contact_id, other.id);
    let again = rig.leads(&me).convert_lead(convert).await.unwrap().into_inner();
    assert_eq!(again.contact_id, other.id);
}

#[tokio::test]
async fn leads_merge_at_once_and_converted_ones_never() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let a = rig.create_lead(&me, lead("Zhang", "a@example.com")).await.unwrap();
    let other = crm_proto::crm::customer::v1::Lead {
        phone: "+8613812341234".into(),
        ..lead("Zhang", "b@example.com")
    };
    let b = rig.create_lead(&me, other).await.unwrap();
    let done = rig.merge(&me, into_first("leads", &[&a.id, &b.id])).await.unwrap();
    assert_eq!(done.merge.unwrap().state(), State::Complete, "no other service keeps ids of leads");
    let merged = done.lead.unwrap();
    assert_eq!((merged.email.as_str(), merged.phone.as_str()), ("a@example.com", "+8613812341234"));
    let target = Some(ConversionTarget { mode: Mode::Create.into(), id: String::new() });
    let convert = ConvertLeadRequest { id: a.id.clone(), contact: target, ..Default::default() };
    rig.leads(&me).convert_lead(convert).await.unwrap();
    let c = rig.create_lead(&me, lead("Zhang", "c@example.com")).await.unwrap();
    for ids in [[&*a.id, &*c.id], [&*c.id, &*a.id]] {
        assert_error(rig.merge(&me, into_first("leads", &ids)).await, Code::FailedPrecondition, "LEAD_STATE");
    }
    let left = rig.leads(&me).get_lead(GetLeadRequest { id: c.id.clone() }).await.unwrap().into_inner();
    assert_eq!(left, c);
}
