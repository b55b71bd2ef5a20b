//! The tenant's fiscal calendar (财年) and its periods: months, quarters of three and years of twelve, from the month in which the fiscal year begins.

pub mod ops;
pub mod store;

use chrono::{Datelike as _, Days, Months, NaiveDate};
use crm_kit_api::{Call, Result, error::Violations, time};
use crm_proto::{crm::sales::v1::PeriodKind, google::r#type::Date};

/// Name of the collection in errors and events.
pub const COLLECTION: &str = "fiscalCalendar";

/// In which month the fiscal year begins, 1 to 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fiscal {
    /// The month.
    pub first_month: u32,
}

/// Days from the first of a month to the last of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// How long it is.
    pub kind: PeriodKind,
    /// Its first day.
    pub start: NaiveDate,
    /// Its last day.
    pub end: NaiveDate,
}

/// A period as it is asked for, before the tenant's calendar is known.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    kind: PeriodKind,
    day: NaiveDate,
}

impl Default for Fiscal {
    fn default() -> Self {
        Self { first_month: 1 }
    }
}

impl Fiscal {
    /// The period of a kind in which a day lies; unspecified is a month.
    pub fn period(self, kind: PeriodKind, day: NaiveDate) -> Period {
        let months = months(kind);
        let into = (day.month() + 12 - self.first_month) % months;
        Period::starting(kind, first_of_month(day) - Months::new(into))
    }
}

impl Period {
    /// The period of a kind that begins with a month.
    pub fn starting(kind: PeriodKind, start: NaiveDate) -> Self {
        let end = start.checked_add_months(Months::new(months(kind)));
        let end = end.and_then(|next| next.checked_sub_days(Days::new(1)));
        Self { kind, start, end: end.unwrap_or(NaiveDate::MAX) }
    }

    /// The first days of its months.
    pub fn months(self) -> impl Iterator<Item = NaiveDate> {
        (0..months(self.kind)).map(move |index| self.start + Months::new(index))
    }
}

impl Asked {
    /// Reads a kind, which is a quarter unless stated, and a day of the period, which is today unless stated.
    pub fn read(call: &Call, kind: PeriodKind, day: Option<&Date>, violations: &mut Violations) -> Self {
        let kind = if kind == PeriodKind::Unspecified { PeriodKind::Quarter } else { kind };
        let day = day.and_then(|day| near(time::naive_date("date", day, violations)?, "date", violations));
        Self { kind, day: day.unwrap_or_else(|| call.today()) }
    }

    /// The period in the tenant's calendar.
    pub fn period(self, fiscal: Fiscal) -> Period {
        fiscal.period(self.kind, self.day)
    }
}

/// A day in the years that periods may lie in: 1900 to 2999.
pub fn near(day: NaiveDate, field: &str, violations: &mut Violations) -> Option<NaiveDate> {
    if (1900..3000).contains(&day.year()) {
        return Some(day);
    }
    violations.add(field, "DATE_OUT_OF_RANGE", "lies outside the years 1900 to 2999");
    None
}

/// The first day of a day's month.
pub fn first_of_month(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(day.day0()))
}

/// Months in a period; unspecified is a month.
pub fn months(kind: PeriodKind) -> u32 {
    match kind {
        PeriodKind::Unspecified | PeriodKind::Month => 1,
        PeriodKind::Quarter => 3,
        PeriodKind::Year => 12,
    }
}

/// The calendar as one statement reads it, inside a transaction.
pub async fn of(conn: &mut sqlx::PgConnection, tenant_id: uuid::Uuid) -> Result<Fiscal> {
    Ok(store::get(conn, tenant_id).await?.map_or_else(Fiscal::default, |row| row.fiscal()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn periods_begin_where_the_calendar_says() {
        for (first_month, kind, within, start, end) in [
            (1, PeriodKind::Quarter, "2026-03-31", "2026-01-01", "2026-03-31"),
            (1, PeriodKind::Year, "2026-12-31", "2026-01-01", "2026-12-31"),
            (4, PeriodKind::Year, "2026-03-31", "2025-04-01", "2026-03-31"),
            (4, PeriodKind::Quarter, "2026-02-28", "2026-01-01", "2026-03-31"),
            (6, PeriodKind::Quarter, "2022-05-30", "2022-03-01", "2022-05-31"),
            (12, PeriodKind::Quarter, "2024-02-29", "2023-12-01", "2024-02-29"),
            (12, PeriodKind::Year, "2024-12-01", "2024-12-01", "2025-11-30"),
            (7, PeriodKind::Month, "2024-02-10", "2024-02-01", "2024-02-29"),
        ] {
            let period = Fiscal { first_month }.period(kind, day(within));
            assert_eq!((period.start, period.end), (day(start), day(end)), "{first_month} {within}");
        }
    }

    #[test]
    fn a_period_is_the_row_of_its_months() {
        let year = Period::starting(PeriodKind::Year, day("2023-12-01"));
        let months: Vec<_> = year.months().collect();
        assert_eq!((months.len(), months[2], months[11]), (12, day("2024-02-01"), day("2024-11-01")));
    }
}
