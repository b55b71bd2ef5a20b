//! All SQL of definitions.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::Definition;
use crate::DOMAIN;

/// Every definition of a tenant, by collection and key.
pub async fn all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<Definition>> {
    sqlx::query_as!(
        Definition,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, display_name_zh, collection, key,
               value_type AS "value_type: _", required, required_if, is_unique, minimum, maximum, options AS "options: _",
               reference_collection, formula, formula_type AS "formula_type: _", roll_up AS "roll_up: _", number_pattern,
               filterable, sensitivity AS "sensitivity: _", retired
        FROM custom_field
        WHERE tenant_id = $1
        ORDER BY collection, key
        "#,
        tenant_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Holds every definition of a tenant, so that changes of definitions, which are checked with each other, follow one another.
pub async fn lock_all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<()> {
    sqlx::query!(
        r#"SELECT id FROM custom_field WHERE tenant_id = $1 ORDER BY id FOR NO KEY UPDATE"#,
        tenant_id
    )
    .fetch_all(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The definition with an id.
pub async fn get(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Definition>> {
    sqlx::query_as!(
        Definition,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, display_name_zh, collection, key,
               value_type AS "value_type: _", required, required_if, is_unique, minimum, maximum, options AS "options: _",
               reference_collection, formula, formula_type AS "formula_type: _", roll_up AS "roll_up: _", number_pattern,
               filterable, sensitivity AS "sensitivity: _", retired
        FROM custom_field
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Where a page of definitions begins: after this collection and key.
pub type Place<'p> = (&'p str, &'p str);

/// Definitions after a place, by collection and key; of one collection, or of all when it is empty.
pub async fn page(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    after: Place<'_>,
    limit: i64,
) -> Result<Vec<Definition>> {
    sqlx::query_as!(
        Definition,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, display_name_zh, collection, key,
               value_type AS "value_type: _", required, required_if, is_unique, minimum, maximum, options AS "options: _",
               reference_collection, formula, formula_type AS "formula_type: _", roll_up AS "roll_up: _", number_pattern,
               filterable, sensitivity AS "sensitivity: _", retired
        FROM custom_field
        WHERE tenant_id = $1 AND ($2 = '' OR collection = $2) AND (collection, key) > ($3, $4)
        ORDER BY collection, key
        LIMIT $5
        "#,
        tenant_id,
        collection,
        after.0,
        after.1,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Inserts a definition.
pub async fn insert(conn: &mut PgConnection, definition: &Definition) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO custom_field (
            tenant_id, id, create_time, update_time, revision, display_name, display_name_zh, collection, key, value_type, required, required_if,
            is_unique, minimum, maximum, options, reference_collection, formula, formula_type, roll_up, number_pattern, filterable,
            sensitivity, retired
        )
        SELECT
            tenant_id, id, create_time, update_time, revision, display_name, display_name_zh, collection, key, value_type, required, required_if,
            is_unique, minimum, maximum, options, reference_collection, formula, formula_type, roll_up, number_pattern, filterable,
            sensitivity, retired
        FROM jsonb_populate_record(NULL::custom_field, $1)
        "#,
        Json(definition) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| {
        constraint::map(error, |name| (name == "custom_field_key_key").then(|| key_taken(definition)))
    })
}

/// Writes a definition over its row, which the transaction holds.
pub async fn update(conn: &mut PgConnection, definition: &Definition) -> Result<()> {
    let done = sqlx::query!(
        r#"
        UPDATE custom_field AS f SET (
            update_time, revision, display_name, display_name_zh, value_type, required, required_if, is_unique, minimum, maximum,
            options, reference_collection, formula, formula_type, roll_up, number_pattern, filterable, sensitivity, retired
        ) = ROW (
            n.update_time, n.revision, n.display_name, n.display_name_zh, n.value_type, n.required, n.required_if, n.is_unique,
            n.minimum, n.maximum, n.options, n.reference_collection, n.formula, n.formula_type, n.roll_up, n.number_pattern,
            n.filterable, n.sensitivity, n.retired
        )
        FROM jsonb_populate_record(NULL::custom_field, $1) AS n
        WHERE f.tenant_id = n.tenant_id AND f.id = n.id AND f.revision = n.revision - 1
        "#,
        Json(definition) as _
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::concurrent_change()) }
}

/// `ALREADY_EXISTS / FIELD_KEY_TAKEN`.
pub fn key_taken(definition: &Definition) -> Error {
    let message = format!("{} has a field {} already", definition.collection, definition.key);
    Error::new(Code::AlreadyExists, DOMAIN, "FIELD_KEY_TAKEN", message).with("key", &definition.key)
}
