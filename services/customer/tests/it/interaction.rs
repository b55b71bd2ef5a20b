//! Interactions: what they are about, what they move, and the walls around them.

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{
    sensitivity::{Mask, Sensitivity},
    time,
};
use crm_proto::crm::{
    customer::v1::{
        Account, BatchCreateInteractionsRequest, BulkUpsertInteractionsRequest, Contact, ContactAccount,
        CreateInteractionRequest, DeleteInteractionRequest, GetInteractionRequest, Interaction,
        ListInteractionsRequest, Participant, RecordLink, UpdateInteractionRequest,
        interaction::{Direction, Kind},
        interaction_service_client::InteractionServiceClient,
    },
    record::v1::{ExternalId, row_result::Outcome},
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, violations},
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::rig::{Rig, Wired, field_mask, named};

fn client(rig: &Rig, caller: &Caller) -> InteractionServiceClient<Wired> {
    InteractionServiceClient::new(caller.on(&rig.channel))
}

async fn create(rig: &Rig, caller: &Caller, interaction: Interaction) -> Result<Interaction, Status> {
    let request = CreateInteractionRequest { interaction: Some(interaction) };
    client(rig, caller).create_interaction(request).await.map(tonic::Response::into_inner)
}

fn call(account: &Account) -> Interaction {
    Interaction {
        display_name: "Renewal".into(),
        kind: Kind::Call.into(),
        direction: Direction::Outbound.into(),
        account_id: account.id.clone(),
        ..Interaction::default()
    }
}

fn person(name: &str, account: &Account) -> Contact {
    Contact {
        display_name: name.into(),
        accounts: vec![ContactAccount { account_id: account.id.clone(), ..ContactAccount::default() }],
        ..Contact::default()
    }
}

async fn last(rig: &Rig, caller: &Caller, account: &Account) -> Option<DateTime<Utc>> {
    let seconds = rig.get(caller, &account.id).await.unwrap().last_activity_time?.seconds;
    DateTime::from_timestamp(seconds, 0)
}

#[tokio::test]
async fn an_interaction_comes_back_as_created_and_moves_the_last_activity_of_its_account_forward_only() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("Acme")).await.unwrap();
    let contact = rig.create_contact(&me, person("Ann", &account)).await.unwrap();
    let now = rig.clock.now();
    let full = Interaction {
        start_time: Some(time::timestamp(now - TimeDelta::hours(1))),
        duration_seconds: 600,
        participants: vec![
            Participant { contact_id: contact.id.clone(), ..Participant::default() },
            Participant { display_name: "an engineer".into(), ..Participant::default() },
        ],
        outcome: "will sign".into(),
        description: "line one\nline two".into(),
        links: vec![RecordLink {
            service: "sales".into(),
            collection: "orders".into(),
            id: Uuid::new_v4().to_string(),
            display_name: "O-1".into(),
        }],
        ..call(&account)
    };
    let created = create(&rig, &me, full.clone()).await.unwrap();
    assert_eq!((&created.participants, &created.links), (&full.participants, &full.links));
    assert_eq!((created.duration_seconds, created.owner_id.clone()), (600, me.id.to_string()));
    let request = GetInteractionRequest { id: created.id.clone() };
    assert_eq!(client(&rig, &me).get_interaction(request).await.unwrap().into_inner(), created);
    assert_eq!(last(&rig, &me, &account).await, Some(now - TimeDelta::hours(1)));
    let met = rig.get_contact(&me, &contact.id).await.unwrap();
    assert_eq!(met.last_activity_time, full.start_time);
    // The account did not change for somebody who edits it.
    assert_eq!(rig.get(&me, &account.id).await.unwrap().etag, account.etag);

    let older = Some(time::timestamp(now - TimeDelta::days(3)));
    create(&rig, &me, Interaction { start_time: older, ..call(&account) }).await.unwrap();
    assert_eq!(last(&rig, &me, &account).await, Some(now - TimeDelta::hours(1)));
    create(&rig, &me, call(&account)).await.unwrap();
    assert_eq!(last(&rig, &me, &account).await, Some(now));
}

#[tokio::test]
async fn an_interaction_with_a_contact_alone_counts_for_the_contacts_primary_account() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("Acme")).await.unwrap();
    let contact = rig.create_contact(&me, person("Ann", &account)).await.unwrap();
    let visit = Interaction {
        display_name: "Visit".into(),
        kind: Kind::Visit.into(),
        contact_id: contact.id,
        ..Interaction::default()
    };
    let created = create(&rig, &me, visit).await.unwrap();
    assert_eq!(created.account_id, "");
    assert_eq!(last(&rig, &me, &account).await, Some(rig.clock.now()));
}

#[tokio::test]
async fn what_is_wrong_is_told_by_field_and_leaves_nothing() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("Acme")).await.unwrap();
    let someone = Uuid::new_v4().to_string();
    let bad = Interaction {
        display_name: " ".into(),
        start_time: Some(time::timestamp(rig.clock.now() + TimeDelta::hours(1))),
        participants: vec![
            Participant::default(),
            Participant { user_id: someone.clone(), contact_id: someone.clone(), ..Participant::default() },
        ],
        links: vec![RecordLink {
            service: "customer".into(),
            collection: "houses".into(),
            id: someone.clone(),
            display_name: String::new(),
        }],
        ..Interaction::default()
    };
    let status = assert_error(create(&rig, &me, bad).await, Code::InvalidArgument, "FIELD_INVALID");
    let mut fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    let expected = [
        "display_name",
        "kind",
        "links[0].collection",
        "participants[0].display_name",
        "participants[1].contact_id",
        "start_time",
    ];
    assert_eq!(fields, expected.map(|field| format!("interaction.{field}")));
    let nothing = Interaction { account_id: String::new(), ..call(&account) };
    let status = assert_error(create(&rig, &me, nothing).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "interaction.account_id");

    let requests = [call(&account), Interaction { account_id: someone, ..call(&account) }];
    let requests = requests.map(|interaction| CreateInteractionRequest { interaction: Some(interaction) });
    let batch = BatchCreateInteractionsRequest { requests: requests.to_vec() };
    let status = client(&rig, &me).batch_create_interactions(batch).await;
    let status = assert_error(status, Code::NotFound, "NOT_FOUND");
    assert_eq!(violations(&status)[0].0, "requests[1].interaction.account_id");
    assert_eq!(last(&rig, &me, &account).await, None);
}

#[tokio::test]
async fn lists_filter_by_what_interactions_are_about_newest_first() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("Acme")).await.unwrap();
    let other = rig.create(&me, named("Other")).await.unwrap();
    let now = rig.clock.now();
    for (hours, name) in [(2, "second"), (3, "first"), (1, "third")] {
        let start_time = Some(time::timestamp(now - TimeDelta::hours(hours)));
        let one = Interaction { start_time, display_name: name.into(), ..call(&account) };
        create(&rig, &me, one).await.unwrap();
    }
    create(&rig, &me, call(&other)).await.unwrap();
    let request = ListInteractionsRequest {
        filter: format!("account_id == \"{}\" && kind == \"KIND_CALL\"", account.id),
        ..ListInteractionsRequest::default()
    };
    let page = client(&rig, &me).list_interactions(request).await.unwrap().into_inner();
    let names: Vec<_> = page.interactions.iter().map(|one| one.display_name.as_str()).collect();
    assert_eq!(names, ["third", "second", "first"]);
    let request = ListInteractionsRequest { q: "secon".into(), ..ListInteractionsRequest::default() };
    let found = client(&rig, &me).list_interactions(request).await.unwrap().into_inner();
    assert_eq!(found.interactions.len(), 1);
}

#[tokio::test]
async fn a_stream_of_interactions_writes_once_by_external_id() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("Acme")).await.unwrap();
    let row = |name: &str, id: &str| BulkUpsertInteractionsRequest {
        key: Some(ExternalId { system: "cti".into(), value: id.into() }),
        interaction: Some(Interaction { display_name: name.into(), ..call(&account) }),
        update_mask: None,
    };
    let rows = vec![row("a", "1"), row("b", "2"), row(" ", "3"), row("a", "1")];
    let answer = client(&rig, &me).bulk_upsert_interactions(tokio_stream::iter(rows)).await;
    let mut answer = answer.unwrap().into_inner();
    let mut outcomes = Vec::new();
    while let Some(message) = answer.message().await.unwrap() {
        outcomes.extend(message.results.into_iter().map(|result| result.outcome()));
    }
    assert_eq!(outcomes, [Outcome::Created, Outcome::Created, Outcome::Failed, Outcome::Unchanged]);
}

#[tokio::test]
async fn the_walls_hold_for_interactions() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id);
    let anna = rig.callers.add(&rights.clone().with_team(&[]));
    let bert = rig.callers.add(&rights.clone().with_team(&[]).masking(Sensitivity::Note, Mask::Hidden));
    let reader = rig.callers.add(&rights.with_permissions(&["customer.interactions.read"]));
    let account = rig.create(&anna, named("anna's")).await.unwrap();
    let text = Interaction { description: "private".into(), ..call(&account) };
    let created = create(&rig, &anna, text.clone()).await.unwrap();
    assert_error(create(&rig, &bert, text.clone()).await, Code::NotFound, "NOT_FOUND");
    assert_error(create(&rig, &reader, text).await, Code::PermissionDenied, "PERMISSION_MISSING");
    let get = || GetInteractionRequest { id: created.id.clone() };
    assert_error(client(&rig, &bert).get_interaction(get()).await, Code::NotFound, "NOT_FOUND");
    let stranger = rig.administrator();
    assert_error(client(&rig, &stranger).get_interaction(get()).await, Code::NotFound, "NOT_FOUND");
    let bits = UpdateInteractionRequest {
        interaction: Some(Interaction {
            id: created.id.clone(),
            outcome: "x".into(),
            ..Interaction::default()
        }),
        update_mask: field_mask(&["outcome"]),
    };
    assert_error(client(&rig, &bert).update_interaction(bits.clone()).await, Code::NotFound, "NOT_FOUND");
    let changed = client(&rig, &anna).update_interaction(bits).await.unwrap().into_inner();
    assert_eq!((changed.outcome.as_str(), changed.display_name.as_str()), ("x", "Renewal"));
    let delete = DeleteInteractionRequest { id: created.id.clone(), etag: changed.etag };
    let deleted = client(&rig, &anna).delete_interaction(delete).await.unwrap().into_inner();
    assert!(deleted.delete_time.is_some());
}
