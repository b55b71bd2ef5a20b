//! All SQL of sessions and of the guard of sign-ins.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    guard::{self, Guard},
    model::{LIFE, Opening, Session},
};
use crate::secret::{RefreshText, Secret};

/// Sessions a user may have at once.
const MOST: i64 = 50;

/// What a sign-in has to know of a user.
#[derive(Debug)]
pub struct Candidate {
    pub id: Uuid,
    pub password_hash: Option<String>,
    pub password_change_required: bool,
    pub may_sign_in: bool,
}

/// The live user of a name.
pub async fn candidate(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    username_key: &str,
) -> Result<Option<Candidate>> {
    sqlx::query_as!(
        Candidate,
        r#"
        SELECT id, password_hash, password_change_required, (state = 1 AND NOT service_account) AS "may_sign_in!"
        FROM app_user
        WHERE tenant_id = $1 AND username_key = $2 AND delete_time IS NULL
        "#,
        tenant_id,
        username_key,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Adds a session, notes the sign-in, and ends the user's oldest sessions beyond the limit.
pub async fn insert(conn: &mut PgConnection, tenant_id: Uuid, opening: &Opening) -> Result<()> {
    let Opening { session, refresh, .. } = opening;
    sqlx::query!(
        r#"
        WITH surplus AS (
            DELETE FROM session
            WHERE tenant_id = $1 AND id IN (
                SELECT s.id FROM session s WHERE s.tenant_id = $1 AND s.user_id = $3 ORDER BY s.id DESC OFFSET $9)
        ), signed_in AS (
            UPDATE app_user SET last_sign_in_time = $4 WHERE tenant_id = $1 AND id = $3
        )
        INSERT INTO session (tenant_id, id, user_id, create_time, refresh_time, expire_time, source, user_agent, family_hash, secret_hash)
        VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $10)
        "#,
        tenant_id,
        session.id,
        session.user_id,
        session.create_time,
        session.expire_time,
        session.source,
        session.user_agent,
        refresh.family.hash(),
        MOST - 1,
        refresh.secret.hash(),
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// What came of a refresh token.
#[derive(Debug)]
pub enum Exchange {
    /// It was the current one; the session now waits for the next.
    Done { session: Session, password_change_required: bool },
    /// It was exchanged before.
    Reused,
    /// It is none, or its session or user no longer lives.
    Unknown,
}

/// Exchanges the secret of a session, if `token` holds the current one. Of two at once only one succeeds.
pub async fn exchange(
    conn: &mut PgConnection,
    token: &RefreshText,
    next: &Secret,
    now: DateTime<Utc>,
) -> Result<Exchange> {
    let row = sqlx::query!(
        r#"
        UPDATE session s SET secret_hash = $5, refresh_time = $6, expire_time = $7
        FROM app_user u JOIN tenant t ON t.tenant_id = u.tenant_id
        WHERE s.tenant_id = $1 AND s.id = $2 AND s.family_hash = $3 AND s.secret_hash = $4 AND s.expire_time > $6
          AND u.tenant_id = $1 AND u.id = s.user_id AND u.delete_time IS NULL AND u.state = 1 AND t.state = 1
        RETURNING s.user_id, s.create_time, s.source, s.user_agent, u.password_change_required
        "#,
        token.tenant_id,
        token.session_id,
        token.family.hash(),
        token.secret.hash(),
        next.hash(),
        now,
        now + LIFE,
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(database_error)?;
    let Some(row) = row else { return unexchanged(conn, token).await };
    let session = Session {
        id: token.session_id,
        user_id: row.user_id,
        create_time: row.create_time,
        refresh_time: now,
        expire_time: now + LIFE,
        source: row.source,
        user_agent: row.user_agent,
    };
    Ok(Exchange::Done { session, password_change_required: row.password_change_required })
}

/// Why a token was not exchanged.
async fn unexchanged(conn: &mut PgConnection, token: &RefreshText) -> Result<Exchange> {
    let reused = sqlx::query_scalar!(
        r#"
        SELECT EXISTS (SELECT 1 FROM session WHERE tenant_id = $1 AND id = $2 AND family_hash = $3 AND secret_hash <> $4) AS "exists!"
        "#,
        token.tenant_id,
        token.session_id,
        token.family.hash(),
        token.secret.hash(),
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)?;
    Ok(if reused { Exchange::Reused } else { Exchange::Unknown })
}

/// The live sessions of a user, newest first.
pub async fn of_user(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    user_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Session>> {
    sqlx::query_as!(
        Session,
        r#"
        SELECT id, user_id, create_time, refresh_time, expire_time, source, user_agent
        FROM session
        WHERE tenant_id = $1 AND user_id = $2 AND expire_time > $3
        ORDER BY id DESC
        "#,
        tenant_id,
        user_id,
        now,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Ends one session, of `user_id` only when one is given.
pub async fn delete(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    user_id: Option<Uuid>,
) -> Result<Option<Session>> {
    sqlx::query_as!(
        Session,
        r#"
        DELETE FROM session WHERE tenant_id = $1 AND id = $2 AND ($3::uuid IS NULL OR user_id = $3)
        RETURNING id, user_id, create_time, refresh_time, expire_time, source, user_agent
        "#,
        tenant_id,
        id,
        user_id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Ends every session of a user.
pub async fn delete_all(conn: &mut PgConnection, tenant_id: Uuid, user_id: Uuid) -> Result<Vec<Session>> {
    sqlx::query_as!(
        Session,
        r#"
        DELETE FROM session WHERE tenant_id = $1 AND user_id = $2
        RETURNING id, user_id, create_time, refresh_time, expire_time, source, user_agent
        "#,
        tenant_id,
        user_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// The guard of a subject, held until the end of the transaction.
pub async fn lock_guard(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<Guard> {
    sqlx::query_as!(
        Guard,
        r#"
        INSERT INTO sign_in_guard (tenant_id, subject, failures, window_time, locks, update_time) VALUES ($1, $2, 0, $3, 0, $3)
        ON CONFLICT ON CONSTRAINT sign_in_guard_pkey DO UPDATE SET update_time = excluded.update_time
        RETURNING failures, window_time, locks, lock_until
        "#,
        tenant_id,
        subject,
        now,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// Writes the guard of a subject.
pub async fn put_guard(conn: &mut PgConnection, tenant_id: Uuid, subject: &str, guard: &Guard) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE sign_in_guard SET failures = $3, window_time = $4, locks = $5, lock_until = $6
        WHERE tenant_id = $1 AND subject = $2
        "#,
        tenant_id,
        subject,
        guard.failures,
        guard.window_time,
        guard.locks,
        guard.lock_until,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Forgets the failures of a subject.
pub async fn delete_guard(conn: &mut PgConnection, tenant_id: Uuid, subject: &str) -> Result<()> {
    sqlx::query!(r#"DELETE FROM sign_in_guard WHERE tenant_id = $1 AND subject = $2"#, tenant_id, subject)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Takes one attempt back, because it succeeded.
pub async fn take_back(conn: &mut PgConnection, tenant_id: Uuid, subject: &str) -> Result<()> {
    sqlx::query!(
        r#"UPDATE sign_in_guard SET failures = failures - 1 WHERE tenant_id = $1 AND subject = $2 AND failures > 0"#,
        tenant_id,
        subject
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Drops sessions that have run out and guards that nobody remembers.
pub async fn prune(conn: &mut PgConnection, tenant_id: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(r#"DELETE FROM session WHERE tenant_id = $1 AND expire_time <= $2"#, tenant_id, now)
        .execute(&mut *conn)
        .await
        .map_err(database_error)?;
    sqlx::query!(
        r#"DELETE FROM sign_in_guard WHERE tenant_id = $1 AND update_time <= $2"#,
        tenant_id,
        now - guard::MEMORY
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}
