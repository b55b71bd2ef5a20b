//! Lines and what they amount to, as stored: one JSON value in the column `sheet` of a document. Decimal numbers are text in it, amounts whole
//! ten-thousandths of the currency's unit.

use chrono::NaiveDate;
use crm_kit_api::money::currency;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decimal;

/// Most lines of a document.
pub const MAX_LINES: usize = 500;
/// Most decimals of quantities and prices.
pub const PRICE_DECIMALS: u32 = 6;
/// Most decimals of percentages.
pub const PERCENT_DECIMALS: u32 = 4;
/// Most decimals of amounts, which are those the suite stores.
pub const AMOUNT_DECIMALS: u32 = 4;
/// Largest quantity and largest price.
pub const MAX_NUMBER: i64 = 1_000_000_000_000;

/// The priced part of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sheet {
    /// ISO 4217; empty until it is known.
    pub currency: String,
    /// Where list prices come from; none for the standard book of the currency.
    pub price_book_id: Option<Uuid>,
    /// Whether prices and discounts include tax (含税).
    pub price_includes_tax: bool,
    /// Digits after the point of every amount.
    pub decimals: u32,
    /// Discount on the document as a whole.
    pub header_discount: HeaderDiscount,
    pub lines: Vec<Line>,
    /// The sums of the lines' amounts.
    pub totals: Amounts,
    /// The largest discount of a line in percent; absent without a line that has one.
    #[serde(with = "decimal::optional_text")]
    pub discount_percent: Option<Decimal>,
}

/// Discount on the document as a whole, spread over its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderDiscount {
    #[default]
    None,
    /// Percent of what the lines come to after their own discounts.
    Percent(#[serde(with = "decimal::text")] Decimal),
    /// Ten-thousandths of the currency's unit.
    Amount(i64),
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    pub id: Uuid,
    pub product_id: Option<Uuid>,
    pub product_name: String,
    pub unit: String,
    pub description: String,
    #[serde(with = "decimal::text")]
    pub quantity: Decimal,
    /// Absent until the line is priced.
    #[serde(with = "decimal::optional_text")]
    pub list_price: Option<Decimal>,
    /// What the quantity costs by the list, when it is priced in parts and so is not quantity times list price. Ten-thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_parts: Option<i64>,
    /// Absent until the line is priced, and meaning the list price.
    #[serde(with = "decimal::optional_text")]
    pub unit_price: Option<Decimal>,
    #[serde(with = "decimal::text")]
    pub discount_percent: Decimal,
    /// Absent until the line is priced, and meaning that of the product.
    #[serde(with = "decimal::optional_text")]
    pub tax_rate_percent: Option<Decimal>,
    pub delivery_date: Option<NaiveDate>,
    pub amounts: Amounts,
    /// By how much the line costs less than by the list, in percent; absent when the list price is 0.
    #[serde(with = "decimal::optional_text")]
    pub total_discount_percent: Option<Decimal>,
}

/// What a line, or a document, amounts to, in ten-thousandths of the currency's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Amounts {
    pub list: i64,
    pub line_discount: i64,
    pub header_discount: i64,
    pub net: i64,
    pub tax: i64,
    pub gross: i64,
}

impl Sheet {
    /// An empty sheet of a currency whose amounts have the digits of that currency.
    pub fn of(currency: &str) -> Self {
        Self { currency: currency.to_owned(), decimals: currency::exponent(currency), ..Self::default() }
    }

    /// The line of an id.
    pub fn line(&self, id: Uuid) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }
}

impl Line {
    /// Whether the line waits for what its product costs.
    pub fn is_open(&self) -> bool {
        self.product_id.is_some() && self.list_price.is_none()
    }

    /// Whether the unit price is the list's and follows it.
    pub fn is_at_list_price(&self) -> bool {
        self.unit_price.is_none() || self.unit_price == self.list_price
    }
}

impl Amounts {
    /// The sum of both; `None` when it leaves the range.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            list: self.list.checked_add(other.list)?,
            line_discount: self.line_discount.checked_add(other.line_discount)?,
            header_discount: self.header_discount.checked_add(other.header_discount)?,
            net: self.net.checked_add(other.net)?,
            tax: self.tax.checked_add(other.tax)?,
            gross: self.gross.checked_add(other.gross)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_comes_back_as_it_was_stored() {
        let line = Line {
            id: Uuid::max(),
            quantity: "1.500000".parse().unwrap(),
            list_price: Some("12.345678".parse().unwrap()),
            tax_rate_percent: Some(Decimal::from(13)),
            amounts: Amounts { gross: i64::MAX, ..Amounts::default() },
            ..Line::default()
        };
        for header_discount in
            [HeaderDiscount::None, HeaderDiscount::Percent(Decimal::new(25, 1)), HeaderDiscount::Amount(5)]
        {
            let sheet = Sheet { header_discount, lines: vec![line.clone()], ..Sheet::of("JPY") };
            let stored = serde_json::to_string(&sheet).unwrap();
            assert_eq!(serde_json::from_str::<Sheet>(&stored).unwrap(), sheet, "{stored}");
        }
        assert_eq!(serde_json::from_str::<Sheet>("{}").unwrap(), Sheet::default());
    }
}
