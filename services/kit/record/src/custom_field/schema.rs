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
    let field = |path: String, kind: Kind, sql: String| Field {
        path: path.into(),
        kind,
        sql: sql.into(),
        nullable: kind != Kind::TextList,
        masked,
    };
    let mut fields = vec![field(definition.path(), kind_of(kind), expression(kind, &definition.key))];
    if kind == Type::Money {
        let sql = format!("(custom->'{}'->>'currency')", definition.key);
        fields.push(field(format!("{}.currency_code", definition.path()), Kind::Text, sql));
    }
    fields
}

/// The column for orders that a definition gives; long texts, lists and ids have no order. Unset values come before all others.
pub fn order_column(definition: &Definition, masked: bool) -> Option<Column> {
    if !is_key(&definition.key) {
        return None;
    }
    let kind = definition.stored_kind();
    let sql = expression(kind, &definition.key);
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

fn expression(kind: Type, key: &str) -> String {
    let text = format!("custom->>'{key}'");
    match kind {
        Type::Number => guarded(&text, "-?[0-9]{1,18}([.][0-9]{1,10})?", "numeric"),
        Type::Boolean => format!("(CASE custom->'{key}' WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)"),
        Type::Date => guarded(&text, "[0-9]{4}-[0-9]{2}-[0-9]{2}", "date"),
        Type::DateTime => guarded(&text, "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{6}Z", "timestamptz"),
        Type::Money => format!("((custom->'{key}'->>'ten_thousandths')::bigint)"),
        Type::MultiSelect => format!(
            "(CASE WHEN jsonb_typeof(custom->'{key}') = 'array' \
             THEN ARRAY(SELECT jsonb_array_elements_text(custom->'{key}')) ELSE '{{}}'::text[] END)"
        ),
        Type::Reference => guarded(&text, "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uuid"),
        _ => format!("({text})"),
    }
}

/// A text as a value of an SQL type where it has the form of one.
fn guarded(text: &str, pattern: &str, sql_type: &str) -> String {
    format!("(CASE WHEN {text} ~ '^{pattern}$' THEN ({text})::{sql_type} END)")
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
