//! All SQL of relations.

use std::collections::BTreeMap;

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use crm_kit_record::Choice;
use crm_proto::crm::customer::v1::account_relation::Kind;
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::{Related, Relation};
use crate::DOMAIN;

/// Accounts with their owners.
pub type Owners = BTreeMap<Uuid, Option<Uuid>>;

/// Which relations of an account are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub account_id: Uuid,
    /// The number of their kind; 0 for all.
    pub kind: i16,
    /// The last of the page before.
    pub before: Option<Uuid>,
    pub limit: i64,
}

/// A relation whose live accounts both lie within the scope of `owners` (`None` is everything).
pub async fn get(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    owners: Option<&[Uuid]>,
) -> Result<Option<Relation>> {
    sqlx::query_as!(
        Relation,
        r#"
        SELECT r.tenant_id, r.id, r.create_time, r.update_time, r.revision, r.from_account_id, r.to_account_id, r.kind AS "kind: _",
               r.forward_name, r.reverse_name, r.start_date, r.end_date, r.note, r.creator_id
        FROM account_relation r
        JOIN account f ON f.tenant_id = $1 AND f.id = r.from_account_id AND f.delete_time IS NULL
        JOIN account t ON t.tenant_id = $1 AND t.id = r.to_account_id AND t.delete_time IS NULL
        WHERE r.tenant_id = $1 AND r.id = $2
          AND ($3::uuid[] IS NULL OR (f.owner_id = ANY ($3) AND t.owner_id = ANY ($3)))
        "#,
        tenant_id,
        id,
        owners,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// A relation, held until the transaction ends, whoever may see it.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Relation>> {
    sqlx::query_as!(
        Relation,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, from_account_id, to_account_id, kind AS "kind: _",
               forward_name, reverse_name, start_date, end_date, note, creator_id
        FROM account_relation
        WHERE tenant_id = $1 AND id = $2
        FOR UPDATE
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Those of the accounts that are live and lie within the scope of `owners`, with their owners; held so that they do not go meanwhile, in the order of
/// their ids.
pub async fn owners_of(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    owners: Option<&[Uuid]>,
) -> Result<Owners> {
    let rows = sqlx::query!(
        r#"
        SELECT id, owner_id FROM account
        WHERE tenant_id = $1 AND id = ANY ($2) AND delete_time IS NULL AND ($3::uuid[] IS NULL OR owner_id = ANY ($3))
        ORDER BY id
        FOR KEY SHARE
        "#,
        tenant_id,
        ids,
        owners,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.id, row.owner_id)).collect())
}

/// Relations of an account with other live accounts within the scope of `owners`, newest first: two stretches, one of each direction, merged.
pub async fn of_account(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    wanted: Wanted,
    owners: Option<&[Uuid]>,
) -> Result<Vec<Related>> {
    let rows = sqlx::query!(
        r#"
        SELECT r.tenant_id AS "tenant_id!", r.id AS "id!", r.create_time AS "create_time!", r.update_time AS "update_time!",
               r.revision AS "revision!", r.from_account_id AS "from_account_id!", r.to_account_id AS "to_account_id!",
               r.kind AS "kind!: Choice<Kind>",
               r.forward_name AS "forward_name!", r.reverse_name AS "reverse_name!", r.start_date, r.end_date, r.note AS "note!",
               r.creator_id AS "creator_id!", r.other_id AS "other_id!", r.other_name AS "other_name!"
        FROM (
            (SELECT r.*, o.id AS other_id, o.display_name AS other_name
             FROM account_relation r JOIN account o ON o.tenant_id = $1 AND o.id = r.to_account_id AND o.delete_time IS NULL
             WHERE r.tenant_id = $1 AND r.from_account_id = $2 AND ($3 = 0::smallint OR r.kind = $3) AND ($4::uuid IS NULL OR r.id < $4)
               AND ($5::uuid[] IS NULL OR o.owner_id = ANY ($5))
             ORDER BY r.id DESC LIMIT $6)
            UNION ALL
            (SELECT r.*, o.id, o.display_name
             FROM account_relation r JOIN account o ON o.tenant_id = $1 AND o.id = r.from_account_id AND o.delete_time IS NULL
             WHERE r.tenant_id = $1 AND r.to_account_id = $2 AND ($3 = 0::smallint OR r.kind = $3) AND ($4::uuid IS NULL OR r.id < $4)
               AND ($5::uuid[] IS NULL OR o.owner_id = ANY ($5))
             ORDER BY r.id DESC LIMIT $6)
        ) AS r
        ORDER BY r.id DESC LIMIT $6
        "#,
        tenant_id,
        wanted.account_id,
        wanted.kind,
        wanted.before,
        owners,
        wanted.limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    let related = rows.into_iter().map(|row| Related {
        relation: Relation {
            tenant_id: row.tenant_id,
            id: row.id,
            create_time: row.create_time,
            update_time: row.update_time,
            revision: row.revision,
            from_account_id: row.from_account_id,
            to_account_id: row.to_account_id,
            kind: row.kind,
            forward_name: row.forward_name,
            reverse_name: row.reverse_name,
            start_date: row.start_date,
            end_date: row.end_date,
            note: row.note,
            creator_id: row.creator_id,
        },
        other_id: row.other_id,
        other_name: row.other_name,
    });
    Ok(related.collect())
}

/// Inserts a relation.
pub async fn insert(conn: &mut PgConnection, relation: &Relation) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO account_relation (
            tenant_id, id, create_time, update_time, revision, from_account_id, to_account_id, kind, forward_name, reverse_name,
            start_date, end_date, note, creator_id
        )
        SELECT
            tenant_id, id, create_time, update_time, revision, from_account_id, to_account_id, kind, forward_name, reverse_name,
            start_date, end_date, note, creator_id
        FROM jsonb_populate_record(NULL::account_relation, $1)
        "#,
        Json(relation) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, |name| reason(name, relation)))
}

/// Writes what can change of a relation over its row, which the transaction holds.
pub async fn update(conn: &mut PgConnection, relation: &Relation) -> Result<()> {
    let done = sqlx::query!(
        r#"
        UPDATE account_relation
        SET update_time = $3, revision = $4, forward_name = $5, reverse_name = $6, start_date = $7, end_date = $8, note = $9
        WHERE tenant_id = $1 AND id = $2 AND revision = $4::bigint - 1
        "#,
        relation.tenant_id,
        relation.id,
        relation.update_time,
        relation.revision,
        relation.forward_name,
        relation.reverse_name,
        relation.start_date,
        relation.end_date,
        relation.note,
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::concurrent_change()) }
}

/// Deletes a relation, which the transaction holds.
pub async fn delete(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query!(r#"DELETE FROM account_relation WHERE tenant_id = $1 AND id = $2"#, tenant_id, id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Deletes the relations of accounts; returns them.
pub async fn drop_of(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    account_ids: &[Uuid],
) -> Result<Vec<Relation>> {
    sqlx::query_as!(
        Relation,
        r#"
        DELETE FROM account_relation
        WHERE tenant_id = $1 AND (from_account_id = ANY ($2) OR to_account_id = ANY ($2))
        RETURNING tenant_id, id, create_time, update_time, revision, from_account_id, to_account_id, kind AS "kind: _",
                  forward_name, reverse_name, start_date, end_date, note, creator_id
        "#,
        tenant_id,
        account_ids,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Relations of accounts, at most `most`, the oldest first, held until the transaction ends.
pub async fn lock_of(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    account_ids: &[Uuid],
    most: i64,
) -> Result<Vec<Relation>> {
    sqlx::query_as!(
        Relation,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, from_account_id, to_account_id, kind AS "kind: _",
               forward_name, reverse_name, start_date, end_date, note, creator_id
        FROM account_relation
        WHERE tenant_id = $1 AND (from_account_id = ANY ($2) OR to_account_id = ANY ($2))
        ORDER BY id
        LIMIT $3
        FOR UPDATE
        "#,
        tenant_id,
        account_ids,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Relations between an account and any of the others.
pub async fn between(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    account_id: Uuid,
    others: &[Uuid],
) -> Result<Vec<Relation>> {
    sqlx::query_as!(
        Relation,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, from_account_id, to_account_id, kind AS "kind: _",
               forward_name, reverse_name, start_date, end_date, note, creator_id
        FROM account_relation
        WHERE tenant_id = $1
          AND ((from_account_id = $2 AND to_account_id = ANY ($3)) OR (to_account_id = $2 AND from_account_id = ANY ($3)))
        "#,
        tenant_id,
        account_id,
        others,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Relations by their ids, held until the transaction ends.
pub async fn lock_all(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<Vec<Relation>> {
    sqlx::query_as!(
        Relation,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, from_account_id, to_account_id, kind AS "kind: _",
               forward_name, reverse_name, start_date, end_date, note, creator_id
        FROM account_relation
        WHERE tenant_id = $1 AND id = ANY ($2)
        ORDER BY id
        FOR UPDATE
        "#,
        tenant_id,
        ids,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Deletes relations, which the transaction holds.
pub async fn delete_all(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<()> {
    sqlx::query!(r#"DELETE FROM account_relation WHERE tenant_id = $1 AND id = ANY ($2)"#, tenant_id, ids)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Writes which accounts relations join, which the transaction holds.
pub async fn turn(conn: &mut PgConnection, tenant_id: Uuid, relations: &[&Relation]) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE account_relation AS r
        SET update_time = n.update_time, revision = n.revision, from_account_id = n.from_account_id, to_account_id = n.to_account_id
        FROM jsonb_populate_recordset(NULL::account_relation, $2) AS n
        WHERE r.tenant_id = $1 AND r.id = n.id
        "#,
        tenant_id,
        Json(relations) as _,
    )
    .execute(conn)
    .await
    .map(drop)
    // Somebody made such a relation of the survivor meanwhile.
    .map_err(|error| constraint::map(error, |_| Some(Error::concurrent_change())))
}

/// Inserts relations whose accounts are there and do not have such a relation; returns the ids of those.
pub async fn restore(conn: &mut PgConnection, relations: &[Relation]) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        INSERT INTO account_relation (
            tenant_id, id, create_time, update_time, revision, from_account_id, to_account_id, kind, forward_name, reverse_name,
            start_date, end_date, note, creator_id
        )
        SELECT
            n.tenant_id, n.id, n.create_time, n.update_time, n.revision, n.from_account_id, n.to_account_id, n.kind, n.forward_name,
            n.reverse_name, n.start_date, n.end_date, n.note, n.creator_id
        FROM jsonb_populate_recordset(NULL::account_relation, $1) AS n
        JOIN account f ON f.tenant_id = n.tenant_id AND f.id = n.from_account_id
        JOIN account t ON t.tenant_id = n.tenant_id AND t.id = n.to_account_id
        ON CONFLICT DO NOTHING
        RETURNING id
        "#,
        Json(relations) as _
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

fn reason(constraint: &str, relation: &Relation) -> Option<Error> {
    (constraint == "account_relation_pair_key").then(|| {
        let kind = relation.kind.0.as_str_name();
        let message = "the accounts have a relation of this kind already";
        Error::new(Code::AlreadyExists, DOMAIN, "RELATION_EXISTS", message)
            .with("kind", kind)
            .with("from_account_id", relation.from_account_id)
            .with("to_account_id", relation.to_account_id)
    })
}
