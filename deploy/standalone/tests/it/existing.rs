//! `crm up --database-url` on a server that somebody else runs, with a role of every rank.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    str::FromStr as _,
};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions as _, postgres::PgConnectOptions};

use crate::suite::{PASSWORD, Suite, crm, place, text};

/// A server of this test, which ends with it.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut command = crm();
        command.args(["postgres", "--", "sh", "-c", "echo $CRM_TEST_DATABASE_URL; exec cat"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }

    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::from_str(&self.url).unwrap()
    }

    /// The address for a new role with these attributes.
    fn role(&self, name: &str, attributes: &str) -> String {
        self.run("postgres", &format!("CREATE ROLE {name} LOGIN PASSWORD 'hush-hush' {attributes}"));
        self.options().username(name).password("hush-hush").to_url_lossy().to_string()
    }

    /// Runs statements as the superuser; those that fail fail the test.
    fn run(&self, database: &str, sql: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut conn = self.options().database(database).connect().await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
        });
    }

    /// As `psql -f`: a statement a line, `\connect` changes the database.
    fn run_script(&self, script: &str) {
        let mut database = "postgres".to_owned();
        for line in script.lines().filter(|line| !line.starts_with("--")) {
            match line.strip_prefix("\\connect ") {
                Some(name) => name.trim_matches('"').clone_into(&mut database),
                None => self.run(&database, line),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take()); // `cat` ends, and the server with it
        let _ = self.child.wait();
    }
}

fn output(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&told).into_owned())
}

fn doctor(data: &std::path::Path, url: &str) -> (Option<i32>, String) {
    output(crm().args(["doctor", "--listen", "127.0.0.1:0", "--database-url", url, "--data"]).arg(data))
}

fn refused(data: &std::path::Path, url: &str) -> String {
    let (code, told) =
        output(crm().args(["up", "--listen", "127.0.0.1:0", "--database-url", url, "--data"]).arg(data));
    assert_eq!(code, Some(1), "{told}");
    assert!(!told.contains("hush-hush"), "{told}");
    told
}

/// Signs in, makes an account and finds it; again after another start.
fn work(data: &std::path::Path, url: &str) {
    let mut suite = Suite::start(data, &["--database-url", url]);
    let token = suite.first_sign_in();
    let (status, made) = suite.call("POST", "/v1/accounts", &token, &json!({"display_name": "上海华达机械"}));
    assert_eq!(status, 200, "{made}");
    suite.signal("-TERM");
    assert!(suite.wait().success());
    let suite = Suite::start(data, &["--database-url", url]);
    let (_, tokens) = suite.sign_in("main", "admin", PASSWORD);
    let token = text(&tokens["access_token"]);
    let (_, found) = suite.call("GET", "/v1/accounts?q=huada", &token, &Value::Null);
    assert_eq!(found["accounts"][0]["id"], made["id"], "{found}");
    assert!(!data.join("cluster").exists(), "no database of its own was made");
}

#[test]
fn a_superuser_gets_everything_set_up_and_search_with_indexes() {
    let (server, place) = (Server::start(), place());
    let data = place.path().join("data");
    let (code, told) = doctor(&data, &server.url);
    assert!(code == Some(1) && told.contains("FAIL  database crm_customer"), "{told}");
    work(&data, &server.url);
    let (code, told) = doctor(&data, &server.url);
    assert!(code == Some(0) && told.contains("search uses its indexes") && !told.contains("SLOW"), "{told}");
    // The doctor tells of a mark that is gone, and does not set it.
    server.run("crm_customer", "ALTER FUNCTION pg_catalog.texticlike(text,text) NOT LEAKPROOF");
    for _ in 0..2 {
        let (code, told) = doctor(&data, &server.url);
        assert!(code == Some(0) && told.contains("SLOW  database crm_customer"), "{told}");
        assert!(told.contains("ALTER FUNCTION pg_catalog.texticlike(text,text) LEAKPROOF;"), "{told}");
    }
    // Another installation does not take the roles away from this one.
    let told = refused(&place.path().join("other"), &server.url);
    assert!(told.contains("crm_platform_owner already") && told.contains("credentials"), "{told}");
}

#[test]
fn a_role_that_may_make_roles_and_databases_is_enough() {
    let (server, place) = (Server::start(), place());
    let data = place.path().join("data");
    let url = server.role("maker", "CREATEROLE CREATEDB");
    work(&data, &url);
    let (code, told) = doctor(&data, &server.url);
    assert!(code == Some(0) && told.contains("SLOW  database crm_customer"), "{told}");
    assert!(told.contains("psql -d crm_customer -c 'ALTER FUNCTION"), "{told}");
}

#[test]
fn a_role_without_rights_is_told_what_to_run() {
    let (server, place) = (Server::start(), place());
    let data = place.path().join("data");
    let url = server.role("nobody_special", "");
    let told = refused(&data, &url);
    assert!(
        told.contains("nobody_special may not create") && told.contains("database crm_customer"),
        "{told}"
    );
    let path = data.join("set-up.sql");
    assert!(told.contains(&format!("psql -f {}", path.display())), "{told}");
    server.run_script(&std::fs::read_to_string(&path).unwrap());
    work(&data, &url);
    assert!(!path.exists(), "a file with passwords stays");
    let (code, told) = doctor(&data, &server.url);
    assert!(code == Some(0) && !told.contains("SLOW"), "{told}");
}

#[test]
fn an_address_that_leads_nowhere_is_told_without_its_password() {
    let place = place();
    let data = place.path().join("data");
    let told = refused(&data, "postgres://somebody:hush-hush@127.0.0.1:1/postgres");
    assert!(told.contains("cannot reach the database server"), "{told}");
    let told = refused(&data, "mysql:hush-hush");
    assert!(told.contains("is not like postgres://"), "{told}");
}
