//! Descriptions of all fields of a collection, standard ones from the descriptors of the contract and custom ones from their definitions.

use std::sync::LazyLock;

use crm_kit_api::{
    Call, Error, Result,
    sensitivity::{Mask, Masks, Sensitivity, class_of},
};
use crm_proto::crm::record::v1::FieldDescription;
use prost_reflect::{ExtensionDescriptor, FieldDescriptor, Kind, Value};

use super::{Catalog, fields::is_masked, model::Definition, schema};
use crate::Kind as RecordKind;

/// `google.api.FieldBehavior` values.
const REQUIRED: i32 = 2;
const OUTPUT_ONLY: i32 = 3;

/// A field's name and its labels in English and Chinese.
pub type Part = (&'static str, &'static str, &'static str);

/// Full name of a message and those of its parts that are described on their own.
pub type Parts = (&'static str, &'static [Part]);

/// Parts of messages that records of every service have; a kind brings those of its own.
const PARTS: &[Parts] = &[
    (
        "google.type.PostalAddress",
        &[
            ("region_code", "country", "国家"),
            ("language_code", "language", "语言"),
            ("postal_code", "postal code", "邮政编码"),
            ("sorting_code", "sorting code", "分拣码"),
            ("administrative_area", "province", "省份"),
            ("locality", "city", "城市"),
            ("sublocality", "district", "区县"),
            ("address_lines", "street", "街道地址"),
            ("recipients", "recipients", "收件人"),
            ("organization", "organization", "收件单位"),
        ],
    ),
    ("google.type.Money", &[("currency_code", "currency", "币种")]),
    ("crm.record.v1.ExternalId", &[("system", "system", "系统"), ("value", "value", "编号")]),
];

/// Labels of the server's own fields, which the contract does not label.
const OWN: &[Part] = &[
    ("id", "Id", "记录标识"),
    ("delete_time", "Deleted", "删除时间"),
    ("purge_time", "Purged", "清除时间"),
    ("etag", "Etag", "版本标记"),
];

/// Every field of a collection as the caller may use it; fails with `NOT_FOUND` for no such collection. Retired fields are left out.
pub async fn fields(catalog: &Catalog, call: &Call, collection: &str) -> Result<Vec<FieldDescription>> {
    let kind = catalog.kinds.get(collection).ok_or_else(|| Error::not_found("collections", collection))?;
    let custom = catalog.fields(call.tenant_id(), kind.collection).await?;
    let masks = &call.access.masks;
    let mut described = standard_fields(kind, masks);
    let live = custom.definitions().filter(|definition| !definition.retired);
    described.extend(live.map(|definition| describe_custom(definition, masks)));
    Ok(described)
}

/// The standard fields of a kind as a caller with `masks` may use them.
pub fn standard_fields(kind: &RecordKind, masks: &Masks) -> Vec<FieldDescription> {
    let usable =
        Usable { filterable: kind.schema.filterable().collect(), sortable: kind.schema.sortable().collect() };
    let mut described = Vec::new();
    // The map of custom values is described field by field.
    for field in crm_proto::message(kind.message).fields().filter(|field| !field.is_map()) {
        let whole = describe(&field, masks, &usable);
        let parts = field
            .kind()
            .as_message()
            .map(|message| PARTS.iter().chain(kind.parts).find(|(name, _)| *name == message.full_name()));
        let parts = parts.flatten().map_or(&[][..], |(_, parts)| *parts);
        let nested = parts.iter().filter_map(|part| describe_part(&field, &whole, *part, &usable, masks));
        let nested: Vec<FieldDescription> = nested.collect();
        described.push(whole);
        described.extend(nested);
    }
    described
}

/// Paths that lists take.
struct Usable {
    filterable: Vec<&'static str>,
    sortable: Vec<&'static str>,
}

fn describe(field: &FieldDescriptor, masks: &Masks, usable: &Usable) -> FieldDescription {
    let (label_en, label_zh) = label(field);
    let class = class_of(field);
    let behaviors = behaviors(field);
    FieldDescription {
        path: field.name().to_owned(),
        label_en,
        label_zh,
        r#type: type_name(field),
        values: values(field),
        required: behaviors.contains(&REQUIRED),
        output_only: behaviors.contains(&OUTPUT_ONLY),
        filterable: usable.filterable.contains(&field.name()),
        sortable: usable.sortable.contains(&field.name()),
        sensitivity: class.into(),
        masked: masks.of(class) != Mask::None,
    }
}

/// A part of a nested message, as sensitive as the whole unless it says otherwise.
fn describe_part(
    whole: &FieldDescriptor,
    described: &FieldDescription,
    (name, label_en, label_zh): Part,
    usable: &Usable,
    masks: &Masks,
) -> Option<FieldDescription> {
    let part = whole.kind().as_message()?.get_field_by_name(name)?;
    let path = format!("{}.{name}", whole.name());
    let class = class_of(&part);
    let sensitivity = if class == Sensitivity::Unspecified { described.sensitivity } else { class.into() };
    Some(FieldDescription {
        label_en: format!("{}: {label_en}", described.label_en),
        label_zh: format!("{}:{label_zh}", described.label_zh),
        r#type: type_name(&part),
        values: values(&part),
        required: behaviors(&part).contains(&REQUIRED),
        output_only: described.output_only,
        filterable: usable.filterable.contains(&path.as_str()),
        sortable: usable.sortable.contains(&path.as_str()),
        sensitivity,
        masked: described.masked || masks.of(class) != Mask::None,
        path,
    })
}

fn describe_custom(definition: &Definition, masks: &Masks) -> FieldDescription {
    let names = [&definition.display_name_zh, &definition.display_name];
    let zh = names.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
    let live = definition.options.iter().filter(|option| !option.retired);
    FieldDescription {
        path: definition.path(),
        label_en: definition.display_name.clone(),
        label_zh: zh,
        r#type: definition.kind().as_str_name().to_owned(),
        values: live.map(|option| option.key.clone()).collect(),
        required: definition.required,
        output_only: definition.is_server_set(),
        filterable: definition.filterable,
        sortable: definition.filterable && schema::order_column(definition, false).is_some(),
        sensitivity: definition.sensitivity.number(),
        masked: is_masked(definition, masks),
    }
}

fn type_name(field: &FieldDescriptor) -> String {
    let name = match field.kind() {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(kind) => kind.full_name().to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    if field.is_list() { format!("repeated {name}") } else { name }
}

/// Names of an enum's values without the one for "not stated".
fn values(field: &FieldDescriptor) -> Vec<String> {
    let Kind::Enum(kind) = field.kind() else { return Vec::new() };
    kind.values().filter(|value| value.number() != 0).map(|value| value.name().to_owned()).collect()
}

fn label(field: &FieldDescriptor) -> (String, String) {
    static LABEL: LazyLock<Option<ExtensionDescriptor>> =
        LazyLock::new(|| crm_proto::pool().get_extension_by_name("crm.options.v1.label"));
    let own = OWN.iter().find(|(name, ..)| *name == field.name());
    if let Some((_, en, zh)) = own {
        return ((*en).to_owned(), (*zh).to_owned());
    }
    let Some(extension) = LABEL.as_ref() else { return Default::default() };
    let options = field.options();
    let label = options.get_extension(extension);
    let text = |name: &str| {
        let text = label.as_message().and_then(|label| label.get_field_by_name(name));
        text.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    };
    (text("en"), text("zh"))
}

fn behaviors(field: &FieldDescriptor) -> Vec<i32> {
    static BEHAVIOR: LazyLock<Option<ExtensionDescriptor>> =
        LazyLock::new(|| crm_proto::pool().get_extension_by_name("google.api.field_behavior"));
    let Some(extension) = BEHAVIOR.as_ref() else { return Vec::new() };
    let options = field.options();
    let behaviors = options.get_extension(extension);
    let numbers = behaviors.as_list().unwrap_or_default().iter();
    numbers.filter_map(Value::as_enum_number).collect()
}

#[cfg(test)]
mod tests {
    use crm_proto::crm::record::v1::custom_field::Type;

    use super::*;

    #[test]
    fn a_custom_field_shows_its_live_options_and_falls_back_to_the_english_name() {
        let definition = Definition {
            key: "k".into(),
            display_name: "Kind".into(),
            value_type: crate::Choice(Type::Select),
            options: sqlx::types::Json(vec![
                super::super::model::Opt { key: "a".into(), ..Default::default() },
                super::super::model::Opt { key: "b".into(), retired: true, ..Default::default() },
            ]),
            ..Definition::default()
        };
        let field = describe_custom(&definition, &Masks::default());
        assert_eq!((field.path.as_str(), field.label_zh.as_str()), ("custom.k", "Kind"));
        assert_eq!((field.r#type.as_str(), field.values.as_slice()), ("TYPE_SELECT", &["a".to_owned()][..]));
    }
}
