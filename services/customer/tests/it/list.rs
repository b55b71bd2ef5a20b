//! Filters, orders, pages and search.

use chrono::DateTime;
use crm_kit_api::filter::{Bind, Field, Filter, Kind, Schema};
use crm_kit_pg::Db;
use crm_proto::crm::customer::v1::{Account, Contact, ListAccountsRequest, account::Level};
use crm_testkit::status::{assert_error, violations};
use sqlx::AssertSqlSafe;
use tonic::Code;
use uuid::Uuid;

use crate::rig::{Rig, filter, named, search};

#[tokio::test]
async fn filters_select_and_explain_themselves() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for (name, employees, level) in [("a", 10, Level::A), ("b", 500, Level::B), ("c", 900, Level::A)] {
        let tags = vec![format!("tag-{name}")];
        let account = Account { employee_count: employees, level: level.into(), tags, ..named(name) };
        rig.create(&me, account).await.unwrap();
    }
    let ordered = |text: &str| ListAccountsRequest { order_by: "display_name".into(), ..filter(text) };
    assert_eq!(rig.names(&me, ordered("employee_count > 100")).await, ["b", "c"]);
    assert_eq!(rig.names(&me, ordered("level == \"LEVEL_A\" && !(employee_count > 100)")).await, ["a"]);
    assert_eq!(
        rig.names(&me, ordered("\"tag-b\" in tags || display_name.startsWith(\"c\")")).await,
        ["b", "c"]
    );
    assert_eq!(rig.names(&me, ordered("create_time <= now && !has(parent_id)")).await, ["a", "b", "c"]);
    let status =
        assert_error(rig.list(&me, filter("numbre == \"a\"")).await, Code::InvalidArgument, "FILTER_INVALID");
    assert!(
        violations(&status)[0].0 == "filter" && status.message().contains("did you mean \"number\""),
        "{status:?}"
    );
}

#[tokio::test]
async fn pages_meet_without_gap_or_repetition_in_every_order() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for index in 0..23 {
        let account = Account {
            employee_count: index % 3,
            region: format!("r{}", index % 2),
            ..named(&format!("n{index:02}"))
        };
        rig.create(&me, account).await.unwrap();
    }
    for order in [
        "",
        "display_name",
        "employee_count desc",
        "region, employee_count desc",
        "last_activity_time desc",
        "create_time",
    ] {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let request = ListAccountsRequest {
                page_size: 4,
                page_token: token,
                order_by: order.into(),
                include_total_size: true,
                ..ListAccountsRequest::default()
            };
            let page = rig.list(&me, request).await.unwrap();
            assert_eq!(page.total_size, 23);
            seen.extend(page.accounts.into_iter().map(|account| account.display_name));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen.len(), 23, "{order}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 23, "{order}");
    }
}

#[tokio::test]
async fn a_page_token_holds_only_for_its_own_request_and_tenant() {
    let rig = Rig::new().await;
    let (me, other) = (rig.administrator(), rig.administrator());
    for name in ["a", "b", "c"] {
        rig.create(&me, named(name)).await.unwrap();
    }
    let first = ListAccountsRequest { page_size: 1, ..ListAccountsRequest::default() };
    let token = rig.list(&me, first.clone()).await.unwrap().next_page_token;
    let next = ListAccountsRequest { page_token: token, ..first };
    assert_eq!(rig.list(&me, next.clone()).await.unwrap().accounts.len(), 1);
    let changed = ListAccountsRequest { order_by: "display_name".into(), ..next.clone() };
    assert_error(rig.list(&me, changed).await, Code::InvalidArgument, "PAGE_TOKEN_INVALID");
    assert_error(rig.list(&other, next).await, Code::InvalidArgument, "PAGE_TOKEN_INVALID");
}

#[tokio::test]
async fn search_finds_names_in_any_script_pinyin_phone_digits_and_mail() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let huawei = Account {
        phone: "+86 755 28780808".into(),
        email: "info@huawei.com".into(),
        unified_social_credit_code: "914403001922038216".into(),
        ..named("华为技术有限公司")
    };
    rig.create(&me, huawei).await.unwrap();
    rig.create(&me, named("Müller & Söhne GmbH")).await.unwrap();
    rig.create(&me, named("100% Cotton_Works")).await.unwrap();
    for q in ["华为", "为", "huawei", "hua wei", "hw", "HWJS", "8780", "755-2878", "info@hua", "914403", "為"]
    {
        assert_eq!(rig.names(&me, search(q)).await, ["华为技术有限公司"], "{q}");
    }
    for q in ["müller", "muller", "söhne"] {
        assert_eq!(rig.names(&me, search(q)).await, ["Müller & Söhne GmbH"], "{q}");
    }
    assert_eq!(rig.names(&me, search("cotton")).await, ["100% Cotton_Works"]);
    assert!(rig.names(&me, search("zzz")).await.is_empty());
    assert!(rig.names(&me, search("%")).await.len() <= 3);
}

#[tokio::test]
async fn plans_of_lists_and_searches_use_an_index_under_the_service_role() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut superuser = rig.database.look().await;
    rig.create(&me, named("seed")).await.unwrap();
    // Many rows of one tenant, copied from the seed.
    sqlx::query(
        "INSERT INTO account SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), 'number', 'X' || n, \
         'display_name', 'Company ' || n, 'search_name', repeat(md5(n::text), 2)))).* FROM account a, generate_series(1, 20000) n",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    sqlx::query("ANALYZE account").execute(&mut superuser).await.unwrap();
    let db = rig.database.db();
    let tenant = me.tenant_id;
    for (sql, index) in [
        (
            "SELECT id FROM account WHERE tenant_id = $1 AND delete_time IS NULL AND (search_name LIKE '%ab12%') ORDER BY create_time DESC, id DESC LIMIT 51",
            "account_search_name_idx",
        ),
        (
            "SELECT id FROM account WHERE tenant_id = $1 AND delete_time IS NULL AND (search_phone LIKE '%8780%') ORDER BY create_time DESC, id DESC LIMIT 51",
            "account_search_phone_idx",
        ),
        (
            "SELECT id FROM account WHERE tenant_id = $1 AND delete_time IS NULL ORDER BY create_time DESC, id DESC LIMIT 51",
            "account_create_time_idx",
        ),
        (
            "SELECT id FROM account WHERE tenant_id = $1 AND delete_time IS NULL AND (display_name, id) > ('Company 5', $1) ORDER BY display_name, id LIMIT 51",
            "account_display_name_idx",
        ),
    ] {
        let sql = sql.replace("$1", &format!("'{tenant}'"));
        let plan = plan(&db, tenant, &sql).await;
        assert!(plan.contains(index), "{sql}\n{plan}");
    }
}

/// The plan of a statement under the service's role.
async fn plan(db: &Db, tenant: Uuid, sql: &str) -> String {
    let explain = db.for_tenant(tenant, |tx| {
        let sql = sql.to_owned();
        Box::pin(async move { Ok(crm_testkit::database::plan(tx.conn(), sql.into()).await) })
    });
    explain.await.unwrap()
}

#[tokio::test]
async fn filters_by_equality_on_custom_fields_use_an_index_under_the_service_role() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut superuser = rig.database.look().await;
    rig.create(&me, named("seed")).await.unwrap();
    rig.create_contact(&me, Contact { display_name: "seed".into(), ..Contact::default() }).await.unwrap();
    for (table, number) in [("account", "'number', 'X' || n, "), ("contact", "")] {
        let fill = format!(
            "INSERT INTO {table} SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), {number} \
             'custom', jsonb_build_object('code', 'c' || n % 500, 'size', (n % 1000)::text, 'many', jsonb_build_array('m' || n % 500), \
             'fee', jsonb_build_object('ten_thousandths', n % 1000, 'currency', 'EUR'), 'at', '2025-01-01')))).* \
             FROM {table} r, generate_series(1, 20000) n"
        );
        sqlx::query(AssertSqlSafe(fill)).execute(&mut superuser).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("ANALYZE {table}"))).execute(&mut superuser).await.unwrap();
    }
    let fields = [
        ("code", Kind::Text, &["code"][..]),
        ("size", Kind::Numeric, &["size"]),
        ("many", Kind::TextList, &["many"]),
        ("fee", Kind::Decimal { scale: 4 }, &["fee", "ten_thousandths"]),
        ("at", Kind::Date, &["at"]),
    ];
    let fields = fields.map(|(path, kind, keys)| Field::in_document(path.to_owned(), kind, "custom", keys));
    let schema = Schema::default().with_custom(fields);
    for table in ["account", "contact"] {
        for text in [
            "code == 'c17'",
            "code in ['c17', 'c18']",
            "size == 17.0",
            "'m17' in many",
            "fee == 0.0017 && size > 3",
            "at == date('2025-01-02')",
        ] {
            let filter = Filter::parse(text, &schema).unwrap().to_sql(1, DateTime::UNIX_EPOCH);
            let condition = filter.binds.iter().enumerate().fold(filter.text, |sql, (index, bind)| {
                sql.replace(&format!("${}", index + 1), &literal(bind))
            });
            let sql = format!(
                "SELECT id FROM {table} WHERE tenant_id = '{}' AND delete_time IS NULL AND ({condition}) \
                 ORDER BY create_time DESC, id DESC LIMIT 51",
                me.tenant_id
            );
            let plan = plan(&rig.database.db(), me.tenant_id, &sql).await;
            assert!(plan.contains(&format!("{table}_custom_idx")), "{sql}\n{plan}");
        }
    }
}

/// A value as it would be bound.
fn literal(bind: &Bind) -> String {
    match bind {
        Bind::Json(value) => format!("'{value}'::jsonb"),
        Bind::JsonList(values) => {
            let items: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
            format!("ARRAY[{}]::jsonb[]", items.join(", "))
        }
        Bind::Numeric(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}
