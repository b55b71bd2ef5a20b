//! Native gRPC and gRPC-Web through the gateway.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crm_proto::crm::{
    customer::v1::{account_service_client::AccountServiceClient, *},
    event::v1::{event_service_client::EventServiceClient, *},
    record::v1::{import_job_service_client::ImportJobServiceClient, *},
};
use prost::Message as _;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::client::{Answer, Under, request};

#[tokio::test]
async fn a_generated_client_works_through_the_gateway() {
    let under = Under::start().await;
    let mut client = AccountServiceClient::new(under.channel());
    let mut asked = Request::new(GetAccountRequest { id: "5".to_owned() });
    for (key, value) in [("authorization", "Bearer x"), ("x-crm-tenant", "evil"), ("custom-key", "kept")] {
        asked.metadata_mut().insert(key, value.parse().unwrap());
    }
    let answer = client.get_account(asked).await.unwrap();
    assert_eq!(answer.get_ref().display_name, crate::backend::full_account().display_name);
    assert_eq!(answer.metadata().get("retry-after").unwrap(), "7");
    assert!(answer.metadata().contains_key("x-request-id"));
    let seen = under.fake.last();
    assert_eq!(seen.get("custom-key").unwrap(), "kept");
    assert_eq!(seen.get("x-crm-client-ip").unwrap(), "127.0.0.1");
    assert!(seen.get("x-crm-tenant").is_none());
    assert!(seen.get("grpc-timeout").is_some(), "a unary call has a deadline");
}

#[tokio::test]
async fn the_identity_of_a_service_does_not_come_in_from_outside() {
    let under = Under::start().await;
    for header in
        ["Bearer crm~service~eyJ9.c2ln", "bearer  crm~service~x", "crm~service~x", "Basic crm~service~"]
    {
        let mut asked = Request::new(GetAccountRequest { id: "5".to_owned() });
        asked.metadata_mut().insert("authorization", header.parse().unwrap());
        AccountServiceClient::new(under.channel()).get_account(asked).await.unwrap();
        assert!(under.fake.last().get("authorization").is_none(), "gRPC {header}");

        let mut asked = request("GET", "/v1/accounts/5", "");
        asked.headers_mut().insert("authorization", header.parse().unwrap());
        assert_eq!(under.call(asked).await.status, 200);
        assert!(under.fake.last().get("authorization").is_none(), "REST {header}");
    }
    // One bad header takes the good one beside it along: a service accepts exactly one anyway.
    let mut asked = Request::new(GetAccountRequest { id: "5".to_owned() });
    for header in ["Bearer good", "Bearer crm~service~x"] {
        asked.metadata_mut().append("authorization", header.parse().unwrap());
    }
    AccountServiceClient::new(under.channel()).get_account(asked).await.unwrap();
    assert!(under.fake.last().get("authorization").is_none());
}

#[tokio::test]
async fn errors_keep_their_details() {
    let under = Under::start().await;
    let mut client = AccountServiceClient::new(under.channel());
    let status = client.get_account(GetAccountRequest { id: "missing".to_owned() }).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "no such account"));
    assert_eq!(status.get_details_error_info().unwrap().reason, "NOT_FOUND");
}

#[tokio::test]
async fn a_deadline_is_the_callers_own() {
    let under = Under::start().await;
    let path = format!("http://{}/crm.customer.v1.AccountService/GetAccount", under.address);
    let mut asked = request("POST", &path, "");
    *asked.body_mut() = frame(&GetAccountRequest { id: "slow".to_owned() }.encode_to_vec()).into();
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "100m")]
    {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    asked.headers_mut().remove("host");
    let answer = under.send_http2(asked).await;
    assert_eq!(answer.headers()["grpc-status"], "4");
}

#[tokio::test]
async fn streams_pass_both_ways() {
    let under = Under::start().await;
    let mut client = AccountServiceClient::new(under.channel());
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut answers = client
        .bulk_upsert_accounts(tokio_stream::wrappers::ReceiverStream::new(receiver))
        .await
        .unwrap()
        .into_inner();
    for value in ["a", "b", "c"] {
        let key = Some(ExternalId { system: "s".to_owned(), value: value.to_owned() });
        sender.send(BulkUpsertAccountsRequest { key, ..Default::default() }).await.unwrap();
        assert_eq!(answers.message().await.unwrap().unwrap().results[0].id, value);
    }
    drop(sender);
    assert!(answers.message().await.unwrap().is_none());
    let mut uploads = ImportJobServiceClient::new(under.channel());
    let file = crm_proto::google::api::HttpBody { data: vec![1; 1000], ..Default::default() };
    let piece = UploadImportFileRequest { id: "j".to_owned(), file: Some(file), ..Default::default() };
    let job = uploads.upload_import_file(tokio_stream::iter([piece.clone(), piece])).await.unwrap();
    assert_eq!(job.get_ref().progress.as_ref().unwrap().uploaded_bytes, 2000);
}

#[tokio::test]
async fn metadata_picks_the_service_of_an_event_stream() {
    let under = Under::start().await;
    let mut client = EventServiceClient::new(under.channel());
    let asked = StreamEventsRequest { max_events: 3, ..Default::default() };
    let mut events = client.stream_events(asked.clone()).await.unwrap().into_inner();
    assert_eq!(events.message().await.unwrap().unwrap().cursor, "c0:0:", "customer is the default");
    let mut named = Request::new(asked.clone());
    named.metadata_mut().insert("crm-service", "customer".parse().unwrap());
    assert!(client.stream_events(named).await.is_ok());
    let mut unknown = Request::new(asked);
    unknown.metadata_mut().insert("crm-service", "moon".parse().unwrap());
    let status = client.stream_events(unknown).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("crm-service"), "{}", status.message());
}

#[tokio::test]
async fn health_and_reflection_are_the_gateways_own() {
    let under = Under::start().await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(under.channel());
    let answer = health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.get_ref().status, 1);
    let mut unknown = tonic::client::Grpc::new(under.channel());
    unknown.ready().await.unwrap();
    let status = unknown
        .unary::<_, (), _>(
            Request::new(()),
            http::uri::PathAndQuery::from_static("/no.such.Service/Call"),
            tonic_prost::ProstCodec::default(),
        )
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), message].concat()
}

async fn web(under: &Under, kind: &str, body: &[u8]) -> Answer {
    let mut asked = request("POST", "/crm.customer.v1.AccountService/GetAccount", "");
    *asked.body_mut() = axum::body::Body::from(body.to_vec());
    asked.headers_mut().insert("content-type", kind.parse().unwrap());
    asked.headers_mut().insert("accept", kind.parse().unwrap());
    under.call(asked).await
}

#[tokio::test]
async fn browsers_speak_grpc_web_in_both_encodings() {
    let under = Under::start().await;
    let message = frame(&GetAccountRequest { id: "web".to_owned() }.encode_to_vec());
    let binary = web(&under, "application/grpc-web+proto", &message).await;
    assert_eq!(
        (binary.status.as_u16(), &binary.headers["content-type"]),
        (200, &"application/grpc-web+proto".parse().unwrap())
    );
    check_web(&binary.body, "web");
    let text = web(&under, "application/grpc-web-text", BASE64_STANDARD.encode(&message).as_bytes()).await;
    assert_eq!(text.status, 200);
    // Each part is padded by itself, so groups of four letters decode one by one.
    let decoded: Vec<u8> =
        text.body.chunks(4).flat_map(|group| BASE64_STANDARD.decode(group).unwrap()).collect();
    assert!(!decoded.is_empty(), "{text:?}");
    check_web(&decoded, "web");
}

fn check_web(body: &[u8], id: &str) {
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    assert_eq!(Account::decode(&body[5..5 + length]).unwrap().id, id);
    let trailers = &body[5 + length..];
    assert_eq!(trailers[0], 0x80, "trailers follow");
    let text = String::from_utf8(trailers[5..].to_vec()).unwrap();
    assert!(text.contains("grpc-status:0") || text.contains("grpc-status: 0"), "{text}");
}

#[tokio::test]
async fn grpc_over_http1_is_refused() {
    let under = Under::start().await;
    assert_eq!(web(&under, "application/grpc", b"").await.status, 400);
}
