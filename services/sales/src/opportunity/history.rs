//! The stages a deal stood in, read from its entries: each stay ends where the next one begins.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{Result, time};
use crm_kit_pg::db::database_error;
use crm_kit_record::{Choice, field::id_text};
use crm_proto::crm::sales::v1::{StageEntry as Wire, opportunity::State};
use sqlx::PgConnection;
use uuid::Uuid;

use super::convert;

/// Most entries that are told.
const MOST: i64 = 1000;

/// A row of `stage_entry`.
#[derive(Clone, Debug)]
pub struct Entry {
    pub enter_time: DateTime<Utc>,
    pub from_pipeline_id: Option<Uuid>,
    pub from_stage_key: String,
    pub pipeline_id: Uuid,
    pub stage_key: String,
    pub state: Choice<State>,
    pub actor_id: Uuid,
    pub amount: Option<i64>,
    pub amount_currency: String,
    pub close_date: Option<NaiveDate>,
}

/// The last entries of a deal, the first one first.
pub async fn entries(conn: &mut PgConnection, tenant_id: Uuid, opportunity_id: Uuid) -> Result<Vec<Entry>> {
    let mut entries = sqlx::query_as!(
        Entry,
        r#"
        SELECT enter_time, from_pipeline_id, from_stage_key, pipeline_id, stage_key, state AS "state: _", actor_id, amount,
               amount_currency, close_date
        FROM stage_entry
        WHERE tenant_id = $1 AND opportunity_id = $2
        ORDER BY seq DESC
        LIMIT $3
        "#,
        tenant_id,
        opportunity_id,
        MOST,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    entries.reverse();
    Ok(entries)
}

/// The last open stage of a pipeline that a deal stood in.
pub fn last_open(entries: &[Entry], pipeline_id: Uuid) -> Option<&str> {
    let mut open = entries.iter().rev().filter(|entry| entry.state.0 == State::Open);
    open.find(|entry| entry.pipeline_id == pipeline_id).map(|entry| entry.stage_key.as_str())
}

/// The entries on the wire, each with its end; the last one goes on at `now`.
pub fn to_wire(entries: &[Entry], now: DateTime<Utc>) -> Vec<Wire> {
    let ends = entries.iter().skip(1).map(|next| Some(next.enter_time)).chain([None]);
    entries.iter().zip(ends).map(|(entry, end)| one(entry, end, now)).collect()
}

fn one(entry: &Entry, end: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Wire {
    Wire {
        enter_time: Some(time::timestamp(entry.enter_time)),
        leave_time: end.map(time::timestamp),
        duration_seconds: (end.unwrap_or(now) - entry.enter_time).num_seconds().max(0),
        from_pipeline_id: id_text(entry.from_pipeline_id),
        from_stage_key: entry.from_stage_key.clone(),
        pipeline_id: entry.pipeline_id.to_string(),
        stage_key: entry.stage_key.clone(),
        state: entry.state.number(),
        actor_id: id_text(Some(entry.actor_id).filter(|id| !id.is_nil())),
        amount: convert::money(entry.amount, &entry.amount_currency),
        close_date: entry.close_date.map(time::date),
    }
}
