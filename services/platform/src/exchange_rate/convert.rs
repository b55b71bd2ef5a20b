//! Exchange rates on the wire.

use chrono::NaiveDate;
use crm_kit_api::{
    Call, Result,
    error::Violations,
    etag,
    time::{date, naive_date, timestamp},
};
use crm_proto::crm::platform::v1::{self as wire, exchange_rate::Kind as WireKind};
use rust_decimal::Decimal;

use super::model::{ExchangeRate, Kind};
use crate::text;

impl ExchangeRate {
    /// The rate on the wire.
    pub fn to_wire(&self) -> wire::ExchangeRate {
        wire::ExchangeRate {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            update_time: Some(timestamp(self.update_time)),
            etag: etag::of(self.revision),
            base_currency_code: self.base_currency_code.clone(),
            quote_currency_code: self.quote_currency_code.clone(),
            rate: self.rate.normalize().to_string(),
            kind: self.kind.to_wire().into(),
            valid_from_date: Some(date(self.valid_from_date)),
            source: self.source.clone(),
        }
    }

    /// A new rate with the values of `wire`; every violation is collected. `field` is the path of the message.
    pub fn from_wire(call: &Call, field: &str, wire: &wire::ExchangeRate) -> Result<Self> {
        let mut violations = Violations::default();
        let at = |name: &str| format!("{field}.{name}");
        let rate = wire.rate.parse::<Decimal>().ok().filter(|rate| *rate > Decimal::ZERO);
        if rate.is_none() {
            violations.add(at("rate"), "RATE_INVALID", "is not a decimal number above 0");
        }
        if wire.base_currency_code == wire.quote_currency_code {
            violations.add(at("quote_currency_code"), "SAME_CURRENCY", "is the base currency too");
        }
        let day = wire.valid_from_date.unwrap_or_default();
        let day = naive_date(&at("valid_from_date"), &day, &mut violations).unwrap_or_default();
        let source = text::line(&at("source"), &wire.source, 100, &mut violations);
        violations.into_result(Self {
            id: call.new_id(),
            create_time: call.now,
            update_time: call.now,
            revision: 1,
            base_currency_code: wire.base_currency_code.clone(),
            quote_currency_code: wire.quote_currency_code.clone(),
            rate: rate.unwrap_or_default().normalize(),
            kind: Kind::from_wire(wire.kind()),
            valid_from_date: day,
            source,
        })
    }
}

impl Kind {
    /// The kind on the wire.
    pub fn to_wire(self) -> WireKind {
        match self {
            Self::Spot => WireKind::Spot,
            Self::Plan => WireKind::Plan,
            Self::MonthAverage => WireKind::MonthAverage,
        }
    }

    /// The kind a caller means.
    pub fn from_wire(wire: WireKind) -> Self {
        match wire {
            WireKind::Unspecified | WireKind::Spot => Self::Spot,
            WireKind::Plan => Self::Plan,
            WireKind::MonthAverage => Self::MonthAverage,
        }
    }
}

/// The day a caller names, or today in the tenant's time zone.
pub fn day(call: &Call, field: &str, wire: Option<&crm_proto::google::r#type::Date>) -> Result<NaiveDate> {
    let Some(wire) = wire else { return Ok(call.moment().today) };
    let mut violations = Violations::default();
    let day = naive_date(field, wire, &mut violations).unwrap_or_default();
    violations.into_result(day)
}
