//! What stands in the stages of a pipeline, from the sums that are kept.

use crm_kit_api::{Call, Result};
use crm_kit_pg::db::database_error;
use crm_proto::crm::sales::v1::{PipelineSummary, StageSum};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Statistics;
use crate::{money, pipeline::Pipeline};

/// The sums of one stage, state and currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    pub stage_key: String,
    pub state: i16,
    pub amount_currency: String,
    pub opportunities: i64,
    /// Ten-thousandths of the currency's unit.
    pub amount: Decimal,
    pub expected_revenue: Decimal,
    /// Rows that were added up.
    pub rows: i64,
}

impl Statistics {
    /// What stands in each stage of a pipeline.
    pub async fn summary(&self, call: &Call, id: Uuid) -> Result<PipelineSummary> {
        let pipeline = self.pipeline(call, id).await?;
        let (tenant, owners) = (call.tenant_id(), call.access.scope.owners());
        let sums = self
            .db
            .read_one(call, move |one| Box::pin(async move { sums(one.conn(), tenant, id, owners).await }))
            .await?;
        self.folds.look(tenant, id, (sums.iter().map(|sum| sum.rows).sum(), sums.len()));
        Ok(PipelineSummary { pipeline_id: id.to_string(), sums: told(&pipeline, sums) })
    }
}

/// The sums in the order of the stages, without those of nothing.
fn told(pipeline: &Pipeline, mut sums: Vec<Sum>) -> Vec<StageSum> {
    let place = |key: &str| pipeline.stages.iter().position(|stage| stage.key == key);
    sums.retain(|sum| sum.opportunities != 0);
    sums.sort_by_key(|sum| (place(&sum.stage_key), sum.state, sum.amount_currency.clone()));
    let money = |amount: Decimal, currency: &str| {
        (!currency.is_empty()).then(|| money::to_wire(amount.to_i128().unwrap_or(i128::MAX), currency))
    };
    let told = sums.into_iter().map(|sum| StageSum {
        amount: money(sum.amount, &sum.amount_currency),
        expected_revenue: money(sum.expected_revenue, &sum.amount_currency),
        stage_key: sum.stage_key,
        state: sum.state.into(),
        opportunity_count: sum.opportunities,
    });
    told.collect()
}

/// What the rows of a pipeline add up to, for the records of `owners`.
async fn sums(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    pipeline_id: Uuid,
    owners: Option<&[Uuid]>,
) -> Result<Vec<Sum>> {
    sqlx::query_as!(
        Sum,
        r#"
        SELECT stage_key, state, amount_currency, sum(opportunities)::bigint AS "opportunities!", sum(amount) AS "amount!",
               sum(expected_revenue) AS "expected_revenue!", count(*) AS "rows!"
        FROM stage_sum
        WHERE tenant_id = $1 AND pipeline_id = $2 AND ($3::uuid[] IS NULL OR owner_id = ANY ($3))
        GROUP BY stage_key, state, amount_currency
        "#,
        tenant_id,
        pipeline_id,
        owners,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
