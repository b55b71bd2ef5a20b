//! Names of records in other systems, each unique in its collection.

use std::collections::BTreeSet;

use crm_kit_api::{Error, Result};
use crm_proto::crm::record::v1::ExternalId as Wire;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tonic::Code;
use uuid::Uuid;

use crate::{Kind, field::Checker};

/// The name of a record in another system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExternalId {
    /// The other system.
    pub system: String,
    /// The record's key there.
    pub value: String,
}

impl ExternalId {
    /// Reads a record's external ids, refusing one that stands twice.
    pub fn read_all(field: &str, wire: Vec<Wire>, check: &mut Checker<'_>) -> Vec<Self> {
        let mut seen = BTreeSet::new();
        let mut ids = Vec::with_capacity(wire.len());
        for (index, Wire { system, value }) in wire.into_iter().enumerate() {
            let place = format!("{field}[{index}]");
            let value = check.line(&format!("{place}.value"), value, 200);
            let id = Self { system, value };
            if seen.insert(id.clone()) {
                ids.push(id);
            } else {
                check.refuse(&place, "REPEATED", "stands twice");
            }
        }
        ids
    }

    /// The id on the wire.
    pub fn to_wire(&self) -> Wire {
        Wire { system: self.system.clone(), value: self.value.clone() }
    }
}

/// External ids that records of one collection shall have from now on, for one statement.
#[derive(Debug, Default)]
pub struct Claims {
    record_ids: Vec<Uuid>,
    systems: Vec<String>,
    values: Vec<String>,
}

impl Claims {
    /// Adds a record's ids.
    pub fn add(&mut self, record_id: Uuid, ids: &[ExternalId]) {
        for id in ids {
            self.record_ids.push(record_id);
            self.systems.push(id.system.clone());
            self.values.push(id.value.clone());
        }
    }

    /// Whether nothing is claimed.
    pub fn is_empty(&self) -> bool {
        self.record_ids.is_empty()
    }
}

/// Gives external ids to records; fails with `ALREADY_EXISTS / EXTERNAL_ID_TAKEN` when another live record holds one.
pub async fn claim(conn: &mut PgConnection, tenant_id: Uuid, kind: &Kind, claims: &Claims) -> Result<()> {
    let collection = kind.collection;
    let done = sqlx::query!(
        r#"
        INSERT INTO external_id (tenant_id, collection, system, value, record_id)
        SELECT $1, $2, c.system, c.value, c.record_id
        FROM unnest($3::text[], $4::text[], $5::uuid[]) AS c (system, value, record_id)
        ON CONFLICT ON CONSTRAINT external_id_pkey DO NOTHING
        "#,
        tenant_id,
        collection,
        &claims.systems,
        &claims.values,
        &claims.record_ids,
    )
    .execute(&mut *conn)
    .await
    .map_err(crm_kit_pg::db::database_error)?;
    if usize::try_from(done.rows_affected()).is_ok_and(|count| count == claims.record_ids.len()) {
        return Ok(());
    }
    let holders = holders(conn, tenant_id, collection, &claims.systems, &claims.values).await?;
    let taken = holders.into_iter().find_map(|holder| {
        let named = claims.record_ids.iter().zip(claims.systems.iter().zip(&claims.values));
        let mut clashes = named.filter(|(record, (system, value))| {
            **system == holder.system && **value == holder.value && **record != holder.record_id
        });
        clashes.next().map(|(record, _)| taken(kind, &holder.system, &holder.value).about(*record))
    });
    Err(taken.unwrap_or_else(Error::concurrent_change))
}

/// Frees every external id of records.
pub async fn release(conn: &mut PgConnection, tenant_id: Uuid, record_ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        r#"DELETE FROM external_id WHERE tenant_id = $1 AND record_id = ANY ($2)"#,
        tenant_id,
        record_ids
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(crm_kit_pg::db::database_error)
}

/// A live record and one of its external ids.
#[derive(Debug)]
pub struct Holder {
    /// The other system.
    pub system: String,
    /// The record's key there.
    pub value: String,
    /// The record.
    pub record_id: Uuid,
}

/// The records that hold any of the given external ids.
pub async fn holders(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    systems: &[String],
    values: &[String],
) -> Result<Vec<Holder>> {
    sqlx::query_as!(
        Holder,
        r#"
        SELECT e.system, e.value, e.record_id FROM external_id e
        JOIN unnest($3::text[], $4::text[]) AS wanted (system, value)
          ON e.system = wanted.system AND e.value = wanted.value
        WHERE e.tenant_id = $1 AND e.collection = $2
        "#,
        tenant_id,
        collection,
        systems,
        values,
    )
    .fetch_all(conn)
    .await
    .map_err(crm_kit_pg::db::database_error)
}

/// `ALREADY_EXISTS / EXTERNAL_ID_TAKEN`.
pub fn taken(kind: &Kind, system: &str, value: &str) -> Error {
    let message = format!("another record is {value} in {system}");
    Error::new(Code::AlreadyExists, kind.domain, "EXTERNAL_ID_TAKEN", message)
        .with("system", system)
        .with("value", value)
}
