//! How deals go through the stages of a pipeline: by cohort and by flow, which are two figures and not one.

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result, error::Violations};
use crm_kit_pg::db::database_error;
use crm_proto::crm::sales::v1::{Funnel, FunnelMove, FunnelStage, GetFunnelRequest};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Statistics, outcome::period};
use crate::{
    money,
    pipeline::{Pipeline, model::Kind},
};

/// Instants between which deals enter and leave stages.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
}

impl Span {
    /// Reads the days of a request where the tenant is.
    pub fn read(call: &Call, request: &GetFunnelRequest) -> Result<Self> {
        let mut violations = Violations::default();
        let (start, end) = period(request.start_date.as_ref(), request.end_date.as_ref(), &mut violations);
        violations.into_result(Self {
            start: start.map(|day| call.start_of(day)),
            end: end.map(|day| call.end_of(day)),
        })
    }
}

/// The deals that came to a stage.
#[derive(Clone, Debug, Default)]
struct Cohort {
    stage_key: String,
    entered: i64,
    advanced: i64,
    won: i64,
}

/// The moves from one stage to another.
#[derive(Clone, Debug)]
struct Flow {
    from: String,
    to: String,
    state: i16,
    moves: i64,
    seconds: i64,
}

impl Statistics {
    /// How deals go through a pipeline.
    pub async fn funnel(&self, call: &Call, id: Uuid, span: Span) -> Result<Funnel> {
        let pipeline = &self.pipeline(call, id).await?;
        let (tenant, owners) = (call.tenant_id(), call.access.scope.owners());
        let (cohorts, flows) = self
            .db
            .list(call, move |tx| {
                Box::pin(async move {
                    let cohorts = cohorts(tx.conn(), tenant, pipeline, owners, span).await?;
                    let flows = flows(tx.conn(), tenant, id, owners, span).await?;
                    Ok((cohorts, flows))
                })
            })
            .await?;
        Ok(told(pipeline, &cohorts, &flows))
    }
}

fn told(pipeline: &Pipeline, cohorts: &[Cohort], flows: &[Flow]) -> Funnel {
    let exits = |key: &str| -> (i128, i128) {
        let out = flows.iter().filter(|flow| flow.from == key);
        out.fold((0, 0), |(moves, seconds), flow| {
            (moves + i128::from(flow.moves), seconds + i128::from(flow.seconds))
        })
    };
    let stages = pipeline.stages.iter().map(|stage| {
        let cohort = cohorts.iter().find(|cohort| cohort.stage_key == stage.key).cloned().unwrap_or_default();
        let (moves, seconds) = exits(&stage.key);
        FunnelStage {
            stage_key: stage.key.clone(),
            entered_count: cohort.entered,
            advanced_count: cohort.advanced,
            won_count: cohort.won,
            cohort_conversion: money::ratio(cohort.advanced.into(), cohort.entered.into()),
            exit_count: i64::try_from(moves).unwrap_or(i64::MAX),
            mean_days: money::ratio(seconds, moves * 86_400),
        }
    });
    let moves = flows.iter().map(|flow| FunnelMove {
        from_stage_key: flow.from.clone(),
        to_stage_key: flow.to.clone(),
        state: flow.state.into(),
        move_count: flow.moves,
        flow_conversion: money::ratio(flow.moves.into(), exits(&flow.from).0),
    });
    Funnel { pipeline_id: pipeline.id.to_string(), stages: stages.collect(), moves: moves.collect() }
}

/// For each stage the deals that came to it within the span, and those of them that came further afterwards: to a later open stage, or to be won.
async fn cohorts(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    pipeline: &Pipeline,
    owners: Option<&[Uuid]>,
    span: Span,
) -> Result<Vec<Cohort>> {
    let open = pipeline.stages.iter().filter(|stage| stage.kind == Kind::Open);
    let open: Vec<String> = open.map(|stage| stage.key.clone()).collect();
    sqlx::query_as!(
        Cohort,
        r#"
        WITH came AS (
            SELECT e.opportunity_id, e.stage_key, min(e.seq) AS seq, bool_or(o.state = 2) AS won
            FROM stage_entry e
            JOIN opportunity o ON o.tenant_id = $1 AND o.id = e.opportunity_id
            WHERE e.tenant_id = $1 AND e.pipeline_id = $2 AND e.state <> 4 AND o.delete_time IS NULL
              AND ($3::uuid[] IS NULL OR o.owner_id = ANY ($3))
              AND ($4::timestamptz IS NULL OR e.enter_time >= $4) AND ($5::timestamptz IS NULL OR e.enter_time < $5)
            GROUP BY e.opportunity_id, e.stage_key
        )
        SELECT stage_key, count(*) AS "entered!",
               count(*) FILTER (WHERE EXISTS (
                   SELECT 1 FROM stage_entry f
                   WHERE f.tenant_id = $1 AND f.opportunity_id = came.opportunity_id AND f.seq > came.seq AND f.pipeline_id = $2
                     AND (f.state = 2 OR (f.state = 1 AND array_position($6::text[], f.stage_key)
                                                          > array_position($6::text[], came.stage_key)))
               )) AS "advanced!",
               count(*) FILTER (WHERE won) AS "won!"
        FROM came
        GROUP BY stage_key
        "#,
        tenant_id,
        pipeline.id,
        owners,
        span.start,
        span.end,
        &open,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// The moves out of the stages of a pipeline within the span.
async fn flows(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    pipeline_id: Uuid,
    owners: Option<&[Uuid]>,
    span: Span,
) -> Result<Vec<Flow>> {
    sqlx::query_as!(
        Flow,
        r#"
        SELECT stay.stage_key AS "from!", CASE WHEN next_pipeline_id = $2 THEN next_stage_key ELSE '' END AS "to!",
               next_state AS "state!", count(*) AS "moves!",
               COALESCE(sum(extract(epoch FROM next_time - enter_time)), 0)::bigint AS "seconds!"
        FROM (
            SELECT e.opportunity_id, e.pipeline_id, e.stage_key, e.enter_time, lead(e.enter_time) OVER deal AS next_time,
                   lead(e.pipeline_id) OVER deal AS next_pipeline_id, lead(e.stage_key) OVER deal AS next_stage_key,
                   lead(e.state) OVER deal AS next_state
            FROM stage_entry e
            JOIN opportunity o ON o.tenant_id = $1 AND o.id = e.opportunity_id
            WHERE e.tenant_id = $1 AND o.delete_time IS NULL AND ($3::uuid[] IS NULL OR o.owner_id = ANY ($3))
              AND EXISTS (SELECT 1 FROM stage_entry here
                          WHERE here.tenant_id = $1 AND here.opportunity_id = e.opportunity_id AND here.pipeline_id = $2)
            WINDOW deal AS (PARTITION BY e.opportunity_id ORDER BY e.seq)
        ) AS stay
        WHERE pipeline_id = $2 AND next_time IS NOT NULL
          AND ($4::timestamptz IS NULL OR next_time >= $4) AND ($5::timestamptz IS NULL OR next_time < $5)
        GROUP BY 1, 2, 3
        ORDER BY 1, 2, 3
        "#,
        tenant_id,
        pipeline_id,
        owners,
        span.start,
        span.end,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
