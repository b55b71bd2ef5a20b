//! The tenant's rules for contracts: which ones need approval.

use std::collections::BTreeMap;

use crm_kit_api::{Result, etag, money::Money};
use crm_kit_pg::db::database_error;
use crm_kit_record::field::Checker;
use crm_proto::crm::sales::v1::{ContractSettings as Wire, ContractSettingsUpdated};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::Contract;
use crate::{
    decimal::Percent,
    document::arithmetic::MAX_AMOUNT,
    quote::settings::DEFAULT_DISCOUNT,
    rules::{Rules, Stamp},
};

/// Name of the collection in events.
pub const COLLECTION: &str = "contractSettings";

/// How far contracts may go without approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    discount: Percent,
    /// Ten-thousandths of the unit by currency; amounts need no approval when there is none.
    amounts: BTreeMap<String, i64>,
}

impl Limits {
    /// Whether a contract needs no approval. Amounts of two currencies are not compared: beside limits of others, a contract needs it.
    pub fn allow(&self, contract: &Contract) -> bool {
        let sheet = &contract.sheet;
        let limit = self.amounts.get(&sheet.currency);
        let amount_is_allowed = self.amounts.is_empty()
            || limit.is_some_and(|limit| contract.amount.is_none_or(|amount| amount <= *limit));
        amount_is_allowed && self.discount.covers(sheet.discount_percent)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { discount: Percent::of(DEFAULT_DISCOUNT), amounts: BTreeMap::new() }
    }
}

impl Rules for Limits {
    type Wire = Wire;
    type Told = ContractSettingsUpdated;

    const COLLECTION: &'static str = COLLECTION;

    async fn load(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Option<(Stamp, Self)>> {
        let found = sqlx::query!(
            r#"
            SELECT create_time, update_time, revision, max_discount_percent,
                   max_amounts AS "max_amounts: Json<BTreeMap<String, i64>>"
            FROM contract_settings
            WHERE tenant_id = $1
            "#,
            tenant_id,
        )
        .fetch_optional(conn)
        .await
        .map_err(database_error)?;
        let Some(row) = found else { return Ok(None) };
        let (create_time, update_time, revision) = (row.create_time, row.update_time, row.revision);
        let limits =
            Self { discount: Percent::stored(&row.max_discount_percent)?, amounts: row.max_amounts.0 };
        Ok(Some((Stamp { tenant_id, create_time, update_time, revision }, limits)))
    }

    async fn store(&self, conn: &mut PgConnection, stamp: &Stamp) -> Result<bool> {
        sqlx::query!(
            r#"
            INSERT INTO contract_settings AS s (tenant_id, create_time, update_time, revision, max_discount_percent, max_amounts)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT ON CONSTRAINT contract_settings_pkey DO UPDATE SET
                update_time = excluded.update_time, revision = excluded.revision,
                max_discount_percent = excluded.max_discount_percent, max_amounts = excluded.max_amounts
            WHERE s.revision = excluded.revision - 1
            "#,
            stamp.tenant_id,
            stamp.create_time,
            stamp.update_time,
            stamp.revision,
            self.discount.to_string(),
            Json(&self.amounts) as _,
        )
        .execute(conn)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(database_error)
    }

    fn read(wire: Wire) -> Result<Self> {
        let mut check = Checker::new("contract_settings", "");
        let discount = Percent::read(&wire.max_discount_percent).unwrap_or_else(|| {
            check.refuse("max_discount_percent", "NUMBER_INVALID", Percent::FORM);
            Percent::of(0)
        });
        let mut amounts = BTreeMap::new();
        for (index, wire) in wire.max_amounts.iter().enumerate() {
            let field = format!("max_amounts[{index}]");
            let path = check.at(&field);
            let Some(money) = Money::from_wire(&path, wire, check.violations()) else { continue };
            if money.ten_thousandths < 0 {
                check.refuse(&field, "NEGATIVE", "must not be negative");
            } else if money.ten_thousandths > MAX_AMOUNT {
                check.refuse(&field, "MONEY_TOO_LARGE", "is larger than 10,000,000,000,000");
            }
            if amounts.insert(money.currency, money.ten_thousandths).is_some() {
                check.refuse(&field, "REPEATED", "is of a currency that another one is of");
            }
        }
        check.into_violations().into_result(Self { discount, amounts })
    }

    fn to_wire(&self, stamp: &Stamp) -> Wire {
        let (create_time, update_time) = stamp.times();
        let money = |(currency, ten_thousandths): (&String, &i64)| {
            Money { ten_thousandths: *ten_thousandths, currency: currency.clone() }.to_wire()
        };
        Wire {
            id: stamp.tenant_id.to_string(),
            create_time,
            update_time,
            etag: etag::of(stamp.revision),
            max_discount_percent: self.discount.to_string(),
            max_amounts: self.amounts.iter().map(money).collect(),
        }
    }

    fn etag(wire: &Wire) -> &str {
        &wire.etag
    }

    fn told(wire: Wire) -> ContractSettingsUpdated {
        ContractSettingsUpdated { contract_settings: Some(wire) }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::types::Json;

    use super::*;
    use crate::document::Sheet;

    #[test]
    fn past_one_limit_is_past_the_limits() {
        let limits = |amounts: &[(&str, i64)]| Limits {
            amounts: amounts.iter().map(|(currency, amount)| ((*currency).to_owned(), *amount)).collect(),
            ..Limits::default()
        };
        let contract = |currency: &str, amount, discount: &str| Contract {
            amount: Some(amount),
            sheet: Json(Sheet { discount_percent: discount.parse().ok(), ..Sheet::of(currency) }),
            ..Contract::default()
        };
        let two = [("CNY", 100), ("USD", 10)];
        for (limits, contract, allowed) in [
            (limits(&[]), contract("CNY", i64::MAX, ""), true),
            (limits(&[]), contract("CNY", 1, "10"), true),
            (limits(&[]), contract("CNY", 1, "10.0001"), false),
            (limits(&two), contract("CNY", 100, ""), true),
            (limits(&two), contract("CNY", 101, ""), false),
            (limits(&two), contract("USD", 11, ""), false),
            (limits(&two), contract("EUR", 0, ""), false),
            (limits(&two), contract("USD", 10, "11"), false),
        ] {
            assert_eq!(limits.allow(&contract), allowed, "{limits:?} {contract:?}");
        }
    }
}
