//! Where records of another service went that were merged.

use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use uuid::Uuid;

/// Most merges that are followed, one after the other.
const MOST: usize = 32;

/// The record into which one of a collection went, and its name; `None` when it was not merged, or that was undone.
pub async fn survivor(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (collection, id): (&str, Uuid),
) -> Result<Option<(Uuid, String)>> {
    let mut found: Option<(Uuid, String)> = None;
    for _ in 0..MOST {
        let at = found.as_ref().map_or(id, |(id, _)| *id);
        let next = sqlx::query!(
            r#"
            SELECT into_id, display_name FROM relink
            WHERE tenant_id = $1 AND collection = $2 AND from_ids @> ARRAY[$3::uuid] AND NOT undone
            ORDER BY create_time DESC
            LIMIT 1
            "#,
            tenant_id,
            collection,
            at,
        )
        .fetch_optional(&mut *conn)
        .await
        .map_err(database_error)?;
        match next {
            Some(row) => found = Some((row.into_id, row.display_name)),
            None => break,
        }
    }
    Ok(found)
}
