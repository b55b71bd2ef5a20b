//! SQL of custom fields for filters and orders: expressions over the column `custom`. A key stands in them because its characters are checked.
//!
//! Each expression gives NULL for a value of another type, so that no list can fail on one.

use crm_kit_api::{
    filter::{Field, Kind},
    order::{Column, KeyKind},
};
use crm_proto::crm::record::v1::custom_field::Type;

use super::{
    formula::kind_of,
    model::{Definition, is_key},
};

/// The fields for filters that a definition gives.
pub fn filter_fields(definition: &Definition, masked: bool) -> Vec<Field> {
    if !is_key(&definition.key) {
        return Vec::new();
    }
    let kind = definition.stored_kind();
    let field = |path: String, kind: Kind, keys: &[&str]| Field {
        masked,
        ..Field::in_document(path, kind, "custom", keys)
    };
    let key = definition.key.as_str();
    if kind == Type::Money {
        let currency = field(format!("{}.currency_code", definition.path()), Kind::Text, &[key, "currency"]);
        return vec![field(definition.path(), kind_of(kind), &[key, "ten_thousandths"]), currency];
    }
    vec![field(definition.path(), kind_of(kind), &[key])]
}

/// The column for orders that a definition gives; long texts, lists and ids have no order. Unset values come before all others.
pub fn order_column(definition: &Definition, masked: bool) -> Option<Column> {
    if !is_key(&definition.key) {
        return None;
    }
    let kind = definition.stored_kind();
    let sql = filter_fields(definition, masked).into_iter().next()?.sql;
    let (sql, kind) = match kind {
        Type::LongText | Type::MultiSelect | Type::Reference => return None,
        Type::Number => (format!("COALESCE({sql}, -1000000000000000000::numeric)"), KeyKind::Numeric),
        Type::Money => (format!("COALESCE({sql}, -9223372036854775807)"), KeyKind::Int),
        Type::Boolean => (format!("COALESCE({sql}::integer::bigint, -1)"), KeyKind::Int),
        Type::Select => (place_of_option(definition, &sql), KeyKind::Int),
        // Days and instants are stored in texts of one length, whose order is theirs.
        _ => (format!("(COALESCE(custom->>'{}', '') COLLATE \"C\")", definition.key), KeyKind::Text),
    };
    Some(Column { path: definition.path().into(), sql: sql.into(), kind, masked })
}

/// The place of a choice among its options, from 1; 0 for none.
fn place_of_option(definition: &Definition, sql: &str) -> String {
    let keys = definition.options.iter().map(|option| option.key.as_str());
    let keys = keys.filter(|key| key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    let keys = keys.collect::<Vec<_>>().join(",");
    format!("COALESCE(array_position('{{{keys}}}'::text[], {sql}), 0)::bigint")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Choice;

    #[test]
    fn a_key_with_other_characters_never_gets_into_sql() {
        let definition =
            Definition { key: "a'b".into(), value_type: Choice(Type::Text), ..Definition::default() };
        assert!(filter_fields(&definition, false).is_empty());
        assert!(order_column(&definition, false).is_none());
    }

    #[test]
    fn a_field_is_masked_as_its_caller_sees_it() {
        let definition =
            Definition { key: "limit".into(), value_type: Choice(Type::Money), ..Definition::default() };
        let fields = filter_fields(&definition, true);
        let paths: Vec<&str> = fields.iter().map(|field| field.path.as_ref()).collect();
        assert_eq!(paths, ["custom.limit", "custom.limit.currency_code"]);
        assert!(fields.iter().all(|field| field.masked));
        assert!(order_column(&definition, true).is_some_and(|column| column.masked));
    }
}
