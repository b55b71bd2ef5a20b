//! One record on its way through the processes: made by REST, read by gRPC, told as an event.

use crm_proto::crm::{
    customer::v1::{AccountCreated, GetAccountRequest, account_service_client::AccountServiceClient},
    event::v1::{Event, StartFrom, StreamEventsRequest, event_service_client::EventServiceClient},
};
use prost::Message as _;
use serde_json::json;

use super::suite::Suite;

#[tokio::test]
async fn an_account_made_by_rest_is_read_by_grpc_and_told_as_an_event() {
    let mut suite = Suite::start(25).await;
    let admin = suite.administrator("flow").await;
    let channel = suite.service("customer").channel(&admin);
    let request = StreamEventsRequest {
        start_from: StartFrom::Latest.into(),
        collections: vec!["accounts".to_owned()],
        max_events: 1,
        ..StreamEventsRequest::default()
    };
    let subscribed = EventServiceClient::new(channel.clone()).stream_events(request).await.unwrap();

    let body = json!({"display_name": "上海电力", "phone": "021 6888 7777", "tags": ["电力"]});
    let made = admin.post("/v1/accounts", &body).await.ok();
    let id = made["id"].as_str().unwrap().to_owned();

    let request = GetAccountRequest { id: id.clone() };
    let read = AccountServiceClient::new(channel).get_account(request).await.unwrap().into_inner();
    assert_eq!((read.display_name.as_str(), read.phone.as_str()), ("上海电力", "+862168887777"));
    assert_eq!((json!(read.tags), json!(read.etag)), (made["tags"].clone(), made["etag"].clone()));

    let event = first_event(subscribed.into_inner()).await;
    assert_eq!((event.collection.as_str(), &event.record_id), ("accounts", &id));
    let payload = event.payload.unwrap();
    assert_eq!(payload.type_url, "type.googleapis.com/crm.customer.v1.AccountCreated");
    let told = AccountCreated::decode(payload.value.as_slice()).unwrap().account.unwrap();
    assert_eq!((told.id, told.display_name), (id, read.display_name));
}

#[tokio::test]
async fn a_caller_without_a_credential_gets_nothing_from_any_process() {
    let mut suite = Suite::start(25).await;
    assert_eq!(suite.rest.get("/v1/accounts").await.status, 401);
    let endpoint = suite.service("customer").endpoint();
    let mut accounts = AccountServiceClient::new(endpoint.connect_lazy());
    let refused = accounts.get_account(GetAccountRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    // The operator makes tenants and sees nothing of theirs.
    suite.administrator("walls").await;
    let stranger = suite.rest.with_token("not-a-token");
    assert_eq!(stranger.get("/v1/users").await.status, 401);
}

async fn first_event(mut stream: tonic::Streaming<crm_proto::crm::event::v1::SubscribeResponse>) -> Event {
    loop {
        let response = stream.message().await.unwrap().unwrap();
        if let Some(event) = response.events.into_iter().next() {
            return event;
        }
    }
}
