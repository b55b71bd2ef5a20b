//! `kill -9` of the suite and of its database: nothing that was answered is lost.

use serde_json::{Value, json};

use crate::suite::{PASSWORD, Suite, is_running, kill, place, text, until};

fn create(suite: &Suite, token: &str, number: usize) -> Option<String> {
    let body = json!({"display_name": format!("Account {number}")});
    let (status, made) = suite.try_call("POST", "/v1/accounts", token, &body).ok()?;
    (status == 200).then(|| text(&made["id"]))
}

fn missing(suite: &Suite, token: &str, ids: &[String]) -> Vec<String> {
    let is_missing =
        |id: &&String| suite.call("GET", &format!("/v1/accounts/{id}"), token, &Value::Null).0 != 200;
    ids.iter().filter(is_missing).cloned().collect()
}

#[test]
fn what_was_answered_is_there_after_the_suite_was_killed() {
    let place = place();
    let data = place.path().join("data");
    let mut suite = Suite::start(&data, &[]);
    let token = suite.first_sign_in();
    let made: Vec<String> = (0..50).map(|number| create(&suite, &token, number).unwrap()).collect();
    let postgres = suite.postgres();
    suite.signal("-KILL");
    suite.wait();
    until("the database ends with the suite", || !is_running(postgres));
    let suite = Suite::start(&data, &[]);
    let (_, tokens) = suite.sign_in("main", "admin", PASSWORD);
    assert_eq!(missing(&suite, &text(&tokens["access_token"]), &made), Vec::<String>::new());
    // Signing keys outlive the process too.
    assert_eq!(suite.call("GET", "/v1/accounts", &token, &Value::Null).0, 200);
}

#[test]
fn a_killed_database_comes_back_under_the_running_suite() {
    let place = place();
    let suite = Suite::start(&place.path().join("data"), &[]);
    let token = suite.first_sign_in();
    let mut made = Vec::new();
    for round in 0..3 {
        made.extend((0..20).map(|number| create(&suite, &token, round * 100 + number).unwrap()));
        let postgres = suite.postgres();
        kill("-KILL", postgres);
        until("the database ends", || !is_running(postgres));
        until("the suite writes again", || match create(&suite, &token, round * 100 + 99) {
            Some(id) => {
                made.push(id);
                true
            }
            None => false,
        });
    }
    assert_eq!(missing(&suite, &token, &made), Vec::<String>::new());
}
