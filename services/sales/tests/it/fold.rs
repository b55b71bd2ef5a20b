//! Sums of tenants that only write are folded by walks.

use std::time::Duration;

use crm_sales::statistics::fold;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::rig::{Rig, worth};

/// Adds rows of sums as so many writes would.
async fn write_rows(rig: &Rig, tenant_id: Uuid, pipeline_id: Uuid, owners: i64, rows: i64) {
    let sql = "INSERT INTO stage_sum (tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency, opportunities, amount, expected_revenue) \
               SELECT $1, $2, ('00000000-0000-0000-0000-' || lpad((n % $3)::text, 12, '0'))::uuid, 's' || (n % 3), 1, 'CNY', 1, n, n / 2 \
               FROM generate_series(1, $4) AS n";
    let query = sqlx::query(sql).bind(tenant_id).bind(pipeline_id).bind(owners).bind(rows);
    query.execute(&mut rig.database.look().await).await.unwrap();
}

async fn stored(rig: &Rig, tenant_id: Uuid) -> (i64, String, String) {
    let sql =
        "SELECT count(*), sum(opportunities)::text, sum(amount)::text FROM stage_sum WHERE tenant_id = $1";
    sqlx::query_as(sql).bind(tenant_id).fetch_one(&mut rig.database.look().await).await.unwrap()
}

#[tokio::test]
async fn a_walk_folds_whoever_has_many_rows_in_pages() {
    let rig = Rig::new().await;
    let (much, little) = (Uuid::new_v4(), Uuid::new_v4());
    let pipeline_id = Uuid::new_v4();
    // More than two pages, of ten owners with three stages each; and too few to bother.
    write_rows(&rig, much, pipeline_id, 10, 12_003).await;
    write_rows(&rig, little, pipeline_id, 10, 150).await;
    let (before, left) = (stored(&rig, much).await, stored(&rig, little).await);
    let (db, running) = (rig.database.db(), CancellationToken::new());
    // The service walks by itself too: it may have folded pages already, or hold one while this walk passes it by.
    let mut after = before.clone();
    for _ in 0..200 {
        fold::walk(&db, &running).await.unwrap();
        after = stored(&rig, much).await;
        if after.0 <= 120 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((after.1, after.2), (before.1, before.2));
    // Groups that lie on several pages have a row of each.
    assert!((30..=120).contains(&after.0), "{}", after.0);
    assert_eq!(stored(&rig, little).await, left);
    assert_eq!(fold::walk(&db, &running).await.unwrap(), 0);
}

#[tokio::test]
async fn walks_and_writers_at_once_lose_nothing() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let pipeline: Uuid = rig.create(&me, worth("x", 1)).await.unwrap().pipeline_id.parse().unwrap();
    let (db, running) = (rig.database.db(), CancellationToken::new());
    let writers = (0..4).map(|_| write_rows(&rig, me.tenant_id, pipeline, 7, 4000));
    let walks = (0..3).map(|_| async {
        for _ in 0..5 {
            fold::walk(&db, &running).await.unwrap();
        }
    });
    tokio::join!(futures::future::join_all(writers), futures::future::join_all(walks));
    fold::walk(&db, &running).await.unwrap();
    let (rows, deals, amount) = stored(&rig, me.tenant_id).await;
    assert_eq!((deals.as_str(), amount), ("16001", (4 * 4000 * 4001 / 2 + 10_000).to_string()));
    assert!(rows < 400, "{rows}");
}
