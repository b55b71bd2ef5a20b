//! The service of one test.

use std::{sync::Arc, time::Duration};

use chrono::{TimeZone as _, Utc};
use crm_kit_api::clock::Clock;
use crm_kit_rpc::{client, server::Limits};
use crm_proto::crm::{
    event::v1::{Event, StartFrom, StreamEventsRequest, event_service_client::EventServiceClient},
    sales::v1::{
        CreatePipelineRequest, ListPipelinesRequest, ListPipelinesResponse, Pipeline, Stage,
        UpdatePipelineRequest, pipeline_service_client::PipelineServiceClient, stage::Kind,
    },
};
use crm_sales::{MIGRATIONS, app};
use crm_testkit::{Caller, Callers, Database, Rights, callers::Bearer};
use prost_types::FieldMask;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Status, service::interceptor::InterceptedService, transport::Channel};
use uuid::Uuid;

pub type Wired = InterceptedService<Channel, Bearer>;

/// A running sales service with a database of its own.
pub struct Rig {
    pub callers: Callers,
    pub channel: Channel,
    pub database: Database,
    _shutdown: tokio_util::sync::DropGuard,
}

impl Rig {
    pub async fn new() -> Self {
        let database = Database::new("sales", &MIGRATIONS).await;
        let callers = Callers::default();
        let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 1, 8, 0, 0).unwrap());
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let server = app::build(app::Parts {
            db: database.db(),
            authenticator: Arc::new(callers.clone()),
            peers: crm_testkit::peers(app::NAME, &clock),
            clock,
            cursor_secret: b"test".to_vec(),
            limits: Limits::default(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        })
        .await
        .unwrap();
        let channel = client::join(server, &tasks, shutdown.clone());
        Self { callers, channel, database, _shutdown: shutdown.drop_guard() }
    }

    /// A caller with every right in a tenant of its own.
    pub fn administrator(&self) -> Caller {
        self.callers.add(&Rights::all(Uuid::new_v4()))
    }

    pub fn pipelines(&self, caller: &Caller) -> PipelineServiceClient<Wired> {
        PipelineServiceClient::new(caller.on(&self.channel))
    }

    pub async fn create_pipeline(&self, caller: &Caller, pipeline: Pipeline) -> Result<Pipeline, Status> {
        let request = CreatePipelineRequest { pipeline: Some(pipeline) };
        self.pipelines(caller).create_pipeline(request).await.map(tonic::Response::into_inner)
    }

    pub async fn update_pipeline(
        &self,
        caller: &Caller,
        pipeline: Pipeline,
        mask: &[&str],
    ) -> Result<Pipeline, Status> {
        let request = UpdatePipelineRequest { pipeline: Some(pipeline), update_mask: field_mask(mask) };
        self.pipelines(caller).update_pipeline(request).await.map(tonic::Response::into_inner)
    }

    pub async fn list_pipelines(
        &self,
        caller: &Caller,
        request: ListPipelinesRequest,
    ) -> Result<ListPipelinesResponse, Status> {
        self.pipelines(caller).list_pipelines(request).await.map(tonic::Response::into_inner)
    }

    /// The pipeline a tenant has from the start.
    pub async fn default_pipeline(&self, caller: &Caller) -> Pipeline {
        let page = self.list_pipelines(caller, ListPipelinesRequest::default()).await.unwrap();
        page.pipelines.into_iter().find(|pipeline| pipeline.default).unwrap()
    }

    /// The first events of the caller's tenant, as the caller may see them.
    pub async fn told(&self, caller: &Caller, count: usize) -> Vec<Event> {
        let request = StreamEventsRequest {
            start_from: StartFrom::Earliest.into(),
            max_events: i32::try_from(count).unwrap(),
            ..StreamEventsRequest::default()
        };
        let mut client = EventServiceClient::new(caller.on(&self.channel));
        let mut stream = client.stream_events(request).await.unwrap().into_inner();
        let mut events = Vec::new();
        while events.len() < count {
            let answer =
                tokio::time::timeout(Duration::from_secs(20), stream.message()).await.unwrap().unwrap();
            events.extend(answer.unwrap().events);
        }
        events
    }
}

/// The mask of an update; none for the fields that are set.
pub fn field_mask(paths: &[&str]) -> Option<FieldMask> {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    (!paths.is_empty()).then_some(FieldMask { paths })
}

/// A stage of a kind, named after its key.
pub fn stage(key: &str, kind: Kind) -> Stage {
    Stage { key: key.to_owned(), display_name: key.to_uppercase(), kind: kind.into(), ..Stage::default() }
}

/// A pipeline with one stage of each kind.
pub fn pipeline(name: &str) -> Pipeline {
    let stages = vec![stage("talk", Kind::Open), stage("won", Kind::Won), stage("lost", Kind::Lost)];
    Pipeline { display_name: name.to_owned(), stages, ..Pipeline::default() }
}
