//! All SQL of relinks.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use crm_kit_record::revert::Patch;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{ACCOUNTS, Change, Relink};

/// Notes what a merge asks for; its undoing turns it.
pub async fn put(conn: &mut PgConnection, relink: &Relink, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO relink (tenant_id, id, create_time, collection, from_ids, into_id, display_name, undone)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT ON CONSTRAINT relink_pkey DO UPDATE SET undone = relink.undone OR excluded.undone
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
        SELECT tenant_id, id, collection, from_ids, into_id, display_name, undone FROM relink
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

/// Ids of deals, with those in the recycle bin, that refer to records that went; at most `limit`.
pub async fn referring(conn: &mut PgConnection, relink: &Relink, limit: i64) -> Result<Vec<Uuid>> {
    let found = if relink.collection == ACCOUNTS {
        sqlx::query_scalar!(
            r#"SELECT id FROM opportunity WHERE tenant_id = $1 AND account_id = ANY ($2) ORDER BY id LIMIT $3"#,
            relink.tenant_id,
            &relink.from_ids,
            limit,
        )
        .fetch_all(conn)
        .await
    } else {
        sqlx::query_scalar!(
            r#"
            SELECT DISTINCT o.id FROM unnest($2::uuid[]) AS w (id)
            JOIN opportunity o ON o.tenant_id = $1 AND o.contacts @> jsonb_build_array(jsonb_build_object('contact_id', w.id::text))
            ORDER BY o.id LIMIT $3
            "#,
            relink.tenant_id,
            &relink.from_ids,
            limit,
        )
        .fetch_all(conn)
        .await
    };
    found.map_err(database_error)
}

/// Notes what changed of deals. One that a deal was noted for before keeps its first state and takes the new last one.
pub async fn note(conn: &mut PgConnection, relink: &Relink, changes: &[Change]) -> Result<()> {
    let ids: Vec<Uuid> = changes.iter().map(|change| change.opportunity_id).collect();
    let patches: Vec<Json<&Patch>> = changes.iter().map(|change| Json(&*change.patch)).collect();
    sqlx::query!(
        r#"
        INSERT INTO relink_change (tenant_id, relink_id, opportunity_id, patch)
        SELECT $1, $2, c.id, c.patch FROM unnest($3::uuid[], $4::jsonb[]) AS c (id, patch)
        ON CONFLICT ON CONSTRAINT relink_change_pkey
        DO UPDATE SET patch = jsonb_build_object('before', relink_change.patch->'before', 'after', excluded.patch->'after')
        "#,
        relink.tenant_id,
        relink.id,
        &ids,
        &patches as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// What was changed of deals and is not taken back yet; at most `limit`.
pub async fn noted(conn: &mut PgConnection, relink: &Relink, limit: i64) -> Result<Vec<Change>> {
    sqlx::query_as!(
        Change,
        r#"
        SELECT opportunity_id, patch AS "patch: _" FROM relink_change
        WHERE tenant_id = $1 AND relink_id = $2 ORDER BY opportunity_id LIMIT $3
        "#,
        relink.tenant_id,
        relink.id,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Forgets what was changed of deals.
pub async fn forget(conn: &mut PgConnection, relink: &Relink, opportunity_ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        r#"DELETE FROM relink_change WHERE tenant_id = $1 AND relink_id = $2 AND opportunity_id = ANY ($3)"#,
        relink.tenant_id,
        relink.id,
        opportunity_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}
