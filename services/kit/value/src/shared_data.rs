//! Finds the judged examples under `shared/data` for tests.

use std::path::{Path, PathBuf};

/// The text of one data file, or `None` (with one line printed) when this machine does not have the folder.
pub fn read(file: &str) -> Option<String> {
    let text = root().and_then(|root| std::fs::read_to_string(root.join(file)).ok());
    if text.is_none() {
        println!("skipped: shared data not found");
    }
    text
}

/// The data lines of a tab-separated file, each cut into its columns; the heading is dropped.
pub fn rows(file: &str) -> Vec<Vec<String>> {
    let text = read(file).unwrap_or_default();
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// A JSON file, or `None` when this machine does not have the folder.
pub fn json(file: &str) -> Option<serde_json::Value> {
    read(file).map(|text| serde_json::from_str(&text).unwrap())
}

fn root() -> Option<PathBuf> {
    if let Some(set) = std::env::var_os("CRM_SHARED_DATA") {
        return Some(PathBuf::from(set));
    }
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|dir| dir.join("shared/data"))
        .find(|dir| dir.is_dir())
}
