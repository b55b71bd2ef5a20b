//! What lists of one kind of record offer to filter and order by, and what of it a caller may use.
//!
//! Not here: the fields of a kind, which its own schema states.

use std::collections::BTreeMap;

use crm_kit_api::{
    filter::{Field, Kind, Schema},
    order::{Column, KeyKind},
    sensitivity::{Mask, Masks, Sensitivity, class_of},
};
use prost_reflect::{Kind as WireKind, MessageDescriptor};

use crate::custom_field::Fields;

/// The standard fields of one kind of record.
#[derive(Debug)]
pub struct Standard {
    /// Fields to filter by.
    pub fields: &'static [Field],
    /// Paths to order by, with an SQL expression that is never NULL.
    pub order: &'static [(&'static str, &'static str, KeyKind)],
    /// Paths with a class of sensitivity; a class covers everything below its path.
    pub sensitive: &'static [(&'static str, Sensitivity)],
}

impl Standard {
    /// The fields as a caller with `masks` may filter by them.
    pub fn filter_schema(&self, custom: &Fields, masks: &Masks) -> Schema {
        let paths = self.fields.iter().map(|field| field.path.clone());
        let masked = paths.filter(|path| self.is_masked(path, masks));
        Schema::new(self.fields).with_masked(masked).with_custom(custom.filter_fields(masks))
    }

    /// The columns as a caller with `masks` may order by them.
    pub fn order_columns(&self, custom: &Fields, masks: &Masks) -> Vec<Column> {
        let standard = self.order.iter().map(|(path, sql, kind)| Column {
            path: (*path).into(),
            sql: (*sql).into(),
            kind: *kind,
            masked: self.is_masked(path, masks),
        });
        standard.chain(custom.order_columns(masks)).collect()
    }

    /// Paths that can be filtered by.
    pub fn filterable(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.fields.iter().map(|field| field.path.as_ref())
    }

    /// Paths that can be ordered by.
    pub fn sortable(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.order.iter().map(|(path, ..)| *path)
    }

    /// The class of a field; one inside another is of the class of what it lies in.
    pub fn class_of(&self, path: &str) -> Sensitivity {
        let lies_in =
            |top: &str| path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let found = self.sensitive.iter().find(|(top, _)| lies_in(top));
        found.map(|(_, class)| *class).unwrap_or_default()
    }

    fn is_masked(&self, path: &str, masks: &Masks) -> bool {
        masks.of(self.class_of(path)) != Mask::None
    }

    /// Where classes of sensitivity and values of enums are not those of the contract, for the test of a kind. `aliases` are filter fields with
    /// the path in the contract that they stand for.
    pub fn differences(&self, message: &MessageDescriptor, aliases: &[(&str, &str)]) -> Vec<String> {
        let mut ours: BTreeMap<String, Sensitivity> =
            self.sensitive.iter().map(|(path, class)| ((*path).to_owned(), *class)).collect();
        let wire = classes("", message);
        let mut found = Vec::new();
        for (alias, path) in aliases {
            if ours.remove(*alias) != wire.get(*path).copied() {
                found.push(format!("{alias} has not the class of {path}"));
            }
        }
        for path in ours.keys().chain(wire.keys()) {
            if ours.get(path) != wire.get(path) {
                found.push(format!(
                    "{path} is {:?} here and {:?} in the contract",
                    ours.get(path),
                    wire.get(path)
                ));
            }
        }
        for field in message.fields() {
            let known = self.fields.iter().find(|known| known.path == field.name());
            let (WireKind::Enum(wire), Some(known)) = (field.kind(), known) else { continue };
            let wire: Vec<(String, i32)> =
                wire.values().map(|value| (value.name().to_owned(), value.number())).collect();
            let is_same = match known.kind {
                Kind::Enum(values) => {
                    values.iter().map(|(name, number)| ((*name).to_owned(), *number)).eq(wire)
                }
                _ => false,
            };
            if !is_same {
                found.push(format!("{} has not the values of the contract", field.name()));
            }
        }
        found
    }
}

/// Classes of the fields of a message by their paths. Messages of its package have sensitive parts of their own; one of another package has a class
/// as a whole.
fn classes(prefix: &str, message: &MessageDescriptor) -> BTreeMap<String, Sensitivity> {
    let mut found = BTreeMap::new();
    for field in message.fields().filter(|field| !field.is_map()) {
        let path = format!("{prefix}{}", field.name());
        match (class_of(&field), field.kind()) {
            (Sensitivity::Unspecified, WireKind::Message(nested))
                if nested.package_name() == message.package_name() =>
            {
                found.extend(classes(&format!("{path}."), &nested));
            }
            (Sensitivity::Unspecified, _) => {}
            (class, _) => {
                found.insert(path, class);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::FIRMS;

    #[test]
    fn a_nested_field_has_the_class_of_what_it_lies_in() {
        for (path, class) in [
            ("display_name", Sensitivity::Unspecified),
            ("address.locality", Sensitivity::Address),
            ("email", Sensitivity::Email),
            ("email_count", Sensitivity::Unspecified),
            ("nothing.here", Sensitivity::Unspecified),
        ] {
            assert_eq!(FIRMS.schema.class_of(path), class, "{path}");
        }
    }
}
