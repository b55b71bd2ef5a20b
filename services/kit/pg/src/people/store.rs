//! The SQL of the people directory.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use super::FOLLOWER;
use crate::db::{Tx, database_error};

/// Whether somebody may be named in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum State {
    /// May sign in.
    Active = 1,
    /// Has left or is suspended.
    Disabled = 2,
    /// Is deleted; records go on naming it.
    Deleted = 3,
}

/// A user of the platform as this service knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colleague {
    /// The user's id.
    pub id: Uuid,
    /// Name for people.
    pub display_name: String,
    /// Name to sign in with.
    pub username: String,
    /// E-mail address, or empty.
    pub email: String,
    /// Whether it may be named in records.
    pub state: State,
    /// Whom it reports to.
    pub superior_id: Option<Uuid>,
    /// Its departments, in the platform's order.
    pub department_ids: Vec<Uuid>,
    /// When the user was changed, as the platform says.
    pub change_time: DateTime<Utc>,
}

/// How these people stand; who is not in the copy, or only from before a gap, is left out.
pub(super) async fn known(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, State>> {
    let rows = sqlx::query!(
        r#"
        SELECT id, state AS "state: State" FROM colleague
        WHERE tenant_id = $1 AND id = ANY ($2)
          AND learn_time > COALESCE((SELECT gap_time FROM follow_position WHERE follower = $3), '-infinity')
        "#,
        tenant_id,
        ids,
        FOLLOWER,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.id, row.state)).collect())
}

/// Remembers somebody, unless something newer is known.
pub(super) async fn learn(tx: &mut Tx<'_>, colleague: &Colleague, now: DateTime<Utc>) -> Result<()> {
    let tenant_id = tx.tenant_id();
    sqlx::query!(
        r#"
        INSERT INTO colleague AS c (tenant_id, id, display_name, username, email, state, superior_id, department_ids, change_time, learn_time)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT ON CONSTRAINT colleague_pkey DO UPDATE
            SET display_name = excluded.display_name, username = excluded.username, email = excluded.email, state = excluded.state,
                superior_id = excluded.superior_id, department_ids = excluded.department_ids,
                change_time = excluded.change_time, learn_time = excluded.learn_time
            WHERE c.change_time <= excluded.change_time
        "#,
        tenant_id,
        colleague.id,
        colleague.display_name,
        colleague.username,
        colleague.email,
        colleague.state as i16,
        colleague.superior_id,
        &colleague.department_ids,
        colleague.change_time,
        now,
    )
    .execute(tx.conn())
    .await
    .map(drop)
    .map_err(database_error)
}

/// People by id, of any state, for names and lines of report. Who is not known yet is left out.
pub async fn colleagues(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<Vec<Colleague>> {
    sqlx::query_as!(
        Colleague,
        r#"
        SELECT id, display_name, username, email, state AS "state: State", superior_id, department_ids, change_time FROM colleague
        WHERE tenant_id = $1 AND id = ANY ($2)
        ORDER BY id
        "#,
        tenant_id,
        ids,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// People by what files call them, with their ids: by user name, or else by e-mail address, both whatever the case, or else by display name. Of several
/// who are called so, those who are active; nobody who is deleted. A name that several share comes with each of them.
pub async fn named(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    names: &[String],
) -> Result<Vec<(String, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        WITH called AS (
            SELECT w.name, c.id, c.state, 1 AS way FROM unnest($2::text[]) AS w (name)
            JOIN colleague c ON c.tenant_id = $1 AND lower(c.username) = lower(w.name)
            UNION ALL
            SELECT w.name, c.id, c.state, 2 FROM unnest($2::text[]) AS w (name)
            JOIN colleague c ON c.tenant_id = $1 AND c.email <> '' AND lower(c.email) = lower(w.name)
            UNION ALL
            SELECT w.name, c.id, c.state, 3 FROM unnest($2::text[]) AS w (name)
            JOIN colleague c ON c.tenant_id = $1 AND c.display_name = w.name
        ), ranked AS (
            SELECT name, id, rank() OVER (PARTITION BY name ORDER BY state, way) AS place FROM called WHERE state <> 3
        )
        SELECT name AS "name!", id AS "id!" FROM ranked WHERE place = 1 ORDER BY name, id
        "#,
        tenant_id,
        names,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.name, row.id)).collect())
}
