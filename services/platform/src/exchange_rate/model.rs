//! What an exchange rate is.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Units of the quote currency for one unit of the base currency, from a day on.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ExchangeRate {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub base_currency_code: String,
    pub quote_currency_code: String,
    /// Above 0.
    pub rate: Decimal,
    pub kind: Kind,
    pub valid_from_date: NaiveDate,
    pub source: String,
}

/// What a rate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[repr(i16)]
pub enum Kind {
    Spot = 1,
    Plan = 2,
    MonthAverage = 3,
}

/// What is unique about a rate.
pub type Key<'r> = (&'r str, &'r str, Kind, NaiveDate);

impl ExchangeRate {
    /// What is unique about the rate.
    pub fn key(&self) -> Key<'_> {
        (&self.base_currency_code, &self.quote_currency_code, self.kind, self.valid_from_date)
    }
}

impl Kind {
    /// Name in the contract, without the prefix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spot => "SPOT",
            Self::Plan => "PLAN",
            Self::MonthAverage => "MONTH_AVERAGE",
        }
    }
}
