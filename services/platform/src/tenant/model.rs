//! What a tenant is.

use chrono::{DateTime, Utc};
use crm_kit_api::call::TenantSettings;
use uuid::Uuid;

/// A company that uses the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub slug: String,
    pub display_name: String,
    pub region_code: String,
    pub time_zone: String,
    pub currency_code: String,
    pub language_code: String,
    pub state: State,
}

/// Whether a tenant may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum State {
    Active = 1,
    Suspended = 2,
}

impl Tenant {
    /// An active tenant with the settings that an empty value becomes.
    pub fn new(id: Uuid, now: DateTime<Utc>) -> Self {
        Self {
            id,
            create_time: now,
            update_time: now,
            revision: 1,
            slug: String::new(),
            display_name: String::new(),
            region_code: "CN".to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
            currency_code: "CNY".to_owned(),
            language_code: "zh-CN".to_owned(),
            state: State::Active,
        }
    }

    /// What every service needs to know of it.
    pub fn settings(&self) -> TenantSettings {
        TenantSettings {
            region_code: self.region_code.clone(),
            time_zone: self.time_zone.clone(),
            currency_code: self.currency_code.clone(),
            language_code: self.language_code.clone(),
        }
    }
}
