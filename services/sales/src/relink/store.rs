//! All SQL of relinks but the reading of records, which `kit/record/rows.rs` builds for every kind.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use crm_kit_record::revert::Patch;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{Change, Relink};

/// Notes what a merge asks for as the last of its tenant; its undoing turns it and makes it the last again. Two of a tenant are noted one after the other.
pub async fn put(conn: &mut PgConnection, relink: &Relink, now: DateTime<Utc>) -> Result<()> {
    let key = format!("relinks/{}", relink.tenant_id);
    sqlx::query!(r#"SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) AS "held: ()""#, key)
        .fetch_one(&mut *conn)
        .await
        .map_err(database_error)?;
    sqlx::query!(
        r#"
        INSERT INTO relink (tenant_id, id, create_time, collection, from_ids, into_id, display_name, undone)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT ON CONSTRAINT relink_pkey
        DO UPDATE SET undone = true, settled = false, turn = excluded.turn WHERE excluded.undone AND NOT relink.undone
        "#,
        relink.tenant_id,
        relink.id,
        now,
        relink.collection,
        &relink.from_ids,
        relink.into_id,
        relink.display_name,
        relink.undone,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Holds a relink.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Relink>> {
    sqlx::query_as!(
        Relink,
        r#"
        SELECT tenant_id, id, collection, from_ids, into_id, display_name, undone, turn, settled FROM relink
        WHERE tenant_id = $1 AND id = $2
        FOR NO KEY UPDATE
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// The first relink of a tenant that is not settled.
pub async fn first_unsettled(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM relink WHERE tenant_id = $1 AND NOT settled ORDER BY turn LIMIT 1"#,
        tenant_id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Notes that all records follow a relink that is held.
pub async fn settle(conn: &mut PgConnection, relink: &Relink) -> Result<()> {
    sqlx::query!(
        r#"UPDATE relink SET settled = true WHERE tenant_id = $1 AND id = $2"#,
        relink.tenant_id,
        relink.id,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The merges that lead from an account to what it went into, in their order; none for an account that is there.
pub async fn leading(conn: &mut PgConnection, tenant_id: Uuid, account_id: Uuid) -> Result<Vec<Relink>> {
    sqlx::query_as!(
        Relink,
        r#"
        WITH RECURSIVE led AS (
            SELECT r.id, r.into_id, r.turn FROM relink r
            WHERE r.tenant_id = $1 AND r.collection = 'accounts' AND NOT r.undone AND r.from_ids @> ARRAY[$2::uuid]
            UNION
            SELECT r.id, r.into_id, r.turn FROM led l
            JOIN relink r ON r.tenant_id = $1 AND r.collection = 'accounts' AND NOT r.undone
                         AND r.from_ids @> ARRAY[l.into_id] AND r.turn > l.turn
        )
        SELECT r.tenant_id, r.id, r.collection, r.from_ids, r.into_id, r.display_name, r.undone, r.turn, r.settled
        FROM led l JOIN relink r ON r.tenant_id = $1 AND r.id = l.id
        ORDER BY r.turn
        "#,
        tenant_id,
        account_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Notes what changed of records. One that was noted before keeps its first state and takes the new last one.
pub async fn note(conn: &mut PgConnection, relink: &Relink, changes: &[Change]) -> Result<()> {
    let ids: Vec<Uuid> = changes.iter().map(|change| change.record_id).collect();
    let collections: Vec<String> = changes.iter().map(|change| change.collection.clone()).collect();
    let patches: Vec<Json<&Patch>> = changes.iter().map(|change| Json(&*change.patch)).collect();
    sqlx::query!(
        r#"
        INSERT INTO relink_change (tenant_id, relink_id, collection, record_id, patch)
        SELECT $1, $2, c.collection, c.id, c.patch FROM unnest($3::text[], $4::uuid[], $5::jsonb[]) AS c (collection, id, patch)
        ON CONFLICT ON CONSTRAINT relink_change_pkey
        DO UPDATE SET patch = jsonb_build_object('before', (excluded.patch->'before') || (relink_change.patch->'before'),
                                                 'after', (relink_change.patch->'after') || (excluded.patch->'after'))
        "#,
        relink.tenant_id,
        relink.id,
        &collections,
        &ids,
        &patches as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// What was changed of records and is not taken back yet, those of a collection together; at most `limit`.
pub async fn noted(conn: &mut PgConnection, relink: &Relink, limit: i64) -> Result<Vec<Change>> {
    sqlx::query_as!(
        Change,
        r#"
        SELECT collection, record_id, patch AS "patch: _" FROM relink_change
        WHERE tenant_id = $1 AND relink_id = $2 ORDER BY collection, record_id LIMIT $3
        "#,
        relink.tenant_id,
        relink.id,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Forgets what was changed of records of a collection.
pub async fn forget(
    conn: &mut PgConnection,
    relink: &Relink,
    collection: &str,
    record_ids: &[Uuid],
) -> Result<()> {
    sqlx::query!(
        r#"DELETE FROM relink_change WHERE tenant_id = $1 AND relink_id = $2 AND collection = $3 AND record_id = ANY ($4)"#,
        relink.tenant_id,
        relink.id,
        collection,
        record_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Drops what was noted of records of a collection that go for good.
pub async fn drop_changes(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    record_ids: &[Uuid],
) -> Result<()> {
    sqlx::query!(
        r#"DELETE FROM relink_change WHERE tenant_id = $1 AND collection = $2 AND record_id = ANY ($3)"#,
        tenant_id,
        collection,
        record_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}
