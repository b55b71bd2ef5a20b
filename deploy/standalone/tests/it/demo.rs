//! The demonstration company, seen by several of its people.

use serde_json::Value;

use crate::suite::{Suite, place, text};

fn count(suite: &Suite, token: &str, collection: &str) -> u64 {
    let path = format!("/v1/{collection}?page_size=1&include_total_size=true");
    let (status, found) = suite.call("GET", &path, token, &Value::Null);
    assert_eq!(status, 200, "{found}");
    text(&found["total_size"]).parse().unwrap()
}

fn token(suite: &Suite, username: &str) -> String {
    let told = suite.told("tenant demo, password of everybody").unwrap();
    let (status, tokens) = suite.sign_in("demo", username, &told);
    assert_eq!(status, 200, "{username}: {tokens}");
    text(&tokens["access_token"])
}

/// How many there are of everything that the demonstration makes.
fn counts(suite: &Suite) -> Vec<(&'static str, u64)> {
    let token = token(suite, "admin");
    let collections = [
        "accounts",
        "contacts",
        "interactions",
        "tasks",
        "products",
        "priceEntries",
        "opportunities",
        "quotes",
        "orders",
        "contracts",
        "paymentPlans",
        "receipts",
        "quotas",
    ];
    collections.map(|collection| (collection, count(suite, &token, collection))).to_vec()
}

/// Forgets in `data/demo.json` that something was made.
fn forget(data: &std::path::Path, what: &str) {
    let path = data.join("demo.json");
    let mut memory: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(memory[what], true, "{memory}");
    memory[what] = false.into();
    std::fs::write(&path, memory.to_string()).unwrap();
}

#[test]
fn the_demonstration_shows_each_of_its_people_what_is_theirs_and_is_made_once() {
    let place = place();
    let data = place.path().join("data");
    let mut suite = Suite::start(&data, &["--demo"]);
    let [all, director, region, own] = ["admin", "li.wei", "zhang.min", "wang.fang"].map(|username| {
        let token = token(&suite, username);
        (count(&suite, &token, "accounts"), count(&suite, &token, "contacts"))
    });
    assert_eq!(all.0, 300);
    assert!((850..950).contains(&all.1), "{all:?}");
    assert_eq!(director, all);
    assert!(own.0 > 5 && own.0 < region.0 && region.0 < all.0, "{own:?} {region:?}");
    assert!(own.1 > 5 && own.1 < region.1 && region.1 < all.1, "{own:?} {region:?}");
    let marketing = token(&suite, "xu.yan");
    let (_, seen) = suite.call("GET", "/v1/accounts?page_size=1", &marketing, &Value::Null);
    assert!(text(&seen["accounts"][0]["phone"]).contains('*'), "{seen}");
    sales_are_believable(&suite);
    let made = counts(&suite);
    assert!(made.iter().all(|(_, count)| *count > 0), "{made:?}");
    suite.signal("-INT");
    assert!(suite.wait().success());
    let mut suite = Suite::start(&data, &["--demo"]);
    assert!(!suite.told.contains("made in"), "{}", suite.told);
    assert_eq!(counts(&suite), made);
    suite.signal("-INT");
    assert!(suite.wait().success());
    // As after a start that was interrupted, and in an installation from before there were sales.
    forget(&data, "sold");
    let suite = Suite::start(&data, &["--demo"]);
    assert!(suite.told.contains("Its sales: 32 opportunities"), "{}", suite.told);
    assert_eq!(counts(&suite), made);
}

/// What the tour of the README looks at: a funnel that narrows, a forecast by region, an account seen from all sides.
fn sales_are_believable(suite: &Suite) {
    let token = token(suite, "li.wei");
    let get = |path: &str| {
        let (status, found) = suite.call("GET", path, &token, &Value::Null);
        assert_eq!(status, 200, "{path}: {found}");
        found
    };
    let number = |value: &Value| text(value).parse::<u64>().unwrap();
    let pipeline = text(&get("/v1/pipelines")["pipelines"][0]["id"]);
    let funnel = get(&format!("/v1/pipelines/{pipeline}:funnel"));
    let entered: Vec<u64> =
        funnel["stages"].as_array().unwrap().iter().map(|stage| number(&stage["entered_count"])).collect();
    assert!(entered[..4].is_sorted_by(|one, next| one > next) && entered[0] == 32, "{funnel}");
    let me = text(&get("/v1/users/me")["id"]);
    let forecast = get(&format!("/v1/forecasts/{me}?period_kind=PERIOD_KIND_YEAR&currency_code=CNY"));
    let rows = forecast["rows"].as_array().unwrap();
    assert!(
        rows.len() >= 5 && number(&forecast["total"]["converted"]["closed"]["units"]) > 100_000,
        "{forecast}"
    );
    get("/v1/quotas:attainment?currency_code=CNY");
    let order = get("/v1/orders?filter=state=='STATE_CLOSED'")["orders"][0].clone();
    let overview = get(&format!("/v1/accounts/{}:overview", text(&order["account_id"])));
    for section in ["contacts", "orders", "receipts"] {
        assert!(!overview[section].as_array().unwrap().is_empty(), "{section}: {overview}");
    }
    assert!(overview["gaps"].as_array().is_none_or(Vec::is_empty), "{overview}");
}
