//! All SQL of scans, sets and dismissals.

use chrono::{DateTime, Utc};
use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::{Scan, Set};
use crate::DOMAIN;

/// Ended scans of a collection that are kept.
const KEPT: i64 = 20;

/// A scan.
pub async fn get(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Scan>> {
    sqlx::query_as!(
        Scan,
        r#"
        SELECT tenant_id, id, create_time, update_time, start_time, end_time, creator_id, rights AS "rights: _", collection, threshold,
               state AS "state: _", total_rows, done_rows, set_count, failure, attempt
        FROM duplicate_scan
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Holds a scan as long as its attempt is the given one, or any when that is `None`.
pub async fn hold(conn: &mut PgConnection, scan: &Scan, attempt: Option<i64>) -> Result<Scan> {
    let held = sqlx::query_as!(
        Scan,
        r#"
        SELECT tenant_id, id, create_time, update_time, start_time, end_time, creator_id, rights AS "rights: _", collection, threshold,
               state AS "state: _", total_rows, done_rows, set_count, failure, attempt
        FROM duplicate_scan
        WHERE tenant_id = $1 AND id = $2 AND state = 1 AND ($3::bigint IS NULL OR attempt = $3)
        FOR NO KEY UPDATE
        "#,
        scan.tenant_id,
        scan.id,
        attempt,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    held.ok_or_else(Error::concurrent_change)
}

/// Scans with ids before `before`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Scan>> {
    sqlx::query_as!(
        Scan,
        r#"
        SELECT tenant_id, id, create_time, update_time, start_time, end_time, creator_id, rights AS "rights: _", collection, threshold,
               state AS "state: _", total_rows, done_rows, set_count, failure, attempt
        FROM duplicate_scan
        WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC LIMIT $3
        "#,
        tenant_id,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Inserts a scan that waits for its worker, and drops the oldest of its collection.
pub async fn insert(conn: &mut PgConnection, scan: &Scan) -> Result<()> {
    sqlx::query!(
        r#"
        WITH old AS (
            DELETE FROM duplicate_scan AS s
            WHERE s.tenant_id = $1 AND s.id IN (
                SELECT o.id FROM duplicate_scan o
                WHERE o.tenant_id = $1 AND o.collection = $6 AND o.state <> 1
                ORDER BY o.id DESC OFFSET $8)
              AND NOT EXISTS (SELECT FROM duplicate_set d WHERE d.tenant_id = $1 AND d.scan_id = s.id)
        )
        INSERT INTO duplicate_scan (tenant_id, id, create_time, update_time, creator_id, rights, collection, threshold, state, total_rows,
                                    done_rows, set_count, failure, attempt)
        VALUES ($1, $2, $3, $3, $4, $5, $6, $7, 1, 0, 0, 0, '', 0)
        "#,
        scan.tenant_id,
        scan.id,
        scan.create_time,
        scan.creator_id,
        Json(&*scan.rights) as _,
        scan.collection,
        scan.threshold,
        KEPT - 1,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, |name| reason(name, scan)))
}

/// Writes what can change of a scan over its row, which the transaction holds.
pub async fn save(conn: &mut PgConnection, scan: &Scan) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE duplicate_scan SET update_time = $3, start_time = $4, end_time = $5, state = $6, total_rows = $7, done_rows = $8,
                                  set_count = $9, failure = $10, attempt = $11
        WHERE tenant_id = $1 AND id = $2
        "#,
        scan.tenant_id,
        scan.id,
        scan.update_time,
        scan.start_time,
        scan.end_time,
        scan.state as _,
        scan.total_rows,
        scan.done_rows,
        scan.set_count,
        scan.failure,
        scan.attempt,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Ids of all live records of a collection, at most `limit`.
pub async fn record_ids(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    limit: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT id AS "id!" FROM (
            SELECT id FROM account WHERE $2 = 'accounts' AND tenant_id = $1 AND delete_time IS NULL
            UNION ALL
            SELECT id FROM contact WHERE $2 = 'contacts' AND tenant_id = $1 AND delete_time IS NULL
        ) AS record
        ORDER BY id LIMIT $3
        "#,
        tenant_id,
        collection,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Makes these the sets of a collection.
pub async fn replace_sets(conn: &mut PgConnection, scan: &Scan, sets: &[Set]) -> Result<()> {
    sqlx::query!(
        r#"DELETE FROM duplicate_set WHERE tenant_id = $1 AND collection = $2"#,
        scan.tenant_id,
        scan.collection
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    for set in sets {
        sqlx::query!(
            r#"
            INSERT INTO duplicate_set (tenant_id, id, create_time, scan_id, collection, record_ids, probabilities)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            "#,
            scan.tenant_id,
            set.id,
            set.create_time,
            set.scan_id,
            set.collection,
            &set.record_ids,
            &set.probabilities,
        )
        .execute(&mut *conn)
        .await
        .map_err(database_error)?;
    }
    Ok(())
}

/// The set with an id, or those of a collection after `after`.
pub async fn sets(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (id, collection): (Option<Uuid>, &str),
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Set>> {
    sqlx::query_as!(
        Set,
        r#"
        SELECT id, create_time, scan_id, collection, record_ids, probabilities
        FROM duplicate_set
        WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id = $2) AND ($3 = '' OR collection = $3) AND ($4::uuid IS NULL OR id > $4)
        ORDER BY id LIMIT $5
        "#,
        tenant_id,
        id,
        collection,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// The sets of a collection that hold a record and one of others, held until the transaction ends.
pub async fn sets_of(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    id: Uuid,
    others: &[Uuid],
) -> Result<Vec<Set>> {
    sqlx::query_as!(
        Set,
        r#"
        SELECT id, create_time, scan_id, collection, record_ids, probabilities
        FROM duplicate_set
        WHERE tenant_id = $1 AND collection = $2 AND $3 = ANY (record_ids) AND record_ids && $4
        ORDER BY id
        FOR UPDATE
        "#,
        tenant_id,
        collection,
        id,
        others,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Writes the records of a set over its row, which the transaction holds; drops the set when less than two are left.
pub async fn shrink(conn: &mut PgConnection, tenant_id: Uuid, set: &Set) -> Result<()> {
    let done = if set.record_ids.len() < 2 {
        sqlx::query!(r#"DELETE FROM duplicate_set WHERE tenant_id = $1 AND id = $2"#, tenant_id, set.id)
            .execute(conn)
            .await
    } else {
        sqlx::query!(
            r#"UPDATE duplicate_set SET record_ids = $3, probabilities = $4 WHERE tenant_id = $1 AND id = $2"#,
            tenant_id,
            set.id,
            &set.record_ids,
            &set.probabilities,
        )
        .execute(conn)
        .await
    };
    done.map(drop).map_err(database_error)
}

/// Lets one transaction at a time dismiss pairs of a collection or store its sets.
pub async fn take_turn(conn: &mut PgConnection, tenant_id: Uuid, collection: &str) -> Result<()> {
    sqlx::query!(
        r#"SELECT pg_advisory_xact_lock(hashtextextended($1::text || ' duplicates of ' || $2, 0)) AS "done: Option<i32>""#,
        tenant_id.to_string(),
        collection,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Remembers that a record is not one party with others.
pub async fn dismiss(
    conn: &mut PgConnection,
    (tenant_id, creator_id): (Uuid, Uuid),
    collection: &str,
    id: Uuid,
    others: &[Uuid],
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO duplicate_dismissal (tenant_id, collection, a_id, b_id, create_time, creator_id)
        SELECT $1, $2, LEAST($3, o.id), GREATEST($3, o.id), $5, $6 FROM unnest($4::uuid[]) AS o (id)
        ON CONFLICT ON CONSTRAINT duplicate_dismissal_pkey DO NOTHING
        "#,
        tenant_id,
        collection,
        id,
        others,
        now,
        creator_id,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// All pairs of a collection that were told apart, the smaller id first.
pub async fn dismissed(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"SELECT a_id, b_id FROM duplicate_dismissal WHERE tenant_id = $1 AND collection = $2"#,
        tenant_id,
        collection,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.a_id, row.b_id)).collect())
}

/// The records that a record was told apart from.
pub async fn dismissed_with(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    id: Uuid,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT b_id AS "id!" FROM duplicate_dismissal WHERE tenant_id = $1 AND collection = $2 AND a_id = $3
        UNION ALL
        SELECT a_id FROM duplicate_dismissal WHERE tenant_id = $1 AND collection = $2 AND b_id = $3
        "#,
        tenant_id,
        collection,
        id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

fn reason(constraint: &str, scan: &Scan) -> Option<Error> {
    (constraint == "duplicate_scan_running_key").then(|| {
        let message = format!("a scan of {} runs already", scan.collection);
        Error::new(Code::FailedPrecondition, DOMAIN, "SCAN_RUNNING", message)
            .with("collection", &scan.collection)
    })
}
