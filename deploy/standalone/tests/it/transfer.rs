//! `crm import` and `crm export` through the gateway.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::suite::{PASSWORD, Suite, crm, place};

pub fn tool(suite: &Suite, folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command: Command = crm();
    command.env("CRM_SERVER", format!("http://{}", suite.address)).env("CRM_PASSWORD", PASSWORD);
    command.env("CRM_TENANT", "main").env("CRM_USER", "admin").current_dir(folder);
    let output = command.args(arguments).output().unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), told.concat())
}

#[test]
fn a_file_is_tried_then_written_and_what_failed_stands_beside_it() {
    let place = place();
    let suite = Suite::start(&place.path().join("data"), &[]);
    let token = suite.first_sign_in();
    let csv = "公司名称,电话,内部号\n苏州恒达,0512 6888 1234,7\n坏号码,12,8\n";
    std::fs::write(place.path().join("new.csv"), csv).unwrap();
    let run = |more: &[&str]| {
        let arguments = [&["import", "accounts", "new.csv"], more].concat();
        tool(&suite, place.path(), &arguments)
    };
    let count = || {
        let (_, found) = suite.call("GET", "/v1/accounts", &token, &Value::Null);
        found["accounts"].as_array().map_or(0, Vec::len)
    };
    let (code, told) = run(&[]);
    assert!(code == Some(1) && told.contains("add --yes"), "{told}");
    let (code, told) = run(&["--dry-run"]);
    assert!(code == Some(1) && told.contains("line 3, column 电话: ") && told.contains("PHONE_"), "{told}");
    assert_eq!(count(), 0, "a dry run writes nothing");
    let (code, told) = run(&["--yes"]);
    assert!(code == Some(1) && told.contains("1 created, 0 updated, 0 unchanged, 1 failed"), "{told}");
    let failed = std::fs::read_to_string(place.path().join("new.errors.csv")).unwrap();
    assert!(failed.contains("坏号码,12,8,PHONE_") && !failed.contains("苏州恒达"), "{failed}");
    assert_eq!(count(), 1);
    let (code, told) = run(&["--yes", "--map", "电话="]);
    assert!(code == Some(0) && told.contains("(left out)"), "{told}");
}

#[test]
fn an_export_is_there_in_full_or_not_at_all() {
    let place = place();
    let suite = Suite::start(&place.path().join("data"), &[]);
    suite.first_sign_in();
    std::fs::write(place.path().join("new.csv"), "name,level\nA,LEVEL_A\nB,LEVEL_B\n").unwrap();
    let (code, told) =
        tool(&suite, place.path(), &["import", "accounts", "new.csv", "--yes", "--map", "name=display_name"]);
    assert_eq!(code, Some(0), "{told}");
    let export =
        |more: &[&str]| tool(&suite, place.path(), &[&["export", "accounts", "--out"], more].concat());
    let (code, told) =
        export(&["all.csv", "--fields", "display_name,level", "--filter", r#"level == "LEVEL_A""#]);
    assert!(code == Some(0) && told.contains("1 rows in all.csv"), "{told}");
    let text = std::fs::read_to_string(place.path().join("all.csv")).unwrap();
    assert!(text.contains("\nA,") && !text.contains("\nB,"), "{text}");
    let (code, told) = export(&["all.xlsx"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(std::fs::read(place.path().join("all.xlsx")).unwrap().starts_with(b"PK"));
    let (code, told) = export(&["bad.csv", "--filter", "no_such_field == 1"]);
    assert!(code == Some(1) && told.contains("no_such_field"), "{told}");
    let (code, told) = export(&["bad.txt"]);
    assert!(code == Some(1) && told.contains("--format"), "{told}");
    let left = std::fs::read_dir(place.path()).unwrap().flatten().map(|entry| entry.file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with("bad")));
}
