//! All SQL of merges.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use crm_kit_record::revert::Patch;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{Change, Departed, Merge};

/// Where ids lead whose records were merged.
pub async fn redirected(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        SELECT record_id, current_id FROM merged_record WHERE tenant_id = $1 AND record_id = ANY ($3) AND collection = $2
        "#,
        tenant_id,
        collection,
        ids,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.record_id, row.current_id)).collect())
}

/// Drops what merges keep of records that go for good, and of those that went into them.
pub async fn forget(conn: &mut PgConnection, tenant_id: Uuid, record_ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        r#"
        WITH emptied AS (
            UPDATE merged_record SET document = NULL, parts = NULL WHERE tenant_id = $1 AND current_id = ANY ($2)
            RETURNING record_id
        ), periods AS (
            DELETE FROM ownership_period p USING emptied e WHERE p.tenant_id = $1 AND p.record_id = e.record_id
        )
        DELETE FROM merge_change c
        WHERE c.tenant_id = $1
          AND (c.record_id = ANY ($2) OR c.merge_id IN (SELECT m.id FROM merge m WHERE m.tenant_id = $1 AND m.current_id = ANY ($2)))
        "#,
        tenant_id,
        record_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Lets rules about duplicates rest until the transaction ends: what is merged or comes back was a duplicate before.
pub async fn rest_rules(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        r#"
        SELECT set_config('app.overrides', concat_ws(',', NULLIF(current_setting('app.overrides', true), ''),
                                                     'customer.duplicates.override'), true) AS "set!"
        "#
    )
    .fetch_one(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Inserts a merge with what it changed and what went, and lets the ids that led to those lead to the survivor.
pub async fn insert(
    conn: &mut PgConnection,
    merge: &Merge,
    departed: &[Departed],
    changes: &[Change],
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO merge (tenant_id, id, create_time, update_time, collection, survivor_id, current_id, loser_ids, creator_id, state, awaited,
                           moved_count, fields, conflicts)
        VALUES ($1, $2, $3, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11, '[]')
        "#,
        merge.tenant_id,
        merge.id,
        merge.create_time,
        merge.collection,
        merge.survivor_id,
        &merge.loser_ids,
        merge.creator_id,
        merge.state as _,
        &merge.awaited,
        merge.moved_count,
        Json(&*merge.fields) as _,
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    collapse(conn, merge).await?;
    let ids: Vec<Uuid> = departed.iter().map(|record| record.record_id).collect();
    let documents: Vec<Option<Value>> = departed.iter().map(|record| record.document.clone()).collect();
    let parts: Vec<Option<Value>> = departed.iter().map(|record| record.parts.clone()).collect();
    sqlx::query!(
        r#"
        INSERT INTO merged_record (tenant_id, record_id, collection, merge_id, current_id, document, parts)
        SELECT $1, d.record_id, $2, $3, $4, d.document, d.parts
        FROM unnest($5::uuid[], $6::jsonb[], $7::jsonb[]) AS d (record_id, document, parts)
        "#,
        merge.tenant_id,
        merge.collection,
        merge.id,
        merge.survivor_id,
        &ids,
        &documents as &[Option<Value>],
        &parts as &[Option<Value>],
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    insert_changes(conn, merge, changes).await
}

/// What led to the losers leads to the survivor.
async fn collapse(conn: &mut PgConnection, merge: &Merge) -> Result<()> {
    sqlx::query!(
        r#"
        WITH merges AS (UPDATE merge SET current_id = $2 WHERE tenant_id = $1 AND current_id = ANY ($3))
        UPDATE merged_record SET current_id = $2 WHERE tenant_id = $1 AND current_id = ANY ($3)
        "#,
        merge.tenant_id,
        merge.survivor_id,
        &merge.loser_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

async fn insert_changes(conn: &mut PgConnection, merge: &Merge, changes: &[Change]) -> Result<()> {
    let ids: Vec<Uuid> = changes.iter().map(|change| change.record_id).collect();
    let collections: Vec<String> = changes.iter().map(|change| change.collection.clone()).collect();
    let patches: Vec<Json<&Patch>> = changes.iter().map(|change| Json(&*change.patch)).collect();
    sqlx::query!(
        r#"
        INSERT INTO merge_change (tenant_id, merge_id, record_id, collection, patch)
        SELECT $1, $2, c.record_id, c.collection, c.patch
        FROM unnest($3::uuid[], $4::text[], $5::jsonb[]) AS c (record_id, collection, patch)
        "#,
        merge.tenant_id,
        merge.id,
        &ids,
        &collections,
        &patches as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// A merge, held until the transaction ends.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Merge>> {
    sqlx::query_as!(
        Merge,
        r#"
        SELECT tenant_id, id, create_time, update_time, collection, survivor_id, current_id, loser_ids, creator_id, state AS "state: _",
               awaited, moved_count, fields AS "fields: _", conflicts AS "conflicts: _", undo_time, undoer_id
        FROM merge
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

/// Which merges a list wants.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// The one with this id.
    pub id: Option<Uuid>,
    /// Of the collection; empty for all.
    pub collection: &'w str,
    /// Of a record, as survivor or loser.
    pub record_id: Option<Uuid>,
    /// With a lower id.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Merges that led to records within the scope of `owners`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    wanted: Wanted<'_>,
    owners: Option<&[Uuid]>,
) -> Result<Vec<Merge>> {
    sqlx::query_as!(
        Merge,
        r#"
        SELECT tenant_id, id, create_time, update_time, collection, survivor_id, current_id, loser_ids, creator_id, state AS "state: _",
               awaited, moved_count, fields AS "fields: _", conflicts AS "conflicts: _", undo_time, undoer_id
        FROM merge m
        WHERE tenant_id = $1 AND ($2 = '' OR collection = $2) AND ($4::uuid IS NULL OR id < $4)
          AND ($3::uuid IS NULL OR survivor_id = $3 OR loser_ids @> ARRAY[$3::uuid])
          AND ($6::uuid[] IS NULL
               OR EXISTS (SELECT FROM account r WHERE r.tenant_id = $1 AND r.id = m.current_id AND r.owner_id = ANY ($6))
               OR EXISTS (SELECT FROM contact r WHERE r.tenant_id = $1 AND r.id = m.current_id AND r.owner_id = ANY ($6))
               OR EXISTS (SELECT FROM lead r WHERE r.tenant_id = $1 AND r.id = m.current_id AND r.owner_id = ANY ($6)))
          AND ($7::uuid IS NULL OR id = $7)
        ORDER BY id DESC LIMIT $5
        "#,
        tenant_id,
        wanted.collection,
        wanted.record_id,
        wanted.before,
        wanted.limit,
        owners,
        wanted.id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Writes what can change of a merge over its row, which the transaction holds.
pub async fn save(conn: &mut PgConnection, merge: &Merge) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE merge SET update_time = $3, state = $4, awaited = $5, conflicts = $6, undo_time = $7, undoer_id = $8
        WHERE tenant_id = $1 AND id = $2
        "#,
        merge.tenant_id,
        merge.id,
        merge.update_time,
        merge.state as _,
        &merge.awaited,
        Json(&*merge.conflicts) as _,
        merge.undo_time,
        merge.undoer_id,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The records that went with a merge.
pub async fn departed(conn: &mut PgConnection, tenant_id: Uuid, merge_id: Uuid) -> Result<Vec<Departed>> {
    sqlx::query_as!(
        Departed,
        r#"SELECT record_id, document, parts FROM merged_record WHERE tenant_id = $1 AND merge_id = $2 ORDER BY record_id"#,
        tenant_id,
        merge_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// What a merge changed.
pub async fn changes(conn: &mut PgConnection, tenant_id: Uuid, merge_id: Uuid) -> Result<Vec<Change>> {
    sqlx::query_as!(
        Change,
        r#"
        SELECT collection, record_id, patch AS "patch: _" FROM merge_change WHERE tenant_id = $1 AND merge_id = $2 ORDER BY record_id
        "#,
        tenant_id,
        merge_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Drops what a merge that is undone kept. What led to its losers before it leads to them again.
pub async fn release(conn: &mut PgConnection, tenant_id: Uuid, merge_id: Uuid) -> Result<()> {
    sqlx::query!(
        r#"
        WITH RECURSIVE back AS (
            SELECT record_id AS loser_id, record_id AS at FROM merged_record WHERE tenant_id = $1 AND merge_id = $2
            UNION ALL
            SELECT b.loser_id, r.record_id FROM back b
            JOIN merge m ON m.tenant_id = $1 AND m.survivor_id = b.at AND m.state IN (1, 2)
            JOIN merged_record r ON r.tenant_id = $1 AND r.merge_id = m.id
        ), merges AS (
            UPDATE merge m SET current_id = b.loser_id FROM back b
            WHERE m.tenant_id = $1 AND m.survivor_id = b.at AND m.id <> $2
        ), changes AS (
            DELETE FROM merge_change WHERE tenant_id = $1 AND merge_id = $2
        ), returned AS (
            DELETE FROM merged_record WHERE tenant_id = $1 AND merge_id = $2
        )
        UPDATE merged_record r SET current_id = b.loser_id FROM back b
        WHERE r.tenant_id = $1 AND r.record_id = b.at AND r.merge_id <> $2
        "#,
        tenant_id,
        merge_id,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Ends who answered for records that go, or lets it go on for records that come back; `at` is when they went.
pub async fn turn_ownership(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    record_ids: &[Uuid],
    at: DateTime<Utc>,
    ends: bool,
) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE ownership_period SET to_time = CASE WHEN $4 THEN $3 END
        WHERE tenant_id = $1 AND record_id = ANY ($2) AND CASE WHEN $4 THEN to_time IS NULL ELSE to_time = $3 END
        "#,
        tenant_id,
        record_ids,
        at,
        ends,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}
