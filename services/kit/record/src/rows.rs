//! The few statements that are the same for the table of every kind, built from the names in [`Kind`], which are texts of the program. Every value is
//! bound.
//!
//! Not here: writing the records themselves, whose SQL each kind states and the compiler checks.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use crate::{
    Kind, Record,
    custom_field::{
        model::Definition,
        roll_up::{Summaries, Summary},
    },
};

/// See [`Record::get`].
pub async fn get<R: Record>(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    owners: Option<&[Uuid]>,
) -> Result<Vec<R>> {
    read(conn, tenant_id, ids, owners, "").await
}

/// See [`Record::lock`].
pub async fn lock<R: Record>(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    owners: Option<&[Uuid]>,
) -> Result<Vec<R>> {
    read(conn, tenant_id, ids, owners, " ORDER BY id FOR NO KEY UPDATE").await
}

async fn read<R: Record>(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    owners: Option<&[Uuid]>,
    end: &str,
) -> Result<Vec<R>> {
    let Kind { table, columns, .. } = R::KIND;
    let sql = format!(
        "SELECT {columns} FROM {table} \
         WHERE tenant_id = $1 AND id = ANY ($2) AND ($3::uuid[] IS NULL OR owner_id = ANY ($3)){end}"
    );
    let found = sqlx::query_as(AssertSqlSafe(sql)).bind(tenant_id).bind(ids).bind(owners);
    found.fetch_all(conn).await.map_err(database_error)
}

/// See [`Record::by_number`].
pub async fn by_number(
    conn: &mut PgConnection,
    kind: &Kind,
    tenant_id: Uuid,
    numbers: &[String],
) -> Result<Vec<(String, Uuid)>> {
    if kind.series.is_none() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT number, id FROM {} WHERE tenant_id = $1 AND number = ANY ($2) AND delete_time IS NULL",
        kind.table
    );
    let found = sqlx::query_as(AssertSqlSafe(sql)).bind(tenant_id).bind(numbers);
    found.fetch_all(conn).await.map_err(database_error)
}

/// One stored value of a custom field.
#[derive(Debug, FromRow)]
pub struct Held {
    /// The record.
    pub id: Uuid,
    /// The value.
    pub value: Value,
    /// Whether the record is not in the recycle bin.
    pub live: bool,
}

/// Where a walk over a table goes on: after this id, and with so many rows.
pub type Place = (Uuid, i64);

/// Values of a field in records of its kind after a place, by record, with those in the recycle bin.
pub async fn held(
    conn: &mut PgConnection,
    kind: &Kind,
    definition: &Definition,
    (after, limit): Place,
) -> Result<Vec<Held>> {
    let sql = format!(
        "SELECT id, custom->$2::text AS value, delete_time IS NULL AS live FROM {} \
         WHERE tenant_id = $1 AND id > $3 AND custom ? $2 ORDER BY id LIMIT $4",
        kind.table
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(definition.tenant_id)
        .bind(&definition.key)
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await
        .map_err(database_error)
}

/// Live records by their display names, with their ids; at most a few of each name.
pub async fn named(
    conn: &mut PgConnection,
    kind: &Kind,
    (tenant_id, owners): (Uuid, Option<&[Uuid]>),
    names: &[String],
) -> Result<Vec<(String, Uuid)>> {
    let sql = format!(
        "SELECT w.name, r.id FROM unnest($3::text[]) AS w (name) CROSS JOIN LATERAL ( \
             SELECT id FROM {} WHERE tenant_id = $1 AND display_name = w.name AND delete_time IS NULL \
               AND ($2::uuid[] IS NULL OR owner_id = ANY ($2)) LIMIT 2) AS r",
        kind.table
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(owners)
        .bind(names)
        .fetch_all(conn)
        .await
        .map_err(database_error)
}

/// Exchanges values of a field, each only where it is still what it was; a JSON null clears. The records change for their readers, so their
/// revision and update time move.
pub async fn exchange(
    conn: &mut PgConnection,
    kind: &Kind,
    definition: &Definition,
    now: DateTime<Utc>,
    (ids, old, new): (&[Uuid], &[Value], &[Value]),
) -> Result<()> {
    let sql = format!(
        "UPDATE {} AS r SET revision = r.revision + 1, update_time = $3, \
             custom = CASE WHEN c.new = 'null' THEN r.custom - $2::text \
                      ELSE r.custom || jsonb_build_object($2::text, c.new) END \
         FROM unnest($4::uuid[], $5::jsonb[], $6::jsonb[]) AS c (id, old, new) \
         WHERE r.tenant_id = $1 AND r.id = c.id AND r.custom->$2::text = c.old",
        kind.table
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(definition.tenant_id)
        .bind(&definition.key)
        .bind(now)
        .bind(ids)
        .bind(old)
        .bind(new)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Ids of live records of a kind after a place, in their order.
pub async fn live_ids(
    conn: &mut PgConnection,
    kind: &Kind,
    tenant_id: Uuid,
    (after, limit): Place,
) -> Result<Vec<Uuid>> {
    let sql = format!(
        "SELECT id FROM {} WHERE tenant_id = $1 AND id > $2 AND delete_time IS NULL ORDER BY id LIMIT $3",
        kind.table
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await
        .map_err(database_error)
}

/// Those of the ids that name no live record of a kind within the scope of `owners` (`None` is everything).
pub async fn missing(
    conn: &mut PgConnection,
    kind: &Kind,
    tenant_id: Uuid,
    ids: &[Uuid],
    owners: Option<&[Uuid]>,
) -> Result<Vec<Uuid>> {
    let sql = format!(
        "SELECT DISTINCT w.id FROM unnest($2::uuid[]) AS w (id) \
         WHERE NOT EXISTS (SELECT 1 FROM {} r WHERE r.tenant_id = $1 AND r.id = w.id AND r.delete_time IS NULL \
                           AND ($3::uuid[] IS NULL OR r.owner_id = ANY ($3)))",
        kind.table
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(ids)
        .bind(owners)
        .fetch_all(conn)
        .await
        .map_err(database_error)
}

/// Where a deleted row stands in the order in which recycle bins are emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The record.
    pub id: Uuid,
    /// When it was deleted.
    pub delete_time: DateTime<Utc>,
}

/// Rows of a kind that were deleted before an instant, of all tenants and the longest deleted first, after a place.
pub async fn deleted_before(
    conn: &mut PgConnection,
    kind: &Kind,
    before: DateTime<Utc>,
    place: Option<&Deleted>,
    limit: i64,
) -> Result<Vec<Deleted>> {
    let start = Deleted { tenant_id: Uuid::nil(), id: Uuid::nil(), delete_time: DateTime::UNIX_EPOCH };
    let after = place.unwrap_or(&start);
    sqlx::query_as!(
        Deleted,
        r#"
        SELECT tenant_id AS "tenant_id!", id AS "id!", delete_time AS "delete_time!"
        FROM kit_deleted_before($1, $2, $3, $4, $5, $6)
        "#,
        kind.table,
        before,
        after.delete_time,
        after.tenant_id,
        after.id,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Those of the records that were deleted before an instant and that no other transaction holds; they are held until this one ends.
pub async fn hold_deleted(
    conn: &mut PgConnection,
    kind: &Kind,
    tenant_id: Uuid,
    ids: &[Uuid],
    before: DateTime<Utc>,
) -> Result<Vec<Uuid>> {
    let sql = format!(
        "SELECT id FROM {} WHERE tenant_id = $1 AND id = ANY ($2) AND delete_time < $3 ORDER BY id FOR UPDATE SKIP LOCKED",
        kind.table
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(ids)
        .bind(before)
        .fetch_all(conn)
        .await
        .map_err(database_error)
}

/// Drops rows for good.
pub async fn purge(conn: &mut PgConnection, kind: &Kind, tenant_id: Uuid, ids: &[Uuid]) -> Result<()> {
    let sql = format!("DELETE FROM {} WHERE tenant_id = $1 AND id = ANY ($2)", kind.table);
    sqlx::query(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(ids)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Raises the revision of a record that the transaction holds, without a change that its readers see.
pub async fn raise_revision(
    conn: &mut PgConnection,
    kind: &Kind,
    tenant_id: Uuid,
    id: Uuid,
    revision: i64,
) -> Result<()> {
    let sql = format!("UPDATE {} SET revision = $3 WHERE tenant_id = $1 AND id = $2", kind.table);
    sqlx::query(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(id)
        .bind(revision)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Those of the ids that name no record of a kind, not even one in the recycle bin.
pub async fn absent(
    conn: &mut PgConnection,
    kind: &Kind,
    tenant_id: Uuid,
    ids: &[Uuid],
) -> Result<Vec<Uuid>> {
    let sql = format!(
        "SELECT DISTINCT w.id FROM unnest($2::uuid[]) AS w (id) \
         WHERE NOT EXISTS (SELECT 1 FROM {} r WHERE r.tenant_id = $1 AND r.id = w.id)",
        kind.table
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(ids)
        .fetch_all(conn)
        .await
        .map_err(database_error)
}

/// Ids of records, with those in the recycle bin, whose custom field `key` names one of `targets`; those that are targets themselves are left out.
pub async fn referring(
    conn: &mut PgConnection,
    kind: &Kind,
    tenant_id: Uuid,
    (key, targets): (&str, &[Uuid]),
    limit: i64,
) -> Result<Vec<Uuid>> {
    let items = targets.iter().map(|id| json!({ key: id })).collect();
    containing(conn, kind, (tenant_id, "custom"), (items, targets), limit).await
}

/// Where ids of other records stand in the rows of a kind, each with an index.
#[derive(Clone, Copy, Debug)]
pub enum Reference {
    /// In a column.
    Column(&'static str),
    /// Under a key of the objects in a column that is a JSON list.
    Items { column: &'static str, key: &'static str },
}

/// Ids of records, with those in the recycle bin, where a standard field names one of `targets`, each once and in no particular order.
pub async fn naming(
    conn: &mut PgConnection,
    kind: &Kind,
    (tenant_id, reference): (Uuid, Reference),
    targets: &[Uuid],
    limit: i64,
) -> Result<Vec<Uuid>> {
    let column = match reference {
        Reference::Column(column) => column,
        Reference::Items { column, key } => {
            let items = targets.iter().map(|id| json!([{ key: id }])).collect();
            return containing(conn, kind, (tenant_id, column), (items, &[]), limit).await;
        }
    };
    let sql = format!("SELECT id FROM {} WHERE tenant_id = $1 AND {column} = ANY ($2) LIMIT $3", kind.table);
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(targets)
        .bind(limit)
        .fetch_all(conn)
        .await
        .map_err(database_error)
}

/// Ids of records, with those in the recycle bin, whose JSON column contains one of `items`, but for those that are left out; each once. The items are
/// bound as they are, because nothing that a policy does not trust may stand beside a column that an index is to find; and found before they are
/// counted, because for a few of many the server would rather read all rows in order.
async fn containing(
    conn: &mut PgConnection,
    kind: &Kind,
    (tenant_id, column): (Uuid, &str),
    (items, without): (Vec<Value>, &[Uuid]),
    limit: i64,
) -> Result<Vec<Uuid>> {
    let sql = format!(
        "WITH found AS MATERIALIZED ( \
             SELECT r.id FROM unnest($2::jsonb[]) AS w (item) JOIN {} r ON r.tenant_id = $1 AND r.{column} @> w.item) \
         SELECT DISTINCT id FROM found WHERE id <> ALL ($3) LIMIT $4",
        kind.table
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(items)
        .bind(without)
        .bind(limit)
        .fetch_all(conn)
        .await
        .map_err(database_error)
}

#[derive(FromRow)]
struct SummaryRow {
    upper_id: Uuid,
    key: String,
    count: i64,
    sum: Option<String>,
    least: Option<String>,
    greatest: Option<String>,
}

/// What is known of NUMBER fields over the live records of the kind `below`, whose column `column` names the upper record. The empty key counts.
pub async fn summaries(
    conn: &mut PgConnection,
    (below, column): (&Kind, &'static str),
    tenant_id: Uuid,
    upper_ids: &[Uuid],
    keys: &[String],
) -> Result<Summaries> {
    let sql = format!(
        "SELECT r.{column} AS upper_id, w.key, count(*) AS count, \
                sum(n.number)::text AS sum, min(n.number)::text AS least, max(n.number)::text AS greatest \
         FROM {} r \
         CROSS JOIN (SELECT DISTINCT unnest($3::text[]) AS key) AS w \
         CROSS JOIN LATERAL (SELECT CASE WHEN r.custom->>w.key ~ '^-?[0-9]{{1,18}}([.][0-9]{{1,10}})?$' \
                                    THEN (r.custom->>w.key)::numeric END AS number) AS n \
         WHERE r.tenant_id = $1 AND r.{column} = ANY ($2) AND r.delete_time IS NULL \
         GROUP BY r.{column}, w.key",
        below.table
    );
    let rows: Vec<SummaryRow> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(upper_ids)
        .bind(keys)
        .fetch_all(conn)
        .await
        .map_err(database_error)?;
    let summaries = rows.into_iter().map(|row| {
        let summary = Summary { count: row.count, sum: row.sum, least: row.least, greatest: row.greatest };
        ((row.upper_id, row.key), summary)
    });
    Ok(summaries.collect())
}
