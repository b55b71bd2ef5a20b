//! What becomes of interactions and tasks when records go for good, and how they go themselves.

use chrono::TimeDelta;
use crm_proto::crm::customer::v1::{
    Contact, CreateInteractionRequest, CreateTaskRequest, DeleteInteractionRequest, DeleteTaskRequest,
    GetInteractionRequest, GetTaskRequest, Interaction, InteractionPurged, Participant, RecordLink, Task,
    TaskPurged, UpdateInteractionRequest, interaction::Kind,
    interaction_service_client::InteractionServiceClient, task_service_client::TaskServiceClient,
};
use crm_testkit::{Caller, status::violations};
use tonic::Response;

use crate::{
    recycle_bin::{payload, purges},
    rig::{Rig, Wired, field_mask, named},
};

fn interactions(rig: &Rig, caller: &Caller) -> InteractionServiceClient<Wired> {
    InteractionServiceClient::new(caller.on(&rig.channel))
}

fn tasks(rig: &Rig, caller: &Caller) -> TaskServiceClient<Wired> {
    TaskServiceClient::new(caller.on(&rig.channel))
}

fn link(collection: &str, id: &str) -> RecordLink {
    RecordLink {
        service: "customer".into(),
        collection: collection.into(),
        id: id.into(),
        display_name: "The other".into(),
    }
}

#[tokio::test]
async fn they_forget_records_that_go_and_can_be_changed_afterwards() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (gone, other) =
        (rig.create(&me, named("gone")).await.unwrap(), rig.create(&me, named("other")).await.unwrap());
    let person =
        rig.create_contact(&me, Contact { display_name: "P".into(), ..Contact::default() }).await.unwrap();
    let task = Task {
        display_name: "Offer".into(),
        contact_id: person.id.clone(),
        links: vec![link("accounts", &gone.id), link("accounts", &other.id)],
        ..Task::default()
    };
    let request = CreateTaskRequest { task: Some(task) };
    let task = tasks(&rig, &me).create_task(request).await.unwrap().into_inner();
    let met = Participant { contact_id: person.id.clone(), ..Participant::default() };
    let named = Participant { display_name: "Somebody".into(), ..Participant::default() };
    let interaction = Interaction {
        display_name: "Call".into(),
        kind: Kind::Call.into(),
        account_id: gone.id.clone(),
        participants: vec![met, named.clone()],
        ..Interaction::default()
    };
    let request = CreateInteractionRequest { interaction: Some(interaction) };
    let interaction = interactions(&rig, &me).create_interaction(request).await.unwrap().into_inner();
    rig.delete(&me, &gone.id).await;
    rig.delete_contact(&me, &person.id).await;
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 2);

    let request = GetTaskRequest { id: task.id.clone() };
    let left = tasks(&rig, &me).get_task(request).await.unwrap().into_inner();
    assert_eq!((left.contact_id.as_str(), left.links), ("", vec![link("accounts", &other.id)]));
    assert_ne!(left.etag, task.etag, "it changed for its readers");
    let request = GetInteractionRequest { id: interaction.id.clone() };
    let left = interactions(&rig, &me).get_interaction(request).await.unwrap().into_inner();
    assert_eq!((left.account_id.as_str(), &left.participants), ("", &vec![named]));

    // It is about nothing now, which is no fault of whoever changes it next; one that is made so is refused as ever.
    let update = UpdateInteractionRequest {
        interaction: Some(Interaction { outcome: "Sold".into(), ..left.clone() }),
        update_mask: field_mask(&["outcome"]),
    };
    let updated = interactions(&rig, &me).update_interaction(update).await.unwrap().into_inner();
    assert_eq!(updated.outcome, "Sold");
    let request = CreateInteractionRequest { interaction: Some(Interaction { id: String::new(), ..left }) };
    let refused = interactions(&rig, &me).create_interaction(request).await.unwrap_err();
    assert_eq!(violations(&refused)[0].0, "interaction.account_id");
}

#[tokio::test]
async fn they_go_themselves_and_tell_their_ids_only() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let account = rig.create(&me, named("stays")).await.unwrap();
    let task = Task { display_name: "Offer".into(), account_id: account.id.clone(), ..Task::default() };
    let request = CreateTaskRequest { task: Some(task) };
    let task = tasks(&rig, &me).create_task(request).await.unwrap().into_inner();
    let interaction = Interaction {
        display_name: "Call".into(),
        kind: Kind::Call.into(),
        links: vec![link("tasks", &task.id)],
        ..Interaction::default()
    };
    let create = |interaction| {
        let request = CreateInteractionRequest { interaction: Some(interaction) };
        let mut client = interactions(&rig, &me);
        async move { client.create_interaction(request).await.map(Response::into_inner) }
    };
    let goes = create(interaction.clone()).await.unwrap();
    let stays = create(interaction).await.unwrap();
    let request = DeleteTaskRequest { id: task.id.clone(), etag: String::new() };
    tasks(&rig, &me).delete_task(request).await.unwrap();
    let request = DeleteInteractionRequest { id: goes.id.clone(), etag: String::new() };
    interactions(&rig, &me).delete_interaction(request).await.unwrap();
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 2);

    let request = GetInteractionRequest { id: stays.id.clone() };
    let left = interactions(&rig, &me).get_interaction(request).await.unwrap().into_inner();
    assert_eq!(left.links, []);
    let events = rig.told(&me).await;
    let purged = purges(&events);
    assert_eq!(purged.len(), 2);
    let of = |id: &str| purged.iter().find(|event| event.record_id == id).unwrap();
    assert_eq!(payload::<TaskPurged>(of(&task.id)).id, task.id);
    let told: InteractionPurged = payload(of(&goes.id));
    assert_eq!((told.id.as_str(), told.delete_time.is_some()), (goes.id.as_str(), true));
}
