//! Search under row-level security.

use crm_kit_pg::server::Server;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection};

use super::{options, place};

/// The plan of a count under the policy, and its milliseconds.
async fn plan(service: &mut PgConnection, condition: &str) -> (String, f64) {
    let sql = format!("EXPLAIN (ANALYZE, TIMING OFF) SELECT count(*) FROM a WHERE {condition}");
    let lines: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(service).await.unwrap();
    let time = lines.last().unwrap().split(' ').nth(2).unwrap().parse().unwrap();
    (lines.join("\n"), time)
}

#[tokio::test]
async fn search_uses_its_indexes_under_a_policy_chinese_included() {
    const TENANT: &str = "00000000-0000-0000-0000-000000000001";
    let place = place();
    let server = Server::start(options(&place, false)).await.unwrap();
    server.ensure_database("c", "c_owner", "c_service").await.unwrap();
    let mut owner = server.options("c", "c_owner").unwrap().connect().await.unwrap();
    sqlx::raw_sql(include_str!("search.sql")).execute(&mut owner).await.unwrap();
    let mut service = server.options("c", "c_service").unwrap().connect().await.unwrap();
    let set = format!("SET app.tenant_id = '{TENANT}'");
    sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut service).await.unwrap();
    for (function, condition, index) in [
        ("texticlike(text,text)", "name ILIKE '%上海电力777%'", "a_name"),
        ("textlike(text,text)", "name LIKE '%ab12c%'", "a_name"),
        ("textlike(text,text)", "key LIKE 'ab12c%'", "a_key"),
        ("public.similarity_op(text,text)", "name % '上海电力7771公司'", "a_name"),
        ("ts_match_vq(tsvector,tsquery)", "words @@ to_tsquery('simple', '词17')", "a_words"),
        ("jsonb_contains(jsonb,jsonb)", "custom @> '{\"k\": 17}'", "a_custom"),
        ("arraycontains(anyarray,anyarray)", "tags @> ARRAY['t17']", "a_tags"),
    ] {
        let mut admin = server.superuser_options().database("c").connect().await.unwrap();
        let mut alter = async |how: &str| {
            let sql = format!("ALTER FUNCTION {function} {how}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
        };
        let (with, fast) = plan(&mut service, condition).await;
        alter("NOT LEAKPROOF").await;
        let (without, slow) = plan(&mut service, condition).await;
        alter("LEAKPROOF").await;
        println!("{condition}: {slow} ms -> {fast} ms");
        assert!(with.contains(index), "{with}");
        assert!(!without.contains(index), "{without}");
    }
    let (folds, letters): (bool, i32) =
        sqlx::query_as("SELECT 'É' ILIKE 'é', cardinality(show_trgm('上海电力'))")
            .fetch_one(&mut service)
            .await
            .unwrap();
    assert!(folds && letters == 5, "the cluster's character classes are Unicode's");
    service.close().await.unwrap();
}
