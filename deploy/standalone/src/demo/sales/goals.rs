//! What sellers are to bring in this quarter, and the exchange rates by which figures in several currencies are added up.

use std::collections::BTreeMap;

use chrono::Datelike as _;
use crm_proto::{
    crm::{
        platform::v1::{
            BatchUpsertExchangeRatesRequest, ExchangeRate, ListUsersRequest, exchange_rate::Kind,
            exchange_rate_service_client::ExchangeRateServiceClient, user_service_client::UserServiceClient,
        },
        sales::v1::{
            BulkUpsertQuotasRequest, ListQuotasRequest, PeriodKind, PublishQuotasRequest, Quota,
            quota::State, quota_service_client::QuotaServiceClient,
        },
    },
    google::r#type::Date,
};
use futures::{TryStreamExt as _, stream};

use super::{Desk, EVERYTHING, by_key, key, money};
use crate::{
    client::Authorised,
    demo::{fill::collect, organisation::COLLEAGUES},
    failure::Result,
};

/// Rates in yuan.
const RATES: [(&str, &str); 2] = [("USD", "7.15"), ("EUR", "7.8")];
/// Quota of a salesperson and of a regional manager for a quarter, in yuan.
const SELLER: i64 = 900_000;
const MANAGER: i64 = 600_000;

/// Makes what is missing.
pub async fn ensure(desk: &Desk) -> Result<()> {
    rates(desk).await?;
    quotas(desk).await
}

/// Rates that hold from the first day of the year; writing them again changes nothing.
async fn rates(desk: &Desk) -> Result<()> {
    let first = Date { year: desk.today.year(), month: 1, day: 1 };
    let kinds = RATES.iter().flat_map(|rate| [(rate, Kind::Spot), (rate, Kind::Plan)]);
    let exchange_rates = kinds.map(|((currency, rate), kind)| ExchangeRate {
        base_currency_code: (*currency).to_owned(),
        quote_currency_code: "CNY".to_owned(),
        rate: (*rate).to_owned(),
        kind: kind.into(),
        valid_from_date: Some(first),
        source: "demo".to_owned(),
        ..ExchangeRate::default()
    });
    let request = BatchUpsertExchangeRatesRequest { exchange_rates: exchange_rates.collect() };
    ExchangeRateServiceClient::new(desk.platform.clone()).batch_upsert_exchange_rates(request).await?;
    Ok(())
}

/// Quotas of this quarter for everybody with a region, published.
async fn quotas(desk: &Desk) -> Result<()> {
    let users = users(desk).await?;
    let mut client = QuotaServiceClient::new(desk.sales.clone());
    let known = known(&mut client).await?;
    let start = Date {
        year: desk.today.year(),
        month: i32::try_from(desk.today.month0() / 3 * 3 + 1).unwrap_or(1),
        day: 1,
    };
    let sellers = COLLEAGUES.iter().filter(|one| !one.regions.is_empty());
    let rows = sellers.filter_map(|one| {
        let name = format!("quota-{}", one.username);
        let units = if one.role == "manager" { MANAGER } else { SELLER };
        let quota = Quota {
            owner_id: users.get(one.username)?.clone(),
            period_kind: PeriodKind::Quarter.into(),
            start_date: Some(start),
            amount: Some(money("CNY", units)),
            ..Quota::default()
        };
        let is_new = !known.contains_key(&name);
        is_new.then(|| BulkUpsertQuotasRequest {
            key: Some(key(&name)),
            quota: Some(quota),
            update_mask: None,
        })
    });
    let rows: Vec<_> = rows.collect();
    let answers = client.bulk_upsert_quotas(stream::iter(rows)).await?.into_inner();
    collect(answers.map_ok(|answer| answer.results)).await?;
    let drafts = self::known(&mut client).await?.into_values().filter(|quota| quota.state() == State::Draft);
    let ids: Vec<String> = drafts.map(|quota| quota.id).collect();
    if !ids.is_empty() {
        client.publish_quotas(PublishQuotasRequest { ids }).await?;
    }
    Ok(())
}

async fn known(client: &mut QuotaServiceClient<Authorised>) -> Result<BTreeMap<String, Quota>> {
    let request = ListQuotasRequest { page_size: EVERYTHING, ..ListQuotasRequest::default() };
    let found = client.list_quotas(request).await?.into_inner().quotas;
    Ok(by_key(found, |quota| &quota.external_ids))
}

/// Ids by user name.
async fn users(desk: &Desk) -> Result<BTreeMap<String, String>> {
    let mut client = UserServiceClient::new(desk.platform.clone());
    let request = ListUsersRequest { page_size: EVERYTHING, ..ListUsersRequest::default() };
    let found = client.list_users(request).await?.into_inner().users;
    Ok(found.into_iter().map(|user| (user.username, user.id)).collect())
}
