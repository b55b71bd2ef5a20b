//! The SQL of following.

use chrono::{DateTime, Utc};
use crm_kit_api::{Result, id};
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Feed, Incoming};
use crate::db::{Tx, database_error};

/// Where a parked event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum State {
    /// It is tried again by itself.
    Trying = 1,
    /// It waits for an earlier one of its record.
    Behind = 2,
    /// It waits for an operator.
    GivenUp = 3,
}

/// Takes or renews the lease until `until`; the cursor, or `None` when another process holds it.
pub(super) async fn acquire(
    conn: &mut PgConnection,
    feed: &Feed,
    holder: Uuid,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<String>> {
    sqlx::query_scalar!(
        r#"
        INSERT INTO follow_position AS p (follower, source, holder, lease_until) VALUES ($1, $2, $3, $4)
        ON CONFLICT ON CONSTRAINT follow_position_pkey DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until
            WHERE p.holder IS NULL OR p.holder = excluded.holder OR p.lease_until <= $5
        RETURNING cursor
        "#,
        feed.follower,
        feed.source,
        holder,
        until,
        now,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Gives the lease back.
pub(super) async fn release(conn: &mut PgConnection, feed: &Feed, holder: Uuid) -> Result<()> {
    sqlx::query!(
        r#"UPDATE follow_position SET holder = NULL, lease_until = NULL WHERE follower = $1 AND holder = $2"#,
        feed.follower,
        holder,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The position, whoever holds the lease.
pub(super) async fn cursor(conn: &mut PgConnection, feed: &Feed) -> Result<String> {
    let cursor =
        sqlx::query_scalar!(r#"SELECT cursor FROM follow_position WHERE follower = $1"#, feed.follower)
            .fetch_optional(conn)
            .await
            .map_err(database_error)?;
    Ok(cursor.unwrap_or_default())
}

/// Moves the position, unless another process holds the lease by now.
pub(super) async fn advance(conn: &mut PgConnection, feed: &Feed, holder: Uuid, cursor: &str) -> Result<()> {
    sqlx::query!(
        r#"UPDATE follow_position SET cursor = $3 WHERE follower = $1 AND holder = $2"#,
        feed.follower,
        holder,
        cursor,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Begins anew at the oldest event and notes that some were missed.
pub(super) async fn note_gap(conn: &mut PgConnection, feed: &Feed, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        r#"UPDATE follow_position SET cursor = '', gap_time = $2 WHERE follower = $1"#,
        feed.follower,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// When `follower` last missed events for good. A copy of a foreign record that was learned before is asked for anew before it is trusted.
pub async fn gap_time(conn: &mut PgConnection, follower: &str) -> Result<Option<DateTime<Utc>>> {
    let gap = sqlx::query_scalar!(r#"SELECT gap_time FROM follow_position WHERE follower = $1"#, follower)
        .fetch_optional(conn)
        .await
        .map_err(database_error)?;
    Ok(gap.flatten())
}

/// Writes the inbox rows; returns the ids that were not there.
pub(super) async fn take(
    tx: &mut Tx<'_>,
    feed: &Feed,
    events: &[Incoming],
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>> {
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let tenant_id = tx.tenant_id();
    sqlx::query_scalar!(
        r#"
        INSERT INTO inbox (tenant_id, follower, event_id, receive_time)
        SELECT $1, $2, event_id, $4 FROM unnest($3::uuid[]) AS e (event_id)
        ON CONFLICT ON CONSTRAINT inbox_pkey DO NOTHING
        RETURNING event_id
        "#,
        tenant_id,
        feed.follower,
        &ids,
        now,
    )
    .fetch_all(tx.conn())
    .await
    .map_err(database_error)
}

/// Records with parked events, of those the events are about. Locked, so that nobody takes the last of them away meanwhile.
pub(super) async fn blocked(
    tx: &mut Tx<'_>,
    feed: &Feed,
    events: &[Incoming],
) -> Result<Vec<(String, Uuid)>> {
    let records: Vec<Uuid> = events.iter().map(|event| event.record_id).collect();
    let tenant_id = tx.tenant_id();
    let rows = sqlx::query!(
        r#"
        SELECT collection, record_id FROM parked_event
        WHERE tenant_id = $1 AND follower = $2 AND record_id = ANY ($3)
        FOR SHARE
        "#,
        tenant_id,
        feed.follower,
        &records,
    )
    .fetch_all(tx.conn())
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.collection, row.record_id)).collect())
}

/// Parks an event; returns the id it is parked under.
pub(super) async fn park(
    tx: &mut Tx<'_>,
    feed: &Feed,
    event: &Incoming,
    (state, error): (State, &str),
    now: DateTime<Utc>,
) -> Result<Uuid> {
    let (tenant_id, parked) = (tx.tenant_id(), id::new(now));
    let event_time = event.event_time().unwrap_or(now);
    sqlx::query!(
        r#"
        INSERT INTO parked_event (tenant_id, id, follower, source, event_id, event_time, collection, record_id, event, state, attempts,
                                  last_error, park_time)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        "#,
        tenant_id,
        parked,
        feed.follower,
        feed.source,
        event.id,
        event_time,
        event.event.collection,
        event.record_id,
        event.event.encode_to_vec(),
        state as i16,
        i32::from(state == State::Trying),
        error,
        now,
    )
    .execute(tx.conn())
    .await
    .map_err(database_error)?;
    Ok(parked)
}

/// A parked event without what it tells.
#[derive(Clone, Debug)]
pub(super) struct Parked {
    pub id: Uuid,
    pub park_time: DateTime<Utc>,
    pub follower: String,
    pub source: String,
    pub event_id: Uuid,
    pub event_time: DateTime<Utc>,
    pub collection: String,
    pub record_id: Uuid,
    pub state: State,
    pub attempts: i32,
    pub last_error: String,
}

/// Parked events after `after`, the longest parked first; only those in `state`, when one is given.
pub(super) async fn page(
    tx: &mut Tx<'_>,
    state: Option<State>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Parked>> {
    let tenant_id = tx.tenant_id();
    sqlx::query_as!(
        Parked,
        r#"
        SELECT id, park_time, follower, source, event_id, event_time, collection, record_id, state AS "state: State", attempts, last_error
        FROM parked_event
        WHERE tenant_id = $1 AND id > $2 AND ($3::smallint IS NULL OR state = $3)
        ORDER BY id LIMIT $4
        "#,
        tenant_id,
        after,
        state.map(|state| state as i16),
        limit,
    )
    .fetch_all(tx.conn())
    .await
    .map_err(database_error)
}

/// Events that were given up, of `follower` only when it is not empty, the longest parked first; held. Those that somebody holds are passed over.
pub(super) async fn lock_given_up(tx: &mut Tx<'_>, follower: &str, limit: i64) -> Result<Vec<Parked>> {
    let tenant_id = tx.tenant_id();
    sqlx::query_as!(
        Parked,
        r#"
        SELECT id, park_time, follower, source, event_id, event_time, collection, record_id, state AS "state: State", attempts, last_error
        FROM parked_event
        WHERE tenant_id = $1 AND state = 3 AND ($2 = '' OR follower = $2)
        ORDER BY id LIMIT $3
        FOR UPDATE SKIP LOCKED
        "#,
        tenant_id,
        follower,
        limit,
    )
    .fetch_all(tx.conn())
    .await
    .map_err(database_error)
}

/// A parked event and how often it was tried, when it is to be tried again.
pub(super) async fn stored(tx: &mut Tx<'_>, parked: Uuid) -> Result<Option<(Vec<u8>, i32)>> {
    let tenant_id = tx.tenant_id();
    let row = sqlx::query!(
        r#"SELECT event, attempts FROM parked_event WHERE tenant_id = $1 AND id = $2 AND state = 1"#,
        tenant_id,
        parked,
    )
    .fetch_optional(tx.conn())
    .await
    .map_err(database_error)?;
    Ok(row.map(|row| (row.event, row.attempts)))
}

pub(super) async fn lock(tx: &mut Tx<'_>, parked: Uuid) -> Result<Option<Parked>> {
    let tenant_id = tx.tenant_id();
    sqlx::query_as!(
        Parked,
        r#"
        SELECT id, park_time, follower, source, event_id, event_time, collection, record_id, state AS "state: State", attempts, last_error
        FROM parked_event
        WHERE tenant_id = $1 AND id = $2
        FOR UPDATE
        "#,
        tenant_id,
        parked,
    )
    .fetch_optional(tx.conn())
    .await
    .map_err(database_error)
}

pub(super) async fn drop_parked(tx: &mut Tx<'_>, parked: Uuid) -> Result<()> {
    let tenant_id = tx.tenant_id();
    sqlx::query!(r#"DELETE FROM parked_event WHERE tenant_id = $1 AND id = $2"#, tenant_id, parked)
        .execute(tx.conn())
        .await
        .map(drop)
        .map_err(database_error)
}

pub(super) async fn set_state(
    tx: &mut Tx<'_>,
    parked: Uuid,
    state: State,
    attempts: i32,
    error: &str,
) -> Result<()> {
    let tenant_id = tx.tenant_id();
    sqlx::query!(
        r#"UPDATE parked_event SET state = $3, attempts = $4, last_error = $5 WHERE tenant_id = $1 AND id = $2"#,
        tenant_id,
        parked,
        state as i16,
        attempts,
        error,
    )
    .execute(tx.conn())
    .await
    .map(drop)
    .map_err(database_error)
}

/// Notes that an attempt failed, unless somebody changed the count meanwhile: an operator who has the event tried anew counts anew.
pub(super) async fn failed(
    tx: &mut Tx<'_>,
    parked: Uuid,
    state: State,
    attempts: i32,
    error: &str,
) -> Result<()> {
    let tenant_id = tx.tenant_id();
    sqlx::query!(
        r#"UPDATE parked_event SET state = $3, attempts = $4, last_error = $5 WHERE tenant_id = $1 AND id = $2 AND attempts = $4 - 1"#,
        tenant_id,
        parked,
        state as i16,
        attempts,
        error,
    )
    .execute(tx.conn())
    .await
    .map(drop)
    .map_err(database_error)
}

/// The first event parked for a record.
pub(super) async fn first(
    tx: &mut Tx<'_>,
    follower: &str,
    collection: &str,
    record_id: Uuid,
) -> Result<Option<Uuid>> {
    let tenant_id = tx.tenant_id();
    sqlx::query_scalar!(
        r#"
        SELECT id FROM parked_event
        WHERE tenant_id = $1 AND follower = $2 AND collection = $3 AND record_id = $4
        ORDER BY seq LIMIT 1
        "#,
        tenant_id,
        follower,
        collection,
        record_id,
    )
    .fetch_optional(tx.conn())
    .await
    .map_err(database_error)
}
