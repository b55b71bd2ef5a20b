//! What lists of accounts can be filtered, ordered and searched by.

use crm_kit_api::{
    filter::{Field, Kind, Schema},
    order::{Column, KeyKind},
    sensitivity::{Mask, Masks, Sensitivity},
};

use crate::{custom_field::Fields, record::search};

/// Order of a list that states none.
pub const DEFAULT_ORDER: &str = "create_time desc";

/// Columns that `q` searches.
pub const SEARCH: search::Columns = search::Columns {
    name: ("search_name", Sensitivity::Unspecified),
    phone: "search_phone",
    email: "search_email",
};

const KINDS: &[(&str, i32)] = &[
    ("KIND_UNSPECIFIED", 0),
    ("KIND_CUSTOMER", 1),
    ("KIND_PARTNER", 2),
    ("KIND_COMPETITOR", 3),
    ("KIND_SUPPLIER", 4),
];
const LEVELS: &[(&str, i32)] = &[("LEVEL_UNSPECIFIED", 0), ("LEVEL_A", 1), ("LEVEL_B", 2), ("LEVEL_C", 3)];
/// Life-cycle stages, which contacts have too.
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
const CREDIT: &[(&str, i32)] = &[
    ("CREDIT_STATUS_UNSPECIFIED", 0),
    ("CREDIT_STATUS_GOOD", 1),
    ("CREDIT_STATUS_WATCH", 2),
    ("CREDIT_STATUS_BLOCKED", 3),
];

static FIELDS: &[Field] = &[
    Field::new("id", Kind::Uuid, "id"),
    Field::new("create_time", Kind::Timestamp, "create_time"),
    Field::new("update_time", Kind::Timestamp, "update_time"),
    Field::new("display_name", Kind::Text, "display_name"),
    Field::new("number", Kind::Text, "number"),
    Field::new("legal_name", Kind::Text, "legal_name"),
    Field::new("unified_social_credit_code", Kind::Text, "unified_social_credit_code"),
    Field::new("tax_id", Kind::Text, "tax_id"),
    Field::new("parent_id", Kind::Uuid, "parent_id").nullable(),
    Field::new("kind", Kind::Enum(KINDS), "kind"),
    Field::new("industry", Kind::Text, "industry"),
    Field::new("employee_count", Kind::Int, "employee_count"),
    Field::new("region", Kind::Text, "region"),
    Field::new("website", Kind::Text, "website"),
    Field::new("website_domain", Kind::Text, "website_domain"),
    Field::new("phone", Kind::Text, "phone"),
    Field::new("email", Kind::Text, "email"),
    Field::new("billing_address.region_code", Kind::Text, "(billing_address->>'region_code')").nullable(),
    Field::new(
        "billing_address.administrative_area",
        Kind::Text,
        "(billing_address->>'administrative_area')",
    )
    .nullable(),
    Field::new("billing_address.locality", Kind::Text, "(billing_address->>'locality')").nullable(),
    Field::new("billing_address.postal_code", Kind::Text, "(billing_address->>'postal_code')").nullable(),
    Field::new("shipping_address.region_code", Kind::Text, "(shipping_address->>'region_code')").nullable(),
    Field::new(
        "shipping_address.administrative_area",
        Kind::Text,
        "(shipping_address->>'administrative_area')",
    )
    .nullable(),
    Field::new("shipping_address.locality", Kind::Text, "(shipping_address->>'locality')").nullable(),
    Field::new("shipping_address.postal_code", Kind::Text, "(shipping_address->>'postal_code')").nullable(),
    Field::new("level", Kind::Enum(LEVELS), "level"),
    Field::new("life_cycle_stage", Kind::Enum(STAGES), "life_cycle_stage"),
    Field::new("source", Kind::Text, "source"),
    Field::new("annual_revenue", Kind::Decimal { scale: 4 }, "annual_revenue").nullable(),
    Field::new("annual_revenue.currency_code", Kind::Text, "annual_revenue_currency"),
    Field::new("credit_status", Kind::Enum(CREDIT), "credit_status"),
    Field::new("credit_limit", Kind::Decimal { scale: 4 }, "credit_limit").nullable(),
    Field::new("credit_limit.currency_code", Kind::Text, "credit_limit_currency"),
    Field::new("owner_id", Kind::Uuid, "owner_id").nullable(),
    Field::new("pool_id", Kind::Uuid, "pool_id").nullable(),
    Field::new("claim_time", Kind::Timestamp, "claim_time").nullable(),
    Field::new("last_activity_time", Kind::Timestamp, "last_activity_time").nullable(),
    Field::new("last_deal_time", Kind::Timestamp, "last_deal_time").nullable(),
    Field::new("blocked", Kind::Bool, "blocked"),
    Field::new("tags", Kind::TextList, "tags"),
    Field::new("description", Kind::Text, "description"),
];

/// Paths to order by, with an SQL expression that is never NULL.
const ORDER: &[(&str, &str, KeyKind)] = &[
    ("create_time", "create_time", KeyKind::Timestamp),
    ("update_time", "update_time", KeyKind::Timestamp),
    ("display_name", "display_name", KeyKind::Text),
    ("number", "number", KeyKind::Text),
    ("level", "level", KeyKind::Int),
    ("life_cycle_stage", "life_cycle_stage", KeyKind::Int),
    ("employee_count", "employee_count", KeyKind::Int),
    ("last_activity_time", "COALESCE(last_activity_time, '-infinity'::timestamptz)", KeyKind::Timestamp),
    ("last_deal_time", "COALESCE(last_deal_time, '-infinity'::timestamptz)", KeyKind::Timestamp),
    ("region", "region", KeyKind::Text),
    ("industry", "industry", KeyKind::Text),
];

/// Standard fields with a class of sensitivity, which a test compares with the contract.
pub const SENSITIVE: &[(&str, Sensitivity)] = &[
    ("unified_social_credit_code", Sensitivity::IdentityNumber),
    ("tax_id", Sensitivity::IdentityNumber),
    ("phone", Sensitivity::Phone),
    ("email", Sensitivity::Email),
    ("billing_address", Sensitivity::Address),
    ("shipping_address", Sensitivity::Address),
    ("credit_limit", Sensitivity::Financial),
    ("description", Sensitivity::Note),
];

/// The fields as a caller with `masks` may filter by them.
pub fn filter_schema(custom: &Fields, masks: &Masks) -> Schema {
    let masked = SENSITIVE.iter().filter(|(_, class)| masks.of(*class) != Mask::None);
    let masked: Vec<&str> = masked.map(|(path, _)| *path).collect();
    let is_masked =
        |path: &str| masked.iter().any(|top| path == *top || path.starts_with(&format!("{top}.")));
    let paths = FIELDS.iter().map(|field| field.path.clone()).filter(|path| is_masked(path));
    Schema::new(FIELDS).with_masked(paths).with_custom(custom.filter_fields(masks))
}

/// The columns as a caller with `masks` may order by them.
pub fn order_columns(custom: &Fields, masks: &Masks) -> Vec<Column> {
    let standard = ORDER.iter().map(|(path, sql, kind)| Column {
        path: (*path).into(),
        sql: (*sql).into(),
        kind: *kind,
        masked: false,
    });
    standard.chain(custom.order_columns(masks)).collect()
}

/// Paths of the standard fields that can be filtered by.
pub fn filterable() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|field| field.path.as_ref())
}

/// Paths of the standard fields that can be ordered by.
pub fn sortable() -> impl Iterator<Item = &'static str> {
    ORDER.iter().map(|(path, ..)| *path)
}

#[cfg(test)]
mod tests {
    use crm_kit_api::sensitivity::class_of;
    use prost_reflect::Kind as WireKind;

    use super::*;

    #[test]
    fn classes_enum_values_and_labels_are_those_of_the_contract() {
        let message = crm_proto::pool().get_message_by_name("crm.customer.v1.Account").unwrap();
        for field in message.fields() {
            let known = SENSITIVE.iter().find(|(path, _)| *path == field.name());
            assert_eq!(
                class_of(&field),
                known.map_or(Sensitivity::Unspecified, |(_, class)| *class),
                "{}",
                field.name()
            );
            if let (WireKind::Enum(wire), Some(ours)) =
                (field.kind(), FIELDS.iter().find(|known| known.path == field.name()))
            {
                let Kind::Enum(values) = ours.kind else { panic!("{} is an enum", field.name()) };
                let wire: Vec<(String, i32)> =
                    wire.values().map(|value| (value.name().to_owned(), value.number())).collect();
                let ours: Vec<(String, i32)> =
                    values.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
                assert_eq!(wire, ours, "{}", field.name());
            }
        }
    }
}
