//! What the contract says of each method, read from the descriptors once at start.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use crm_kit_api::{Error, Result, sensitivity::Masker};
use metrics::{Counter, Histogram};
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor, MethodDescriptor};

/// What became of one row of a bulk stream.
const ROW_RESULT: &str = "crm.record.v1.RowResult";

/// One method of the contract.
pub struct Method {
    /// `/package.Service/Method`
    pub path: Arc<str>,
    /// Permission its callers need.
    pub permission: Permission,
    /// Type of its request messages.
    pub input: MessageDescriptor,
    /// Full name of the type of its response messages.
    pub output: String,
    /// Whether it takes a stream.
    pub streams_in: bool,
    /// Whether it answers with a stream.
    pub streams_out: bool,
    /// Whether its requests are rows and its responses tell what became of each.
    pub tells_rows: bool,
    /// Whether it changes nothing.
    pub is_read: bool,
    /// Whether its responses can hold values that roles mask.
    pub maskable: bool,
    /// Its counter of answers without error, looked up once.
    pub answered: OnceLock<Counter>,
    /// Its histogram of times, looked up once.
    pub times: OnceLock<Histogram>,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Method").field(&self.path).finish()
    }
}

/// Who may call a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Anybody, without a credential.
    Public,
    /// Anybody with a credential.
    Authenticated,
    /// Callers whose roles grant this permission.
    Named(String),
}

/// Every method of the contract, by path.
#[derive(Debug)]
pub struct Methods(HashMap<String, Arc<Method>>);

impl Methods {
    /// Reads the methods of the contract's own services. One without a permission is a bug of the contract.
    pub fn new(pool: &DescriptorPool, masker: &Masker) -> Result<Self> {
        let ours = pool.services().filter(|service| service.full_name().starts_with("crm."));
        let methods = ours.flat_map(|service| service.methods().collect::<Vec<_>>());
        let entries = methods
            .map(|method| read(pool, &method, masker).map(|entry| (entry.path.to_string(), Arc::new(entry))));
        entries.collect::<Result<_>>().map(Self)
    }

    /// The method of a request path.
    pub fn get(&self, path: &str) -> Option<&Arc<Method>> {
        self.0.get(path)
    }

    /// Every method.
    pub fn iter(&self) -> impl Iterator<Item = &Method> {
        self.0.values().map(AsRef::as_ref)
    }
}

fn read(pool: &DescriptorPool, method: &MethodDescriptor, masker: &Masker) -> Result<Method> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let permission =
        permission(pool, method).ok_or_else(|| Error::bug(format!("{path} states no permission")))?;
    let output = method.output().full_name().to_owned();
    let is_result = |kind: Kind| kind.as_message().is_some_and(|message| message.full_name() == ROW_RESULT);
    let tells_rows =
        method.is_client_streaming() && method.output().fields().any(|field| is_result(field.kind()));
    Ok(Method {
        permission,
        input: method.input(),
        maskable: masker.concerns(&output),
        output,
        streams_in: method.is_client_streaming(),
        streams_out: method.is_server_streaming(),
        tells_rows,
        is_read: method
            .method_descriptor_proto()
            .options
            .as_ref()
            .is_some_and(|options| options.idempotency_level() as i32 == 1),
        path: path.into(),
        answered: OnceLock::new(),
        times: OnceLock::new(),
    })
}

fn permission(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<Permission> {
    let extension = pool.get_extension_by_name("crm.options.v1.permission")?;
    let options = method.options();
    let name = options.get_extension(&extension).as_str()?.to_owned();
    match name.as_str() {
        "" => None,
        "public" => Some(Permission::Public),
        "authenticated" => Some(Permission::Authenticated),
        _ => Some(Permission::Named(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_and_read_only_methods_are_read_from_the_contract() {
        let pool = crm_proto::pool();
        let methods = Methods::new(pool, &Masker::new(pool)).unwrap();
        let get = methods.get("/crm.customer.v1.AccountService/GetAccount").unwrap();
        assert_eq!(get.permission, Permission::Named("customer.accounts.read".to_owned()));
        assert!(get.is_read && get.maskable && !get.streams_in);
        let create = methods.get("/crm.customer.v1.AccountService/CreateAccount").unwrap();
        assert!(!create.is_read);
        let bulk = methods.get("/crm.customer.v1.AccountService/BulkUpsertAccounts").unwrap();
        assert!(bulk.streams_in && bulk.tells_rows && !create.tells_rows);
    }
}
