//! All SQL of ownership periods.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use crm_kit_record::Choice;
use crm_proto::crm::customer::v1::ownership_period::Act;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Move, Period};

/// Drops who answered for records that go for good, and what rules took back of them.
pub async fn forget(conn: &mut PgConnection, tenant_id: Uuid, record_ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        r#"
        WITH taken AS (DELETE FROM reclaim WHERE tenant_id = $1 AND record_id = ANY ($2))
        DELETE FROM ownership_period WHERE tenant_id = $1 AND record_id = ANY ($2)
        "#,
        tenant_id,
        record_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Ends the periods of records and begins new ones; a record without any gets its first one too.
pub async fn follow(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    moves: &[Move],
    (now, operator_id): (DateTime<Utc>, Uuid),
) -> Result<()> {
    let ids: Vec<Uuid> = moves.iter().map(|change| change.id).collect();
    let revisions: Vec<i64> = moves.iter().map(|change| change.revision).collect();
    let created: Vec<DateTime<Utc>> = moves.iter().map(|change| change.create_time).collect();
    let from_owners: Vec<Option<Uuid>> = moves.iter().map(|change| change.from.owner_id).collect();
    let from_pools: Vec<Option<Uuid>> = moves.iter().map(|change| change.from.pool_id).collect();
    let owners: Vec<Option<Uuid>> = moves.iter().map(|change| change.to.owner_id).collect();
    let pools: Vec<Option<Uuid>> = moves.iter().map(|change| change.to.pool_id).collect();
    let acts: Vec<i16> =
        moves.iter().map(|change| i16::try_from(i32::from(change.act())).unwrap_or(0)).collect();
    sqlx::query!(
        r#"
        WITH moved AS (
            SELECT * FROM unnest($3::uuid[], $4::bigint[], $5::timestamptz[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::smallint[])
                AS m (record_id, revision, create_time, from_owner_id, from_pool_id, owner_id, pool_id, act)
        ), ended AS (
            UPDATE ownership_period p SET to_time = $11 FROM moved m
            WHERE p.tenant_id = $1 AND p.record_id = m.record_id AND p.to_time IS NULL
            RETURNING p.record_id
        ), first AS (
            INSERT INTO ownership_period (tenant_id, collection, record_id, revision, owner_id, pool_id, from_time, to_time, act,
                                          operator_id, reason)
            SELECT $1, $2, m.record_id, 0, m.from_owner_id, m.from_pool_id, m.create_time, $11, 1, '00000000-0000-0000-0000-000000000000', ''
            FROM moved m
            WHERE NOT EXISTS (SELECT 1 FROM ended e WHERE e.record_id = m.record_id)
        )
        INSERT INTO ownership_period (tenant_id, collection, record_id, revision, owner_id, pool_id, from_pool_id, from_time, act,
                                      operator_id, reason)
        SELECT $1, $2, m.record_id, m.revision, m.owner_id, m.pool_id, m.from_pool_id, $11, m.act, $12, '' FROM moved m
        "#,
        tenant_id,
        collection,
        &ids,
        &revisions,
        &created,
        &from_owners as &[Option<Uuid>],
        &from_pools as &[Option<Uuid>],
        &owners as &[Option<Uuid>],
        &pools as &[Option<Uuid>],
        &acts,
        now,
        operator_id,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Says how and why the periods began that began just now.
pub async fn explain(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    act: Act,
    reason: &str,
) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE ownership_period SET act = $3, reason = $4
        WHERE tenant_id = $1 AND record_id = ANY ($2) AND to_time IS NULL
        "#,
        tenant_id,
        ids,
        i16::try_from(i32::from(act)).unwrap_or(0),
        reason,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The last periods of a record, newest first.
pub async fn periods(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    record_id: Uuid,
    limit: i64,
) -> Result<Vec<Period>> {
    sqlx::query_as!(
        Period,
        r#"
        SELECT owner_id, pool_id, from_time, to_time, act AS "act: Choice<Act>", operator_id, reason
        FROM ownership_period
        WHERE tenant_id = $1 AND record_id = $2
        ORDER BY revision DESC
        LIMIT $3
        "#,
        tenant_id,
        record_id,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// The pool that each record was in last, of those that were in one.
pub async fn last_pools(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        SELECT DISTINCT ON (record_id) record_id, pool_id AS "pool_id!"
        FROM ownership_period
        WHERE tenant_id = $1 AND record_id = ANY ($2) AND pool_id IS NOT NULL
        ORDER BY record_id, revision DESC
        "#,
        tenant_id,
        ids,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.record_id, row.pool_id)).collect())
}

/// How many records a user claimed from a pool since an instant.
pub async fn claims_since(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    owner_id: Uuid,
    pool_id: Uuid,
    since: DateTime<Utc>,
) -> Result<i64> {
    sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!" FROM ownership_period
        WHERE tenant_id = $1 AND owner_id = $2 AND from_pool_id = $3 AND act = 2 AND from_time >= $4
        "#,
        tenant_id,
        owner_id,
        pool_id,
        since,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// When a user lost records that it had, of those it lost after an instant.
pub async fn lost_since(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    owner_id: Uuid,
    ids: &[Uuid],
    since: DateTime<Utc>,
) -> Result<Vec<(Uuid, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"
        SELECT record_id, max(to_time) AS "lost!" FROM ownership_period
        WHERE tenant_id = $1 AND record_id = ANY ($2) AND owner_id = $3 AND to_time > $4
        GROUP BY record_id
        "#,
        tenant_id,
        ids,
        owner_id,
        since,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.record_id, row.lost)).collect())
}

/// Since when records wait in pools, of those that came after an instant.
pub async fn pooled_since(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    since: DateTime<Utc>,
) -> Result<Vec<(Uuid, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"
        SELECT record_id, from_time FROM ownership_period
        WHERE tenant_id = $1 AND record_id = ANY ($2) AND pool_id IS NOT NULL AND to_time IS NULL AND from_time > $3
        "#,
        tenant_id,
        ids,
        since,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.record_id, row.from_time)).collect())
}
