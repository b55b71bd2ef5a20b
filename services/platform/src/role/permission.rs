//! The permissions there are: exactly those that the contract's methods ask for.

use std::{collections::BTreeMap, sync::LazyLock};

use prost_reflect::Value;

/// The permission of methods that only the operator of the installation may call. No role can hold it, `*` notwithstanding: the operations
/// look at the caller.
pub const OPERATE: &str = "platform.tenants.operate";

static CATALOGUE: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(read);

/// Every permission a role can hold, with the methods that ask for it.
pub fn catalogue() -> &'static BTreeMap<String, Vec<String>> {
    &CATALOGUE
}

/// Whether a role can hold it: a permission of the catalogue, or one with `*` that covers some of them.
pub fn is_known(permission: &str) -> bool {
    match permission.strip_suffix('*') {
        Some("") => true,
        Some(prefix) => prefix.ends_with('.') && CATALOGUE.keys().any(|known| known.starts_with(prefix)),
        None => CATALOGUE.contains_key(permission),
    }
}

/// Whether a permission of the catalogue lets its holder see records and no more.
pub fn is_read(permission: &str) -> bool {
    permission.rsplit('.').next() == Some("read")
}

fn read() -> BTreeMap<String, Vec<String>> {
    let pool = crm_proto::pool();
    let mut catalogue = BTreeMap::<String, Vec<String>>::new();
    let Some(option) = pool.get_extension_by_name("crm.options.v1.permission") else { return catalogue };
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        if let Value::String(permission) = method.options().get_extension(&option).as_ref()
            && !matches!(permission.as_str(), "" | "public" | "authenticated" | OPERATE)
        {
            catalogue.entry(permission.clone()).or_default().push(method.full_name().to_owned());
        }
    }
    catalogue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_come_from_the_contract() {
        assert_eq!(catalogue()["platform.users.create"], ["crm.platform.v1.UserService.CreateUser"]);
        assert!(
            is_known("customer.accounts.read")
                && is_known("customer.accounts.*")
                && is_known("customer.*")
                && is_known("*")
        );
        for unknown in
            ["customer.accounts.fly", "customer.acc*", "custom.*", "", "public", "authenticated", OPERATE]
        {
            assert!(!is_known(unknown), "{unknown}");
        }
    }
}
