//! What the tests share: where the data is.

use std::path::{Path, PathBuf};

/// The folder of shared test data of that name: under `CRM_SHARED_DATA`, or under `shared/data` in a folder above. Says on one
/// line when there is none.
pub fn shared_data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CRM_SHARED_DATA").map(PathBuf::from).or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|above| above.join("shared/data"))
            .find(|found| found.is_dir())
    });
    let found = root.map(|root| root.join(folder)).filter(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: shared data not found");
    }
    found
}

/// The peak of the resident memory of this process, in MiB.
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

/// The files of a folder with one of the endings, sorted.
pub fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| endings.iter().any(|ending| found == *ending)))
        .collect();
    files.sort();
    files
}

pub fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Whether this process runs the one test of that name; when it does not, such a process is run first. For tests that look at the memory of
/// their process, which other tests share.
pub fn is_alone(test: &str) -> bool {
    if std::env::var_os("TABLE_TEST_ALONE").is_some() {
        return true;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("TABLE_TEST_ALONE", "1")
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    false
}
