//! What the demonstration company sells, to whom, and what comes of it: products and prices, deals, quotes, orders, a contract, instalments, receipts, quotas;
//! and what its people noted and are to do about it.
//!
//! Records are known by their external id of the system `demo`. What is there is left alone, and a state is moved on only from the one that comes before
//! it, so a fill that was interrupted goes on where it stopped.

mod activities;
mod cash;
mod catalogue;
mod customers;
mod deals;
mod goals;
mod orders;
mod quotes;

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, TimeDelta};
use crm_kit_api::time;
use crm_proto::{
    crm::record::v1::ExternalId,
    google::r#type::{Date, Money},
};
use tonic::service::interceptor::InterceptedService;

use super::{Place, SYSTEM};
use crate::{
    client::{Authorised, Session},
    failure::Result,
};

/// More than there are of anything here.
const EVERYTHING: i32 = 1000;

/// What was made.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    pub opportunities: usize,
    pub orders: usize,
}

/// Where records are sent, as whom, and on which day it happens.
#[derive(Clone, Debug)]
struct Desk {
    platform: Authorised,
    customer: Authorised,
    sales: Authorised,
    today: NaiveDate,
}

/// Makes everything that is missing.
pub async fn fill(place: &Place, session: &mut Session) -> Result<Counts> {
    let api = |channel: &tonic::transport::Channel, session: &Session| {
        InterceptedService::new(channel.clone(), session.bearer())
    };
    // The company works in Shanghai, eight hours ahead all year.
    let today = (place.clock.now() + TimeDelta::hours(8)).date_naive();
    let desk = &Desk {
        platform: session.channel().await?,
        customer: api(&place.customer, session),
        sales: api(&place.sales, session),
        today,
    };
    let products = catalogue::ensure(desk).await?;
    goals::ensure(desk).await?;
    let customers = customers::known(desk).await?;
    let deals = deals::ensure(desk, &customers, &products).await?;
    let quotes = quotes::ensure(desk, &deals).await?;
    let orders = orders::ensure(desk, &deals, &quotes).await?;
    orders::ensure_contract(desk, &deals).await?;
    cash::ensure(desk, &orders).await?;
    activities::ensure(desk, &deals).await?;
    Ok(Counts { opportunities: deals.len(), orders: orders.len() })
}

/// The external id of a record made here.
fn key(value: &str) -> ExternalId {
    ExternalId { system: SYSTEM.to_owned(), value: value.to_owned() }
}

/// Records by their keys; those of other origin are left out.
fn by_key<W>(records: Vec<W>, ids: fn(&W) -> &[ExternalId]) -> BTreeMap<String, W> {
    let known = records.into_iter().filter_map(|record| {
        let id = ids(&record).iter().find(|id| id.system == SYSTEM)?;
        Some((id.value.clone(), record))
    });
    known.collect()
}

impl Desk {
    /// So many days from today; before it for negative ones.
    fn day(&self, days: i64) -> Date {
        let distance = Days::new(days.unsigned_abs());
        let day = if days < 0 { self.today - distance } else { self.today + distance };
        time::date(day)
    }
}

fn money(currency: &str, units: i64) -> Money {
    Money { currency_code: currency.to_owned(), units, nanos: 0 }
}
