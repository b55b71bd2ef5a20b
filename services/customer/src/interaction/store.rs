//! All SQL of interactions.

use crm_kit_api::{Error, Result};
use crm_kit_pg::db::database_error;
use crm_kit_record::recycle_bin::Gone;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::Interaction;
use crate::{
    activity::store::{self as activity, Kind},
    app,
};

/// Columns of [`Interaction`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, kind, direction, start_time, \
     duration_seconds, participants, outcome, description, account_id, contact_id, lead_id, opportunity_id, links, \
     owner_id, tags, external_ids, custom";

/// Inserts interactions, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, interactions: &[Interaction]) -> Result<()> {
    let rows: Vec<_> = interactions.iter().map(Interaction::to_stored).collect();
    sqlx::query!(
        r#"
        INSERT INTO interaction (
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, kind, direction, start_time,
            duration_seconds, participants, outcome, description, account_id, contact_id, lead_id, opportunity_id, links,
            owner_id, tags, external_ids, custom, search_name
        )
        SELECT
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, kind, direction, start_time,
            duration_seconds, participants, outcome, description, account_id, contact_id, lead_id, opportunity_id, links,
            owner_id, tags, external_ids, custom, search_name
        FROM jsonb_populate_recordset(NULL::interaction, $1)
        "#,
        Json(rows) as _
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    note(conn, interactions).await
}

/// Writes interactions over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, interactions: &[Interaction]) -> Result<()> {
    let rows: Vec<_> = interactions.iter().map(Interaction::to_stored).collect();
    let done = sqlx::query!(
        r#"
        UPDATE interaction AS a SET (
            update_time, delete_time, revision, display_name, kind, direction, start_time, duration_seconds, participants,
            outcome, description, account_id, contact_id, lead_id, opportunity_id, links, owner_id, tags, external_ids,
            custom, search_name
        ) = ROW (
            n.update_time, n.delete_time, n.revision, n.display_name, n.kind, n.direction, n.start_time, n.duration_seconds,
            n.participants, n.outcome, n.description, n.account_id, n.contact_id, n.lead_id, n.opportunity_id, n.links,
            n.owner_id, n.tags, n.external_ids, n.custom, n.search_name
        )
        FROM jsonb_populate_recordset(NULL::interaction, $1) AS n
        WHERE a.tenant_id = n.tenant_id AND a.id = n.id AND a.revision = n.revision - 1
        "#,
        Json(rows) as _
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    if usize::try_from(done.rows_affected()).is_ok_and(|count| count == interactions.len()) {
        note(conn, interactions).await
    } else {
        Err(Error::concurrent_change())
    }
}

/// Puts interactions into time lines, and lets accounts, contacts and leads remember when they were.
async fn note(conn: &mut PgConnection, interactions: &[Interaction]) -> Result<()> {
    let Some(first) = interactions.first() else { return Ok(()) };
    let entries: Vec<_> = interactions.iter().map(Interaction::entry).collect();
    activity::write(conn, first.tenant_id, Kind::Interaction, &entries).await?;
    let live = || interactions.iter().filter(|interaction| interaction.delete_time.is_none());
    let ids: Vec<Uuid> = live().map(|interaction| interaction.id).collect();
    let contacts: Vec<_> = live().flat_map(Interaction::met).collect();
    let leads: Vec<_> = live().filter_map(|one| Some((one.lead_id?, one.start_time))).collect();
    if ids.is_empty() {
        Ok(())
    } else {
        activity::touch(conn, first.tenant_id, &ids, &contacts, &leads).await
    }
}

/// Ids of interactions, with those in the recycle bin, that name records which are about to go, each once; at most `most`.
pub async fn referring(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    gone: Gone<'_>,
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT r.id AS "id!" FROM (
            SELECT id FROM interaction WHERE $2 = 'accounts' AND tenant_id = $1 AND account_id = ANY ($3)
            UNION SELECT id FROM interaction WHERE $2 = 'contacts' AND tenant_id = $1 AND contact_id = ANY ($3)
            UNION SELECT id FROM interaction WHERE $2 = 'leads' AND tenant_id = $1 AND lead_id = ANY ($3)
            UNION SELECT i.id FROM unnest($3::uuid[]) AS w (id)
            JOIN interaction i ON i.tenant_id = $1
                AND i.links @> jsonb_build_array(jsonb_build_object('service', $4::text, 'collection', $2::text, 'id', w.id::text))
            UNION SELECT i.id FROM unnest($3::uuid[]) AS w (id)
            JOIN interaction i ON i.tenant_id = $1
                AND i.participants @> jsonb_build_array(jsonb_build_object('contact_id', w.id::text))
            WHERE $2 = 'contacts'
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
