//! The database's own walls: row-level security, plans of the queries every call runs, keys that are replaced.

use chrono::TimeDelta;
use crm_platform::MIGRATIONS;
use crm_proto::crm::platform::v1::{GetAccessRequest, GetJwksRequest};
use crm_testkit::Database;
use sqlx::{ConnectOptions as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::harness::{PASSWORD, World, named};

async fn service(database: &Database, tenant: Uuid) -> PgConnection {
    let mut conn = database.service.connect().await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("SET app.tenant_id = '{tenant}'"));
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn
}

async fn plan(conn: &mut PgConnection, sql: &str) -> String {
    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN {sql}"));
    let rows = sqlx::query(sql).fetch_all(conn).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn every_table_but_the_queue_and_the_positions_is_behind_row_level_security() {
    let database = Database::new("platform", &MIGRATIONS).await;
    let open = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relkind = 'r' AND NOT c.relrowsecurity ORDER BY 1";
    let rows = sqlx::query(open).fetch_all(&mut database.look().await).await.unwrap();
    let open: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(open, ["_sqlx_migrations", "follow_position", "job", "kit_migration"]);
}

#[tokio::test]
async fn another_tenant_sees_and_writes_nothing_whatever_the_sql_says() {
    let world = World::new().await;
    let mut stranger = service(&world.database, Uuid::new_v4()).await;
    for table in
        ["app_user", "role", "user_role", "department", "session", "api_key", "signing_key", "sign_in_guard"]
    {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count: i64 = sqlx::query(sql).fetch_one(&mut stranger).await.unwrap().get(0);
        assert_eq!(count, 0, "{table}");
    }
    let changed =
        sqlx::query("UPDATE tenant SET display_name = 'mine'").execute(&mut stranger).await.unwrap();
    assert_eq!(changed.rows_affected(), 0);
    let forged =
        sqlx::query("INSERT INTO user_role SELECT tenant_id, id, id, 1 FROM tenant, gen_random_uuid() AS id");
    assert!(forged.execute(&mut stranger).await.is_err());
}

#[tokio::test]
async fn the_questions_of_every_call_use_indexes_under_the_services_role() {
    let world = World::new().await;
    let tenant: Uuid = {
        let row =
            sqlx::query("SELECT tenant_id FROM tenant").fetch_one(&mut world.database.look().await).await;
        row.unwrap().get(0)
    };
    let fill = format!(
        "INSERT INTO app_user (tenant_id, id, create_time, update_time, display_name, username, username_key, superior_id)
         SELECT '{tenant}', md5(n::text)::uuid, now(), now(), 'n', 'n' || n, 'n' || n,
                CASE WHEN n > 1 THEN md5((n / 8)::text)::uuid END
         FROM generate_series(1, 20000) n WHERE n / 8 > 0 OR n = 1 OR n < 8;
         ANALYZE app_user"
    );
    let fill = fill.replace("md5((n / 8)::text)::uuid END", "md5(GREATEST(n / 8, 1)::text)::uuid END");
    sqlx::raw_sql(sqlx::AssertSqlSafe(fill)).execute(&mut world.database.look().await).await.unwrap();
    let mut conn = service(&world.database, tenant).await;
    let by_name = plan(
        &mut conn,
        &format!("SELECT id FROM app_user WHERE tenant_id = '{tenant}' AND username_key = 'n77' AND delete_time IS NULL"),
    )
    .await;
    assert!(by_name.contains("app_user_username_key"), "{by_name}");
    let below = plan(
        &mut conn,
        &format!(
            "WITH RECURSIVE s (id, depth) AS (SELECT md5('4')::uuid, 1 UNION ALL
             SELECT u.id, s.depth + 1 FROM s JOIN app_user u ON u.tenant_id = '{tenant}' AND u.superior_id = s.id WHERE s.depth < 32)
             SELECT id FROM s"
        ),
    )
    .await;
    assert!(below.contains("app_user_superior_idx") && !below.contains("Seq Scan on app_user"), "{below}");
}

#[tokio::test]
async fn a_signing_key_is_replaced_after_a_month_and_dropped_a_day_later() {
    let world = World::new().await;
    let kids = || async {
        let keys = world.signing_keys().get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys;
        keys.into_iter().map(|key| key.kid).collect::<Vec<_>>()
    };
    let first = kids().await;
    world.advance(TimeDelta::days(30));
    // Another process of the service starts, finds the key old, and makes a new one.
    let other = world.another().await;
    let tokens = other.sign_in("acme", &world.first.username, PASSWORD).await.unwrap();
    // This process learns of it when it meets the token.
    assert!(world.access(&tokens.access_token).get_access(GetAccessRequest {}).await.is_ok());
    let both = kids().await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    world.advance(TimeDelta::days(1));
    let third = world.another().await;
    let keys = third.signing_keys().get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys;
    assert_eq!(keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), [both[0].as_str()]);
}

#[tokio::test]
async fn processes_of_the_service_share_their_counters() {
    let world = World::new().await;
    world.person(named("li.lei", &[])).await;
    let other = world.another().await;
    for attempt in 0..5 {
        let process = if attempt % 2 == 0 { &world } else { &other };
        assert!(process.sign_in("acme", "li.lei", "wrong password").await.is_err());
    }
    assert!(world.sign_in("acme", "li.lei", PASSWORD).await.is_err());
    assert!(other.sign_in("acme", "li.lei", PASSWORD).await.is_err());
}
