//! All SQL of rules.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::StoredRule;
use crate::DOMAIN;

/// The rules of a collection, the older first; of every collection when it is empty.
pub async fn of(conn: &mut PgConnection, tenant_id: Uuid, collection: &str) -> Result<Vec<StoredRule>> {
    sqlx::query_as!(
        StoredRule,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, collection, keys, threshold,
               outcome AS "outcome: _", disabled, ignored_values, ignored_keys
        FROM duplicate_rule
        WHERE tenant_id = $1 AND ($2 = '' OR collection = $2)
        ORDER BY collection, id
        "#,
        tenant_id,
        collection,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// The rule with an id, held until the transaction ends.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<StoredRule>> {
    sqlx::query_as!(
        StoredRule,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, collection, keys, threshold,
               outcome AS "outcome: _", disabled, ignored_values, ignored_keys
        FROM duplicate_rule
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

/// Inserts a rule.
pub async fn insert(conn: &mut PgConnection, rule: &StoredRule) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO duplicate_rule SELECT * FROM jsonb_populate_record(NULL::duplicate_rule, $1)"#,
        Json(rule) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, |name| reason(name, rule)))
}

/// Writes a rule over its row, which the transaction holds.
pub async fn update(conn: &mut PgConnection, rule: &StoredRule) -> Result<()> {
    let done = sqlx::query!(
        r#"
        UPDATE duplicate_rule AS r SET (
            update_time, revision, display_name, keys, threshold, outcome, disabled, ignored_values, ignored_keys
        ) = ROW (
            n.update_time, n.revision, n.display_name, n.keys, n.threshold, n.outcome, n.disabled, n.ignored_values, n.ignored_keys
        )
        FROM jsonb_populate_record(NULL::duplicate_rule, $1) AS n
        WHERE r.tenant_id = n.tenant_id AND r.id = n.id AND r.revision = n.revision - 1
        "#,
        Json(rule) as _
    )
    .execute(conn)
    .await
    .map_err(|error| constraint::map(error, |name| reason(name, rule)))?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::concurrent_change()) }
}

/// Deletes a rule, which the transaction holds.
pub async fn delete(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query!(r#"DELETE FROM duplicate_rule WHERE tenant_id = $1 AND id = $2"#, tenant_id, id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

fn reason(constraint: &str, rule: &StoredRule) -> Option<Error> {
    (constraint == "duplicate_rule_name_key").then(|| {
        let message = format!("{} has a rule of this name", rule.collection);
        Error::new(Code::AlreadyExists, DOMAIN, "RULE_NAME_TAKEN", message)
            .with("display_name", &rule.display_name)
    })
}
