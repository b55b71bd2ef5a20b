//! What was done with merged records, what is to be done, and whom they are related to.

use crm_proto::crm::customer::v1::{
    Account, AccountRelation, Contact, ContactAccount, CreateAccountRelationRequest,
    CreateInteractionRequest, CreateTaskRequest, GetInteractionRequest, GetTaskRequest, Interaction,
    ListAccountRelationsRequest, ListAccountTimelineRequest, Participant, RecordLink, Task, TimelineEntry,
    account_overview_service_client::AccountOverviewServiceClient, account_relation::Kind as Relationship,
    account_relation_service_client::AccountRelationServiceClient, interaction::Kind,
    interaction_service_client::InteractionServiceClient, task_service_client::TaskServiceClient,
    timeline_entry::Entry,
};
use crm_testkit::Caller;

use super::{into_first, lead, types_about};
use crate::rig::{Rig, named};

async fn call(rig: &Rig, me: &Caller, interaction: Interaction) -> Interaction {
    let interaction = Interaction { kind: Kind::Call.into(), ..interaction };
    let request = CreateInteractionRequest { interaction: Some(interaction) };
    let mut interactions = InteractionServiceClient::new(me.on(&rig.channel));
    interactions.create_interaction(request).await.unwrap().into_inner()
}

async fn to_do(rig: &Rig, me: &Caller, task: Task) -> Task {
    let mut tasks = TaskServiceClient::new(me.on(&rig.channel));
    tasks.create_task(CreateTaskRequest { task: Some(task) }).await.unwrap().into_inner()
}

async fn call_now(rig: &Rig, me: &Caller, id: &str) -> Interaction {
    let mut interactions = InteractionServiceClient::new(me.on(&rig.channel));
    let request = GetInteractionRequest { id: id.into() };
    let now = interactions.get_interaction(request).await.unwrap().into_inner();
    Interaction { etag: String::new(), update_time: None, ..now }
}

async fn task_now(rig: &Rig, me: &Caller, id: &str) -> Task {
    let mut tasks = TaskServiceClient::new(me.on(&rig.channel));
    let now = tasks.get_task(GetTaskRequest { id: id.into() }).await.unwrap().into_inner();
    Task { etag: String::new(), update_time: None, ..now }
}

/// Names of the interactions and tasks in a time line.
async fn told(rig: &Rig, me: &Caller, account: &Account) -> Vec<String> {
    let request = ListAccountTimelineRequest {
        account_id: account.id.clone(),
        ..ListAccountTimelineRequest::default()
    };
    let mut overviews = AccountOverviewServiceClient::new(me.on(&rig.channel));
    let page = overviews.list_account_timeline(request).await.unwrap().into_inner();
    let name = |entry: TimelineEntry| match entry.entry {
        Some(Entry::Interaction(interaction)) => Some(interaction.display_name),
        Some(Entry::Task(task)) => Some(task.display_name),
        _ => None,
    };
    let mut names: Vec<String> = page.entries.into_iter().filter_map(name).collect();
    names.sort();
    names
}

async fn relate(rig: &Rig, me: &Caller, from: &Account, to: &Account, kind: Relationship) -> AccountRelation {
    let relation = AccountRelation {
        from_account_id: from.id.clone(),
        to_account_id: to.id.clone(),
        kind: kind.into(),
        note: format!("{} and {}", from.display_name, to.display_name),
        ..AccountRelation::default()
    };
    let request = CreateAccountRelationRequest { account_relation: Some(relation) };
    let mut relations = AccountRelationServiceClient::new(me.on(&rig.channel));
    relations.create_account_relation(request).await.unwrap().into_inner()
}

/// Notes of the relations of an account.
async fn relations(rig: &Rig, me: &Caller, account: &Account) -> Vec<String> {
    let request = ListAccountRelationsRequest {
        account_id: account.id.clone(),
        ..ListAccountRelationsRequest::default()
    };
    let mut client = AccountRelationServiceClient::new(me.on(&rig.channel));
    let page = client.list_account_relations(request).await.unwrap().into_inner();
    let mut notes: Vec<String> =
        page.related_accounts.into_iter().map(|one| one.relation.unwrap().note).collect();
    notes.sort();
    notes
}

fn link(collection: &str, id: &str) -> RecordLink {
    RecordLink {
        service: "customer".into(),
        collection: collection.into(),
        id: id.into(),
        display_name: String::new(),
    }
}

fn person(contact: &Contact) -> Participant {
    Participant { contact_id: contact.id.clone(), ..Participant::default() }
}

fn at(name: &str, account: &Account) -> Contact {
    let tie = ContactAccount { account_id: account.id.clone(), primary: true, ..ContactAccount::default() };
    Contact { display_name: name.into(), accounts: vec![tie], ..Contact::default() }
}

#[tokio::test]
async fn what_was_done_and_who_is_related_follow_an_account_and_come_back() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let [a, b, x, y] = ["A", "B", "X", "Y"].map(named);
    let (a, b) = (rig.create(&me, a).await.unwrap(), rig.create(&me, b).await.unwrap());
    let (x, y) = (rig.create(&me, x).await.unwrap(), rig.create(&me, y).await.unwrap());
    let person = rig.create_contact(&me, at("Person", &b)).await.unwrap();
    let about = |name: &str, account: &Account| Interaction {
        display_name: name.into(),
        account_id: account.id.clone(),
        ..Interaction::default()
    };
    call(&rig, &me, about("call of A", &a)).await;
    let linked = Interaction { links: vec![link("accounts", &b.id)], ..about("call of B", &b) };
    let called = call(&rig, &me, linked).await;
    // It stands in the time line of B only because that is where the contact is.
    let met = Interaction {
        display_name: "call of the contact".into(),
        contact_id: person.id.clone(),
        ..Interaction::default()
    };
    let met = call(&rig, &me, met).await;
    let links = vec![link("accounts", &a.id), link("accounts", &b.id)];
    let offer = Task { display_name: "offer".into(), account_id: b.id.clone(), links, ..Task::default() };
    let offer = to_do(&rig, &me, offer).await;
    relate(&rig, &me, &a, &b, Relationship::Group).await;
    relate(&rig, &me, &a, &x, Relationship::Partner).await;
    let double = relate(&rig, &me, &x, &b, Relationship::Partner).await;
    let moves = relate(&rig, &me, &b, &y, Relationship::Supplier).await;
    relate(&rig, &me, &y, &a, Relationship::Supplier).await;
    let before = (call_now(&rig, &me, &called.id).await, task_now(&rig, &me, &offer.id).await);

    let merge = rig.merge(&me, into_first("accounts", &[&a.id, &b.id])).await.unwrap().merge.unwrap();
    let all = ["call of A", "call of B", "call of the contact", "offer"];
    assert_eq!(told(&rig, &me, &a).await, all);
    let now = call_now(&rig, &me, &called.id).await;
    assert_eq!((&now.account_id, &now.links), (&a.id, &vec![link("accounts", &a.id)]));
    let now = task_now(&rig, &me, &offer.id).await;
    assert_eq!((&now.account_id, &now.links), (&a.id, &vec![link("accounts", &a.id)]), "once");
    assert_eq!(relations(&rig, &me, &a).await, ["A and X", "B and Y", "Y and A"]);
    assert_eq!(relations(&rig, &me, &x).await, ["A and X"]);

    rig.undo(&me, &merge.id).await.unwrap();
    assert_eq!(told(&rig, &me, &a).await, all[..1]);
    assert_eq!(told(&rig, &me, &b).await, all[1..]);
    assert_eq!(before, (call_now(&rig, &me, &called.id).await, task_now(&rig, &me, &offer.id).await));
    assert_eq!(relations(&rig, &me, &a).await, ["A and B", "A and X", "Y and A"]);
    assert_eq!(relations(&rig, &me, &b).await, ["A and B", "B and Y", "X and B"]);
    let events = rig.heard(&me).await;
    let [created, updated, deleted] =
        ["AccountRelationCreated", "AccountRelationUpdated", "AccountRelationDeleted"];
    assert_eq!(types_about(&events, &moves.id), [created, updated, updated]);
    assert_eq!(types_about(&events, &double.id), [created, deleted, created]);
    let updated = "InteractionUpdated";
    assert_eq!(types_about(&events, &called.id), ["InteractionCreated", updated, updated]);
    assert_eq!(types_about(&events, &met.id), ["InteractionCreated"], "it names no account");
}

#[tokio::test]
async fn what_was_done_with_contacts_and_leads_follows_them_and_stays_in_time_lines() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let home = rig.create(&me, named("Home")).await.unwrap();
    let a = Contact { display_name: "A".into(), ..Contact::default() };
    let (a, b) =
        (rig.create_contact(&me, a).await.unwrap(), rig.create_contact(&me, at("B", &home)).await.unwrap());
    let met = Interaction {
        display_name: "met".into(),
        contact_id: b.id.clone(),
        participants: vec![person(&b), person(&a)],
        ..Interaction::default()
    };
    let met = call(&rig, &me, met).await;
    let before = call_now(&rig, &me, &met.id).await;
    let merge = rig.merge(&me, into_first("contacts", &[&a.id, &b.id])).await.unwrap().merge.unwrap();
    let now = call_now(&rig, &me, &met.id).await;
    let present: Vec<&str> = now.participants.iter().map(|person| person.contact_id.as_str()).collect();
    assert_eq!((now.contact_id.as_str(), present), (a.id.as_str(), vec![a.id.as_str()]));
    assert_eq!(told(&rig, &me, &home).await, ["met"]);
    rig.undo(&me, &merge.id).await.unwrap();
    assert_eq!(call_now(&rig, &me, &met.id).await, before);
    assert_eq!(told(&rig, &me, &home).await, ["met"]);

    let (first, second) = (lead("Zhang", "a@example.com"), lead("Li", "b@example.com"));
    let first = rig.create_lead(&me, first).await.unwrap();
    let second = rig.create_lead(&me, second).await.unwrap();
    let task = Task { display_name: "ask".into(), lead_id: second.id.clone(), ..Task::default() };
    let task = to_do(&rig, &me, task).await;
    let merge = rig.merge(&me, into_first("leads", &[&first.id, &second.id])).await.unwrap().merge.unwrap();
    assert_eq!(task_now(&rig, &me, &task.id).await.lead_id, first.id);
    rig.undo(&me, &merge.id).await.unwrap();
    assert_eq!(task_now(&rig, &me, &task.id).await.lead_id, second.id);
}
