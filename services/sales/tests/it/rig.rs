//! The service of one test.

use std::{sync::Arc, time::Duration};

use chrono::{TimeZone as _, Utc};
use crm_kit_api::clock::Clock;
use crm_kit_pg::{follow::Followers, people::People};
use crm_kit_record::{Records, collection::Collections, custom_field::Catalog, recycle_bin::RecycleBin};
use crm_kit_rpc::{client, server::Limits};
use crm_proto::crm::{
    event::v1::{Event, StartFrom, StreamEventsRequest, event_service_client::EventServiceClient},
    record::v1::{
        CreateCustomFieldRequest, CustomField, ExternalId, RowResult, custom_field::Type,
        custom_field_service_client::CustomFieldServiceClient,
    },
    sales::v1::{
        BulkUpsertOpportunitiesRequest, CreateOpportunityRequest, CreatePipelineRequest,
        GetOpportunityRequest, ListOpportunitiesRequest, ListPipelinesRequest, ListPipelinesResponse,
        Opportunity, Pipeline, Stage, UpdateOpportunityRequest, UpdatePipelineRequest,
        opportunity_service_client::OpportunityServiceClient, pipeline_service_client::PipelineServiceClient,
        stage::Kind, statistics_service_client::StatisticsServiceClient,
    },
};
use crm_proto::google::r#type::{Date, Money};
use crm_sales::{
    MIGRATIONS, app,
    contract::Contract,
    kinds,
    opportunity::Opportunities,
    order::Order,
    payment_plan::PaymentPlan,
    pipeline::{Pipelines, catalog},
    quote::Quote,
    receipt::Receipt,
};
use crm_testkit::{Caller, Callers, Database, Rights, callers::Bearer};
use prost_types::FieldMask;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Status, service::interceptor::InterceptedService, transport::Channel};
use uuid::Uuid;

pub type Wired = InterceptedService<Channel, Bearer>;

/// A running sales service with a database of its own.
pub struct Rig {
    pub callers: Callers,
    pub clock: Clock,
    pub channel: Channel,
    pub database: Database,
    _shutdown: tokio_util::sync::DropGuard,
}

impl Rig {
    pub async fn new() -> Self {
        let database = Database::new("sales", &MIGRATIONS).await;
        let callers = Callers::default();
        let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 1, 8, 0, 0).unwrap());
        let (channel, shutdown) = serve(&database, &callers, &clock).await;
        Self { callers, clock, channel, database, _shutdown: shutdown.drop_guard() }
    }

    /// A caller with every right in a tenant of its own.
    pub fn administrator(&self) -> Caller {
        self.callers.add(&Rights::all(Uuid::new_v4()))
    }

    /// What the use cases of the service's kinds are made of.
    pub fn records(&self) -> Records {
        let db = self.database.db();
        let catalog = Catalog::new(db.clone(), kinds::all()).with_settings(catalog::loader(db.clone()));
        let peers = crm_testkit::peers_alone(app::NAME, &self.clock);
        let people = People::new(db.clone(), Arc::new(peers.users()));
        Records::new(db, catalog, people)
    }

    /// Empties the recycle bins as the service's own task does; returns how many records went.
    pub async fn purge(&self) -> u64 {
        let records = self.records();
        let pipelines = Pipelines { db: records.db.clone(), catalog: records.catalog.clone() };
        let deals = Opportunities { slice: records.slice(), pipelines };
        let collections = Collections::new([
            Arc::new(deals) as _,
            Arc::new(records.slice::<PaymentPlan>()) as _,
            Arc::new(records.slice::<Receipt>()) as _,
            Arc::new(records.slice::<Order>()) as _,
            Arc::new(records.slice::<Contract>()) as _,
            Arc::new(records.slice::<Quote>()) as _,
        ]);
        RecycleBin::new(records.db, collections)
            .run(self.clock.now(), &CancellationToken::new())
            .await
            .unwrap()
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

    pub fn opportunities(&self, caller: &Caller) -> OpportunityServiceClient<Wired> {
        OpportunityServiceClient::new(caller.on(&self.channel))
    }

    pub fn statistics(&self, caller: &Caller) -> StatisticsServiceClient<Wired> {
        StatisticsServiceClient::new(caller.on(&self.channel))
    }

    pub fn custom_fields(&self, caller: &Caller) -> CustomFieldServiceClient<Wired> {
        CustomFieldServiceClient::new(caller.on(&self.channel))
    }

    pub async fn create(&self, caller: &Caller, deal: Opportunity) -> Result<Opportunity, Status> {
        let request = CreateOpportunityRequest { opportunity: Some(deal) };
        self.opportunities(caller).create_opportunity(request).await.map(tonic::Response::into_inner)
    }

    pub async fn get(&self, caller: &Caller, id: &str) -> Result<Opportunity, Status> {
        let request = GetOpportunityRequest { id: id.to_owned() };
        self.opportunities(caller).get_opportunity(request).await.map(tonic::Response::into_inner)
    }

    pub async fn update(
        &self,
        caller: &Caller,
        deal: Opportunity,
        mask: &[&str],
    ) -> Result<Opportunity, Status> {
        let request = UpdateOpportunityRequest { opportunity: Some(deal), update_mask: field_mask(mask) };
        self.opportunities(caller).update_opportunity(request).await.map(tonic::Response::into_inner)
    }

    /// Names of the deals that satisfy a filter, in the order asked for.
    pub async fn names(
        &self,
        caller: &Caller,
        request: ListOpportunitiesRequest,
    ) -> Result<Vec<String>, Status> {
        let page = self.opportunities(caller).list_opportunities(request).await?.into_inner();
        Ok(page.opportunities.into_iter().map(|deal| deal.display_name).collect())
    }

    /// Writes rows by streaming upsert.
    pub async fn upsert(&self, caller: &Caller, rows: Vec<BulkUpsertOpportunitiesRequest>) -> Vec<RowResult> {
        let mut client = self.opportunities(caller);
        let stream = client.bulk_upsert_opportunities(futures::stream::iter(rows)).await;
        let mut answers = stream.unwrap().into_inner();
        let mut results = Vec::new();
        while let Some(answer) = answers.message().await.unwrap() {
            results.extend(answer.results);
        }
        results
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

/// A process of the service over a database.
pub async fn serve(database: &Database, callers: &Callers, clock: &Clock) -> (Channel, CancellationToken) {
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let server = app::build(app::Parts {
        db: database.db(),
        authenticator: Arc::new(callers.clone()),
        peers: crm_testkit::peers_alone(app::NAME, clock),
        followers: Followers::default(),
        clock: clock.clone(),
        cursor_secret: b"test".to_vec(),
        limits: Limits::default(),
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
    })
    .await
    .unwrap();
    let channel = client::join(server, &tasks, shutdown.clone());
    (channel, shutdown)
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

/// A custom field of a collection.
pub async fn custom_field(
    rig: &Rig,
    caller: &Caller,
    (collection, key, kind): (&str, &str, Type),
    more: impl FnOnce(&mut CustomField),
) {
    let mut field = CustomField {
        collection: collection.into(),
        key: key.into(),
        display_name: key.into(),
        r#type: kind.into(),
        ..CustomField::default()
    };
    more(&mut field);
    let request = CreateCustomFieldRequest { custom_field: Some(field), ..Default::default() };
    rig.custom_fields(caller).create_custom_field(request).await.unwrap();
}

/// A row of a streaming upsert.
pub fn row(key: &str, deal: Opportunity) -> BulkUpsertOpportunitiesRequest {
    let key = ExternalId { system: "erp".into(), value: key.into() };
    BulkUpsertOpportunitiesRequest { key: Some(key), opportunity: Some(deal), update_mask: None }
}

/// A deal with a name.
pub fn deal(name: &str) -> Opportunity {
    Opportunity { display_name: name.to_owned(), ..Opportunity::default() }
}

/// A deal of so many yuan.
pub fn worth(name: &str, units: i64) -> Opportunity {
    Opportunity { amount: Some(yuan(units)), ..deal(name) }
}

/// So many yuan.
pub fn yuan(units: i64) -> Money {
    Money { currency_code: "CNY".into(), units, nanos: 0 }
}

/// A day.
pub fn day(year: i32, month: i32, day: i32) -> Date {
    Date { year, month, day }
}

/// A request for the deals that satisfy a filter, by name.
pub fn filter(filter: &str) -> ListOpportunitiesRequest {
    ListOpportunitiesRequest {
        filter: filter.to_owned(),
        order_by: "display_name".into(),
        ..ListOpportunitiesRequest::default()
    }
}
