//! Columns of the tenant's own fields, whose type is told by the member of `CustomValue` that holds their values.

use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, MessageDescriptor, Value};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    Column, Kind,
    read::{Fault, list, money, split, wire_date},
    words,
};
use crm_kit_table::{Cell, value, value::Formats};

/// A field of the tenant's.
#[derive(Clone, Debug)]
pub struct Custom {
    /// Its key.
    pub key: String,
    /// The record's field of custom values.
    values: FieldDescriptor,
    /// The message of one value.
    message: MessageDescriptor,
    /// Where the value stands in it.
    member: FieldDescriptor,
    /// The collection of records that it refers to; empty when it refers to none.
    pub target: String,
}

/// The column of a tenant's own field; `member` is the one of `CustomValue` that holds its values, such as `number`. `None` when the record has no
/// custom fields, or the value no such member.
pub fn column(
    record: &MessageDescriptor,
    key: &str,
    labels: [String; 2],
    member: &str,
    settable: bool,
) -> Option<Column> {
    let values = record.get_field_by_name("custom")?;
    let message = crm_proto::message("crm.record.v1.CustomValue");
    let member = message.get_field_by_name(member)?;
    Some(Column {
        path: format!("custom.{key}"),
        labels,
        kind: Kind::Custom(Custom { key: key.to_owned(), values, message, member, target: String::new() }),
        settable,
        exported: true,
        steps: Vec::new(),
    })
}

impl Custom {
    /// Puts the value of a cell into a record; whether there is one. Amounts without a currency are of `currency`.
    pub(super) fn set(
        &self,
        record: &mut DynamicMessage,
        cell: &Cell,
        formats: Formats,
        currency: &str,
    ) -> Result<bool, Fault> {
        let Some(value) = self.read(cell, formats, currency)? else { return Ok(false) };
        self.put(record, value);
        Ok(true)
    }

    /// Puts a value into a record.
    pub(super) fn put(&self, record: &mut DynamicMessage, value: Value) {
        let mut entry = DynamicMessage::new(self.message.clone());
        entry.set_field(&self.member, value);
        if let Some(values) = record.get_field_mut(&self.values).as_map_mut() {
            values.insert(MapKey::String(self.key.clone()), Value::Message(entry));
        }
    }

    /// Whether the cell names another record otherwise than by its id.
    pub(super) fn names_another(&self, cell: &Cell) -> bool {
        let text = || value::text(cell).ok().flatten();
        !self.target.is_empty() && text().is_some_and(|text| Uuid::try_parse(&text).is_err())
    }

    fn read(&self, cell: &Cell, formats: Formats, currency: &str) -> Result<Option<Value>, Fault> {
        Ok(match self.member.name() {
            "number" => value::number(cell, formats)?.map(|number| Value::String(number.to_string())),
            "boolean" => value::boolean(cell)?.map(Value::Bool),
            "date" => value::date(cell, formats)?.map(|date| Value::Message(wire_date(date))),
            "date_time" => value::instant(cell, formats)?.map(|instant| {
                let mut wire = DynamicMessage::new(crm_proto::message("google.protobuf.Timestamp"));
                wire.set_field_by_name("seconds", Value::I64(instant.timestamp()));
                Value::Message(wire)
            }),
            "money" => self.amount(cell, formats, currency)?,
            "options" => value::text(cell)?.map(|text| {
                let mut wire = DynamicMessage::new(crm_proto::message("crm.record.v1.TextList"));
                wire.set_field_by_name("items", list(split(&text, &[';', '；', ',', '，', '、'])));
                Value::Message(wire)
            }),
            _ => value::text(cell)?.map(Value::String),
        })
    }

    /// `12.50`, or `12.50 USD`.
    fn amount(&self, cell: &Cell, formats: Formats, currency: &str) -> Result<Option<Value>, Fault> {
        let text = value::text(cell)?.unwrap_or_default();
        let stated = text.rsplit_once(' ').map(|(amount, code)| (amount, words::currency(code)));
        let stated =
            stated.filter(|(_, code)| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
        let (number, code): (Option<Decimal>, String) = match stated {
            Some((amount, code)) => (value::number(&Cell::text(amount), formats)?, code),
            None => (value::number(cell, formats)?, currency.to_owned()),
        };
        let Some(number) = number else { return Ok(None) };
        let wire = money(&self.member, number, &code);
        wire.map(|wire| Some(Value::Message(wire)))
            .ok_or_else(|| Fault("MONEY_INVALID", "has more than nine decimals or is too large".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use crm_proto::crm::customer::v1::Account;

    use super::*;
    use crate::column::write::Language;
    use crm_kit_table::{value::DateOrder, value::DecimalMark};

    #[test]
    fn a_custom_value_of_every_type_comes_back_as_it_was_written() {
        let formats = Formats {
            dates: DateOrder::YearMonthDay,
            zone: chrono_tz::Asia::Shanghai,
            decimal_mark: DecimalMark::Point,
        };
        let message = crm_proto::message("crm.customer.v1.Account");
        for (member, written) in [
            ("text", "a; b"),
            ("number", "1234.5"),
            ("boolean", "true"),
            ("date", "2024-02-29"),
            ("date_time", "2024-02-29 09:30:00"),
            ("money", "12.5 USD"),
            ("options", "x; y"),
            ("reference_id", "0190b8f0-0000-7000-8000-000000000000"),
        ] {
            let column = column(&message, "score", [String::new(), String::new()], member, true).unwrap();
            let Kind::Custom(custom) = &column.kind else { panic!("a custom column") };
            let mut record = DynamicMessage::new(message.clone());
            assert!(
                custom.set(&mut record, &Cell::text(written), formats, "CNY").is_ok_and(|set| set),
                "{member}"
            );
            let wire: Account = record.transcode_to().unwrap();
            assert_eq!(wire.custom.len(), 1, "{member}");
            assert_eq!(column.cell(&record, Language::Path, formats.zone).display(), written, "{member}");
        }
        assert!(column(&message, "score", [String::new(), String::new()], "nothing", true).is_none());
    }
}
