//! The versions of a contract that another one followed.

use chrono::{DateTime, Utc};
use crm_kit_api::{Result, time};
use crm_kit_pg::db::database_error;
use crm_kit_record::{custom_field::Fields, field::id_text};
use crm_proto::crm::sales::v1::ContractVersion;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{convert, model::Contract};

/// A row of `contract_version`.
#[derive(Clone, Debug)]
pub struct Version {
    pub version: i64,
    pub end_time: DateTime<Utc>,
    pub actor_id: Uuid,
    pub content: Json<Contract>,
}

/// Keeps a version as it is.
pub async fn keep(
    conn: &mut PgConnection,
    contract: &Contract,
    (end_time, actor_id): (DateTime<Utc>, Uuid),
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO contract_version (tenant_id, contract_id, version, end_time, actor_id, content)
        VALUES ($1, $2, $3, $4, $5, $6)
        "#,
        contract.tenant_id,
        contract.id,
        contract.version,
        end_time,
        actor_id,
        Json(contract) as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Takes a version back out of what is kept.
pub async fn take(
    conn: &mut PgConnection,
    (tenant_id, contract_id): (Uuid, Uuid),
    version: i64,
) -> Result<Option<Version>> {
    sqlx::query_as!(
        Version,
        r#"
        DELETE FROM contract_version
        WHERE tenant_id = $1 AND contract_id = $2 AND version = $3
        RETURNING version, end_time, actor_id, content AS "content: _"
        "#,
        tenant_id,
        contract_id,
        version,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// The versions of a contract that follow a version and that another one followed, the first one first.
pub async fn after(
    conn: &mut PgConnection,
    (tenant_id, contract_id): (Uuid, Uuid),
    version: i64,
    most: i64,
) -> Result<Vec<Version>> {
    sqlx::query_as!(
        Version,
        r#"
        SELECT version, end_time, actor_id, content AS "content: _"
        FROM contract_version
        WHERE tenant_id = $1 AND contract_id = $2 AND version > $3
        ORDER BY version
        LIMIT $4
        "#,
        tenant_id,
        contract_id,
        version,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

impl Version {
    /// The version on the wire.
    pub fn to_wire(&self, fields: &Fields) -> ContractVersion {
        ContractVersion {
            version: i32::try_from(self.version).unwrap_or(i32::MAX),
            end_time: Some(time::timestamp(self.end_time)),
            actor_id: id_text(Some(self.actor_id).filter(|id| !id.is_nil())),
            contract: Some(convert::to_wire(&self.content, fields)),
        }
    }
}
