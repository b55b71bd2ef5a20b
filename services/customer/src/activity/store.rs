//! The SQL of time lines, and of what accounts and contacts remember of them.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// What stands in a time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum Kind {
    /// An interaction.
    Interaction = 1,
    /// A task.
    Task = 2,
}

/// An interaction or a task as time lines know it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The record.
    pub id: Uuid,
    /// Where it stands in the time line.
    pub time: DateTime<Utc>,
    /// Who answers for it.
    pub owner_id: Uuid,
    /// The account it is about.
    pub account_id: Option<Uuid>,
    /// The contact it is about, whose primary account counts when there is no other.
    pub contact_id: Option<Uuid>,
    /// Whether it is not in the recycle bin.
    pub live: bool,
}

/// Puts records into the time lines of their accounts, moves them there, and takes out those in the recycle bin and those about no account.
pub async fn write(conn: &mut PgConnection, tenant_id: Uuid, kind: Kind, entries: &[Entry]) -> Result<()> {
    let (live, gone): (Vec<Entry>, Vec<Entry>) = entries.iter().partition(|entry| entry.live);
    let ids: Vec<Uuid> = live.iter().map(|entry| entry.id).collect();
    let times: Vec<DateTime<Utc>> = live.iter().map(|entry| entry.time).collect();
    let owners: Vec<Uuid> = live.iter().map(|entry| entry.owner_id).collect();
    let accounts: Vec<Option<Uuid>> = live.iter().map(|entry| entry.account_id).collect();
    let contacts: Vec<Option<Uuid>> = live.iter().map(|entry| entry.contact_id).collect();
    let gone: Vec<Uuid> = gone.iter().map(|entry| entry.id).collect();
    sqlx::query!(
        r#"
        WITH given AS (
            SELECT w.id, w.at, w.owner_id, COALESCE(w.account_id, c.account_id) AS account_id
            FROM unnest($3::uuid[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::uuid[]) AS w (id, at, owner_id, account_id, contact_id)
            LEFT JOIN contact c ON c.tenant_id = $1 AND c.id = w.contact_id
        ), gone AS (
            DELETE FROM activity
            WHERE tenant_id = $1 AND (id = ANY ($8) OR id IN (SELECT g.id FROM given g WHERE g.account_id IS NULL))
        )
        INSERT INTO activity (tenant_id, id, kind, account_id, activity_time, owner_id)
        SELECT $1, id, $2, account_id, at, owner_id FROM given WHERE account_id IS NOT NULL
        ON CONFLICT ON CONSTRAINT activity_pkey DO UPDATE
            SET account_id = excluded.account_id, activity_time = excluded.activity_time, owner_id = excluded.owner_id
        "#,
        tenant_id,
        kind as i16,
        &ids,
        &times,
        &owners,
        &accounts as &[Option<Uuid>],
        &contacts as &[Option<Uuid>],
        &gone,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Lets accounts, contacts and leads remember their last activity. `interactions` are in the time lines already; `contacts` and `leads` are people
/// with the instants they were met. A time never goes back. The records are locked in the order of their ids; their revisions stay, because nobody's edit is
/// in the way of a call that was made.
pub async fn touch(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    interactions: &[Uuid],
    contacts: &[(Uuid, DateTime<Utc>)],
    leads: &[(Uuid, DateTime<Utc>)],
) -> Result<()> {
    sqlx::query!(
        r#"
        WITH moved AS (
            SELECT account_id, max(activity_time) AS at FROM activity WHERE tenant_id = $1 AND id = ANY ($2) GROUP BY account_id
        ), held AS (
            SELECT a.id, m.at FROM account a JOIN moved m ON m.account_id = a.id
            WHERE a.tenant_id = $1 AND (a.last_activity_time IS NULL OR a.last_activity_time < m.at)
            ORDER BY a.id
            FOR NO KEY UPDATE OF a
        )
        UPDATE account AS a SET last_activity_time = GREATEST(a.last_activity_time, h.at)
        FROM held h
        WHERE a.tenant_id = $1 AND a.id = h.id
        "#,
        tenant_id,
        interactions,
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    if !contacts.is_empty() {
        touch_contacts(conn, tenant_id, contacts).await?;
    }
    if leads.is_empty() { Ok(()) } else { touch_leads(conn, tenant_id, leads).await }
}

async fn touch_contacts(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    contacts: &[(Uuid, DateTime<Utc>)],
) -> Result<()> {
    let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = contacts.iter().copied().unzip();
    sqlx::query!(
        r#"
        WITH moved AS (
            SELECT w.id, max(w.at) AS at FROM unnest($2::uuid[], $3::timestamptz[]) AS w (id, at) GROUP BY w.id
        ), held AS (
            SELECT c.id, m.at FROM contact c JOIN moved m ON m.id = c.id
            WHERE c.tenant_id = $1 AND (c.last_activity_time IS NULL OR c.last_activity_time < m.at)
            ORDER BY c.id
            FOR NO KEY UPDATE OF c
        )
        UPDATE contact AS c SET last_activity_time = GREATEST(c.last_activity_time, h.at)
        FROM held h
        WHERE c.tenant_id = $1 AND c.id = h.id
        "#,
        tenant_id,
        &ids,
        &times,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

async fn touch_leads(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    leads: &[(Uuid, DateTime<Utc>)],
) -> Result<()> {
    let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = leads.iter().copied().unzip();
    sqlx::query!(
        r#"
        WITH moved AS (
            SELECT w.id, max(w.at) AS at FROM unnest($2::uuid[], $3::timestamptz[]) AS w (id, at) GROUP BY w.id
        ), held AS (
            SELECT c.id, m.at FROM lead c JOIN moved m ON m.id = c.id
            WHERE c.tenant_id = $1 AND (c.last_activity_time IS NULL OR c.last_activity_time < m.at)
            ORDER BY c.id
            FOR NO KEY UPDATE OF c
        )
        UPDATE lead AS c SET last_activity_time = GREATEST(c.last_activity_time, h.at)
        FROM held h
        WHERE c.tenant_id = $1 AND c.id = h.id
        "#,
        tenant_id,
        &ids,
        &times,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// A row of a time line.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    tenant_id: Uuid,
    id: Uuid,
    kind: i16,
    account_id: Uuid,
    activity_time: DateTime<Utc>,
    owner_id: Uuid,
}

/// What stands in time lines by these contacts alone; at most `most`.
pub async fn of_contacts(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    contact_ids: &[Uuid],
    most: i64,
) -> Result<Vec<Standing>> {
    sqlx::query_as!(
        Standing,
        r#"
        SELECT a.tenant_id, a.id, a.kind, a.account_id, a.activity_time, a.owner_id
        FROM (
            SELECT id FROM interaction WHERE tenant_id = $1 AND contact_id = ANY ($2) AND account_id IS NULL
            UNION ALL
            SELECT id FROM task WHERE tenant_id = $1 AND contact_id = ANY ($2) AND account_id IS NULL
        ) AS r
        JOIN activity a ON a.tenant_id = $1 AND a.id = r.id
        LIMIT $3
        "#,
        tenant_id,
        contact_ids,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Lets rows stand in time lines as they did.
pub async fn stand(conn: &mut PgConnection, rows: &[Standing]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        INSERT INTO activity (tenant_id, id, kind, account_id, activity_time, owner_id)
        SELECT tenant_id, id, kind, account_id, activity_time, owner_id FROM jsonb_populate_recordset(NULL::activity, $1)
        ON CONFLICT ON CONSTRAINT activity_pkey DO UPDATE SET account_id = excluded.account_id
        "#,
        Json(rows) as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Moves what stands in the time lines of accounts to that of another; returns what it was with where it stood.
pub async fn turn(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    account_ids: &[Uuid],
    into: Uuid,
) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        WITH held AS (
            SELECT id, account_id FROM activity WHERE tenant_id = $1 AND account_id = ANY ($2) ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE activity AS a SET account_id = $3 FROM held h WHERE a.tenant_id = $1 AND a.id = h.id
        RETURNING h.id, h.account_id
        "#,
        tenant_id,
        account_ids,
        into,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.id, row.account_id)).collect())
}

/// Moves some of what stands in the time line of an account back to that of another.
pub async fn turn_back(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    from: Uuid,
    to: Uuid,
) -> Result<()> {
    sqlx::query!(
        r#"UPDATE activity SET account_id = $4 WHERE tenant_id = $1 AND id = ANY ($2) AND account_id = $3"#,
        tenant_id,
        ids,
        from,
        to,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}
