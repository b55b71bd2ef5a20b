//! `crm postgres` and `crm doctor`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use crate::suite::{Suite, crm, place};

fn output(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (
        output.status.code(),
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
    )
}

#[test]
fn a_throw_away_server_lives_as_long_as_the_command_and_ends_as_it_did() {
    let (code, told) =
        output(crm().args(["postgres", "--", "sh", "-c", "echo \"url $CRM_TEST_DATABASE_URL\"; exit 7"]));
    assert_eq!(code, Some(7), "{told}");
    let url = told.lines().find_map(|line| line.strip_prefix("url ")).unwrap();
    assert!(url.starts_with("postgres://postgres:"), "{url}");
    let (code, told) = output(crm().args(["postgres", "--", "sh", "-c", "kill -9 $$"]));
    assert_eq!(code, Some(137), "{told}");
    let (code, told) = output(crm().args(["postgres", "--", "/no/such/program"]));
    assert!(code == Some(1) && told.contains("cannot run /no/such/program"), "{told}");
}

#[test]
fn the_doctor_looks_at_a_folder_without_data_with_idle_data_and_in_use() {
    let place = place();
    let data = place.path().join("data");
    let look = || output(crm().args(["doctor", "--listen", "127.0.0.1:0", "--data"]).arg(&data));
    let (code, told) = look();
    assert!(code == Some(0) && told.contains("has no data yet"), "{told}");
    let mut suite = Suite::start(&data, &[]);
    let (code, told) = look();
    assert!(
        code == Some(0) && told.contains("in use by process") && told.contains("character type: C.UTF-8"),
        "{told}"
    );
    assert!(told.contains("database crm_sales: "), "{told}");
    assert!(told.contains("database crm_customer: ") && told.contains("search uses its indexes"), "{told}");
    suite.signal("-INT");
    suite.wait();
    let before = files(&data);
    let (code, told) = look();
    assert!(code == Some(0) && told.contains("not in use"), "{told}");
    assert_eq!(files(&data), before, "the doctor changed the data folder");
}

/// Every file with its size and time of change.
fn files(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path(), (metadata.len(), metadata.modified().unwrap()));
        }
    }
    found
}

#[test]
fn the_doctor_says_what_to_install_when_there_is_no_postgresql() {
    let place = place();
    let arguments = ["doctor", "--postgres-bin", "/nowhere", "--listen", "127.0.0.1:0", "--data"];
    let (code, told) = output(crm().args(arguments).arg(place.path().join("data")));
    assert!(code == Some(1) && told.contains("apt-get install postgresql"), "{told}");
}
