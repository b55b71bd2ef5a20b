//! Values of unique fields, each held by one live record.

use std::collections::BTreeMap;

use crm_kit_api::{Error, Result, error::Violation};
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use tonic::Code;
use uuid::Uuid;

use super::{Fields, model::Definition};
use crate::Kind;

/// Values that records give up or take, for one statement.
#[derive(Debug, Default)]
pub struct Claims {
    field_ids: Vec<Uuid>,
    values: Vec<String>,
    record_ids: Vec<Uuid>,
}

impl Claims {
    /// Adds the value of a record, if it has one.
    pub fn extend(&mut self, definition: &Definition, value: Option<String>, record_id: Uuid) {
        if let Some(value) = value {
            self.field_ids.push(definition.id);
            self.values.push(value);
            self.record_ids.push(record_id);
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.field_ids.is_empty()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.field_ids.len()
    }

    fn iter(&self) -> impl Iterator<Item = (Uuid, &str, Uuid)> {
        let values = self.values.iter().map(String::as_str);
        self.field_ids
            .iter()
            .zip(values)
            .zip(&self.record_ids)
            .map(|((field, value), record)| (*field, value, *record))
    }
}

/// Gives values to records; fails with `ALREADY_EXISTS / VALUE_TAKEN` when another live record of the kind holds one.
pub async fn claim(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    kind: &Kind,
    fields: &Fields,
    claims: &Claims,
) -> Result<()> {
    let collection = kind.collection;
    if take(conn, tenant_id, collection, claims).await? == claims.len() {
        return Ok(());
    }
    let holders = holders(conn, tenant_id, collection, claims).await?;
    let taken = holders.into_iter().find_map(|(field, value, holder)| {
        let clash = |(claimed, text, record): &(Uuid, &str, Uuid)| {
            *claimed == field && *text == value && *record != holder
        };
        claims.iter().find(clash).map(|(.., record)| (field, record))
    });
    let Some((field, record)) = taken else { return Err(Error::concurrent_change()) };
    let definition = fields.definitions().find(|definition| definition.id == field);
    let error = definition.map_or_else(Error::concurrent_change, |definition| value_taken(kind, definition));
    Err(error.about(record))
}

/// Gives values to records as far as nobody has them; returns how many were given.
pub async fn take(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    claims: &Claims,
) -> Result<usize> {
    let done = sqlx::query!(
        r#"
        INSERT INTO unique_value (tenant_id, collection, field_id, value, record_id)
        SELECT $1, $2, c.field_id, c.value, c.record_id
        FROM unnest($3::uuid[], $4::text[], $5::uuid[]) AS c (field_id, value, record_id)
        ON CONFLICT ON CONSTRAINT unique_value_pkey DO NOTHING
        "#,
        tenant_id,
        collection,
        &claims.field_ids,
        &claims.values,
        &claims.record_ids,
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    usize::try_from(done.rows_affected()).map_err(Error::internal)
}

/// How many of the claimed values other records hold.
pub async fn foreign(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    claims: &Claims,
) -> Result<usize> {
    let holders = holders(conn, tenant_id, collection, claims).await?;
    let holder_of: BTreeMap<(Uuid, String), Uuid> =
        holders.into_iter().map(|(field, value, record)| ((field, value), record)).collect();
    let is_foreign = |(field, value, record): &(Uuid, &str, Uuid)| {
        holder_of.get(&(*field, (*value).to_owned())).is_some_and(|holder| holder != record)
    };
    Ok(claims.iter().filter(is_foreign).count())
}

/// Frees values that records held.
pub async fn release(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    claims: &Claims,
) -> Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM unique_value AS u
        USING unnest($3::uuid[], $4::text[], $5::uuid[]) AS c (field_id, value, record_id)
        WHERE u.tenant_id = $1 AND u.collection = $2
          AND u.field_id = c.field_id AND u.value = c.value AND u.record_id = c.record_id
        "#,
        tenant_id,
        collection,
        &claims.field_ids,
        &claims.values,
        &claims.record_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Frees every value that records hold.
pub async fn release_records(conn: &mut PgConnection, tenant_id: Uuid, record_ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        r#"DELETE FROM unique_value WHERE tenant_id = $1 AND record_id = ANY ($2)"#,
        tenant_id,
        record_ids
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Frees every value of a field.
pub async fn release_field(conn: &mut PgConnection, definition: &Definition) -> Result<()> {
    sqlx::query!(
        r#"DELETE FROM unique_value WHERE tenant_id = $1 AND collection = $2 AND field_id = $3"#,
        definition.tenant_id,
        definition.collection,
        definition.id,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Field, value and record of those of the claimed values that somebody holds.
async fn holders(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    claims: &Claims,
) -> Result<Vec<(Uuid, String, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        SELECT u.field_id, u.value, u.record_id FROM unique_value u
        JOIN unnest($3::uuid[], $4::text[]) AS c (field_id, value) ON u.field_id = c.field_id AND u.value = c.value
        WHERE u.tenant_id = $1 AND u.collection = $2
        "#,
        tenant_id,
        collection,
        &claims.field_ids,
        &claims.values,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.field_id, row.value, row.record_id)).collect())
}

fn value_taken(kind: &Kind, definition: &Definition) -> Error {
    let field = definition.path();
    let message = format!("another record has the same {field}");
    let violation =
        Violation::new(format!("{}.{field}", kind.field), "VALUE_TAKEN", "is the value of another record");
    Error::new(Code::AlreadyExists, kind.domain, "VALUE_TAKEN", message)
        .with("field", field)
        .with_violation(violation)
}
