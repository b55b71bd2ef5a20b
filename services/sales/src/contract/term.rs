//! For how long a contract holds, and by when notice of its end is to be given. Pure.

use chrono::{Days, Months, NaiveDate};
use crm_proto::crm::sales::v1::contract::RenewalRule;

/// The last day of so many months from a first day on. `None` beyond the calendar.
pub fn last_day(start: NaiveDate, months: u32) -> Option<NaiveDate> {
    // The months are counted from the day after the end, so that a year from March 1 ends with February.
    start.checked_add_months(Months::new(months))?.pred_opt()
}

/// The day by which notice is to be given.
pub fn notice_date(rule: RenewalRule, end: Option<NaiveDate>, notice_days: i64) -> Option<NaiveDate> {
    let days = u64::try_from(notice_days).ok()?;
    let is_renewed = matches!(rule, RenewalRule::Manual | RenewalRule::Automatic);
    end.filter(|_| is_renewed)?.checked_sub_days(Days::new(days))
}

/// First and last day of the contract that follows one with these days: it begins when that one is over and lasts as long, in months when its
/// term is stated so. `None` when it cannot be told.
pub fn following(
    (start, end): (Option<NaiveDate>, NaiveDate),
    months: i64,
    new_start: Option<NaiveDate>,
) -> Option<(NaiveDate, NaiveDate)> {
    let first = match new_start {
        Some(day) => day,
        None => end.succ_opt()?,
    };
    let last = match u32::try_from(months).ok().filter(|months| *months > 0) {
        Some(months) => last_day(first, months)?,
        None => first.checked_add_signed(end - start?)?,
    };
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_year_ends_the_day_before_it_began() {
        for (start, months, end) in [
            ("2026-03-01", 12, "2027-02-28"),
            ("2027-03-01", 12, "2028-02-29"),
            ("2026-01-15", 1, "2026-02-14"),
            ("2026-01-31", 1, "2026-02-27"),
        ] {
            assert_eq!(last_day(day(start), months), Some(day(end)), "{start}");
        }
    }

    #[test]
    fn notice_counts_back_from_the_end() {
        let end = Some(day("2026-12-31"));
        assert_eq!(notice_date(RenewalRule::Manual, end, 30), Some(day("2026-12-01")));
        assert_eq!(notice_date(RenewalRule::None, end, 30), None);
        assert_eq!(notice_date(RenewalRule::Automatic, None, 30), None);
    }

    proptest! {
        /// The next contract begins when this one is over and, without a term in months, lasts as many days.
        #[test]
        fn what_follows_lasts_as_long(start in 0_i64..20_000, days in 0_i64..4_000) {
            let start = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap() + chrono::TimeDelta::days(start);
            let end = start + chrono::TimeDelta::days(days);
            let (first, last) = following((Some(start), end), 0, None).unwrap();
            prop_assert_eq!(first, end.succ_opt().unwrap());
            prop_assert_eq!(last - first, end - start);
        }
    }
}
