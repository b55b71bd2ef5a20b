//! Postal addresses, kept as the parts of google.type.PostalAddress.

use crm_kit_api::filter::Value;
use crm_proto::google::r#type::PostalAddress;
use serde::{Deserialize, Serialize};

use crate::field::Checker;

/// Most lines, and most recipients.
const MAX_LINES: usize = 10;
/// Most characters of one part.
const MAX_PART: usize = 200;

/// A postal address as stored. Empty parts are left out of the JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// Country, ISO 3166-1 alpha-2.
    pub region_code: String,
    /// Language of the parts, BCP 47.
    pub language_code: String,
    /// Postal code.
    pub postal_code: String,
    /// Code for sorting, such as CEDEX.
    pub sorting_code: String,
    /// Province or state.
    pub administrative_area: String,
    /// City.
    pub locality: String,
    /// District.
    pub sublocality: String,
    /// Street and house, as many lines as needed.
    pub address_lines: Vec<String>,
    /// Persons.
    pub recipients: Vec<String>,
    /// Company.
    pub organization: String,
}

impl Address {
    /// Reads an address; an address without any part counts as none.
    pub fn read(field: &str, wire: PostalAddress, check: &mut Checker<'_>) -> Option<Self> {
        let region = wire.region_code.as_str();
        let is_code = region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase());
        if !region.is_empty() && !is_code {
            let place = format!("{field}.region_code");
            check.refuse(
                &place,
                "REGION_INVALID",
                "is not a country code of two capital letters (ISO 3166-1)",
            );
        }
        let mut part = |name: &str, text: String| check.line(&format!("{field}.{name}"), text, MAX_PART);
        let mut address = Self {
            language_code: part("language_code", wire.language_code),
            postal_code: part("postal_code", wire.postal_code),
            sorting_code: part("sorting_code", wire.sorting_code),
            administrative_area: part("administrative_area", wire.administrative_area),
            locality: part("locality", wire.locality),
            sublocality: part("sublocality", wire.sublocality),
            organization: part("organization", wire.organization),
            region_code: wire.region_code,
            ..Self::default()
        };
        address.address_lines = many(&format!("{field}.address_lines"), wire.address_lines, check);
        address.recipients = many(&format!("{field}.recipients"), wire.recipients, check);
        (address != Self::default()).then_some(address)
    }

    /// Reads an address that may be missing.
    pub fn read_optional(field: &str, wire: Option<PostalAddress>, check: &mut Checker<'_>) -> Option<Self> {
        Self::read(field, wire?, check)
    }

    /// A part that filters and formulas can use, of an address that may be missing.
    pub fn filter_value<'a>(address: Option<&'a Self>, part: &str) -> Value<'a> {
        let Some(address) = address else { return Value::Null };
        let text = match part {
            "region_code" => &address.region_code,
            "administrative_area" => &address.administrative_area,
            "locality" => &address.locality,
            _ => &address.postal_code,
        };
        Value::Text(text.as_str().into())
    }

    /// The address on the wire.
    pub fn to_wire(&self) -> PostalAddress {
        PostalAddress {
            revision: 0,
            region_code: self.region_code.clone(),
            language_code: self.language_code.clone(),
            postal_code: self.postal_code.clone(),
            sorting_code: self.sorting_code.clone(),
            administrative_area: self.administrative_area.clone(),
            locality: self.locality.clone(),
            sublocality: self.sublocality.clone(),
            address_lines: self.address_lines.clone(),
            recipients: self.recipients.clone(),
            organization: self.organization.clone(),
        }
    }
}

fn many(field: &str, texts: Vec<String>, check: &mut Checker<'_>) -> Vec<String> {
    if texts.len() > MAX_LINES {
        check.refuse(field, "TOO_MANY", format!("has more than {MAX_LINES} lines"));
    }
    let lines = texts.into_iter().enumerate();
    lines.map(|(index, text)| check.line(&format!("{field}[{index}]"), text, MAX_PART)).collect()
}
