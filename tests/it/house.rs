//! Walks over the source: the few rules that hold the house together.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The source without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    // Samples are compiled for tests only.
    if path.ends_with("sample.rs") {
        return String::new();
    }
    text.split("#[cfg(test)]").next().unwrap_or_default().to_lowercase()
}

#[test]
fn the_kit_knows_no_noun_of_the_trade() {
    let nouns = [
        "contact",
        "opportunit",
        "ticket",
        "campaign",
        "quotation",
        "invoice",
        "pipeline",
        "lead_",
        "customer",
    ];
    let records = ["account", "order line", "price book"];
    let mut complaints = Vec::new();
    for part in ["api", "pg", "rpc", "value", "table", "record"] {
        for path in files(&root().join("services/kit").join(part).join("src"), ".rs") {
            let text = code(&path);
            // The contract's package names stand in examples of method paths.
            let text = text.replace("crm.customer", "").replace("crm_customer", "").replace("`customer", "");
            let is_record = part == "record";
            let more = records.iter().filter(|_| is_record);
            let noun = nouns.iter().chain(more).find(|noun| text.contains(**noun));
            complaints.extend(noun.map(|noun| format!("{} speaks of {noun}", path.display())));
        }
    }
    assert_none(complaints);
}

#[test]
fn services_do_not_depend_on_services() {
    let services = ["platform", "customer", "sales", "marketing", "service", "analytics"];
    let mut complaints = Vec::new();
    let folders: Vec<PathBuf> = services
        .iter()
        .map(|service| root().join("services").join(service))
        .filter(|folder| folder.exists())
        .collect();
    assert!(folders.len() >= 2);
    let kit = ["api", "pg", "rpc", "value", "table", "record", "testkit"]
        .map(|part| root().join("services/kit").join(part));
    for folder in folders.iter().chain(&kit) {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for service in services {
            let own = folder.file_name().is_some_and(|name| name == service);
            if !own && manifest.contains(&format!("crm-{service}")) {
                complaints.push(format!("{} depends on crm-{service}", folder.display()));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn every_dependency_gives_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let lines = table
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with('#') && !line.contains("path ="));
    let complaints = lines.filter(|line| !line.contains(" # ")).map(|line| format!("{line} gives no reason"));
    assert_none(complaints.collect());
}

#[test]
fn every_file_says_what_it_owns() {
    let complaints =
        files(&root().join("services"), ".rs").into_iter().chain(files(&root().join("gateway"), ".rs"));
    let silent = complaints.filter(|path| {
        let text = fs::read_to_string(path).unwrap();
        !text.starts_with("//!")
    });
    assert_none(
        silent
            .map(|path| format!("{} begins without a line that says what it owns", path.display()))
            .collect(),
    );
}

#[test]
fn sql_is_built_only_where_the_house_says() {
    let allowed = [
        "kit/pg/src/list.rs",
        "kit/pg/src/db.rs",
        "kit/pg/src/migrate.rs",
        "kit/pg/src/reader.rs",
        "kit/pg/src/server/",
        "kit/record/src/rows.rs",
        "kit/testkit/",
    ];
    let mut complaints = Vec::new();
    for path in files(&root().join("services"), ".rs") {
        let name = path.to_string_lossy();
        let is_test = name.contains("/tests/");
        if !is_test
            && !allowed.iter().any(|place| name.contains(place))
            && code(&path).contains("assertsqlsafe")
        {
            complaints.push(format!("{name} builds SQL"));
        }
    }
    assert_none(complaints);
}
