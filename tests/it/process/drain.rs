//! The end of a process: SIGTERM waits for calls in flight, but not for ever; a second signal does not wait.

use std::time::Duration;

use crm_proto::crm::event::v1::{StartFrom, StreamEventsRequest, event_service_client::EventServiceClient};
use crm_testkit::callers::Bearer;
use http::Method;
use rustix::process::Signal;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::{net::TcpStream, task::JoinHandle, time::Instant};
use tokio_util::task::TaskTracker;

use super::{
    rest::{Answer, Rest},
    running::until,
    suite::{Service, Suite},
};

#[tokio::test]
async fn sigterm_lets_calls_in_flight_finish() {
    let mut suite = Suite::start(25).await;
    let admin = suite.administrator("drain").await;
    let held = Held::update(&mut suite, &admin).await;
    let customer = &mut suite.service("customer").process;
    let address = customer.address.clone();
    customer.signal(Signal::TERM);
    until("the port is closed", || async { TcpStream::connect(&address).await.is_err() }).await;
    assert!(!held.call.is_finished());
    let answer = held.release().await.ok();
    assert_eq!(answer["display_name"], json!("after"));
    let customer = &mut suite.service("customer").process;
    let status = customer.ended().await;
    assert!(status.success(), "{status}: {}", customer.told());
}

#[tokio::test]
async fn the_gateway_lets_calls_in_flight_finish() {
    let mut suite = Suite::start(25).await;
    let admin = suite.administrator("gateway-drain").await;
    let held = Held::update(&mut suite, &admin).await;
    let address = suite.gateway.address.clone();
    suite.gateway.signal(Signal::TERM);
    until("the port is closed", || async { TcpStream::connect(&address).await.is_err() }).await;
    held.release().await.ok();
    let status = suite.gateway.ended().await;
    assert!(status.success(), "{status}: {}", suite.gateway.told());
    for service in suite.services.values_mut() {
        service.process.signal(Signal::INT);
        let status = service.process.ended().await;
        assert!(status.success(), "{}: {status}: {}", service.process.name, service.process.told());
    }
}

#[tokio::test]
async fn a_second_signal_ends_a_process_at_once() {
    let mut suite = Suite::start(25).await;
    let admin = suite.administrator("impatient").await;
    for (name, first, second) in [
        ("customer", Signal::TERM, Signal::TERM),
        ("platform", Signal::TERM, Signal::INT),
        ("gateway", Signal::INT, Signal::TERM),
    ] {
        let held = if name == "platform" {
            let caller = admin.clone();
            let call = async move { caller.try_send(Method::GET, "/v1/users", &json!(null), "").await };
            Held::new(suite.service("platform"), "app_user", call).await
        } else {
            Held::update(&mut suite, &admin).await
        };
        let process = match name {
            "gateway" => &mut suite.gateway,
            service => &mut suite.service(service).process,
        };
        process.signal(first);
        tokio::time::sleep(Duration::from_millis(500)).await;
        process.signal(second);
        let begin = Instant::now();
        let status = process.ended().await;
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(2), "{name}: {took:?}: {}", process.told());
        assert_eq!(status.code(), Some(1), "{name}: {status}: {}", process.told());
        assert!(process.told().contains("stopped at once"), "{name}: {}", process.told());
        held.lock.close().await.unwrap();
        if name != "gateway" {
            assert!(held.call.await.unwrap().unwrap().is_unavailable(), "{name}");
            suite.service(name).restart().await;
            until("it is back", || async { suite.rest.get("/readyz").await.status == 200 }).await;
        }
    }
}

#[tokio::test]
async fn a_subscriber_that_reads_nothing_holds_a_process_for_its_drain_time_only() {
    let mut suite = Suite::start(2).await;
    let admin = suite.administrator("bounded").await;
    for group in 0..5 {
        let one = |number: usize| json!({"account": {"display_name": format!("account {group} {number}")}});
        let body = json!({"requests": (0..100).map(one).collect::<Vec<_>>()});
        admin.post("/v1/accounts:batchCreate", &body).await.ok();
    }
    let customer = suite.service("customer");
    // The window is full after a few events, and nobody reads.
    let channel = customer.endpoint().initial_stream_window_size(1024).connect().await.unwrap();
    let mut events = EventServiceClient::new(Bearer::new(admin.token()).on(&channel));
    let request =
        StreamEventsRequest { start_from: StartFrom::Earliest.into(), ..StreamEventsRequest::default() };
    let mut deaf = events.stream_events(request).await.unwrap().into_inner();
    // Nor does this peer say anything.
    let _mute = TcpStream::connect(&customer.process.address).await.unwrap();

    let begin = Instant::now();
    customer.process.signal(Signal::TERM);
    let status = customer.process.ended().await;
    let took = begin.elapsed();
    assert!(status.success(), "{status}: {}", customer.process.told());
    assert!(took > Duration::from_millis(1800), "nothing held it up: {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}: {}", customer.process.told());
    assert!(customer.process.told().contains("the drain time is over"), "{}", customer.process.told());
    let broken = loop {
        match deaf.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream must not look whole"),
            Err(status) => break status,
        }
    };
    assert!(matches!(broken.code(), tonic::Code::Unavailable | tonic::Code::Unknown), "{broken:?}");
}

type Called = Result<Answer, Box<dyn std::error::Error + Send + Sync>>;

/// A call that hangs, because a table it needs is locked.
struct Held {
    lock: PgConnection,
    call: JoinHandle<Called>,
}

impl Held {
    /// A change of an account by REST.
    async fn update(suite: &mut Suite, admin: &Rest) -> Self {
        let made = admin.post("/v1/accounts", &json!({"display_name": "before"})).await.ok();
        let path = format!("/v1/accounts/{}?update_mask=display_name", made["id"].as_str().unwrap());
        let (caller, body) = (admin.clone(), json!({"display_name": "after"}));
        let call = async move { caller.try_send(Method::PATCH, &path, &body, "").await };
        Self::new(suite.service("customer"), "account", call).await
    }

    async fn new(
        service: &Service,
        table: &str,
        call: impl Future<Output = Called> + Send + 'static,
    ) -> Self {
        let mut lock = service.look().await;
        let sql = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut lock).await.unwrap();
        let call = TaskTracker::new().spawn(call);
        let waiting = r"
            SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
        while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut lock).await.unwrap() {
            assert!(!call.is_finished(), "nothing held the call up");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { lock, call }
    }

    /// Lets the call go on; its answer.
    async fn release(self) -> Answer {
        self.lock.close().await.unwrap();
        self.call.await.unwrap().unwrap()
    }
}
