//! Settings: defaults in code, over them a TOML file, over it the environment.

use crm_kit_api::{Error, Result};
use figment::{
    Figment,
    providers::{Env, Format as _, Toml},
};
use serde::de::DeserializeOwned;

/// Reads the settings of a service: the file named by `CRM_CONFIG`, if any, under the table `[service]`, and variables such as
/// `CRM_CUSTOMER__LISTEN` for `listen` of `customer`.
pub fn load<T: DeserializeOwned>(service: &str) -> Result<T> {
    let mut figment = Figment::new();
    if let Some(path) = std::env::var_os("CRM_CONFIG") {
        figment = figment.merge(Toml::file_exact(path).nested()).select(service.to_owned());
    }
    let prefix = format!("CRM_{}__", service.to_uppercase());
    let merged = figment.merge(Env::prefixed(&prefix).split("__").global());
    merged.extract().map_err(|error| Error::invalid_field("settings", "SETTINGS_INVALID", error.to_string()))
}
