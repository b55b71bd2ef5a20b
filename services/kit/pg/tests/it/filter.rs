//! Filters select the same rows in PostgreSQL, through the list builder as the role of daily work, as they do in memory.
//!
//! A failure names its seed; `CRM_FILTER_SEED` runs it again.

use crm_kit_api::filter::{
    Filter,
    arbitrary::{self, Dialect, Record},
};
use crm_kit_api::order::Order;
use crm_kit_pg::{Db, list::List};
use crm_testkit::Database;
use proptest::{
    strategy::{Strategy, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use uuid::Uuid;

const FILTERS: usize = 3000;
const RECORDS: usize = 250;
/// Filters answered in one transaction.
const GROUP: usize = 100;
const TENANT: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

#[tokio::test]
async fn memory_and_postgres_select_the_same_rows() {
    let seed = std::env::var("CRM_FILTER_SEED").map_or_else(|_| Uuid::new_v4(), |seed| seed.parse().unwrap());
    println!("CRM_FILTER_SEED={seed}");
    let mut runner = runner(seed);
    let records = generate(&mut runner, &arbitrary::record(), RECORDS);
    let database = Database::new("filter", &[]).await;
    fill(&database, &records).await;
    let db = database.db();
    let texts = generate(&mut runner, &arbitrary::filter(Dialect::Full), FILTERS);
    // A few exceed a limit of the language.
    let filters: Vec<(String, Filter)> = texts
        .into_iter()
        .filter_map(|text| Filter::parse(&text, &arbitrary::schema()).ok().map(|filter| (text, filter)))
        .collect();
    assert!(filters.len() > FILTERS * 9 / 10, "{} of {FILTERS} can be read", filters.len());
    let (left, right) = filters.split_at(filters.len() / 2);
    // Half of them by the indexes, where one serves.
    let (left, right) =
        tokio::join!(compare(&db, "on", left, &records), compare(&db, "off", right, &records));
    assert!(left + right > FILTERS / 3, "only {} filters tell records apart", left + right);
}

/// Compares both answers to every filter; how many selected some of the records and not all.
async fn compare(db: &Db, seqscan: &'static str, filters: &[(String, Filter)], records: &[Record]) -> usize {
    let order = &Order { keys: Vec::new() };
    let mut telling = 0;
    for group in filters.chunks(GROUP) {
        let answers = db.read_for_tenant(TENANT, |tx| {
            Box::pin(async move {
                let settings = format!(
                    "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = {seqscan}"
                );
                sqlx::raw_sql(AssertSqlSafe(settings)).execute(tx.conn()).await.unwrap();
                let mut answers = Vec::with_capacity(group.len());
                for (text, filter) in group {
                    let page = list(filter, order).fetch::<(i64,)>(tx.conn(), TENANT).await;
                    let mut rows: Vec<i64> = page
                        .unwrap_or_else(|error| {
                            panic!("{text}: {error:?}\n{:?}", filter.to_sql(1, arbitrary::now()))
                        })
                        .rows
                        .into_iter()
                        .map(|(number,)| number)
                        .collect();
                    rows.sort_unstable();
                    answers.push(rows);
                }
                Ok(answers)
            })
        });
        for ((text, filter), found) in group.iter().zip(answers.await.unwrap()) {
            let expected = (0_i64..).zip(records).filter(|(_, record)| matches(filter, record));
            let expected: Vec<i64> = expected.map(|(number, _)| number).collect();
            let differing: Vec<_> = (0_i64..)
                .zip(records)
                .filter(|(number, _)| found.contains(number) != expected.contains(number))
                .take(2)
                .collect();
            let sql = filter.to_sql(1, arbitrary::now());
            assert_eq!(found, expected, "{text}\n{sql:?}\n{differing:?}\nseqscan {seqscan}");
            telling += usize::from(!found.is_empty() && found.len() < records.len());
        }
    }
    telling
}

fn list<'l>(filter: &'l Filter, order: &'l Order) -> List<'l> {
    List {
        table: "record",
        columns: "number",
        owners: None,
        show_deleted: false,
        filter,
        moment: arbitrary::now().into(),
        search: Vec::new(),
        order,
        after: None,
        limit: RECORDS,
    }
}

fn matches(filter: &Filter, record: &Record) -> bool {
    filter.matches(&|path| record.get(path), arbitrary::now())
}

fn runner(seed: Uuid) -> TestRunner {
    let bytes = [*seed.as_bytes(), *seed.as_bytes()].concat();
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn generate<S: Strategy>(runner: &mut TestRunner, strategy: &S, count: usize) -> Vec<S::Value> {
    (0..count).map(|_| strategy.new_tree(runner).unwrap().current()).collect()
}

/// The table with the records, the same once more for another tenant, and row-level security.
async fn fill(database: &Database, records: &[Record]) {
    let mut owner: PgConnection = database.owner.connect().await.unwrap();
    owner.execute(arbitrary::TABLE).await.unwrap();
    for tenant in [TENANT, OTHER] {
        let rows = records.iter().enumerate().map(|(number, record)| {
            format!("('{tenant}', '{}', NULL, {})", Uuid::from_u128(number as u128), record.row(number))
        });
        let insert = format!("INSERT INTO record VALUES {}", rows.collect::<Vec<_>>().join(",\n"));
        owner.execute(AssertSqlSafe(insert)).await.unwrap();
    }
    let finish = format!(
        "ALTER TABLE record ENABLE ROW LEVEL SECURITY;
         CREATE POLICY tenant ON record USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid);
         GRANT SELECT ON record TO {};
         ANALYZE record",
        database.service.get_username()
    );
    owner.execute(AssertSqlSafe(finish)).await.unwrap();
}
