//! The event stream: what others are told.

use crm_proto::crm::{
    event::v1::{Event, StartFrom, StreamEventsRequest, event_service_client::EventServiceClient},
    platform::v1::{UpdateUserRequest, User, UserUpdated},
};
use crm_testkit::callers::Bearer;
use prost::Message as _;
use prost_types::FieldMask;

use crate::harness::{World, named};

async fn events(world: &World, max_events: i32, collection: &str) -> Vec<Event> {
    let request = StreamEventsRequest {
        start_from: StartFrom::Earliest.into(),
        collections: vec![collection.into()],
        max_events,
        ..StreamEventsRequest::default()
    };
    let mut client = EventServiceClient::new(Bearer::new(&world.admin).on(&world.channel));
    let mut stream = client.stream_events(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(response) = stream.message().await.unwrap() {
        events.extend(response.events);
        if events.len() >= usize::try_from(max_events).unwrap() {
            break;
        }
    }
    events
}

#[tokio::test]
async fn changes_of_users_are_told_with_all_a_consumer_needs() {
    let world = World::new().await;
    let user = world.create_user(named("anna", &[])).await;
    let change = User { id: user.id.clone(), job_title: "Buyer".into(), ..User::default() };
    let update_mask = Some(FieldMask { paths: vec!["job_title".into()] });
    let request = UpdateUserRequest { user: Some(change), update_mask };
    world.users(&world.admin).update_user(request).await.unwrap();
    // The administrator's creation and change of password come first.
    let told = events(&world, 4, "users").await;
    let names: Vec<&str> = told
        .iter()
        .map(|event| event.payload.as_ref().unwrap().type_url.rsplit('.').next().unwrap())
        .collect();
    assert_eq!(names, ["UserCreated", "UserUpdated", "UserCreated", "UserUpdated"]);
    let updated = UserUpdated::decode(told[3].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(updated.user.unwrap().job_title, "Buyer");
    assert_eq!(updated.changed_fields.unwrap().paths, ["job_title"]);
    assert_eq!(
        (told[3].actor_id.as_str(), told[3].record_id.as_str()),
        (world.admin_id.as_str(), user.id.as_str())
    );
}

#[tokio::test]
async fn a_new_tenant_tells_of_itself_and_its_roles() {
    let world = World::new().await;
    assert_eq!(events(&world, 1, "tenants").await.len(), 1);
    assert_eq!(events(&world, 7, "roles").await.len(), 7);
    assert_eq!(events(&world, 3, "sessions").await.len(), 3);
}
