//! A year of a real company's sales, imported with the command line alone, and the figures that come of it to the unit: `shared/data/crm-opportunities`.

#![expect(clippy::print_stdout, reason = "says what was skipped")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    suite::{Suite, place, text, until},
    transfer::tool,
};

/// The folder with the data, when it is there.
fn data() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let folders = workspace.ancestors().skip(1).map(|folder| folder.join("shared/data/crm-opportunities"));
    let found = folders.into_iter().find(|folder| folder.join("expected.json").exists());
    if found.is_none() {
        println!("skipped: ../shared/data/crm-opportunities is not there");
    }
    found
}

/// The suite with a signed-in administrator, and a folder with copies of the files.
struct Office {
    place: tempfile::TempDir,
    suite: Suite,
    token: String,
}

impl Office {
    fn open(data: &Path) -> Self {
        let place = place();
        for file in ["accounts.csv", "products.csv", "sales_teams.csv", "sales_pipeline.csv"] {
            std::fs::copy(data.join(file), place.path().join(file)).unwrap();
        }
        let suite = Suite::start(&place.path().join("data"), &[]);
        let token = suite.first_sign_in();
        Self { place, suite, token }
    }

    fn import(&self, arguments: &[&str]) -> (Option<i32>, String) {
        tool(&self.suite, self.place.path(), &[&["import"], arguments].concat())
    }

    /// An import in which every row goes well.
    fn imported(&self, arguments: &[&str], told: &str) {
        let (code, output) = self.import(arguments);
        assert!(code == Some(0) && output.contains(told), "{output}");
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let (status, made) = self.suite.call("POST", path, &self.token, body);
        assert_eq!(status, 200, "{made}");
        made
    }

    fn get(&self, path: &str) -> Value {
        let (status, read) = self.suite.call("GET", path, &self.token, &Value::Null);
        assert_eq!(status, 200, "{read}");
        read
    }

    /// Names by id of a list.
    fn names(&self, list: &str, name: &str) -> BTreeMap<String, String> {
        let page = self.get(&format!("/v1/{list}?page_size=1000"));
        let all = page[list].as_array().unwrap();
        all.iter().map(|one| (text(&one["id"]), text(&one[name]))).collect()
    }

    /// Amounts won by group; `names` says what the keys are called.
    fn won(&self, group_by: &str, names: &BTreeMap<String, String>) -> BTreeMap<String, i64> {
        let answer = self.get(&format!("/v1/statistics/dealOutcomes?group_by={group_by}"));
        let groups =
            answer["outcomes"].as_array().unwrap().iter().filter(|group| group["won_amount"].is_object());
        groups
            .filter_map(|group| {
                let key = group["key"].as_str().unwrap_or_default();
                let units: i64 = group["won_amount"]["units"].as_str()?.parse().ok()?;
                Some((names.get(key).map_or(key, String::as_str).to_owned(), units))
            })
            .filter(|(_, units)| *units > 0)
            .collect()
    }
}

/// Agents with their managers and offices; managers come first, because agents name them.
fn people(office: &Office) {
    let file = ["users", "sales_teams.csv", "--yes"];
    let managers =
        ["--map", "manager=display_name", "--map", "sales_agent=", "--map", "regional_office=department"];
    office.imported(&[&file[..], &managers].concat(), "6 created, 0 updated, 29 unchanged, 0 failed");
    let agents = [
        "--map",
        "sales_agent=display_name",
        "--map",
        "manager=superior",
        "--map",
        "regional_office=department",
    ];
    office.imported(&[&file[..], &agents].concat(), "35 created, 0 updated, 0 unchanged, 0 failed");
    office.imported(&[&file[..], &agents].concat(), "0 created, 0 updated, 35 unchanged, 0 failed");
}

fn accounts_and_products(office: &Office) {
    let accounts = [
        "accounts",
        "accounts.csv",
        "--yes",
        "--map",
        "account=external_id",
        "--set",
        "display_name={account}",
    ];
    let fields = ["--map", "sector=industry", "--map-value", "sector:technolgy=technology"];
    let more = ["--map", "employees=employee_count", "--map", "subsidiary_of=parent_external_id"];
    let none = ["--map", "revenue=", "--map", "office_location=", "--map", "year_established="];
    office.imported(
        &[&accounts[..], &fields, &more, &none].concat(),
        "85 created, 0 updated, 0 unchanged, 0 failed",
    );
    let products =
        ["products", "products.csv", "--yes", "--map", "product=display_name", "--map", "series=family"];
    office.imported(&[&products[..], &["--map", "sales_price="]].concat(), "7 created");
}

/// The field that says what a deal is about, and the stages of the file.
fn prepare(office: &Office) -> String {
    let field = json!({"display_name": "Product", "collection": "opportunities", "key": "product",
                       "type": "TYPE_REFERENCE", "reference_collection": "products"});
    office.post("/v1/sales/customFields", &field);
    let stage =
        |name: &str, kind: &str| json!({"key": name.to_lowercase(), "display_name": name, "kind": kind});
    let stages = [
        stage("Prospecting", "KIND_OPEN"),
        stage("Engaging", "KIND_OPEN"),
        stage("Won", "KIND_WON"),
        stage("Lost", "KIND_LOST"),
    ];
    let pipeline = office.post("/v1/pipelines", &json!({"display_name": "B2B", "stages": stages}));
    format!("pipeline_id={}", text(&pipeline["id"]))
}

fn deals(office: &Office, pipeline: &str) {
    let file =
        ["opportunities", "sales_pipeline.csv", "--dates", "mdy", "--currency", "USD", "--set", pipeline];
    let key = ["--map", "opportunity_id=external_id", "--set", "display_name={account} {opportunity_id}"];
    let links =
        ["--map", "sales_agent=owner_id", "--map", "account=account", "--map", "product=custom.product"];
    let rest = ["--map", "deal_stage=stage_key", "--map", "engage_date=open_date"];
    let end = ["--map", "close_date=closed_date", "--map", "close_value=amount"];
    let all = [&file[..], &key, &links, &rest, &end].concat();
    // Whoever was made a moment ago is known to sales as soon as it has heard of it.
    let mut told = String::new();
    until("sales knows the people", || {
        told = office.import(&[&all[..], &["--dry-run"]].concat()).1;
        !told.contains("USER_UNKNOWN")
    });
    assert!(told.contains("8800 rows read, 1480 with errors"), "{told}");
    assert!(
        told.contains("1480 rows from line 3, column product: no record has the name GTXPro (LINK_UNKNOWN)"),
        "{told}"
    );
    let mapped = ["--map-value", "product:GTXPro=GTX Pro", "--yes"];
    office.imported(&[&all[..], &mapped].concat(), "8800 created, 0 updated, 0 unchanged, 0 failed");
    office.imported(&[&all[..], &mapped].concat(), "0 created, 0 updated, 8800 unchanged, 0 failed");
}

fn amounts(expected: &Value) -> BTreeMap<String, i64> {
    let of = |value: &Value| value.as_i64().or_else(|| value["value"].as_i64()).unwrap();
    expected.as_object().unwrap().iter().map(|(key, value)| (key.clone(), of(value))).collect()
}

#[test]
fn a_years_sales_come_in_by_command_line_and_the_figures_are_right_to_the_unit() {
    let Some(data) = data() else { return };
    let expected: Value =
        serde_json::from_slice(&std::fs::read(data.join("expected.json")).unwrap()).unwrap();
    let expected = &expected["recomputed"];
    let office = Office::open(&data);
    people(&office);
    accounts_and_products(&office);
    let pipeline = prepare(&office);
    deals(&office, &pipeline);

    let all = office.get("/v1/statistics/dealOutcomes");
    let usd = all["outcomes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["currency_code"] == json!("USD"))
        .unwrap();
    assert_eq!(usd["won_amount"]["units"], json!(expected["won_value_total"].to_string()));
    assert_eq!((&usd["won_count"], &usd["lost_count"]), (&json!("4238"), &json!("2473")));
    assert_eq!(usd["win_rate_by_count"], json!("0.631501"));
    let mean: f64 = usd["mean_cycle_days_won"].as_str().unwrap().parse().unwrap();
    assert!((mean - expected["mean_cycle_days_won"].as_f64().unwrap()).abs() < 1e-4, "{mean}");

    let nobody = BTreeMap::new();
    let users = office.names("users", "display_name");
    assert_eq!(office.won("GROUP_BY_QUARTER", &nobody), amounts(&expected["won_by_quarter"]));
    let offices = office.names("departments", "display_name");
    assert_eq!(office.won("GROUP_BY_DEPARTMENT", &offices), amounts(&expected["won_by_region"]));
    assert_eq!(office.won("GROUP_BY_SUPERIOR", &users), amounts(&expected["won_by_manager"]));
    let products = office.names("products", "display_name");
    let by_product = office.won("GROUP_BY_CUSTOM_FIELD&custom_key=product", &products);
    assert_eq!(by_product, amounts(&expected["won_by_product"]));
    let top = |won: BTreeMap<String, i64>, wanted: &Value| {
        let wanted = amounts(wanted);
        let found = won.into_iter().filter(|(name, _)| wanted.contains_key(name)).collect::<BTreeMap<_, _>>();
        assert_eq!(found, wanted);
    };
    top(office.won("GROUP_BY_OWNER", &users), &expected["top5_agents_by_value"]);
    // Deals name accounts by id, so that what accounts are called comes from the customer service.
    top(
        office.won("GROUP_BY_ACCOUNT", &office.names("accounts", "display_name")),
        &expected["top5_accounts_by_value"],
    );
}
