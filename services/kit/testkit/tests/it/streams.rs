//! How many streams may be open.

use crm_kit_rpc::server::Limits;
use crm_proto::crm::event::v1::{StreamEventsRequest, event_service_client::EventServiceClient};
use crm_testkit::{
    Rights,
    status::{assert_error, metadata},
};
use tonic::Code;

use crate::rig::{Sink, Source, new_id};

#[tokio::test]
async fn open_streams_are_limited_for_all_callers_together_but_not_for_services() {
    let source = Source::with(Limits { streams: 2, ..Limits::default() }).await;
    let tenant = new_id();
    let open = async || {
        let caller = source.callers.add(&Rights::all(tenant));
        let mut events = EventServiceClient::new(caller.on(&source.channel));
        events.stream_events(StreamEventsRequest::default()).await.map(tonic::Response::into_inner)
    };
    let (first, _second) = (open().await.unwrap(), open().await.unwrap());
    let refused = assert_error(open().await.map(drop), Code::ResourceExhausted, "TOO_MANY_STREAMS");
    assert_eq!(metadata(&refused, "limit"), "2");

    let sink = Sink::new(&source).await;
    source.tell(tenant, new_id(), "a").await;
    let (followers, _running) = sink.start();
    followers.drain().await.unwrap();
    assert_eq!(sink.notes().await, ["a"]);

    drop(first);
    for attempt in 0.. {
        if open().await.is_ok() {
            break;
        }
        assert!(attempt < 200, "the place came back");
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
}
