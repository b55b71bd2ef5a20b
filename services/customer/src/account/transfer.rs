//! Accounts in files.

use super::Account;
use crate::{
    collection::{Permissions, Transfer},
    table::mapping,
};

impl Transfer for Account {
    const NAMES: mapping::Schema<'static> = mapping::ACCOUNT;
    const PERMISSIONS: Permissions =
        Permissions { import: "customer.accounts.import", export: "customer.accounts.export" };
}
