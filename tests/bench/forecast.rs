//! The forecast of somebody with a thousand people below, against one statement that adds up the same deals by the same lines of report.

use crm_proto::{
    crm::sales::v1::{
        CreateOpportunityRequest, Forecast, GetForecastRequest, Opportunity, PeriodKind,
        forecast_service_client::ForecastServiceClient, opportunity_service_client::OpportunityServiceClient,
    },
    google::r#type::{Date, Money},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    load::{Aim, Report, print_raw},
    raw,
    rig::Rig,
    sales,
};

/// People below the director, in a tree of ten each.
const PEOPLE: usize = 1000;
/// Their deals, of two currencies and half a year; one in five is won.
const DEALS: i32 = 100_000;
/// Callers at once.
const CALLERS: [usize; 2] = [1, 16];

/// What the forecast of a quarter rests on: people below by line of report, and their open and won deals, by row, category and currency.
const ROLL_UP: &str = "WITH RECURSIVE below AS ( \
         SELECT id, id AS row_id FROM colleague WHERE tenant_id = $1 AND superior_id = $2 \
         UNION ALL \
         SELECT c.id, b.row_id FROM colleague c JOIN below b ON c.superior_id = b.id WHERE c.tenant_id = $1), \
     person AS MATERIALIZED (SELECT id, row_id FROM below UNION ALL SELECT $2, $2) \
     SELECT p.row_id, o.state, o.forecast_category, o.amount_currency, count(*), sum(o.amount)::bigint, sum(o.expected_revenue)::bigint \
     FROM opportunity o JOIN person p ON p.id = o.owner_id \
     WHERE o.tenant_id = $1 AND o.state = 1 AND o.delete_time IS NULL AND o.close_date BETWEEN '2026-01-01' AND '2026-03-31' \
     GROUP BY 1, 2, 3, 4 \
     UNION ALL \
     SELECT p.row_id, o.state, 0::smallint, o.amount_currency, count(*), sum(o.amount)::bigint, 0 \
     FROM opportunity o JOIN person p ON p.id = o.owner_id \
     WHERE o.tenant_id = $1 AND o.state = 2 AND o.delete_time IS NULL AND o.closed_date BETWEEN '2026-01-01' AND '2026-03-31' \
     GROUP BY 1, 2, 3, 4";

type Added = (Uuid, i16, i16, String, i64, i64, i64);

/// Fills a tenant of its own and prints the lines.
pub async fn measure(rig: &Rig, report: &mut Report) {
    fill(rig).await;
    agree(rig).await;
    for callers in CALLERS {
        println!("\n{callers} callers, {PEOPLE} people with {DEALS} opportunities");
        let (tenant, director) = (rig.director.tenant_id, rig.director.id);
        let raw = raw::measure(rig, &rig.sales, tenant, callers, move |conn| {
            Box::pin(async move { drop(added(conn, tenant, director).await) })
        });
        let raw = raw.await;
        print_raw("raw roll-up, one statement", &raw);
        let told = sales::measure(rig, &rig.director, callers, ForecastServiceClient::new, move |client| {
            let request = request(director);
            Box::pin(async move { drop(client.get_forecast(request).await.unwrap()) })
        });
        report.line("forecast roll-up for 1,000 people", callers, &told.await, &raw, Aim::none());
    }
}

fn request(director: Uuid) -> GetForecastRequest {
    GetForecastRequest {
        user_id: director.to_string(),
        period_kind: PeriodKind::Quarter.into(),
        date: Some(Date { year: 2026, month: 2, day: 1 }),
        ..GetForecastRequest::default()
    }
}

async fn added(conn: &mut PgConnection, tenant: Uuid, director: Uuid) -> Vec<Added> {
    sqlx::query_as(ROLL_UP).bind(tenant).bind(director).fetch_all(conn).await.unwrap()
}

/// Makes sure that both add up the same deals.
async fn agree(rig: &Rig) {
    let mut conn = sqlx::ConnectOptions::connect(&rig.sales.owner).await.unwrap();
    let rows = added(&mut conn, rig.director.tenant_id, rig.director.id).await;
    let yuan = |state: i16| -> i64 {
        rows.iter().filter(|row| row.1 == state && row.3 == "CNY").map(|row| row.5).sum::<i64>() / 10_000
    };
    let mut client = ForecastServiceClient::new(rig.director.on(rig.sales.channel(0)));
    let told: Forecast = client.get_forecast(request(rig.director.id)).await.unwrap().into_inner();
    let total = told.total.unwrap();
    let figures = total.figures.iter().find(|figures| figures.currency_code == "CNY").unwrap();
    let units = |money: &Option<Money>| money.as_ref().unwrap().units;
    assert_eq!((units(&figures.open_pipeline), units(&figures.closed)), (yuan(1), yuan(2)));
    assert_eq!(total.people_count, i64::try_from(PEOPLE).unwrap() + 1);
}

/// One deal through the service, and copies of it with other owners, amounts and days.
async fn fill(rig: &Rig) {
    let mut deals = OpportunityServiceClient::new(rig.director.on(rig.sales.channel(0)));
    let amount = Money { currency_code: "CNY".to_owned(), units: 1, nanos: 0 };
    let deal = Opportunity { display_name: "x".to_owned(), amount: Some(amount), ..Opportunity::default() };
    let made = deals.create_opportunity(CreateOpportunityRequest { opportunity: Some(deal) }).await.unwrap();
    let template: Uuid = made.into_inner().id.parse().unwrap();
    let ids: Vec<Uuid> = (0..PEOPLE).map(|_| Uuid::new_v4()).collect();
    let superiors: Vec<Uuid> =
        (0..PEOPLE).map(|index| if index < 10 { rig.director.id } else { ids[index / 10 - 1] }).collect();
    let mut conn = sqlx::ConnectOptions::connect(&rig.sales.owner).await.unwrap();
    let sql = "INSERT INTO colleague (tenant_id, id, display_name, username, email, state, department_ids, change_time, learn_time, superior_id) \
               SELECT $1, id, 'Seller', 'seller', '', 1, '{}', now(), now(), superior_id \
               FROM unnest($2::uuid[] || $4, $3::uuid[] || NULL::uuid) AS s (id, superior_id)";
    let people = sqlx::query(sql).bind(rig.director.tenant_id).bind(&ids).bind(&superiors);
    people.bind(rig.director.id).execute(&mut conn).await.unwrap();
    let sql = "INSERT INTO opportunity SELECT (jsonb_populate_record(o, jsonb_build_object( \
                   'id', gen_random_uuid(), 'number', 'X' || n, 'owner_id', ($2::uuid[])[1 + n % cardinality($2)], \
                   'amount', (1 + n % 1000) * 10000, 'expected_revenue', (1 + n % 1000) * 5000, \
                   'amount_currency', CASE n % 4 WHEN 0 THEN 'EUR' ELSE 'CNY' END, 'forecast_category', 1 + n % 4, \
                   'state', CASE n % 5 WHEN 0 THEN 2 ELSE 1 END, 'open_date', DATE '2025-01-01', \
                   'close_date', DATE '2026-01-01' + n % 180, \
                   'closed_date', CASE n % 5 WHEN 0 THEN DATE '2026-01-01' + n % 180 END))).* \
               FROM opportunity o, generate_series(1, $3) AS n WHERE o.id = $1";
    sqlx::query(sql).bind(template).bind(&ids).bind(DEALS).execute(&mut conn).await.unwrap();
    for sql in ["VACUUM ANALYZE opportunity", "ANALYZE colleague"] {
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
}
