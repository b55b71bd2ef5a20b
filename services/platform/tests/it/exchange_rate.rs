//! Exchange rates: their life, loads, and amounts converted by day.

use chrono::{Datelike as _, NaiveDate};
use crm_proto::{
    crm::platform::v1::{
        BatchCreateExchangeRatesRequest, BatchGetConversionRatesRequest, BatchUpsertExchangeRatesRequest,
        ConversionQuery, ConvertMoneyRequest, ConvertMoneyResponse, CreateExchangeRateRequest,
        DeleteExchangeRateRequest, ExchangeRate, GetExchangeRateRequest, ListExchangeRatesRequest, Tenant,
        UpdateTenantRequest,
        batch_upsert_exchange_rates_response::{Outcome, Result as Upserted},
        exchange_rate::Kind,
        exchange_rate_service_client::ExchangeRateServiceClient,
    },
    google::r#type::{Date, Money},
};
use crm_testkit::{
    callers::Bearer,
    shared,
    status::{assert_error, metadata, violations},
};
use prost_types::FieldMask;
use rust_decimal::{Decimal, RoundingStrategy};
use tonic::{Code, Status};

use crate::harness::{Wire, World, named};

fn client(world: &World, token: &str) -> ExchangeRateServiceClient<Wire> {
    ExchangeRateServiceClient::new(Bearer::new(token).on(&world.channel))
}

fn day(text: &str) -> Option<Date> {
    let day: NaiveDate = text.parse().ok()?;
    Some(Date { year: day.year(), month: day.month().cast_signed(), day: day.day().cast_signed() })
}

fn rate(pair: &str, number: &str, from: &str) -> ExchangeRate {
    ExchangeRate {
        base_currency_code: pair[..3].into(),
        quote_currency_code: pair[3..].into(),
        rate: number.into(),
        valid_from_date: day(from),
        ..ExchangeRate::default()
    }
}

fn money(units: i64, nanos: i32, currency: &str) -> Money {
    Money { currency_code: currency.into(), units, nanos }
}

/// An amount as an exact number.
fn number(money: &Money) -> Decimal {
    Decimal::from(money.units) + Decimal::new(money.nanos.into(), 9)
}

async fn upsert(world: &World, rates: Vec<ExchangeRate>) -> Result<Vec<Outcome>, Status> {
    let request = BatchUpsertExchangeRatesRequest { exchange_rates: rates };
    let response = client(world, &world.admin).batch_upsert_exchange_rates(request).await?.into_inner();
    Ok(response.results.iter().map(Upserted::outcome).collect())
}

async fn convert(world: &World, amount: Money, to: &str, on: &str) -> Result<ConvertMoneyResponse, Status> {
    let request = ConvertMoneyRequest {
        amount: Some(amount),
        to_currency_code: to.into(),
        date: day(on),
        ..Default::default()
    };
    Ok(client(world, &world.admin).convert_money(request).await?.into_inner())
}

async fn base_currency(world: &World, currency: &str) {
    let tenant = Tenant { id: "me".into(), currency_code: currency.into(), ..Tenant::default() };
    let update_mask = Some(FieldMask { paths: vec!["currency_code".into()] });
    let request = UpdateTenantRequest { tenant: Some(tenant), update_mask };
    world.tenants(&world.admin).update_tenant(request).await.unwrap();
}

#[tokio::test]
async fn a_rate_is_created_listed_and_deleted() {
    let world = World::new().await;
    let mut client = client(&world, &world.admin);
    let create = |rate: ExchangeRate| CreateExchangeRateRequest { exchange_rate: Some(rate) };
    let wanted = ExchangeRate { source: " ECB ".into(), ..rate("USDCNY", "7.100", "2026-01-01") };
    let made = client.create_exchange_rate(create(wanted.clone())).await.unwrap().into_inner();
    assert_eq!((made.rate.as_str(), made.source.as_str(), made.kind()), ("7.1", "ECB", Kind::Spot));
    let again = client.create_exchange_rate(create(wanted.clone())).await;
    let status = assert_error(again, Code::AlreadyExists, "RATE_EXISTS");
    assert_eq!(metadata(&status, "valid_from_date"), "2026-01-01");
    let plan = ExchangeRate { kind: Kind::Plan.into(), ..wanted };
    client.create_exchange_rate(create(plan)).await.unwrap();
    let bad = ExchangeRate { rate: "0.0".into(), ..rate("USDUSD", "1", "2026-01-01") };
    let status =
        assert_error(client.create_exchange_rate(create(bad)).await, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["exchange_rate.rate", "exchange_rate.quote_currency_code"]);
    for number in ["-1", "1e5", "1.1234567890123", ""] {
        let bad = create(rate("USDEUR", number, "2026-01-01"));
        assert_error(client.create_exchange_rate(bad).await, Code::InvalidArgument, "FIELD_INVALID");
    }
    let list = ListExchangeRatesRequest {
        filter: "kind == 'PLAN' && valid_from_date <= date('2026-01-01')".into(),
        ..Default::default()
    };
    let listed = client.list_exchange_rates(list).await.unwrap().into_inner().exchange_rates;
    assert_eq!(listed.iter().map(ExchangeRate::kind).collect::<Vec<_>>(), [Kind::Plan]);
    let stale = DeleteExchangeRateRequest { id: made.id.clone(), etag: "x".into() };
    assert!(client.delete_exchange_rate(stale).await.is_err());
    let delete = DeleteExchangeRateRequest { id: made.id.clone(), etag: made.etag };
    client.delete_exchange_rate(delete).await.unwrap();
    let gone = client.get_exchange_rate(GetExchangeRateRequest { id: made.id }).await;
    assert_error(gone, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn a_load_can_be_repeated_and_is_all_or_nothing() {
    let world = World::new().await;
    let rates = || vec![rate("USDCNY", "7.1", "2026-01-01"), rate("USDCNY", "7.2", "2026-01-02")];
    assert_eq!(upsert(&world, rates()).await.unwrap(), [Outcome::Created, Outcome::Created]);
    let next = vec![
        rate("USDCNY", "7.10", "2026-01-01"),
        rate("USDCNY", "7.3", "2026-01-02"),
        rate("USDCNY", "7.4", "2026-01-03"),
    ];
    let outcomes = upsert(&world, next).await.unwrap();
    assert_eq!(outcomes, [Outcome::Unchanged, Outcome::Updated, Outcome::Created]);
    let twice = vec![rate("USDJPY", "100", "2026-01-01"), rate("USDJPY", "101", "2026-01-01")];
    let status = assert_error(upsert(&world, twice).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "exchange_rates[1]");
    let half = vec![rate("USDJPY", "100", "2026-01-01"), rate("USDCNY", "9", "2026-01-03")];
    let requests = half.into_iter().map(|rate| CreateExchangeRateRequest { exchange_rate: Some(rate) });
    let request = BatchCreateExchangeRatesRequest { requests: requests.collect() };
    let refused = client(&world, &world.admin).batch_create_exchange_rates(request).await;
    let status = assert_error(refused, Code::AlreadyExists, "RATE_EXISTS");
    assert_eq!(metadata(&status, "item"), "requests[1]");
    let missing = convert(&world, money(1, 0, "USD"), "JPY", "2026-02-01").await;
    assert_error(missing, Code::FailedPrecondition, "RATE_MISSING");
}

#[tokio::test]
async fn two_loads_at_once_make_each_rate_once() {
    let world = World::new().await;
    let load = || upsert(&world, (1..=28).map(|n| rate("USDCNY", "7", &format!("2026-01-{n:02}"))).collect());
    let (one, other) = tokio::join!(load(), load());
    let mut outcomes = one.unwrap();
    outcomes.extend(other.unwrap());
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Created).count(), 28);
}

#[tokio::test]
async fn amounts_are_converted_at_the_rate_of_the_day() {
    let world = World::new().await;
    let rates = vec![
        rate("USDCNY", "7.1", "2026-01-01"),
        rate("USDCNY", "7.25", "2026-02-01"),
        rate("CNYJPY", "20.5", "2026-01-01"),
        rate("KWDCNY", "23.456", "2026-01-01"),
    ];
    upsert(&world, rates).await.unwrap();
    for (amount, to, on, expected) in [
        (money(100, 0, "USD"), "CNY", "2026-01-31", money(710, 0, "CNY")),
        (money(100, 0, "USD"), "CNY", "2026-02-01", money(725, 0, "CNY")),
        (money(-1, -10_000_000, "USD"), "CNY", "2026-02-01", money(-7, -320_000_000, "CNY")),
        // In reverse: 100 / 7.25.
        (money(100, 0, "CNY"), "USD", "2026-02-01", money(13, 790_000_000, "USD")),
        // Through the tenant's base currency: 1.23 * 7.25 * 20.5 = 182.80875.
        (money(1, 230_000_000, "USD"), "JPY", "2026-02-01", money(183, 0, "JPY")),
        // 1000 / 20.5 / 23.456 = 2.07966...
        (money(1000, 0, "JPY"), "KWD", "2026-02-01", money(2, 80_000_000, "KWD")),
        // The same currency: only rounded.
        (money(1, 234_500_000, "KWD"), "KWD", "2020-01-01", money(1, 235_000_000, "KWD")),
    ] {
        let converted = convert(&world, amount.clone(), to, on).await.unwrap();
        assert_eq!(converted.amount, Some(expected), "{amount:?} in {to} on {on}");
    }
    let cross =
        convert(&world, money(1, 0, "USD"), "JPY", "2026-02-01").await.unwrap().conversion_rate.unwrap();
    let pairs = cross.exchange_rates.iter().map(|rate| rate.quote_currency_code.as_str());
    assert_eq!((cross.rate.as_str(), pairs.collect::<Vec<_>>()), ("148.625", vec!["CNY", "JPY"]));
    let early = convert(&world, money(1, 0, "USD"), "CNY", "2025-12-31").await;
    let status = assert_error(early, Code::FailedPrecondition, "RATE_MISSING");
    let named = ["from_currency_code", "to_currency_code", "date", "kind", "through"]
        .map(|key| metadata(&status, key));
    assert_eq!(named, ["USD", "CNY", "2025-12-31", "SPOT", "CNY"]);
    let large = convert(&world, money(900_000_000_000_000, 0, "USD"), "CNY", "2026-02-01").await;
    assert_error(large, Code::InvalidArgument, "FIELD_INVALID");
    let fine = convert(&world, money(1, 1, "USD"), "CNY", "2026-02-01").await;
    assert_error(fine, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn several_rates_are_found_at_once_or_the_missing_one_is_named() {
    let world = World::new().await;
    upsert(&world, vec![rate("USDCNY", "8", "2026-01-01")]).await.unwrap();
    let query = |from: &str, to: &str| ConversionQuery {
        from_currency_code: from.into(),
        to_currency_code: to.into(),
        ..ConversionQuery::default()
    };
    let mut client = client(&world, &world.admin);
    let request = BatchGetConversionRatesRequest { queries: vec![query("USD", "CNY"), query("CNY", "USD")] };
    let found = client.batch_get_conversion_rates(request).await.unwrap().into_inner().conversion_rates;
    let rates: Vec<&str> = found.iter().map(|found| found.rate.as_str()).collect();
    assert_eq!(rates, ["8", "0.125"]);
    // Absent, the day is today where the tenant is: the clock stands at 2027-01-15T08:00Z.
    assert_eq!(found[0].date, day("2027-01-15"));
    let request = BatchGetConversionRatesRequest { queries: vec![query("USD", "CNY"), query("EUR", "USD")] };
    let refused = client.batch_get_conversion_rates(request).await;
    let status = assert_error(refused, Code::FailedPrecondition, "RATE_MISSING");
    assert_eq!(metadata(&status, "item"), "queries[1]");
}

#[tokio::test]
async fn everybody_reads_rates_of_the_tenant_and_few_write_them() {
    let world = World::new().await;
    upsert(&world, vec![rate("USDCNY", "8", "2026-01-01")]).await.unwrap();
    let sales = world.built_in("sales").await;
    let person = world.person(named("anna", &[&sales])).await;
    let mut client = client(&world, &person.token);
    let listed = client.list_exchange_rates(ListExchangeRatesRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.exchange_rates.len(), 1);
    let request = CreateExchangeRateRequest { exchange_rate: Some(rate("USDEUR", "1", "2026-01-01")) };
    assert_error(client.create_exchange_rate(request).await, Code::PermissionDenied, "PERMISSION_MISSING");
}

/// A line of the file: the day, the pair, and the average rate.
fn read(line: &str) -> ExchangeRate {
    let cells: Vec<&str> = line.split('\t').collect();
    let number = if cells[4].starts_with('.') { format!("0{}", cells[4]) } else { cells[4].to_owned() };
    ExchangeRate {
        source: "AdventureWorks".into(),
        ..rate(&format!("{}{}", cells[2], cells[3]), &number, &cells[1][..10])
    }
}

#[tokio::test]
async fn three_years_of_fourteen_currencies_load_and_convert() {
    let Some(folder) = shared::data("adventureworks") else { return };
    let world = World::new().await;
    base_currency(&world, "USD").await;
    let text = std::fs::read_to_string(folder.join("CurrencyRate.csv")).unwrap();
    let all: Vec<ExchangeRate> = text.lines().map(read).collect();
    assert_eq!(all.len(), 13_532);
    // A currency in itself is no rate, and refused as such.
    let (same, rates): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|rate| rate.base_currency_code == rate.quote_currency_code);
    assert_error(upsert(&world, same[..1].to_vec()).await, Code::InvalidArgument, "FIELD_INVALID");
    for chunk in rates.chunks(1000) {
        let outcomes = upsert(&world, chunk.to_vec()).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Created));
    }
    let again = upsert(&world, rates[..1000].to_vec()).await.unwrap();
    assert!(again.iter().all(|outcome| *outcome == Outcome::Unchanged));
    let request = ListExchangeRatesRequest {
        filter: "quote_currency_code == 'DEM'".into(),
        include_total_size: true,
        ..ListExchangeRatesRequest::default()
    };
    let listed = client(&world, &world.admin).list_exchange_rates(request).await.unwrap().into_inner();
    assert_eq!((listed.total_size, listed.exchange_rates[0].base_currency_code.as_str()), (184, "USD"));
    // Every stored rate is found on its day, exactly.
    for rate in rates.iter().step_by(499) {
        let amount = money(10_000, 0, "USD");
        let request = ConvertMoneyRequest {
            amount: Some(amount),
            to_currency_code: rate.quote_currency_code.clone(),
            date: rate.valid_from_date,
            ..ConvertMoneyRequest::default()
        };
        let found = client(&world, &world.admin).convert_money(request).await.unwrap().into_inner();
        let used = found.conversion_rate.unwrap().exchange_rates;
        assert_eq!((used[0].valid_from_date, used.len()), (rate.valid_from_date, 1));
        let stored: Decimal = rate.rate.parse().unwrap();
        assert_eq!(used[0].rate.parse::<Decimal>().unwrap(), stored);
        let digits = if rate.quote_currency_code == "JPY" { 0 } else { 2 };
        let exact = stored * Decimal::from(10_000);
        let expected = exact.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
        assert_eq!(number(&found.amount.unwrap()), expected, "{rate:?}");
    }
    // The examples that the data names, of the first day, and a cross rate between two of them.
    let first = |quote: &str| {
        let found = rates.iter().find(|rate| rate.quote_currency_code == quote);
        found.map(|rate| rate.rate.clone()).unwrap()
    };
    let (eur, cny) = (first("EUR"), first("CNY"));
    let cross = convert(&world, money(100, 0, "EUR"), "CNY", "2022-05-30").await.unwrap();
    let exact = Decimal::from(100) * cny.parse::<Decimal>().unwrap() / eur.parse::<Decimal>().unwrap();
    assert_eq!(number(&cross.amount.unwrap()), exact.round_dp(2));
    assert_eq!(cross.conversion_rate.unwrap().exchange_rates.len(), 2);
}
