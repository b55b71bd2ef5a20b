//! What a write costs: round trips to the database, as the log line of a request counts them and as the driver sends them.

use std::{
    cell::RefCell,
    io,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use crm_kit_api::time;
use crm_proto::crm::customer::v1::{
    Account, CreateTaskRequest, Task, task_service_client::TaskServiceClient,
};
use crm_testkit::Caller;
use serde_json::Value;
use tracing::Level;
use tracing_subscriber::{Layer as _, filter::dynamic_filter_fn, layer::SubscriberExt as _};

use crate::rig::{Rig, named};

/// Lines of the log, as JSON.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

thread_local! {
    /// The log that takes what the thread says.
    static TAKING: RefCell<Option<Log>> = const { RefCell::new(None) };
}

impl Log {
    /// A log of what the thread says from now on. The subscriber is everybody's, because what it would hear of a place in the code is remembered for all
    /// threads by the first that comes there; threads of other tests say nothing to it.
    fn start() -> Self {
        let log = Self::default();
        TAKING.set(Some(log.clone()));
        let taking = || TAKING.with_borrow(Clone::clone);
        let layer = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(move || taking().unwrap_or_default())
            .with_filter(dynamic_filter_fn(move |metadata, _| {
                *metadata.level() <= Level::DEBUG && TAKING.with_borrow(Option::is_some)
            }));
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
        log
    }

    /// The lines of a target since the last call.
    fn take(&self) -> Vec<Value> {
        let text = std::mem::take(&mut *self.0.lock().unwrap());
        text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

/// The count of statements in the log line of a request, and the statements that the driver sent from its `BEGIN` on. Workers, which look for jobs
/// all the time, are left out.
fn statements(lines: &[Value]) -> (u64, Vec<String>) {
    let of = |target: &'static str| lines.iter().filter(move |line| line["target"] == target);
    let told = of("crm_kit_rpc::layer::observe").next_back().unwrap();
    let text = |line: &Value| {
        let fields = &line["fields"];
        let long = fields["db.statement"].as_str().unwrap_or_default();
        if long.is_empty() { fields["summary"].as_str().unwrap_or_default() } else { long }.trim().to_owned()
    };
    let sent =
        of("sqlx::query").map(text).skip_while(|sql| !sql.starts_with("BEGIN; SET LOCAL app.tenant_id"));
    let sent = sent.filter(|sql| {
        !["UPDATE job ", "kit_", "follower", "task_escalation_due"].iter().any(|word| sql.contains(word))
    });
    (told["fields"]["statements"].as_u64().unwrap(), sent.collect())
}

#[tokio::test]
async fn a_create_is_four_statements_with_its_keys_and_an_update_five() {
    let log = Log::start();
    let rig = Rig::logging_statements().await;
    let me = rig.administrator();
    let account = || Account {
        website: "https://example.com".into(),
        phone: "+862112345678".into(),
        unified_social_credit_code: "91110000600037341L".into(),
        ..named("Statements Ltd")
    };
    // The first one takes numbers and reads the definitions of custom fields.
    rig.create(&me, named("first")).await.unwrap();
    log.take();
    let made = rig.create(&me, account()).await.unwrap();
    let (told, sent) = statements(&log.take());
    assert_eq!((told, sent.len()), (4, 4), "{sent:#?}");
    assert!(
        sent[1].contains("INSERT INTO account") && sent[1].contains("exchange_match_keys"),
        "{}",
        sent[1]
    );
    let renamed = Account { id: made.id.clone(), display_name: "Renamed Ltd".into(), ..Account::default() };
    rig.update(&me, renamed, &["display_name"]).await.unwrap();
    let (told, sent) = statements(&log.take());
    assert_eq!((told, sent.len()), (5, 5), "{sent:#?}");
    rig.get(&me, &made.id).await.unwrap();
    let sent = log.take();
    let of = |table: &str| {
        sent.iter().filter(|line| line["target"] == "sqlx::query" && line.to_string().contains(table)).count()
    };
    assert_eq!(
        (of("FROM account"), of("merged_record")),
        (1, 0),
        "where an id leads is asked only for what is not there"
    );
    rig.create(&me, account()).await.unwrap_err();
    let (_, sent) = statements(&log.take());
    assert!(sent.len() > 4, "what stands in the way is looked up only when something does: {sent:#?}");
    a_task_costs_no_more_when_somebody_is_to_be_told_of_it(&rig, &me, &log).await;
}

/// One statement more than other records, for the time line, and none for the job of the tenant that once every write moved.
async fn a_task_costs_no_more_when_somebody_is_to_be_told_of_it(rig: &Rig, me: &Caller, log: &Log) {
    let mut tasks = TaskServiceClient::new(me.on(&rig.channel));
    let due = time::timestamp(rig.clock.now() + TimeDelta::hours(1));
    for due_time in [None, None, Some(due)] {
        log.take();
        let task = Task { display_name: "Call".into(), due_time, ..Task::default() };
        tasks.create_task(CreateTaskRequest { task: Some(task) }).await.unwrap();
    }
    let (_, sent) = statements(&log.take());
    assert_eq!(sent.len(), 5, "{sent:#?}");
    assert!(!sent.iter().any(|sql| sql.contains("INSERT INTO job")), "{sent:#?}");
}
