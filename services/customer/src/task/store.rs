//! All SQL of tasks.

use chrono::{DateTime, Utc};
use crm_kit_api::{Error, Result};
use crm_kit_pg::db::database_error;
use crm_kit_record::recycle_bin::Gone;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::Task;
use crate::{
    activity::store::{self as activity, Kind},
    app,
};

/// Columns of [`Task`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, state, state_reason, priority, due_time, \
     start_time, end_time, completion_criterion, description, account_id, contact_id, lead_id, opportunity_id, links, \
     recurrence, series_id, escalation, escalation_delay_hours, escalate_time, escalated_to_id, escalation_due_time, \
     owner_id, tags, external_ids, custom";

/// Inserts tasks, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, tasks: &[Task]) -> Result<()> {
    let rows: Vec<_> = tasks.iter().map(Task::to_stored).collect();
    sqlx::query!(
        r#"
        INSERT INTO task (
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, state, state_reason, priority,
            due_time, start_time, end_time, completion_criterion, description, account_id, contact_id, lead_id,
            opportunity_id, links, recurrence, series_id, escalation, escalation_delay_hours, escalate_time,
            escalated_to_id, escalation_due_time, owner_id, tags, external_ids, custom, search_name
        )
        SELECT
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, state, state_reason, priority,
            due_time, start_time, end_time, completion_criterion, description, account_id, contact_id, lead_id,
            opportunity_id, links, recurrence, series_id, escalation, escalation_delay_hours, escalate_time,
            escalated_to_id, escalation_due_time, owner_id, tags, external_ids, custom, search_name
        FROM jsonb_populate_recordset(NULL::task, $1)
        "#,
        Json(rows) as _
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    note(conn, tasks).await
}

/// Writes tasks over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, tasks: &[Task]) -> Result<()> {
    let rows: Vec<_> = tasks.iter().map(Task::to_stored).collect();
    let done = sqlx::query!(
        r#"
        UPDATE task AS a SET (
            update_time, delete_time, revision, display_name, state, state_reason, priority, due_time, start_time, end_time,
            completion_criterion, description, account_id, contact_id, lead_id, opportunity_id, links, recurrence,
            series_id, escalation, escalation_delay_hours, escalate_time, escalated_to_id, escalation_due_time, owner_id,
            tags, external_ids, custom, search_name
        ) = ROW (
            n.update_time, n.delete_time, n.revision, n.display_name, n.state, n.state_reason, n.priority, n.due_time,
            n.start_time, n.end_time, n.completion_criterion, n.description, n.account_id, n.contact_id, n.lead_id,
            n.opportunity_id, n.links, n.recurrence, n.series_id, n.escalation, n.escalation_delay_hours, n.escalate_time,
            n.escalated_to_id, n.escalation_due_time, n.owner_id, n.tags, n.external_ids, n.custom, n.search_name
        )
        FROM jsonb_populate_recordset(NULL::task, $1) AS n
        WHERE a.tenant_id = n.tenant_id AND a.id = n.id AND a.revision = n.revision - 1
        "#,
        Json(rows) as _
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    if usize::try_from(done.rows_affected()).is_ok_and(|count| count == tasks.len()) {
        note(conn, tasks).await
    } else {
        Err(Error::concurrent_change())
    }
}

/// Tasks whose superiors are to be told by `now`, the longest waiting first, held until the transaction ends. Those that another transaction holds are
/// left for later.
pub async fn lock_overdue(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Task>> {
    sqlx::query_as!(
        Task,
        r#"
        SELECT tenant_id, id, create_time, update_time, delete_time, revision, display_name, state AS "state: _",
               state_reason, priority AS "priority: _", due_time, start_time, end_time, completion_criterion, description,
               account_id, contact_id, lead_id, opportunity_id, links AS "links: _", recurrence AS "recurrence: _",
               series_id, escalation AS "escalation: _", escalation_delay_hours, escalate_time, escalated_to_id,
               escalation_due_time, owner_id, tags, external_ids AS "external_ids: _", custom AS "custom: _"
        FROM task
        WHERE tenant_id = $1 AND delete_time IS NULL AND escalation_due_time <= $2
        ORDER BY escalation_due_time, id
        LIMIT $3
        FOR NO KEY UPDATE SKIP LOCKED
        "#,
        tenant_id,
        now,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Tenants after `after` some of whose superiors are to be told by `now`, in their order.
pub async fn escalation_due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT tenant_id AS "tenant_id!" FROM task_escalation_due($1, $2, $3)"#,
        now,
        after,
        limit
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Puts tasks into time lines.
async fn note(conn: &mut PgConnection, tasks: &[Task]) -> Result<()> {
    let Some(first) = tasks.first() else { return Ok(()) };
    let entries: Vec<_> = tasks.iter().map(Task::entry).collect();
    activity::write(conn, first.tenant_id, Kind::Task, &entries).await
}

/// Ids of tasks, with those in the recycle bin, that name records which are about to go, each once; at most `most`.
pub async fn referring(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    gone: Gone<'_>,
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT r.id AS "id!" FROM (
            SELECT id FROM task WHERE $2 = 'accounts' AND tenant_id = $1 AND account_id = ANY ($3)
            UNION SELECT id FROM task WHERE $2 = 'contacts' AND tenant_id = $1 AND contact_id = ANY ($3)
            UNION SELECT id FROM task WHERE $2 = 'leads' AND tenant_id = $1 AND lead_id = ANY ($3)
            UNION SELECT t.id FROM unnest($3::uuid[]) AS w (id)
            JOIN task t ON t.tenant_id = $1
                AND t.links @> jsonb_build_array(jsonb_build_object('service', $4::text, 'collection', $2::text, 'id', w.id::text))
        ) AS r
        WHERE r.id <> ALL ($3)
        LIMIT $5
        "#,
        tenant_id,
        gone.collection,
        gone.ids,
        app::NAME,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
