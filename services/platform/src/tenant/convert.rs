//! Tenants on the wire.

use chrono_tz::Tz;
use crm_kit_api::{Result, error::Violations, etag, time::timestamp};
use crm_proto::crm::platform::v1::{self as wire, tenant::State as WireState};

use super::model::{State, Tenant};
use crate::text;

impl Tenant {
    /// The tenant on the wire.
    pub fn to_wire(&self) -> wire::Tenant {
        let state = match self.state {
            State::Active => WireState::Active,
            State::Suspended => WireState::Suspended,
        };
        wire::Tenant {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            update_time: Some(timestamp(self.update_time)),
            etag: etag::of(self.revision),
            display_name: self.display_name.clone(),
            slug: self.slug.clone(),
            region_code: self.region_code.clone(),
            time_zone: self.time_zone.clone(),
            currency_code: self.currency_code.clone(),
            language_code: self.language_code.clone(),
            state: state.into(),
        }
    }

    /// The same tenant with the values of `wire` that callers set; every violation is collected. Bounds of the contract are checked before.
    pub fn with_wire(&self, wire: &wire::Tenant) -> Result<Self> {
        let mut violations = Violations::default();
        let or =
            |value: &str, default: &str| if value.is_empty() { default.to_owned() } else { value.to_owned() };
        let tenant = Self {
            display_name: text::required_line(
                "tenant.display_name",
                &wire.display_name,
                200,
                &mut violations,
            ),
            slug: wire.slug.clone(),
            region_code: or(&wire.region_code, &self.region_code),
            time_zone: or(&wire.time_zone, &self.time_zone),
            currency_code: or(&wire.currency_code, &self.currency_code),
            language_code: or(&wire.language_code, &self.language_code),
            ..self.clone()
        };
        if tenant.slug.is_empty() {
            violations.add("tenant.slug", "REQUIRED", "must not be empty");
        }
        if tenant.time_zone.parse::<Tz>().is_err() {
            violations.add("tenant.time_zone", "TIME_ZONE_UNKNOWN", "is not an IANA time zone");
        }
        violations.into_result(tenant)
    }
}
