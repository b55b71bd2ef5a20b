//! The sales service's own work: opportunities written, moved and added up.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use crm_proto::{
    crm::{
        record::v1::ExternalId,
        sales::v1::{
            BulkUpsertOpportunitiesRequest, CreateOpportunityRequest, GetPipelineSummaryRequest,
            ListPipelinesRequest, MoveOpportunityStageRequest, Opportunity, Pipeline,
            opportunity_service_client::OpportunityServiceClient,
            pipeline_service_client::PipelineServiceClient, stage::Kind,
            statistics_service_client::StatisticsServiceClient,
        },
    },
    google::r#type::{Date, Money},
};
use crm_testkit::{Caller, callers::Bearer};
use futures::future::BoxFuture;
use sqlx::AssertSqlSafe;
use tonic::{Request, service::interceptor::InterceptedService, transport::Channel};
use uuid::Uuid;

use crate::{
    bulk,
    load::{self, Aim, Figures, Report, print_raw},
    raw,
    rig::Rig,
    work::{Call, random},
};

/// A channel of a caller.
pub type Wire = InterceptedService<Channel, Bearer>;

static NEXT: AtomicU64 = AtomicU64::new(0);
/// As for accounts: columns of an opportunity that is there, with its keys replaced.
const INSERT: &str = "INSERT INTO opportunity SELECT (jsonb_populate_record(o, jsonb_build_object('id', $1::uuid, 'number', $2::text))).* \
     FROM seed o";

/// What the lines of sales work on.
pub struct Deals {
    pipeline: Pipeline,
    ids: Vec<Uuid>,
}

impl Deals {
    /// Fills the table through the service, against COPY.
    pub async fn fill(rig: &Rig, deals: usize, report: &mut Report) -> Self {
        println!("{deals} opportunities by bulk upsert");
        let mut pipelines = PipelineServiceClient::new(rig.boss.on(rig.sales.channel(0)));
        let listed = pipelines.list_pipelines(ListPipelinesRequest::default()).await.unwrap().into_inner();
        let pipeline = listed.pipelines.into_iter().next().unwrap();
        let (owners, open) = (rig.owners.clone(), open_stages(&pipeline));
        let rows = (0..u64::try_from(deals).unwrap()).map(move |index| {
            let place = usize::try_from(index).unwrap();
            BulkUpsertOpportunitiesRequest {
                key: Some(ExternalId { system: "bench".to_owned(), value: index.to_string() }),
                opportunity: Some(Opportunity {
                    owner_id: owners[place % owners.len()].to_string(),
                    stage_key: open[place / owners.len() % open.len()].clone(),
                    ..opportunity(index)
                }),
                update_mask: None,
            }
        });
        let started = Instant::now();
        let mut client = OpportunityServiceClient::new(rig.boss.on(rig.sales.channel(0)));
        let mut answers =
            client.bulk_upsert_opportunities(futures::stream::iter(rows)).await.unwrap().into_inner();
        let mut done = 0;
        while let Some(answer) = answers.message().await.unwrap() {
            assert!(answer.results.iter().all(|result| result.status.is_none()), "{:?}", answer.results[0]);
            done += answer.results.len();
        }
        assert_eq!(done, deals);
        let upserted = deals as f64 / started.elapsed().as_secs_f64();
        bulk::report_against_copy(&rig.sales, "opportunity", (deals, upserted), report).await;
        Self { pipeline, ids: prepare(rig).await }
    }

    /// The lines for a number of callers.
    pub async fn measure(&self, rig: &Rig, callers: usize, report: &mut Report) {
        let raw = raw_insert(rig, callers).await;
        print_raw("raw insert of an opportunity", &raw);
        let made = create(rig, callers).await;
        report.line("create opportunity", callers, &made, &raw, Aim::ratio_at_16(0.25, callers));
        let moved = self.move_stage(rig, callers).await;
        report.line("move its stage", callers, &moved, &raw, Aim::none());
        let sums = self.summary(rig, callers).await;
        print_raw("pipeline sum by stage, scope", &sums);
        if callers == 16 {
            let text = format!("{:.0}/s, aim 900", sums.per_second);
            report.figure("pipeline sum by stage", &text, Some(sums.per_second >= 900.0));
        }
        report.remember(callers, &[("create opportunity", &made), ("move its stage", &moved)]);
    }

    async fn move_stage(&self, rig: &Rig, callers: usize) -> Figures {
        let (ids, open) = (self.ids.clone(), open_stages(&self.pipeline));
        measure(rig, &rig.boss, callers, OpportunityServiceClient::new, move |client| {
            let (id, stage_key) = (ids[random(ids.len())].to_string(), open[random(open.len())].clone());
            Box::pin(async move {
                let request = MoveOpportunityStageRequest { id, etag: String::new(), stage_key };
                client.move_opportunity_stage(request).await.unwrap();
            })
        })
        .await
    }

    async fn summary(&self, rig: &Rig, callers: usize) -> Figures {
        let id = self.pipeline.id.clone();
        measure(rig, &rig.lead, callers, StatisticsServiceClient::new, move |client| {
            let request = GetPipelineSummaryRequest { id: id.clone() };
            Box::pin(async move {
                client.get_pipeline_summary(request).await.unwrap();
            })
        })
        .await
    }
}

fn open_stages(pipeline: &Pipeline) -> Vec<String> {
    let open = pipeline.stages.iter().filter(|stage| stage.kind() == Kind::Open && !stage.retired);
    open.map(|stage| stage.key.clone()).collect()
}

/// An opportunity on an account, as the benchmark makes them.
fn opportunity(index: u64) -> Opportunity {
    let day = i32::try_from(index % 28 + 1).unwrap();
    Opportunity {
        display_name: format!("Renewal of machines {index:07}"),
        account_id: Uuid::from_u128(u128::from(index % 50_000) + 1).to_string(),
        account_name: format!("Customer {:05}", index % 50_000),
        amount: Some(Money {
            currency_code: "CNY".to_owned(),
            units: i64::try_from(index * 7919 % 900_000).unwrap(),
            nanos: 250_000_000,
        }),
        close_date: Some(Date { year: 2027, month: i32::try_from(index % 12 + 1).unwrap(), day }),
        ..Opportunity::default()
    }
}

/// Makes the seed of raw inserts, has the planner look, and returns some ids.
async fn prepare(rig: &Rig) -> Vec<Uuid> {
    let mut conn = sqlx::ConnectOptions::connect(&rig.sales.owner).await.unwrap();
    for sql in [
        "CREATE TABLE seed AS SELECT * FROM opportunity LIMIT 1",
        "GRANT SELECT ON seed TO bench_sales_service",
        "VACUUM ANALYZE",
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    }
    sqlx::query_scalar("SELECT id FROM opportunity LIMIT 20000").fetch_all(&mut conn).await.unwrap()
}

async fn raw_insert(rig: &Rig, callers: usize) -> Figures {
    raw::measure(rig, &rig.sales, rig.tenant(), callers, |conn| {
        Box::pin(async move {
            let number = format!("R{}", NEXT.fetch_add(1, Ordering::Relaxed));
            sqlx::query(INSERT).bind(Uuid::new_v4()).bind(number).execute(conn).await.unwrap();
        })
    })
    .await
}

async fn create(rig: &Rig, callers: usize) -> Figures {
    measure(rig, &rig.boss, callers, OpportunityServiceClient::new, |client| {
        let index = NEXT.fetch_add(1, Ordering::Relaxed) + 10_000_000;
        Box::pin(async move {
            let request = CreateOpportunityRequest { opportunity: Some(opportunity(index)) };
            let mut request = Request::new(request);
            request.metadata_mut().insert("idempotency-key", format!("deal-{index}").parse().unwrap());
            client.create_opportunity(request).await.unwrap();
        })
    })
    .await
}

/// The rate of calls to the service from so many callers at once, all as one.
pub async fn measure<C, F>(
    rig: &Rig,
    caller: &Caller,
    callers: usize,
    client: fn(Wire) -> C,
    run: F,
) -> Figures
where
    C: Send + 'static,
    F: for<'c> Fn(&'c mut C) -> BoxFuture<'c, ()> + Clone + Send + Sync + 'static,
{
    let channels: Vec<_> = (0..callers).map(|index| caller.on(rig.sales.channel(index))).collect();
    load::run(callers, rig.server.pid(), move |index| Call {
        client: client(channels[index].clone()),
        run: run.clone(),
    })
    .await
}
