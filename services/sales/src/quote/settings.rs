//! The tenant's rules for quotes.

use crm_kit_api::{Error, Result, etag};
use crm_kit_pg::db::database_error;
use crm_proto::crm::sales::v1::{QuoteSettings as Wire, QuoteSettingsUpdated};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    decimal::Percent,
    rules::{Rules, Stamp},
};

/// Name of the collection in events.
pub const COLLECTION: &str = "quoteSettings";
/// Percent that a document may lie below the price list without approval, where the tenant says nothing.
pub const DEFAULT_DISCOUNT: u8 = 10;

/// How far quotes may go without approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    discount: Percent,
}

impl Limits {
    /// Whether a discount needs no approval.
    pub fn allow(&self, discount_percent: Option<Decimal>) -> bool {
        self.discount.covers(discount_percent)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { discount: Percent::of(DEFAULT_DISCOUNT) }
    }
}

impl Rules for Limits {
    type Wire = Wire;
    type Told = QuoteSettingsUpdated;

    const COLLECTION: &'static str = COLLECTION;

    async fn load(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Option<(Stamp, Self)>> {
        let found = sqlx::query!(
            r#"SELECT create_time, update_time, revision, max_discount_percent FROM quote_settings WHERE tenant_id = $1"#,
            tenant_id,
        )
        .fetch_optional(conn)
        .await
        .map_err(database_error)?;
        let Some(row) = found else { return Ok(None) };
        let (create_time, update_time, revision) = (row.create_time, row.update_time, row.revision);
        let discount = Percent::stored(&row.max_discount_percent)?;
        Ok(Some((Stamp { tenant_id, create_time, update_time, revision }, Self { discount })))
    }

    async fn store(&self, conn: &mut PgConnection, stamp: &Stamp) -> Result<bool> {
        sqlx::query!(
            r#"
            INSERT INTO quote_settings AS s (tenant_id, create_time, update_time, revision, max_discount_percent)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT ON CONSTRAINT quote_settings_pkey DO UPDATE SET
                update_time = excluded.update_time, revision = excluded.revision,
                max_discount_percent = excluded.max_discount_percent
            WHERE s.revision = excluded.revision - 1
            "#,
            stamp.tenant_id,
            stamp.create_time,
            stamp.update_time,
            stamp.revision,
            self.discount.to_string(),
        )
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(database_error)
    }

    fn read(wire: Wire) -> Result<Self> {
        let discount = Percent::read(&wire.max_discount_percent).ok_or_else(|| {
            let field = "quote_settings.max_discount_percent";
            Error::invalid_field(field, "NUMBER_INVALID", Percent::FORM)
        })?;
        Ok(Self { discount })
    }

    fn to_wire(&self, stamp: &Stamp) -> Wire {
        let (create_time, update_time) = stamp.times();
        Wire {
            id: stamp.tenant_id.to_string(),
            create_time,
            update_time,
            etag: etag::of(stamp.revision),
            max_discount_percent: self.discount.to_string(),
        }
    }

    fn etag(wire: &Wire) -> &str {
        &wire.etag
    }

    fn told(wire: Wire) -> QuoteSettingsUpdated {
        QuoteSettingsUpdated { quote_settings: Some(wire) }
    }
}
