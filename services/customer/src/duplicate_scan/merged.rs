//! What merges mean for sets and for pairs that were told apart.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use uuid::Uuid;

/// Takes records that were merged out of the sets, drops sets of which less than two are left, and lets whom they were told apart from be told apart from the
/// survivor too.
pub async fn merged(
    conn: &mut PgConnection,
    (tenant_id, creator_id): (Uuid, Uuid),
    collection: &str,
    survivor_id: Uuid,
    loser_ids: &[Uuid],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        r#"
        WITH left_over AS (
            SELECT d.id, COALESCE(array_agg(r.record_id ORDER BY r.place) FILTER (WHERE r.record_id <> ALL ($4)), '{}') AS record_ids,
                   COALESCE(array_agg(r.probability ORDER BY r.place) FILTER (WHERE r.record_id <> ALL ($4)), '{}') AS probabilities
            FROM duplicate_set d
            CROSS JOIN LATERAL unnest(d.record_ids, d.probabilities) WITH ORDINALITY AS r (record_id, probability, place)
            WHERE d.tenant_id = $1 AND d.collection = $2 AND d.record_ids && $4
            GROUP BY d.id
        ), dropped AS (
            DELETE FROM duplicate_set d USING left_over l WHERE d.tenant_id = $1 AND d.id = l.id AND cardinality(l.record_ids) < 2
        ), shrunk AS (
            UPDATE duplicate_set d SET record_ids = l.record_ids, probabilities = l.probabilities FROM left_over l
            WHERE d.tenant_id = $1 AND d.id = l.id AND cardinality(l.record_ids) >= 2
        )
        INSERT INTO duplicate_dismissal (tenant_id, collection, a_id, b_id, create_time, creator_id)
        SELECT DISTINCT $1, $2, LEAST($3::uuid, o.id), GREATEST($3::uuid, o.id), $5::timestamptz, $6::uuid
        FROM (
            SELECT b_id AS id FROM duplicate_dismissal WHERE tenant_id = $1 AND collection = $2 AND a_id = ANY ($4)
            UNION
            SELECT a_id FROM duplicate_dismissal WHERE tenant_id = $1 AND collection = $2 AND b_id = ANY ($4)
        ) AS o
        WHERE o.id <> $3 AND o.id <> ALL ($4)
        ON CONFLICT ON CONSTRAINT duplicate_dismissal_pkey DO NOTHING
        "#,
        tenant_id,
        collection,
        survivor_id,
        loser_ids,
        now,
        creator_id,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Forgets what a merge at an instant told apart from its survivor.
pub async fn unmerged(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    survivor_id: Uuid,
    at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM duplicate_dismissal
        WHERE tenant_id = $1 AND collection = $2 AND (a_id = $3 OR b_id = $3) AND create_time = $4
        "#,
        tenant_id,
        collection,
        survivor_id,
        at,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}
