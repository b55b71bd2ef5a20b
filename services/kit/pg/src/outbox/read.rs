//! The SQL of the log.

use chrono::{DateTime, Utc};
use crm_kit_api::{Result, call::Scope};
use sqlx::PgConnection;
use uuid::Uuid;

use super::cursor::Position;
use crate::db::database_error;

/// One row of the log.
#[derive(Debug)]
pub(super) struct Row {
    pub tenant_id: Uuid,
    pub tx: i64,
    pub seq: i64,
    pub id: Uuid,
    pub event_time: DateTime<Utc>,
    pub collection: String,
    pub record_id: Uuid,
    pub change_kind: i16,
    pub changed_fields: Vec<String>,
    pub actor_id: Uuid,
    pub request_id: String,
    pub type_name: String,
    pub payload: Vec<u8>,
}

/// The oldest transaction that may still write. Rows below it are complete.
pub(super) async fn horizon(conn: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar!(r#"SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "horizon!""#)
        .fetch_one(conn)
        .await
        .map_err(database_error)
}

/// The rows after `position` and below `horizon` that lie within the subscriber's scope, in order. Of a record that left the scope it reads what is
/// told to those who saw the owner before.
pub(super) async fn after(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    position: Position,
    horizon: i64,
    filter: (&Scope, &[String]),
    limit: i64,
) -> Result<Vec<Row>> {
    let (scope, collections) = filter;
    sqlx::query_as!(
        Row,
        r#"
        SELECT o.tenant_id, o.tx, o.seq, o.id, o.event_time, o.collection, o.record_id, o.change_kind, o.actor_id, o.request_id, o.type_name,
               CASE WHEN s.covers THEN o.changed_fields ELSE o.previous_fields END AS "changed_fields!",
               CASE WHEN s.covers THEN o.payload ELSE o.previous_payload END AS "payload!"
        FROM outbox o
        CROSS JOIN LATERAL (SELECT $5::uuid[] IS NULL OR COALESCE(o.owner_id = ANY ($5), FALSE) AS covers) AS s
        WHERE o.tenant_id = $1 AND (o.tx, o.seq) > ($2, $3) AND o.tx < $4
          AND (s.covers OR o.previous_owner_id = ANY ($5))
          AND (cardinality($6::text[]) = 0 OR o.collection = ANY ($6))
        ORDER BY o.tx, o.seq
        LIMIT $7
        "#,
        tenant_id,
        position.tx,
        position.seq,
        horizon,
        scope.owners(),
        collections,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Where the log was cut: positions before it have lost events. `None` when it never was.
pub(super) async fn trimmed(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Option<Position>> {
    let row = sqlx::query!(r#"SELECT tx, seq FROM outbox_trim WHERE tenant_id = $1"#, tenant_id)
        .fetch_optional(conn)
        .await
        .map_err(database_error)?;
    Ok(row.map(|row| Position { tx: row.tx, seq: row.seq }))
}

/// As [`after`] over all tenants and records, for a service that follows.
pub(super) async fn after_of_all(
    conn: &mut PgConnection,
    position: Position,
    horizon: i64,
    collections: &[String],
    limit: i64,
) -> Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"
        SELECT tenant_id AS "tenant_id!", tx AS "tx!", seq AS "seq!", id AS "id!", event_time AS "event_time!", collection AS "collection!",
               record_id AS "record_id!", change_kind AS "change_kind!", changed_fields AS "changed_fields!", actor_id AS "actor_id!",
               request_id AS "request_id!", type_name AS "type_name!", payload AS "payload!"
        FROM kit_events_after($1, $2, $3, $4, $5)
        "#,
        position.tx,
        position.seq,
        horizon,
        collections,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// As [`trimmed`] over all tenants: the furthest cut of any.
pub(super) async fn trimmed_of_all(conn: &mut PgConnection) -> Result<Option<Position>> {
    let row = sqlx::query!(r#"SELECT tx AS "tx!", seq AS "seq!" FROM kit_trimmed()"#)
        .fetch_optional(conn)
        .await
        .map_err(database_error)?;
    Ok(row.map(|row| Position { tx: row.tx, seq: row.seq }))
}

/// The first transaction that has not begun: whatever is committed by now lies below it.
pub(super) async fn frontier(conn: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar!(r#"SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS "frontier!""#)
        .fetch_one(conn)
        .await
        .map_err(database_error)
}
