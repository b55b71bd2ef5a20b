//! The one statement behind every credential, and the names that GetAccess adds.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{Caller, Grant, Reach};
use crate::role::model::RecordScope;

/// What names the caller, once its credential is verified or parsed.
#[derive(Clone, Copy, Debug)]
pub enum Named {
    /// An access token of this user and session.
    Session { user_id: Uuid, session_id: Uuid },
    /// An API key, whose secret is still to be compared.
    ApiKey(Uuid),
    /// The user itself, for somebody who may ask for its rights.
    User(Uuid),
}

/// The caller, if it, its tenant and its session or key live at `now`.
pub async fn caller(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    named: Named,
    now: DateTime<Utc>,
) -> Result<Option<Caller>> {
    let by_name = matches!(named, Named::User(_));
    let (user_id, session_id, key_id) = match named {
        Named::User(id) => (Some(id), None, None),
        Named::Session { user_id, session_id } => (Some(user_id), Some(session_id), None),
        Named::ApiKey(id) => (None, None, Some(id)),
    };
    sqlx::query_as!(
        Caller,
        r#"
        WITH RECURSIVE caller AS (
            SELECT u.id, u.password_change_required, t.region_code, t.time_zone, t.currency_code, t.language_code,
                   k.secret_hash, k.permissions AS allowed
            FROM app_user u
            JOIN tenant t ON t.tenant_id = u.tenant_id
            LEFT JOIN session s ON s.tenant_id = $1 AND s.id = $3 AND s.user_id = u.id AND s.expire_time > $5
            LEFT JOIN api_key k ON k.tenant_id = $1 AND k.id = $4 AND k.user_id = u.id AND (k.expire_time IS NULL OR k.expire_time > $5)
            WHERE u.tenant_id = $1 AND u.id = COALESCE($2, (SELECT user_id FROM api_key WHERE tenant_id = $1 AND id = $4))
              AND u.state = 1 AND u.delete_time IS NULL AND t.state = 1
              AND ($6 OR s.id IS NOT NULL OR k.id IS NOT NULL AND u.service_account)
        ), granted AS (
            SELECT r.built_in, r.permissions, r.record_scope, r.masks
            FROM caller c
            JOIN user_role ur ON ur.tenant_id = $1 AND ur.user_id = c.id
            JOIN role r ON r.tenant_id = $1 AND r.id = ur.role_id
        ), reach AS (
            SELECT COALESCE(max(record_scope), 1) AS scope FROM granted
        ), subordinate (id, depth) AS (
            SELECT c.id, 1 FROM caller c, reach WHERE reach.scope IN (2, 3)
            UNION ALL
            SELECT u.id, s.depth + 1
            FROM subordinate s JOIN app_user u ON u.tenant_id = $1 AND u.superior_id = s.id
            WHERE s.depth < 32
        ), branch (id, depth) AS (
            SELECT d.id, 1
            FROM department d, caller c, reach
            WHERE reach.scope = 3 AND d.tenant_id = $1
              AND (d.manager_id = c.id
                   OR d.id IN (SELECT department_id FROM user_department WHERE tenant_id = $1 AND user_id = c.id))
            UNION ALL
            SELECT d.id, b.depth + 1
            FROM branch b JOIN department d ON d.tenant_id = $1 AND d.parent_id = b.id
            WHERE b.depth < 32
        ), member (id, parent_id, depth) AS (
            SELECT d.id, d.parent_id, 1
            FROM caller c
            JOIN user_department ud ON ud.tenant_id = $1 AND ud.user_id = c.id
            JOIN department d ON d.tenant_id = $1 AND d.id = ud.department_id
            UNION
            SELECT d.id, d.parent_id, m.depth + 1
            FROM member m JOIN department d ON d.tenant_id = $1 AND d.id = m.parent_id
            WHERE m.depth < 32
        )
        SELECT c.id, c.password_change_required, c.region_code, c.time_zone, c.currency_code, c.language_code,
               c.secret_hash AS "secret_hash?", c.allowed AS "allowed?",
               (SELECT scope FROM reach) AS "scope!: RecordScope",
               ARRAY(SELECT id FROM subordinate
                     UNION
                     SELECT ud.user_id FROM user_department ud
                     WHERE ud.tenant_id = $1 AND ud.department_id IN (SELECT id FROM branch)) AS "seen_owners!",
               ARRAY(SELECT id FROM member
                     UNION
                     SELECT ur.role_id FROM user_role ur WHERE ur.tenant_id = $1 AND ur.user_id = c.id) AS "groups!",
               COALESCE((SELECT jsonb_agg(jsonb_build_object('built_in', g.built_in, 'permissions', g.permissions, 'masks', g.masks))
                         FROM granted g), '[]') AS "grants!: Json<Vec<Grant>>"
        FROM caller c
        "#,
        tenant_id,
        user_id,
        session_id,
        key_id,
        now,
        by_name,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// How far a user's roles and place let it see, also of one that is disabled or deleted: its scope, and the users whose records it sees,
/// itself included. The same as [`caller`] tells, for a user who does not call.
pub async fn reach(conn: &mut PgConnection, tenant_id: Uuid, user_id: Uuid) -> Result<Reach> {
    sqlx::query_as!(
        Reach,
        r#"
        WITH RECURSIVE reach AS (
            SELECT COALESCE(max(r.record_scope), 1) AS scope
            FROM user_role ur JOIN role r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id
            WHERE ur.tenant_id = $1 AND ur.user_id = $2
        ), subordinate (id, depth) AS (
            SELECT $2::uuid, 1 FROM reach WHERE reach.scope IN (2, 3)
            UNION ALL
            SELECT u.id, s.depth + 1
            FROM subordinate s JOIN app_user u ON u.tenant_id = $1 AND u.superior_id = s.id
            WHERE s.depth < 32
        ), branch (id, depth) AS (
            SELECT d.id, 1
            FROM department d, reach
            WHERE reach.scope = 3 AND d.tenant_id = $1
              AND (d.manager_id = $2
                   OR d.id IN (SELECT department_id FROM user_department WHERE tenant_id = $1 AND user_id = $2))
            UNION ALL
            SELECT d.id, b.depth + 1
            FROM branch b JOIN department d ON d.tenant_id = $1 AND d.parent_id = b.id
            WHERE b.depth < 32
        )
        SELECT (SELECT scope FROM reach) AS "scope!: RecordScope",
               ARRAY(SELECT $2::uuid
                     UNION
                     SELECT id FROM subordinate
                     UNION
                     SELECT ud.user_id FROM user_department ud
                     WHERE ud.tenant_id = $1 AND ud.department_id IN (SELECT id FROM branch)) AS "owners!"
        "#,
        tenant_id,
        user_id,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// Names of a user and of its tenant, for people.
pub async fn names(conn: &mut PgConnection, tenant_id: Uuid, user_id: Uuid) -> Result<(String, String)> {
    sqlx::query!(
        r#"
        SELECT u.display_name, t.display_name AS tenant_display_name
        FROM app_user u JOIN tenant t ON t.tenant_id = u.tenant_id
        WHERE u.tenant_id = $1 AND u.id = $2
        "#,
        tenant_id,
        user_id,
    )
    .fetch_optional(conn)
    .await
    .map(|row| row.map(|row| (row.display_name, row.tenant_display_name)).unwrap_or_default())
    .map_err(database_error)
}
