//! What a price book is, as stored.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Most price books of a tenant.
pub const MAX_BOOKS: usize = 1000;

/// A row of `price_book`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBook {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub display_name: String,
    pub currency_code: String,
    pub is_standard: bool,
    pub retired: bool,
    pub start_date: Option<NaiveDate>,
    pub end_date: Option<NaiveDate>,
}

impl PriceBook {
    /// Whether prices are taken from the book on a day.
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        let begun = self.start_date.is_none_or(|start| start <= day);
        !self.retired && begun && self.end_date.is_none_or(|end| end >= day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_holds_from_its_first_to_its_last_day() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
        let book = PriceBook { start_date: Some(day(2)), end_date: Some(day(4)), ..PriceBook::default() };
        assert_eq!([1, 2, 4, 5].map(|number| book.holds_on(day(number))), [false, true, true, false]);
        assert!(PriceBook::default().holds_on(day(1)));
        assert!(!PriceBook { retired: true, ..PriceBook::default() }.holds_on(day(1)));
    }
}
