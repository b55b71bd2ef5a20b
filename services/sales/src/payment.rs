//! What instalments and receipts have in common: amounts above nothing, of which a part may be allocated.

use crm_kit_api::{
    filter::Value,
    money::{Money, SCALE},
};
use crm_kit_record::field::Checker;
use crm_proto::google::r#type::Money as WireMoney;
use rust_decimal::Decimal;

use crate::money;

/// Ten-thousandths in the largest amount.
const MAX_AMOUNT: i64 = 10_000_000_000_000 * SCALE;

/// How much of an amount is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Nothing.
    None,
    /// Some of it.
    Part,
    /// All of it.
    All,
}

impl Cover {
    /// How much `allocated` is of `amount`, both in ten-thousandths.
    pub fn of(allocated: i64, amount: i64) -> Self {
        match allocated {
            0 => Self::None,
            allocated if allocated < amount => Self::Part,
            _ => Self::All,
        }
    }
}

/// Reads the amount of a record, which it must have, above 0. Without one the violations say why.
pub fn read_amount(field: &str, wire: Option<&WireMoney>, check: &mut Checker<'_>) -> Option<Money> {
    let Some(wire) = wire else {
        check.refuse(field, "REQUIRED", "is required");
        return None;
    };
    let path = check.at(field);
    let money = Money::from_wire(&path, wire, check.violations())?;
    if money.ten_thousandths <= 0 {
        check.refuse(field, "NOT_POSITIVE", "must be above 0");
    } else if money.ten_thousandths > MAX_AMOUNT {
        check.refuse(field, "MONEY_TOO_LARGE", "is larger than 10,000,000,000,000");
    }
    Some(money)
}

/// An amount on the wire; `None` without a currency.
pub fn to_wire(ten_thousandths: i64, currency: &str) -> Option<WireMoney> {
    (!currency.is_empty()).then(|| money::to_wire(ten_thousandths.into(), currency))
}

/// An amount as filters and formulas see it.
pub fn filter_value(ten_thousandths: i64) -> Value<'static> {
    Value::Decimal(Decimal::new(ten_thousandths, 4))
}

/// An amount in units, for the metadata of errors.
pub fn units(ten_thousandths: i64) -> Decimal {
    Decimal::new(ten_thousandths, 4).normalize()
}
