//! Forecasts and attainment in one currency: sales asks the platform for the rates.

use crm_proto::{
    crm::{
        platform::v1::{
            CreateExchangeRateRequest, ExchangeRate, exchange_rate::Kind as RateKind,
            exchange_rate_service_client::ExchangeRateServiceClient,
        },
        sales::v1::{
            CreateOpportunityRequest, CreateQuotaRequest, ForecastCategory, GetForecastRequest,
            ListQuotaAttainmentsRequest, Opportunity, PublishQuotasRequest, Quota,
            forecast_service_client::ForecastServiceClient,
            opportunity_service_client::OpportunityServiceClient, quota_service_client::QuotaServiceClient,
        },
    },
    google::r#type::{Date, Money},
};
use crm_testkit::{
    callers::Bearer,
    status::{assert_error, metadata},
};
use tonic::Code;

use crate::suite::Suite;

fn money(currency: &str, units: i64, nanos: i32) -> Money {
    Money { currency_code: currency.into(), units, nanos }
}

fn day(month: i32, day: i32) -> Date {
    Date { year: 2026, month, day }
}

fn rate(from: &str, to: &str, rate: &str, kind: RateKind) -> CreateExchangeRateRequest {
    let exchange_rate = ExchangeRate {
        base_currency_code: from.into(),
        quote_currency_code: to.into(),
        rate: rate.into(),
        kind: kind.into(),
        valid_from_date: Some(day(1, 1)),
        ..ExchangeRate::default()
    };
    CreateExchangeRateRequest { exchange_rate: Some(exchange_rate) }
}

fn deal(amount: Money, won: bool) -> CreateOpportunityRequest {
    let opportunity = Opportunity {
        display_name: "deal".into(),
        amount: Some(amount),
        stage_key: if won { "won".into() } else { String::new() },
        open_date: Some(day(1, 2)),
        closed_date: won.then(|| day(2, 3)),
        close_date: Some(day(3, 4)),
        forecast_category: ForecastCategory::Commit.into(),
        forecast_category_overridden: !won,
        ..Opportunity::default()
    };
    CreateOpportunityRequest { opportunity: Some(opportunity) }
}

#[tokio::test]
async fn figures_are_converted_by_the_platforms_rates_and_say_so() {
    let suite = Suite::new().await;
    let acme = suite.tenant("acme").await;
    let bearer = || Bearer::new(&acme.token);
    let mut rates = ExchangeRateServiceClient::new(bearer().on(&suite.platform));
    let mut deals = OpportunityServiceClient::new(bearer().on(&suite.sales));
    let mut quotas = QuotaServiceClient::new(bearer().on(&suite.sales));
    let mut forecasts = ForecastServiceClient::new(bearer().on(&suite.sales));
    let mut owner = String::new();
    for (amount, won) in [
        (money("USD", 100, 0), true),
        (money("EUR", 10, 500_000_000), false),
        (money("CNY", 1, 10_000_000), false),
    ] {
        owner = deals.create_opportunity(deal(amount, won)).await.unwrap().into_inner().owner_id;
    }
    let ask = GetForecastRequest {
        user_id: owner,
        date: Some(day(1, 1)),
        currency_code: "CNY".into(),
        ..GetForecastRequest::default()
    };
    let refused = forecasts.get_forecast(ask.clone()).await;
    let refused = assert_error(refused, Code::FailedPrecondition, "RATE_MISSING");
    assert_eq!(metadata(&refused, "currency_codes"), "EUR,USD");
    for request in [
        rate("USD", "CNY", "7", RateKind::Spot),
        // The other way round: a euro is 8 yuan.
        rate("CNY", "EUR", "0.125", RateKind::Spot),
        rate("USD", "CNY", "6.5", RateKind::Plan),
    ] {
        rates.create_exchange_rate(request).await.unwrap();
    }
    let told = forecasts.get_forecast(ask.clone()).await.unwrap().into_inner();
    let total = told.total.unwrap();
    assert_eq!(total.figures.len(), 3);
    let converted = total.converted.unwrap();
    assert_eq!(converted.closed, Some(money("CNY", 700, 0)));
    assert_eq!(converted.commit, Some(money("CNY", 85, 10_000_000)));
    assert_eq!(converted.commit_forecast, Some(money("CNY", 785, 10_000_000)));
    let used: Vec<_> =
        told.conversion_rates.iter().map(|used| (used.kind(), used.rate.as_str(), used.date)).collect();
    let last = Some(day(3, 31));
    assert_eq!(used, [(RateKind::Spot, "8", last), (RateKind::Spot, "7", last)]);
    let plan = GetForecastRequest { rate_kind: RateKind::Plan.into(), ..ask };
    assert_error(forecasts.get_forecast(plan).await, Code::FailedPrecondition, "RATE_MISSING");

    // Attainment takes plan rates: 650 of 1300.
    let quota = Quota { start_date: Some(day(2, 1)), amount: Some(money("USD", 200, 0)), ..Quota::default() };
    let quota = quotas.create_quota(CreateQuotaRequest { quota: Some(quota) }).await.unwrap().into_inner();
    quotas.publish_quotas(PublishQuotasRequest { ids: vec![quota.id] }).await.unwrap();
    let ask = ListQuotaAttainmentsRequest {
        date: Some(day(2, 28)),
        currency_code: "CNY".into(),
        ..ListQuotaAttainmentsRequest::default()
    };
    let told = quotas.list_quota_attainments(ask).await.unwrap().into_inner();
    let row = &told.attainments[0];
    assert_eq!(row.quota_amount, Some(money("CNY", 1300, 0)));
    assert_eq!((row.won_amount.clone(), row.attainment.as_str()), (Some(money("CNY", 650, 0)), "0.500000"));
    assert_eq!(
        (row.quota_amounts[0].clone(), row.won_amounts[0].clone()),
        (money("USD", 200, 0), money("USD", 100, 0))
    );
    let used = &told.conversion_rates[0];
    assert_eq!((used.kind(), used.rate.as_str(), used.date), (RateKind::Plan, "6.5", Some(day(1, 1))));
}
