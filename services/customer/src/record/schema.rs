//! What lists of one kind of record offer to filter and order by, and what of it a caller may use.
//!
//! Not here: the fields of a kind, which its own schema states.

use crm_kit_api::{
    filter::{Field, Schema},
    order::{Column, KeyKind},
    sensitivity::{Mask, Masks, Sensitivity},
};

use crate::custom_field::Fields;

/// Life-cycle stages by name.
pub const STAGES: &[(&str, i32)] = &[
    ("LIFE_CYCLE_STAGE_UNSPECIFIED", 0),
    ("LIFE_CYCLE_STAGE_VISITOR", 1),
    ("LIFE_CYCLE_STAGE_SUBSCRIBER", 2),
    ("LIFE_CYCLE_STAGE_LEAD", 3),
    ("LIFE_CYCLE_STAGE_MARKETING_QUALIFIED", 4),
    ("LIFE_CYCLE_STAGE_SALES_QUALIFIED", 5),
    ("LIFE_CYCLE_STAGE_OPPORTUNITY", 6),
    ("LIFE_CYCLE_STAGE_CUSTOMER", 7),
    ("LIFE_CYCLE_STAGE_REPEAT", 8),
    ("LIFE_CYCLE_STAGE_DORMANT", 9),
    ("LIFE_CYCLE_STAGE_LOST", 10),
];

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

    fn is_masked(&self, path: &str, masks: &Masks) -> bool {
        self.sensitive.iter().any(|(top, class)| {
            let below = path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            below && masks.of(*class) != Mask::None
        })
    }
}

/// Comparing a schema with the contract, for the tests of the kinds.
#[cfg(test)]
pub mod contract {
    use std::collections::BTreeMap;

    use crm_kit_api::{filter::Kind, sensitivity::class_of};
    use prost_reflect::{Kind as WireKind, MessageDescriptor};

    use super::*;

    /// The package whose messages have sensitive parts of their own; one of another package has a class as a whole.
    const PACKAGE: &str = "crm.customer.v1";

    /// Asserts that classes of sensitivity and values of enums are those of the contract. `aliases` are filter fields with the path in the contract
    /// that they stand for.
    pub fn assert_agrees(schema: &Standard, message: &str, aliases: &[(&str, &str)]) {
        let message = crm_proto::pool().get_message_by_name(&format!("{PACKAGE}.{message}")).unwrap();
        let mut ours: BTreeMap<String, Sensitivity> =
            schema.sensitive.iter().map(|(path, class)| ((*path).to_owned(), *class)).collect();
        let wire = classes("", &message);
        for (alias, path) in aliases {
            assert_eq!(ours.remove(*alias), wire.get(*path).copied(), "{alias} has the class of {path}");
        }
        assert_eq!(ours, wire);
        for field in message.fields() {
            let known = schema.fields.iter().find(|known| known.path == field.name());
            if let (WireKind::Enum(wire), Some(known)) = (field.kind(), known) {
                let Kind::Enum(values) = known.kind else { panic!("{} is an enum", field.name()) };
                let wire: Vec<(String, i32)> =
                    wire.values().map(|value| (value.name().to_owned(), value.number())).collect();
                let ours: Vec<(String, i32)> =
                    values.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
                assert_eq!(wire, ours, "{}", field.name());
            }
        }
    }

    fn classes(prefix: &str, message: &MessageDescriptor) -> BTreeMap<String, Sensitivity> {
        let mut found = BTreeMap::new();
        for field in message.fields().filter(|field| !field.is_map()) {
            let path = format!("{prefix}{}", field.name());
            match (class_of(&field), field.kind()) {
                (Sensitivity::Unspecified, WireKind::Message(nested)) if nested.package_name() == PACKAGE => {
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
}
