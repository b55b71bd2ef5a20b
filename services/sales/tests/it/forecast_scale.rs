//! Forecasts of many people: the roll-up equals a scan, in a bounded number of statements.

use std::time::Instant;

use crm_proto::crm::sales::v1::GetForecastRequest;
use crm_testkit::Caller;
use uuid::Uuid;

use crate::{
    forecast::{client, of},
    rig::{Rig, day, worth},
};

/// So many people below the caller in a tree of ten each, and so many deals of theirs, of two currencies and two quarters.
async fn fill(rig: &Rig, me: &Caller, people: i32, deals: i32) {
    let template = rig.create(me, worth("x", 1)).await.unwrap();
    let mut conn = rig.database.look().await;
    let ids: Vec<Uuid> = (0..people).map(|_| Uuid::new_v4()).collect();
    rig.database.knows(me.tenant_id, &[me.id]).await;
    rig.database.knows(me.tenant_id, &ids).await;
    let superiors: Vec<Uuid> =
        (0..ids.len()).map(|index| if index < 10 { me.id } else { ids[index / 10 - 1] }).collect();
    let sql = "UPDATE colleague c SET superior_id = s.superior_id \
               FROM unnest($2::uuid[], $3::uuid[]) AS s (id, superior_id) WHERE c.tenant_id = $1 AND c.id = s.id";
    sqlx::query(sql).bind(me.tenant_id).bind(&ids).bind(&superiors).execute(&mut conn).await.unwrap();
    let sql = "INSERT INTO opportunity SELECT (jsonb_populate_record(o, jsonb_build_object( \
                   'id', gen_random_uuid(), 'number', 'X' || n, 'owner_id', ($2::uuid[])[1 + n % cardinality($2)], \
                   'amount', (1 + n % 1000) * 10000, 'expected_revenue', (1 + n % 1000) * 5000, \
                   'amount_currency', CASE n % 4 WHEN 0 THEN 'EUR' ELSE 'CNY' END, 'forecast_category', 1 + n % 4, \
                   'state', CASE n % 5 WHEN 0 THEN 2 ELSE 1 END, 'open_date', DATE '2025-01-01', \
                   'close_date', DATE '2026-01-01' + n % 180, \
                   'closed_date', CASE n % 5 WHEN 0 THEN DATE '2026-01-01' + n % 180 END))).* \
               FROM opportunity o, generate_series(1, $3) AS n WHERE o.id = $1";
    let template: Uuid = template.id.parse().unwrap();
    sqlx::query(sql).bind(template).bind(&ids).bind(deals).execute(&mut conn).await.unwrap();
    for sql in ["VACUUM ANALYZE opportunity", "ANALYZE colleague"] {
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
}

/// The open pipeline and what was won in yuan in the first quarter, as a scan says.
async fn scanned(rig: &Rig) -> (i64, i64) {
    let sql = "SELECT sum(amount) FILTER (WHERE state = 1 AND close_date BETWEEN '2026-01-01' AND '2026-03-31')::bigint / 10000, \
               sum(amount) FILTER (WHERE state = 2 AND closed_date BETWEEN '2026-01-01' AND '2026-03-31')::bigint / 10000 \
               FROM opportunity WHERE amount_currency = 'CNY'";
    sqlx::query_as(sql).fetch_one(&mut rig.database.look().await).await.unwrap()
}

async fn look(rig: &Rig, me: &Caller, people: i64) {
    let request = GetForecastRequest { date: Some(day(2026, 2, 1)), ..of(me.id) };
    let told = client(rig, me).get_forecast(request).await.unwrap().into_inner();
    let total = told.total.unwrap();
    assert_eq!((told.rows.len(), total.people_count), (11, people + 1));
    let yuan = &total.figures[0];
    let units = |money: &Option<crm_proto::google::r#type::Money>| money.as_ref().unwrap().units;
    assert_eq!((units(&yuan.open_pipeline), units(&yuan.closed)), scanned(rig).await);
    let rows: i64 =
        told.rows.iter().filter_map(|row| row.figures.first()).map(|row| units(&row.open_pipeline)).sum();
    assert_eq!(rows, units(&yuan.open_pipeline));
}

#[tokio::test]
async fn the_roll_up_equals_the_scan() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    fill(&rig, &me, 150, 3_000).await;
    look(&rig, &me, 150).await;
}

/// `cargo test -p crm-sales --test it -- --ignored --nocapture a_thousand_people`
#[tokio::test]
#[ignore = "measures; takes half a minute"]
async fn a_thousand_people_with_a_hundred_thousand_deals() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    fill(&rig, &me, 1_000, 100_000).await;
    look(&rig, &me, 1_000).await;
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        let request = GetForecastRequest { date: Some(day(2026, 2, 1)), ..of(me.id) };
        client(&rig, &me).get_forecast(request).await.unwrap();
        times.push(started.elapsed());
    }
    times.sort_unstable();
    println!("forecast of 1,000 people and 100,000 deals: median {:?}, worst {:?}", times[10], times[19]);
    assert!(times[10].as_secs() < 2, "{times:?}");
}
