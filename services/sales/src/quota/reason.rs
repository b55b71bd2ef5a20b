//! Why quotas are refused.

use crm_kit_api::Error;
use tonic::Code;
use uuid::Uuid;

use super::Quota;
use crate::DOMAIN;

/// The person or team has a quota in one of the months.
pub fn exists() -> Error {
    let message = "there is a quota of the measure, level and currency in one of the months";
    Error::new(Code::AlreadyExists, DOMAIN, "QUOTA_EXISTS", message)
}

/// The quota is published and its period is over.
pub fn locked(quota: &Quota) -> Error {
    let message = "the quota is published and its period is over";
    Error::new(Code::FailedPrecondition, DOMAIN, "QUOTA_LOCKED", message).with("end_date", quota.end_date)
}

/// The quota is published, and so it stays.
pub fn published(id: Uuid) -> Error {
    let message = "a published quota stays; set it to 0 instead";
    Error::new(Code::FailedPrecondition, DOMAIN, "QUOTA_PUBLISHED", message).with("id", id)
}
