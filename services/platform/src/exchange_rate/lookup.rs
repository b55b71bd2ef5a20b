//! Which stored rates lead from one currency to another on a day.
//!
//! Of a pair, stored in either direction, the latest rate that begins on or before the day; the stored direction when both begin on the same
//! day. A pair without a rate goes through the tenant's base currency, each leg found the same way.

use chrono::NaiveDate;
use crm_kit_api::{Error, Result, money::Rate, time::date};
use crm_proto::crm::platform::v1::ConversionRate;

use super::model::{ExchangeRate, Kind};
use crate::reason;

/// What one unit of a currency is worth in another on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub from: String,
    pub to: String,
    pub day: NaiveDate,
    pub kind: Kind,
}

/// A pair whose stored rates are looked at: base and quote.
pub type Pair = (String, String);

/// The rate found, and the stored ones behind it in the order they are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub rate: Rate,
    pub legs: Vec<ExchangeRate>,
}

impl Question {
    /// Pairs whose latest rates answer the question, in the order [`Question::answer`] takes them.
    pub fn pairs(&self, through: &str) -> [Pair; 6] {
        let pair = |base: &str, quote: &str| (base.to_owned(), quote.to_owned());
        let (from, to) = (&*self.from, &*self.to);
        [
            pair(from, to),
            pair(to, from),
            pair(from, through),
            pair(through, from),
            pair(through, to),
            pair(to, through),
        ]
    }

    /// The answer from the latest rate of each of the pairs.
    pub fn answer(&self, through: &str, latest: [Option<ExchangeRate>; 6]) -> Result<Found> {
        if self.from == self.to {
            return Ok(Found { rate: Rate::one(), legs: Vec::new() });
        }
        let [direct, reverse, here, here_reverse, there, there_reverse] = latest;
        if let Some(leg) = leg(direct, reverse)? {
            return Ok(leg);
        }
        match (leg(here, here_reverse)?, leg(there, there_reverse)?) {
            (Some(here), Some(there)) => {
                let legs = here.legs.into_iter().chain(there.legs).collect();
                Ok(Found { rate: here.rate.then(&there.rate), legs })
            }
            _ => Err(reason::rate_missing(self, through)),
        }
    }

    /// The answer on the wire.
    pub fn to_wire(&self, found: &Found) -> ConversionRate {
        ConversionRate {
            from_currency_code: self.from.clone(),
            to_currency_code: self.to.clone(),
            date: Some(date(self.day)),
            kind: self.kind.to_wire().into(),
            rate: found.rate.to_text(),
            exchange_rates: found.legs.iter().map(ExchangeRate::to_wire).collect(),
        }
    }
}

/// The later of a pair's rates in either direction.
fn leg(stored: Option<ExchangeRate>, reverse: Option<ExchangeRate>) -> Result<Option<Found>> {
    let is_reversed = match (&stored, &reverse) {
        (Some(stored), Some(reverse)) => reverse.valid_from_date > stored.valid_from_date,
        (stored, _) => stored.is_none(),
    };
    let Some(leg) = (if is_reversed { reverse } else { stored }) else { return Ok(None) };
    let rate = Rate::new(leg.rate).ok_or_else(|| Error::bug("a stored rate is not above 0"))?;
    let rate = if is_reversed { rate.reversed() } else { rate };
    Ok(Some(Found { rate, legs: vec![leg] }))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn stored(pair: &str, rate: &str, from: &str) -> Option<ExchangeRate> {
        Some(ExchangeRate {
            id: Uuid::from_u128(1),
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
            revision: 1,
            base_currency_code: pair[..3].to_owned(),
            quote_currency_code: pair[3..].to_owned(),
            rate: rate.parse().ok()?,
            kind: Kind::Spot,
            valid_from_date: day(from),
            source: String::new(),
        })
    }

    fn asked(from: &str, to: &str) -> Question {
        Question { from: from.into(), to: to.into(), day: day("2026-03-01"), kind: Kind::Spot }
    }

    #[test]
    fn the_later_direction_of_a_pair_counts_and_the_stored_one_of_the_same_day() {
        let question = asked("USD", "CNY");
        let answer = |stored_from: &str, reverse_from: &str| {
            let latest = [
                stored("USDCNY", "7", stored_from),
                stored("CNYUSD", "0.125", reverse_from),
                None,
                None,
                None,
                None,
            ];
            question.answer("CNY", latest).unwrap().rate.to_text()
        };
        assert_eq!(answer("2026-01-02", "2026-01-01"), "7");
        assert_eq!(answer("2026-01-01", "2026-01-01"), "7");
        assert_eq!(answer("2026-01-01", "2026-01-02"), "8");
    }

    #[test]
    fn a_pair_without_a_rate_goes_through_the_base_currency() {
        let question = asked("EUR", "JPY");
        let eur = stored("USDEUR", "0.8", "2026-01-01");
        let jpy = stored("USDJPY", "120", "2026-01-01");
        let latest = [None, None, None, eur.clone(), jpy, None];
        let found = question.answer("USD", latest).unwrap();
        assert_eq!((found.rate.to_text().as_str(), found.legs.len()), ("150", 2));
        let error = question.answer("USD", [None, None, None, eur, None, None]).unwrap_err();
        assert_eq!((error.reason(), error.metadata("through")), ("RATE_MISSING", Some("USD")));
        let same = asked("EUR", "EUR").answer("USD", [const { None }; 6]).unwrap();
        assert_eq!(same, Found { rate: Rate::one(), legs: Vec::new() });
    }
}
