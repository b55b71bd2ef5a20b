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
    suite.signal("-INT");
    assert!(suite.wait().success());
    let suite = Suite::start(&data, &["--demo"]);
    assert!(!suite.told.contains("made in"), "{}", suite.told);
    assert_eq!(count(&suite, &token(&suite, "admin"), "accounts"), 300);
}
