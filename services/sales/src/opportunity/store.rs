//! All SQL of opportunities. The statements that write deals also write the history of their stages and what they add to the sums kept per stage.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;

use super::model::Opportunity;
use crate::{
    DOMAIN,
    pipeline::{Pipeline, Stage},
};

/// Columns of [`Opportunity`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, account_id, account_name, \
     contacts, competitors, pipeline_id, stage_key, stage_enter_time, stage_actor_id, stall_time, state, probability_percent, \
     probability_overridden, forecast_category, forecast_category_overridden, amount, amount_currency, expected_revenue, \
     close_date, open_date, closed_date, original_closed_date, close_reason, next_step, source, region, campaign_id, \
     description, owner_id, tags, external_ids, custom, sheet";

/// Inserts opportunities, however many, with the first entry of their history, and adds them to the sums.
pub async fn insert(conn: &mut PgConnection, deals: &[Opportunity]) -> Result<()> {
    let rows: Vec<_> = deals.iter().map(Opportunity::to_stored).collect();
    sqlx::query!(
        r#"
        WITH n AS MATERIALIZED (
            SELECT * FROM jsonb_populate_recordset(NULL::opportunity, $1)
        ), stored AS (
            INSERT INTO opportunity SELECT * FROM n
        ), entered AS (
            INSERT INTO stage_entry (tenant_id, opportunity_id, enter_time, from_pipeline_id, from_stage_key, pipeline_id, stage_key,
                                     state, actor_id, amount, amount_currency, close_date)
            SELECT tenant_id, id, stage_enter_time, NULL, '', pipeline_id, stage_key, state, stage_actor_id, amount, amount_currency,
                   close_date
            FROM n
        )
        INSERT INTO stage_sum (tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency, opportunities, amount,
                               expected_revenue)
        SELECT tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency, count(*), COALESCE(sum(amount), 0),
               COALESCE(sum(expected_revenue), 0)
        FROM n
        GROUP BY tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency
        "#,
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, reason))
}

/// Writes opportunities over their rows, which the transaction holds; each carries its new revision. A deal that stands elsewhere than before gets
/// an entry of history, one that shall close on another day a row of that, and the sums get the difference: what the rows were counts against, what they become counts for, and a row in the recycle bin
/// counts nothing.
pub async fn update(conn: &mut PgConnection, deals: &[Opportunity]) -> Result<()> {
    let rows: Vec<_> = deals.iter().map(Opportunity::to_stored).collect();
    let count = sqlx::query_scalar!(
        r#"
        WITH n AS MATERIALIZED (
            SELECT * FROM jsonb_populate_recordset(NULL::opportunity, $1)
        ), was AS MATERIALIZED (
            SELECT o.* FROM opportunity o JOIN n ON o.tenant_id = n.tenant_id AND o.id = n.id
        ), stored AS (
            UPDATE opportunity AS o SET (
                update_time, delete_time, revision, display_name, number, account_id, account_name, contacts, competitors,
                pipeline_id, stage_key, stage_enter_time, stage_actor_id, stall_time, state, probability_percent,
                probability_overridden, forecast_category, forecast_category_overridden, amount, amount_currency,
                expected_revenue, close_date, open_date, closed_date, original_closed_date, close_reason, next_step, source,
                region, campaign_id, description, owner_id, tags, external_ids, custom, search_name, sheet
            ) = ROW (
                n.update_time, n.delete_time, n.revision, n.display_name, n.number, n.account_id, n.account_name, n.contacts,
                n.competitors, n.pipeline_id, n.stage_key, n.stage_enter_time, n.stage_actor_id, n.stall_time, n.state,
                n.probability_percent, n.probability_overridden, n.forecast_category, n.forecast_category_overridden,
                n.amount, n.amount_currency, n.expected_revenue, n.close_date, n.open_date, n.closed_date,
                n.original_closed_date, n.close_reason, n.next_step, n.source, n.region, n.campaign_id, n.description,
                n.owner_id, n.tags, n.external_ids, n.custom, n.search_name, n.sheet
            )
            FROM n
            WHERE o.tenant_id = n.tenant_id AND o.id = n.id AND o.revision = n.revision - 1
            RETURNING o.id
        ), entered AS (
            INSERT INTO stage_entry (tenant_id, opportunity_id, enter_time, from_pipeline_id, from_stage_key, pipeline_id, stage_key,
                                     state, actor_id, amount, amount_currency, close_date)
            SELECT n.tenant_id, n.id, n.stage_enter_time, w.pipeline_id, w.stage_key, n.pipeline_id, n.stage_key, n.state,
                   n.stage_actor_id, n.amount, n.amount_currency, n.close_date
            FROM n JOIN was w ON w.id = n.id
            WHERE (w.pipeline_id, w.stage_key, w.state) IS DISTINCT FROM (n.pipeline_id, n.stage_key, n.state)
        ), moved AS (
            INSERT INTO close_date_move (tenant_id, opportunity_id, move_time, from_date, to_date)
            SELECT n.tenant_id, n.id, n.update_time, w.close_date, n.close_date
            FROM n JOIN was w ON w.id = n.id
            WHERE w.close_date <> n.close_date OR (w.close_date IS NOT NULL AND n.close_date IS NULL)
        ), side AS (
            SELECT tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency, -1 AS sign, amount, expected_revenue
            FROM was WHERE delete_time IS NULL
            UNION ALL
            SELECT tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency, 1, amount, expected_revenue
            FROM n WHERE delete_time IS NULL
        ), summed AS (
            INSERT INTO stage_sum (tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency, opportunities, amount,
                                   expected_revenue)
            SELECT tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency, sum(sign), COALESCE(sum(sign * amount), 0),
                   COALESCE(sum(sign * expected_revenue), 0)
            FROM side
            GROUP BY tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency
            HAVING sum(sign) <> 0 OR COALESCE(sum(sign * amount), 0) <> 0 OR COALESCE(sum(sign * expected_revenue), 0) <> 0
        )
        SELECT count(*) AS "count!" FROM stored
        "#,
        Json(rows) as _
    )
    .fetch_one(conn)
    .await
    .map_err(|error| constraint::map(error, reason))?;
    if usize::try_from(count).is_ok_and(|count| count == deals.len()) {
        Ok(())
    } else {
        Err(Error::concurrent_change())
    }
}

/// Computes anew from when on the open deals in a stage count as stalled, after the stage's limit changed.
pub async fn limit_stays(conn: &mut PgConnection, pipeline: &Pipeline, stage: &Stage) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE opportunity
        SET stall_time = CASE WHEN $4::int > 0 THEN stage_enter_time + make_interval(days => $4) END
        WHERE tenant_id = $1 AND pipeline_id = $2 AND stage_key = $3 AND state = 1
        "#,
        pipeline.tenant_id,
        pipeline.id,
        stage.key,
        stage.max_days,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

fn reason(constraint: &str) -> Option<Error> {
    match constraint {
        "opportunity_number_key" => {
            let message = "another opportunity has the number";
            Some(Error::new(Code::AlreadyExists, DOMAIN, "NUMBER_TAKEN", message))
        }
        _ => None,
    }
}
