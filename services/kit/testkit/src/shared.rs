//! The data folder beside the checkout: real input with known answers, not part of the product.

use std::path::PathBuf;

/// The folder `name` of the shared data, or `None` with one printed line when it is not there.
pub fn data(name: &str) -> Option<PathBuf> {
    let given = std::env::var_os("CRM_SHARED_DATA").map(PathBuf::from);
    let beside = || {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|folder| folder.join("shared/data")).find(|folder| folder.is_dir())
    };
    let folder = given.or_else(beside).map(|folder| folder.join(name)).filter(|folder| folder.exists());
    if folder.is_none() {
        println!("skipped: shared data {name} not found");
    }
    folder
}
