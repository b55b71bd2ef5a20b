//! Exchange rates as the platform keeps them, asked for before a read and remembered for a short time; the conversion itself is the kit's.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::NaiveDate;
use crm_kit_api::{Call, Error, Result, money::Money, money::Rate, time};
use crm_kit_rpc::peer::{self, Errand, Peers};
use crm_proto::crm::platform::v1::{
    BatchGetConversionRatesRequest, ConversionQuery, ConversionRate, exchange_rate::Kind,
    exchange_rate_service_client::ExchangeRateServiceClient,
};
use moka::sync::Cache;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use tonic::Code;
use uuid::Uuid;

use crate::DOMAIN;

/// How long a rate is remembered.
const REMEMBERED: Duration = Duration::from_mins(1);
/// Most rates remembered.
const MOST: u64 = 20_000;

/// Tenant, currencies from and to, kind and day.
type Key = (Uuid, String, String, i32, NaiveDate);

/// The rates. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Exchange {
    peers: Peers,
    known: Cache<Key, Known>,
}

/// A rate with what the platform says of it.
#[derive(Clone, Debug)]
struct Known {
    rate: Rate,
    wire: ConversionRate,
}

/// How amounts become amounts of one currency.
#[derive(Clone, Debug)]
pub struct Conversion {
    to: String,
    rates: BTreeMap<String, Known>,
}

impl Exchange {
    /// The rates of the platform.
    pub fn new(peers: Peers) -> Self {
        Self { peers, known: Cache::builder().max_capacity(MOST).time_to_live(REMEMBERED).build() }
    }

    /// How amounts in `currencies` become amounts of `to` by the rates of a kind and day; the platform is asked once, for those not remembered.
    ///
    /// Fails with `FAILED_PRECONDITION / RATE_MISSING`, and with `UNAVAILABLE / DEPENDENCY_UNAVAILABLE` when the platform does not answer.
    pub async fn conversion(
        &self,
        call: &Call,
        currencies: &BTreeSet<String>,
        to: &str,
        (kind, day): (Kind, NaiveDate),
    ) -> Result<Conversion> {
        let key = |from: &str| (call.tenant_id(), from.to_owned(), to.to_owned(), kind.into(), day);
        let mut rates = BTreeMap::new();
        let mut missing = Vec::new();
        for from in currencies.iter().filter(|from| !from.is_empty() && *from != to) {
            match self.known.get(&key(from)) {
                Some(known) => {
                    rates.insert(from.clone(), known);
                }
                None => missing.push(from.clone()),
            }
        }
        for (from, wire) in self.ask(call, &missing, to, (kind, day)).await? {
            let known = Known { rate: exact(&wire)?, wire };
            self.known.insert(key(&from), known.clone());
            rates.insert(from, known);
        }
        Ok(Conversion { to: to.to_owned(), rates })
    }

    async fn ask(
        &self,
        call: &Call,
        missing: &[String],
        to: &str,
        (kind, day): (Kind, NaiveDate),
    ) -> Result<Vec<(String, ConversionRate)>> {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let queries = missing.iter().map(|from| ConversionQuery {
            from_currency_code: from.clone(),
            to_currency_code: to.to_owned(),
            date: Some(time::date(day)),
            kind: kind.into(),
        });
        let request = BatchGetConversionRatesRequest { queries: queries.collect() };
        let mut client = ExchangeRateServiceClient::new(self.peers.on("platform", Errand::of(call))?);
        match client.batch_get_conversion_rates(request).await {
            Ok(answer) => Ok(missing.iter().cloned().zip(answer.into_inner().conversion_rates).collect()),
            Err(status) if status.code() == Code::FailedPrecondition => {
                let message = format!("no rate of the kind leads from one of these currencies to {to}");
                let error = Error::new(Code::FailedPrecondition, DOMAIN, "RATE_MISSING", message);
                let error = error.with("currency_codes", missing.join(",")).with("to_currency_code", to);
                Err(error.with("date", day).with("kind", kind.as_str_name()).caused_by(status))
            }
            Err(status) => Err(peer::failure("the platform service", status)),
        }
    }
}

/// The rate as an exact fraction, from the stored rates behind it; its text is rounded.
fn exact(wire: &ConversionRate) -> Result<Rate> {
    let broken = || Error::bug("the platform told a rate that leads nowhere");
    let mut rate = Rate::one();
    let mut at = wire.from_currency_code.as_str();
    for leg in &wire.exchange_rates {
        let number: Decimal = leg.rate.parse().map_err(|_| broken())?;
        let stored = Rate::new(number).ok_or_else(broken)?;
        let (next, step) = if leg.base_currency_code == at {
            (leg.quote_currency_code.as_str(), stored)
        } else if leg.quote_currency_code == at {
            (leg.base_currency_code.as_str(), stored.reversed())
        } else {
            return Err(broken());
        };
        (rate, at) = (rate.then(&step), next);
    }
    if at == wire.to_currency_code { Ok(rate) } else { Err(broken()) }
}

impl Conversion {
    /// The currency that amounts become.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// Ten-thousandths of a currency as ten-thousandths of the other, rounded once to its smallest unit.
    pub fn apply(&self, ten_thousandths: Decimal, currency: &str) -> Result<Decimal> {
        if currency == self.to || ten_thousandths.is_zero() {
            return Ok(ten_thousandths);
        }
        let too_large = || {
            let message = "an amount leaves the range of amounts when converted";
            Error::new(Code::ResourceExhausted, DOMAIN, "SUM_TOO_LARGE", message)
                .with("to_currency_code", &self.to)
        };
        let known =
            self.rates.get(currency).ok_or_else(|| Error::bug(format!("no rate of {currency} at hand")))?;
        let amount = ten_thousandths.to_i64().ok_or_else(too_large)?;
        let amount = Money { ten_thousandths: amount, currency: currency.to_owned() };
        let converted = known.rate.convert(&amount, &self.to).ok_or_else(too_large)?;
        Ok(converted.ten_thousandths.into())
    }

    /// The rates behind it, by currency.
    pub fn rates(&self) -> Vec<ConversionRate> {
        self.rates.values().map(|known| known.wire.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use crm_proto::crm::platform::v1::ExchangeRate;

    use super::*;

    fn leg(base: &str, quote: &str, rate: &str) -> ExchangeRate {
        ExchangeRate {
            base_currency_code: base.into(),
            quote_currency_code: quote.into(),
            rate: rate.into(),
            ..ExchangeRate::default()
        }
    }

    fn told(from: &str, to: &str, legs: Vec<ExchangeRate>) -> ConversionRate {
        ConversionRate {
            from_currency_code: from.into(),
            to_currency_code: to.into(),
            exchange_rates: legs,
            ..ConversionRate::default()
        }
    }

    #[test]
    fn rates_are_followed_exactly_in_both_directions() {
        // A third, which no text holds exactly, brings 3 to 1.
        let rate = exact(&told("USD", "EUR", vec![leg("EUR", "USD", "3")])).unwrap();
        let amount = Money { ten_thousandths: 30_000, currency: "USD".into() };
        assert_eq!(rate.convert(&amount, "EUR").unwrap().ten_thousandths, 10_000);
        let legs = vec![leg("USD", "EUR", "0.9703"), leg("USD", "CNY", "8.2784")];
        assert_eq!(exact(&told("EUR", "CNY", legs)).unwrap().to_text(), "8.531794290426");
        assert!(exact(&told("EUR", "CNY", vec![leg("USD", "CNY", "8")])).is_err());
        assert!(exact(&told("EUR", "CNY", vec![leg("EUR", "USD", "8")])).is_err());
    }
}
