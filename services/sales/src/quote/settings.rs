//! The tenant's rules for quotes. Without a row the defaults hold.

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Error, Result, etag, mask, time};
use crm_kit_pg::{Change, ChangeKind, Tx, db::database_error};
use crm_proto::crm::sales::v1::{QuoteSettings as Wire, QuoteSettingsUpdated, UpdateQuoteSettingsRequest};
use prost::Name as _;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Quotes;
use crate::decimal;

/// Name of the collection in events.
pub const COLLECTION: &str = "quoteSettings";
/// Percent that a quote may lie below the price list without approval, where the tenant says nothing.
const DEFAULT_DISCOUNT: &str = "10";

/// A row of `quote_settings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    tenant_id: Uuid,
    create_time: DateTime<Utc>,
    update_time: DateTime<Utc>,
    /// 0 for the defaults.
    revision: i64,
    max_discount_percent: String,
}

impl Settings {
    /// Whether a discount needs no approval.
    pub fn allows(&self, discount_percent: Option<Decimal>) -> bool {
        let most: Decimal = self.max_discount_percent.parse().unwrap_or_default();
        discount_percent.is_none_or(|discount| discount <= most)
    }

    fn default_of(tenant_id: Uuid) -> Self {
        let (create_time, update_time) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        let max_discount_percent = DEFAULT_DISCOUNT.to_owned();
        Self { tenant_id, create_time, update_time, revision: 0, max_discount_percent }
    }

    fn to_wire(&self) -> Wire {
        let instant = |time| (self.revision > 0).then(|| time::timestamp(time));
        Wire {
            id: self.tenant_id.to_string(),
            create_time: instant(self.create_time),
            update_time: instant(self.update_time),
            etag: etag::of(self.revision),
            max_discount_percent: self.max_discount_percent.clone(),
        }
    }
}

impl Quotes {
    /// The tenant's rules.
    pub async fn settings(&self, call: &Call) -> Result<Wire> {
        let tenant = call.tenant_id();
        let read = self.slice.db.read(call, move |tx| Box::pin(async move { get(tx.conn(), tenant).await }));
        Ok(read.await?.to_wire())
    }

    /// Sets the tenant's rules.
    pub async fn set(&self, call: &Call, request: &UpdateQuoteSettingsRequest) -> Result<Wire> {
        self.slice
            .db
            .write(call, "update", move |tx| Box::pin(async move { set(tx, call, request).await }))
            .await
    }
}

async fn set(tx: &mut Tx<'_>, call: &Call, request: &UpdateQuoteSettingsRequest) -> Result<Wire> {
    let wire = request.quote_settings.clone().unwrap_or_default();
    let was = get(tx.conn(), call.tenant_id()).await?;
    etag::check(&wire.etag, was.revision)?;
    let (before, descriptor) = (was.to_wire(), crm_proto::message(&Wire::full_name()));
    let fixed = &["id", "create_time", "update_time", "etag"];
    let merged = mask::merge(&descriptor, &before, &wire, request.update_mask.as_ref(), fixed)?;
    let percent = decimal::read(&merged.max_discount_percent, 4);
    let percent = percent.filter(|percent| *percent <= Decimal::ONE_HUNDRED).ok_or_else(|| {
        let message = "is not a decimal number from 0 to 100 with at most four decimals";
        Error::invalid_field("quote_settings.max_discount_percent", "NUMBER_INVALID", message)
    })?;
    let max_discount_percent = percent.normalize().to_string();
    if max_discount_percent == was.max_discount_percent {
        return Ok(before);
    }
    let create_time = if was.revision == 0 { call.now } else { was.create_time };
    let settings = Settings {
        create_time,
        update_time: call.now,
        revision: was.revision + 1,
        max_discount_percent,
        ..was
    };
    save(tx.conn(), &settings).await?;
    let after = settings.to_wire();
    let told = QuoteSettingsUpdated { quote_settings: Some(after.clone()) };
    tx.record(
        Change::new(COLLECTION, settings.tenant_id, ChangeKind::Update, &told)
            .of_fields(vec!["max_discount_percent".to_owned()])
            .audited(Some(&before), Some(&after)),
    );
    Ok(after)
}

/// The tenant's rules, or the defaults.
pub async fn get(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Settings> {
    let found = sqlx::query_as!(
        Settings,
        r#"
        SELECT tenant_id, create_time, update_time, revision, max_discount_percent FROM quote_settings WHERE tenant_id = $1
        "#,
        tenant_id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    Ok(found.unwrap_or_else(|| Settings::default_of(tenant_id)))
}

async fn save(conn: &mut PgConnection, settings: &Settings) -> Result<()> {
    let done = sqlx::query!(
        r#"
        INSERT INTO quote_settings AS s (tenant_id, create_time, update_time, revision, max_discount_percent)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT ON CONSTRAINT quote_settings_pkey DO UPDATE SET
            update_time = excluded.update_time, revision = excluded.revision,
            max_discount_percent = excluded.max_discount_percent
        WHERE s.revision = excluded.revision - 1
        "#,
        settings.tenant_id,
        settings.create_time,
        settings.update_time,
        settings.revision,
        settings.max_discount_percent,
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::concurrent_change()) }
}
