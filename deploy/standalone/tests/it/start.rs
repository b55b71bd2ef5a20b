//! First and later starts, and the end.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::suite::{PASSWORD, Suite, crm, is_running, place};

#[test]
fn the_first_start_tells_how_to_sign_in_and_later_ones_do_not() {
    let place = place();
    let data = place.path().join("data");
    let mut suite = Suite::start(&data, &[]);
    let token = suite.first_sign_in();
    let (status, made) = suite.call("POST", "/v1/accounts", &token, &json!({"display_name": "上海华达机械"}));
    assert_eq!(status, 200, "{made}");
    suite.signal("-INT");
    assert!(suite.wait().success());
    let suite = Suite::start(&data, &[]);
    assert!(suite.told("password").is_none(), "{}", suite.told);
    let (status, tokens) = suite.sign_in("main", "admin", PASSWORD);
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    let (_, found) = suite.call("GET", "/v1/accounts?q=huada", token, &Value::Null);
    assert_eq!(found["accounts"][0]["id"], made["id"], "{found}");
}

#[test]
fn a_first_password_opens_nothing_but_its_own_change() {
    let place = place();
    let suite = Suite::start(&place.path().join("data"), &[]);
    let (_, tokens) = suite.sign_in("main", "admin", &suite.told("password").unwrap());
    let token = tokens["access_token"].as_str().unwrap();
    let (status, refused) = suite.call("GET", "/v1/accounts", token, &Value::Null);
    assert_eq!(status, 400, "{refused}");
    assert!(refused.to_string().contains("PASSWORD_CHANGE_REQUIRED"), "{refused}");
}

#[test]
fn ctrl_c_and_sigterm_end_it_in_order() {
    let place = place();
    let data = place.path().join("data");
    for signal in ["-INT", "-TERM"] {
        let mut suite = Suite::start(&data, &[]);
        let postgres = suite.postgres();
        suite.signal(signal);
        let status = suite.wait();
        assert!(status.success(), "{signal}: {status}");
        assert!(!is_running(postgres), "{signal}: the database outlived the suite");
        assert!(
            !data.join("cluster/postmaster.pid").exists(),
            "{signal}: the database was not shut down in order"
        );
    }
}

#[test]
fn a_second_suite_on_the_same_folder_is_told_who_has_it() {
    let place = place();
    let data = place.path().join("data");
    let suite = Suite::start(&data, &[]);
    let second = crm().args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(&data).output().unwrap();
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        !second.status.success() && told.contains("already running on") && told.contains("pid"),
        "{told}"
    );
    let elsewhere = place.path().join("elsewhere");
    let second = crm().args(["up", "--listen", &suite.address, "--data"]).arg(&elsewhere).output().unwrap();
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && told.contains("is in use: choose another with --listen"), "{told}");
}

#[test]
fn secrets_are_private_and_stay() {
    let place = place();
    let data = place.path().join("data");
    let secrets = || std::fs::read_to_string(data.join("secrets.json")).unwrap();
    let first = {
        let _suite = Suite::start(&data, &[]);
        secrets()
    };
    assert_eq!(std::fs::metadata(data.join("secrets.json")).unwrap().permissions().mode() & 0o777, 0o600);
    let suite = Suite::start(&data, &[]);
    assert_eq!(secrets(), first);
    drop(suite);
}

#[test]
fn the_probes_and_the_documentation_are_there() {
    let place = place();
    let suite = Suite::start(&place.path().join("data"), &[]);
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"] {
        let (status, _) = suite.call("GET", path, "", &Value::Null);
        assert_eq!(status, 200, "{path}");
    }
}
