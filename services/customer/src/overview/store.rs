//! The SQL of overviews.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use uuid::Uuid;

/// What stands in a time line; the first two as in `activity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum Source {
    /// An interaction.
    Interaction = 1,
    /// A task.
    Task = 2,
    /// A period of ownership.
    Ownership = 3,
    /// A step of a lead that became the account.
    LeadStep = 4,
}

/// A place in a time line. Places are ordered by all four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub time: DateTime<Utc>,
    /// The record.
    pub id: Uuid,
    pub source: Source,
    /// Which of the record's entries.
    pub number: i64,
}

/// An entry of a time line. What is told of periods and steps stands in it; records are read by their ids.
#[derive(Clone, Debug)]
pub struct Entry {
    pub time: DateTime<Utc>,
    pub id: Uuid,
    pub source: Source,
    pub number: i64,
    /// Of a period.
    pub owner_id: Option<Uuid>,
    /// Of a period.
    pub pool_id: Option<Uuid>,
    /// Of a period.
    pub to_time: Option<DateTime<Utc>>,
    /// How a period began, or the status before a step.
    pub code: i16,
    /// The status after a step.
    pub to_code: i16,
    pub actor_id: Uuid,
    pub reason: String,
}

/// What of an account's time line is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Span<'s> {
    pub account_id: Uuid,
    /// What is wanted, by the numbers of [`Source`].
    pub sources: &'s [i16],
    /// The last entry of the page before.
    pub after: Option<Place>,
    pub limit: i64,
}

/// A stretch of a time line within the scope of `owners` (`None` is everything), newest first: a stretch of each source, merged.
pub async fn timeline(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    span: Span<'_>,
    owners: Option<&[Uuid]>,
) -> Result<Vec<Entry>> {
    let Span { account_id, sources, after, limit } = span;
    sqlx::query_as!(
        Entry,
        r#"
        SELECT e.at AS "time!", e.id AS "id!", e.source AS "source!: Source", e.number AS "number!", e.owner_id, e.pool_id, e.to_time,
               e.code AS "code!", e.to_code AS "to_code!", e.actor_id AS "actor_id!", e.reason AS "reason!"
        FROM (
            (SELECT activity_time AS at, id, kind AS source, 0::bigint AS number, NULL::uuid AS owner_id, NULL::uuid AS pool_id,
                    NULL::timestamptz AS to_time, 0::smallint AS code, 0::smallint AS to_code, owner_id AS actor_id, '' AS reason
             FROM activity
             WHERE tenant_id = $1 AND account_id = $2 AND kind = ANY ($3) AND ($4::uuid[] IS NULL OR owner_id = ANY ($4))
               AND ($5::timestamptz IS NULL OR (activity_time, id, kind, 0::bigint) < ($5, $6::uuid, $7::smallint, $8::bigint))
             ORDER BY activity_time DESC, id DESC LIMIT $9)
            UNION ALL
            (SELECT from_time, record_id, 3::smallint, revision, owner_id, pool_id, to_time, act, 0::smallint, operator_id, reason
             FROM ownership_period
             WHERE tenant_id = $1 AND record_id = $2 AND 3::smallint = ANY ($3)
               AND ($5::timestamptz IS NULL OR (from_time, record_id, 3::smallint, revision) < ($5, $6::uuid, $7::smallint, $8::bigint))
             ORDER BY from_time DESC, revision DESC LIMIT $9)
            UNION ALL
            (SELECT s.change_time, s.lead_id, 4::smallint, s.revision * 256 + s.step, NULL, NULL, NULL, s.from_status, s.to_status, s.actor_id, s.reason
             FROM lead l JOIN lead_status_change s ON s.tenant_id = $1 AND s.lead_id = l.id
             WHERE l.tenant_id = $1 AND l.converted_account_id = $2 AND l.delete_time IS NULL AND 4::smallint = ANY ($3)
               AND ($4::uuid[] IS NULL OR l.owner_id = ANY ($4))
               AND ($5::timestamptz IS NULL
                    OR (s.change_time, s.lead_id, 4::smallint, s.revision * 256 + s.step) < ($5, $6::uuid, $7::smallint, $8::bigint))
             ORDER BY s.change_time DESC, s.lead_id DESC, s.revision DESC, s.step DESC LIMIT $9)
        ) AS e
        ORDER BY e.at DESC, e.id DESC, e.source DESC, e.number DESC
        LIMIT $9
        "#,
        tenant_id,
        account_id,
        sources,
        owners,
        after.map(|place| place.time),
        after.map(|place| place.id),
        after.map(|place| place.source as i16),
        after.map(|place| place.number),
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Ids of the live contacts of an account within the scope of `owners`: those whose primary account it is first, then by name.
pub async fn contacts(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    account_id: Uuid,
    owners: Option<&[Uuid]>,
    limit: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT c.id FROM contact_account t JOIN contact c ON c.tenant_id = $1 AND c.id = t.contact_id
        WHERE t.tenant_id = $1 AND t.account_id = $2 AND c.delete_time IS NULL AND ($3::uuid[] IS NULL OR c.owner_id = ANY ($3))
        ORDER BY c.account_id IS NOT DISTINCT FROM $2 DESC, c.display_name, c.id
        LIMIT $4
        "#,
        tenant_id,
        account_id,
        owners,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
