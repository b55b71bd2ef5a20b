//! What a column of a file can hold: the fields of a collection by path, with their labels, made from the contract's descriptors, so that a field
//! that is added to the contract is a column the same day.
//!
//! | path | holds |
//! |---|---|
//! | `display_name`, `kind`, `blocked`, .. | the field |
//! | `annual_revenue`, `annual_revenue.currency_code` | an amount and its currency |
//! | `currency_code` | the currency of every amount of the row that has none of its own, and the record's own when it has one |
//! | `billing_address.locality`, .. | a part of an address |
//! | `tags` | words, split at `;` or `,` |
//! | `emails`, `phones`, `phones.mobile`, .. | one or more addresses or numbers |
//! | `external_id` | the record's key in the job's system: rows with one name that record |
//! | `parent_external_id`, .. | another record by its key in that system, as the kind states |
//! | `<record>` | a record of another service by its name, as the kind states |
//! | `owner_id` | a user, by id, user name, e-mail address or name |
//! | `custom.score` | the tenant's own field; one that refers to a record takes its id or its name |
//!
//! Reading cells is [`read`], writing them [`write`](mod@write), finding columns from the names of a foreign file [`suggest`].

pub mod custom;
pub mod read;
pub mod rewrite;
pub mod suggest;
pub mod words;
pub mod write;

use std::collections::HashMap;

use crm_proto::crm::record::v1::custom_field::Type;
use prost_reflect::{FieldDescriptor, Kind as WireKind, MessageDescriptor};

use crate::{
    Kind as RecordKind,
    custom_field::Fields,
    files::{Files, Link},
};
use words::Choices;

/// A column of a collection.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its path.
    pub path: String,
    /// Its name in English and in Chinese.
    pub labels: [String; 2],
    /// What it holds.
    pub kind: Kind,
    /// Whether a file can set it.
    pub settable: bool,
    /// Whether an export that names no fields has it.
    pub exported: bool,
    /// The way to the field from the record; empty for columns that are no field.
    steps: Vec<FieldDescriptor>,
}

/// What a column holds.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A text.
    Text,
    /// A country, by code or name.
    Country,
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
    /// One of the values of an enum.
    Choice(Choices),
    /// A day.
    Date,
    /// An instant.
    Instant,
    /// The amount of money.
    Amount,
    /// The currency of an amount.
    Currency,
    /// Texts, one a line.
    Lines,
    /// Words.
    Words,
    /// E-mail addresses or telephone numbers, of a kind (0 for any).
    Points(i32),
    /// Names in other systems, each as `system:id`.
    ExternalIds,
    /// Ids of other records in a list of messages; written only.
    Ties(&'static Link),
    /// A user, by id, user name, e-mail address or name.
    Person,
    /// The record's key.
    Key,
    /// Another record by its key.
    Link(&'static Link),
    /// The currency of amounts without one.
    RowCurrency,
    /// The record's own currency, and that of amounts without one.
    OwnCurrency,
    /// A field of the tenant's.
    Custom(custom::Custom),
}

/// The columns of one collection.
#[derive(Debug)]
pub struct Columns {
    list: Vec<Column>,
    by_path: HashMap<String, usize>,
    /// The record's message.
    pub message: MessageDescriptor,
}

/// Parts of an address with their names; the first six are exported without being asked for.
const PARTS: [(&str, &str, &str); 10] = [
    ("region_code", "country", "国家"),
    ("administrative_area", "province", "省份"),
    ("locality", "city", "城市"),
    ("sublocality", "district", "区县"),
    ("address_lines", "street", "街道"),
    ("postal_code", "postal code", "邮编"),
    ("sorting_code", "sorting code", "分拣码"),
    ("language_code", "language", "语言"),
    ("organization", "organization", "单位"),
    ("recipients", "recipients", "收件人"),
];

/// Kinds of telephone numbers a column can be for.
const PHONES: [(&str, i32, &str, &str); 5] = [
    ("phones.mobile", 3, "Mobile phone", "手机"),
    ("phones.work", 1, "Work phone", "办公电话"),
    ("phones.home", 2, "Home phone", "家庭电话"),
    ("phones.fax", 4, "Fax", "传真"),
    ("phones.other", 5, "Other phone", "其他电话"),
];

impl Columns {
    /// The columns of records of a kind, with the tenant's own fields.
    pub fn new(record: &RecordKind, custom: &Fields) -> Self {
        Self::of(&crm_proto::message(record.message), &record.files, custom)
    }

    /// The columns of records of a message type.
    fn of(message: &MessageDescriptor, files: &Files, custom: &Fields) -> Self {
        let mut list: Vec<Column> = message.fields().flat_map(|field| columns(&field, files)).collect();
        list.extend(custom_columns(message, custom));
        list.push(extra("external_id", ["Record key", "外部主键"], Kind::Key));
        let has_own_currency = list.iter().any(|column| matches!(column.kind, Kind::OwnCurrency));
        if !has_own_currency && message.fields().any(|field| is_message(&field, "google.type.Money")) {
            list.push(extra("currency_code", ["Currency", "币种"], Kind::RowCurrency));
        }
        list.extend(files.links.iter().map(|link| linked(link, message)));
        let by_path = list.iter().enumerate().map(|(index, column)| (column.path.clone(), index)).collect();
        Self { list, by_path, message: message.clone() }
    }

    /// Every column.
    pub fn all(&self) -> &[Column] {
        &self.list
    }

    /// The column of a path.
    pub fn get(&self, path: &str) -> Option<&Column> {
        self.by_path.get(path).and_then(|index| self.list.get(*index))
    }
}

impl Column {
    /// The field that an update changes when this column does; `None` for columns that are no field of their own.
    fn mask_path(&self) -> Option<String> {
        match &self.kind {
            Kind::Key | Kind::RowCurrency => None,
            Kind::Amount | Kind::Currency | Kind::Points(_) | Kind::Link(_) => {
                self.steps.first().map(|field| field.name().to_owned())
            }
            _ => Some(self.path.clone()),
        }
    }

    /// Whether a record's violation at `field` is about this column.
    pub fn holds(&self, field: &str) -> bool {
        let at = |path: &str| {
            field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        at(&self.path) || self.mask_path().is_some_and(|path| at(&path))
    }

    /// Whether an export can have it.
    pub fn is_written(&self) -> bool {
        !matches!(self.kind, Kind::Key | Kind::Link(_) | Kind::RowCurrency)
    }

    /// Whether several columns of one file may hold it.
    pub fn repeats(&self) -> bool {
        matches!(self.kind, Kind::Points(_) | Kind::Words)
    }
}

/// Columns of the tenant's own fields.
fn custom_columns(record: &MessageDescriptor, fields: &Fields) -> Vec<Column> {
    let live = fields.definitions().filter(|definition| !definition.retired);
    live.filter_map(|definition| {
        let computed = matches!(definition.value_type.0, Type::Formula | Type::RollUp | Type::AutoNumber);
        let labels = [definition.display_name.clone(), definition.display_name_zh.clone()];
        let member = member(definition.value_type.0, definition.formula_type.0);
        let mut column = custom::column(record, &definition.key, labels, member, !computed)?;
        if let Kind::Custom(custom) = &mut column.kind {
            custom.target.clone_from(&definition.reference_collection);
        }
        Some(column)
    })
    .collect()
}

/// The member of `CustomValue` that holds values of a type.
fn member(value_type: Type, formula_type: Type) -> &'static str {
    match value_type {
        Type::Formula if formula_type != Type::Formula => member(formula_type, formula_type),
        Type::Number | Type::RollUp => "number",
        Type::Boolean => "boolean",
        Type::Date => "date",
        Type::DateTime => "date_time",
        Type::Money => "money",
        Type::MultiSelect => "options",
        Type::Reference => "reference_id",
        _ => "text",
    }
}

/// The columns of one field.
fn columns(field: &FieldDescriptor, files: &Files) -> Vec<Column> {
    let path = field.name();
    let plain = |kind| vec![column(field, kind)];
    if field.is_map() {
        return Vec::new();
    }
    match field.kind() {
        WireKind::String if field.is_list() => plain(Kind::Words),
        WireKind::String if path == "owner_id" => plain(Kind::Person),
        WireKind::String if path == "currency_code" => plain(Kind::OwnCurrency),
        WireKind::String => plain(Kind::Text),
        WireKind::Int32 => plain(Kind::Integer),
        WireKind::Bool => plain(Kind::Boolean),
        WireKind::Enum(values) => {
            let words = files.words_of(values.full_name());
            plain(Kind::Choice(Choices { values, words }))
        }
        WireKind::Message(message) => match (message.full_name(), path) {
            ("google.protobuf.Timestamp", _) => plain(Kind::Instant),
            ("google.type.Date", _) => plain(Kind::Date),
            ("google.type.Money", _) => {
                let mut currency = column(field, Kind::Currency);
                currency.path = format!("{path}.currency_code");
                currency.labels =
                    [format!("{} currency", currency.labels[0]), currency.labels[1].clone() + "币种"];
                vec![column(field, Kind::Amount), currency]
            }
            ("google.type.PostalAddress", _) => parts(field, &message),
            (_, "external_ids") => {
                // Unlike the field's own label, which other programs use for a single key, this one says what stands in the cell.
                let labels = ["External ids (system:id)", "外部编号（系统:编号）"].map(str::to_owned);
                vec![Column { labels, ..column(field, Kind::ExternalIds) }]
            }
            (_, "emails") => plain(Kind::Points(0)),
            (_, "phones") => phones(field),
            _ => files.list_of(path).map_or_else(Vec::new, |link| plain(Kind::Ties(link))),
        },
        _ => Vec::new(),
    }
}

fn column(field: &FieldDescriptor, kind: Kind) -> Column {
    let internal = matches!(field.name(), "etag" | "delete_time" | "purge_time");
    Column {
        path: field.name().to_owned(),
        labels: labels(field),
        settable: !is_output_only(field) && !internal && !matches!(kind, Kind::Ties(_)),
        exported: !internal,
        kind,
        steps: vec![field.clone()],
    }
}

fn parts(field: &FieldDescriptor, message: &MessageDescriptor) -> Vec<Column> {
    let [en, zh] = labels(field);
    let known = PARTS.iter().enumerate().filter_map(|(index, part)| {
        message.get_field_by_name(part.0).map(|descriptor| (index, part, descriptor))
    });
    let made = known.map(|(index, (name, part_en, part_zh), part)| Column {
        path: format!("{}.{name}", field.name()),
        labels: [format!("{en}: {part_en}"), format!("{zh}：{part_zh}")],
        kind: match *name {
            "region_code" => Kind::Country,
            "address_lines" | "recipients" => Kind::Lines,
            _ => Kind::Text,
        },
        settable: true,
        exported: index < 6,
        steps: vec![field.clone(), part],
    });
    made.collect()
}

fn phones(field: &FieldDescriptor) -> Vec<Column> {
    let kinds = PHONES.iter().map(|(path, kind, en, zh)| Column {
        path: (*path).to_owned(),
        labels: [(*en).to_owned(), (*zh).to_owned()],
        exported: false,
        ..column(field, Kind::Points(*kind))
    });
    std::iter::once(column(field, Kind::Points(0))).chain(kinds).collect()
}

fn extra(path: &str, [en, zh]: [&str; 2], kind: Kind) -> Column {
    Column {
        path: path.to_owned(),
        labels: [en.to_owned(), zh.to_owned()],
        kind,
        settable: true,
        exported: false,
        steps: Vec::new(),
    }
}

fn linked(link: &'static Link, message: &MessageDescriptor) -> Column {
    let steps = message.get_field_by_name(link.field).into_iter().collect();
    Column { steps, ..extra(link.path, link.labels, Kind::Link(link)) }
}

fn is_message(field: &FieldDescriptor, name: &str) -> bool {
    field.kind().as_message().is_some_and(|message| message.full_name() == name)
}

/// The labels the contract gives a field; its name when it gives none.
fn labels(field: &FieldDescriptor) -> [String; 2] {
    let stated = field.parent_pool().get_extension_by_name("crm.options.v1.label").and_then(|extension| {
        let options = field.options();
        let label = options.get_extension(&extension).as_message()?.clone();
        let text = |name| label.get_field_by_name(name).and_then(|text| text.as_str().map(str::to_owned));
        Some([text("en")?, text("zh")?])
    });
    let stated = stated.filter(|labels| labels.iter().all(|label| !label.is_empty()));
    stated.unwrap_or_else(|| [field.name().to_owned(), field.name().to_owned()])
}

fn is_output_only(field: &FieldDescriptor) -> bool {
    let Some(extension) = field.parent_pool().get_extension_by_name("google.api.field_behavior") else {
        return false;
    };
    let options = field.options();
    let behaviors = options.get_extension(&extension);
    // 3 is OUTPUT_ONLY.
    behaviors.as_list().is_some_and(|list| list.iter().any(|value| value.as_enum_number() == Some(3)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{FIRMS, PEOPLE};

    fn of(kind: &RecordKind) -> Columns {
        Columns::new(kind, &Fields::default())
    }

    #[test]
    fn every_settable_field_of_the_contract_is_a_column_under_one_label() {
        for kind in [&FIRMS, &PEOPLE] {
            let columns = of(kind);
            for field in columns.message.fields() {
                let known = field.is_map()
                    || columns.all().iter().any(|column| column.path.split('.').next() == Some(field.name()));
                assert!(known, "{}", field.full_name());
            }
            for language in [0, 1] {
                let mut seen = HashMap::new();
                for column in columns.all() {
                    assert_eq!(seen.insert(&column.labels[language], &column.path), None, "{}", column.path);
                }
            }
        }
    }

    #[test]
    fn what_the_server_sets_cannot_come_from_a_file() {
        let accounts = of(&FIRMS);
        for (path, settable) in [
            ("id", false),
            ("create_time", false),
            ("website_domain", false),
            ("etag", false),
            ("external_ids", true),
            ("display_name", true),
            ("billing_address.locality", true),
            ("annual_revenue.currency_code", true),
            ("external_id", true),
            ("parent_external_id", true),
        ] {
            assert_eq!(accounts.get(path).map(|column| column.settable), Some(settable), "{path}");
        }
        assert!(of(&PEOPLE).get("phones.mobile").is_some());
        assert!(accounts.get("emails").is_none() && accounts.get("nothing").is_none());
    }
}
