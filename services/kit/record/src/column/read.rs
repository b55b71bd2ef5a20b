//! A row of a file to a record on the wire and the fields it sets. Cells are read under the formats that the sender declared; every fault of a row
//! is collected. An empty cell sets nothing: a file changes what it states and leaves the rest.

use std::collections::HashMap;

use chrono::Datelike as _;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, Value};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    Column, Columns, Kind,
    rewrite::Rewriting,
    words::{self, Choices},
};
use crm_kit_table::{Cell, value, value::Formats, value::ValueError};

/// Values of enums, countries and currencies that are remembered, for each column.
const REMEMBERED: usize = 1000;

/// Reads rows.
#[derive(Debug)]
pub struct Reader {
    message: MessageDescriptor,
    columns: Vec<(usize, Column)>,
    formats: Formats,
    currency: String,
    known: HashMap<(usize, String), Value>,
    rewriting: Rewriting,
}

/// What a row says.
#[derive(Clone, Debug)]
pub struct Reading<W> {
    /// The record's key.
    pub key: String,
    /// The values.
    pub wire: W,
    /// Fields that the row states.
    pub paths: Vec<String>,
    /// Other records that the row names by key, each with the index of its column.
    pub links: Vec<(usize, String)>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFault {
    /// Index of the column; `None` for the whole row.
    pub column: Option<usize>,
    /// Field path.
    pub field: String,
    /// Machine reason.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
}

/// A row while it is read.
struct Draft {
    message: DynamicMessage,
    key: String,
    paths: Vec<String>,
    links: Vec<(usize, String)>,
    amounts: Vec<(FieldDescriptor, Decimal)>,
    currencies: HashMap<String, String>,
    row_currency: Option<String>,
}

impl Reader {
    /// A reader of rows whose cells at the indexes go to the columns; amounts without a currency are of `currency`.
    pub fn new(columns: &Columns, taken: Vec<(usize, Column)>, formats: Formats, currency: &str) -> Self {
        Self {
            message: columns.message.clone(),
            columns: taken,
            formats,
            currency: currency.to_owned(),
            known: HashMap::new(),
            rewriting: Rewriting::default(),
        }
    }

    /// With what is done to cells before they are read.
    #[must_use]
    pub fn rewriting(self, rewriting: Rewriting) -> Self {
        Self { rewriting, ..self }
    }

    /// The columns read, with their indexes.
    pub fn columns(&self) -> &[(usize, Column)] {
        &self.columns
    }

    /// Reads a row.
    pub fn read<W: Message + Default>(&mut self, cells: &[Cell]) -> Result<Reading<W>, Vec<CellFault>> {
        let mut draft = Draft::new(&self.message);
        let mut faults = Vec::new();
        let rewriting = std::mem::take(&mut self.rewriting);
        let rewritten = rewriting.apply(cells);
        let cells = &*rewritten;
        let columns = std::mem::take(&mut self.columns);
        for (index, column) in &columns {
            let cell = cells.get(*index).unwrap_or(&Cell::Empty);
            if let Err(fault) = self.take(&mut draft, *index, column, cell) {
                faults.push(CellFault {
                    column: Some(*index),
                    field: column.path.clone(),
                    code: fault.0.to_owned(),
                    message: fault.1,
                });
            }
        }
        self.columns = columns;
        drop(rewritten);
        self.rewriting = rewriting;
        faults.extend(draft.settle_amounts(&self.currency));
        if !faults.is_empty() {
            return Err(faults);
        }
        let wire = W::decode(draft.message.encode_to_vec().as_slice()).map_err(|error| {
            vec![CellFault {
                column: None,
                field: String::new(),
                code: "INTERNAL".to_owned(),
                message: error.to_string(),
            }]
        })?;
        draft.paths.sort_unstable();
        draft.paths.dedup();
        Ok(Reading { key: draft.key, wire, paths: draft.paths, links: draft.links })
    }

    /// Takes one cell into the draft.
    fn take(&mut self, draft: &mut Draft, index: usize, column: &Column, cell: &Cell) -> Result<(), Fault> {
        if cell.is_empty() {
            return Ok(());
        }
        let value = match &column.kind {
            Kind::Key => {
                draft.key = value::text(cell)?.unwrap_or_default();
                None
            }
            Kind::Link(_) => {
                draft.links.extend(value::text(cell)?.map(|text| (index, text)));
                return Ok(());
            }
            Kind::Person => match value::text(cell)? {
                Some(text) if Uuid::try_parse(&text).is_err() => {
                    draft.links.push((index, text));
                    return Ok(());
                }
                text => text.map(Value::String),
            },
            Kind::Custom(custom) if custom.names_another(cell) => {
                draft.links.extend(value::text(cell)?.map(|text| (index, text)));
                return Ok(());
            }
            Kind::Amount => {
                draft.amounts.extend(
                    value::number(cell, self.formats)?
                        .zip(column.steps.first().cloned())
                        .map(|(number, field)| (field, number)),
                );
                return Ok(());
            }
            Kind::Currency | Kind::RowCurrency => {
                let Some(text) = value::text(cell)? else { return Ok(()) };
                let code = words::currency(&text);
                match column.steps.first() {
                    Some(field) => drop(draft.currencies.insert(field.name().to_owned(), code)),
                    None => draft.row_currency = Some(code),
                }
                return Ok(());
            }
            Kind::OwnCurrency => {
                draft.row_currency = value::text(cell)?.map(|text| words::currency(&text));
                draft.row_currency.clone().map(Value::String)
            }
            Kind::Points(kind) => return points(draft, column, *kind, cell),
            Kind::Custom(custom) => {
                let currency = draft.row_currency.as_deref().unwrap_or(&self.currency);
                if custom.set(&mut draft.message, cell, self.formats, currency)? {
                    draft.paths.push(column.path.clone());
                }
                return Ok(());
            }
            kind => self.plain(index, kind, cell)?,
        };
        if let Some(value) = value {
            draft.set(&column.steps, value);
            draft.paths.extend(column.mask_path());
        }
        Ok(())
    }

    /// The value of a cell that is one field.
    fn plain(&mut self, index: usize, kind: &Kind, cell: &Cell) -> Result<Option<Value>, Fault> {
        Ok(match kind {
            Kind::Integer => value::number(cell, self.formats)?.map(whole).transpose()?,
            Kind::Boolean => value::boolean(cell)?.map(Value::Bool),
            Kind::Date => value::date(cell, self.formats)?.map(|date| Value::Message(wire_date(date))),
            Kind::Lines => value::text(cell)?.map(|text| list(text.lines().map(str::to_owned))),
            Kind::Words => value::text(cell)?.map(|text| list(split(&text, &[';', '；', ',', '，', '、']))),
            Kind::Choice(values) => self.remembered(index, cell, |text| choice(values, text))?,
            Kind::Country => self.remembered(index, cell, |text| Ok(Value::String(words::country(text))))?,
            Kind::Text => value::text(cell)?.map(Value::String),
            Kind::ExternalIds => value::text(cell)?.map(|text| external_ids(&text)).transpose()?,
            Kind::Instant
            | Kind::Ties(_)
            | Kind::Custom(_)
            | Kind::Key
            | Kind::Link(_)
            | Kind::Person
            | Kind::Amount
            | Kind::Currency
            | Kind::RowCurrency
            | Kind::OwnCurrency
            | Kind::Points(_) => None,
        })
    }

    /// The value of a text that files repeat over and over, found once.
    fn remembered(
        &mut self,
        index: usize,
        cell: &Cell,
        find: impl FnOnce(&str) -> Result<Value, Fault>,
    ) -> Result<Option<Value>, Fault> {
        let Some(text) = value::text(cell)? else { return Ok(None) };
        let place = (index, text);
        if let Some(known) = self.known.get(&place) {
            return Ok(Some(known.clone()));
        }
        let found = find(&place.1)?;
        if self.known.len() < REMEMBERED * self.columns.len().max(1) {
            self.known.insert(place, found.clone());
        }
        Ok(Some(found))
    }
}

impl Column {
    /// The encoded field by which a record names another that the file calls `name`, to be merged into it.
    pub fn link_to(&self, message: &MessageDescriptor, id: &str, name: &str) -> Vec<u8> {
        if let Kind::Custom(custom) = &self.kind {
            let mut record = DynamicMessage::new(message.clone());
            custom.put(&mut record, Value::String(id.to_owned()));
            return record.encode_to_vec();
        }
        let Some(field) = self.steps.first() else { return Vec::new() };
        let mut message = DynamicMessage::new(field.parent_message().clone());
        match field.kind().as_message() {
            None => {
                message.set_field(field, Value::String(id.to_owned()));
                if let Some(called) = self.name_field() {
                    message.set_field(&called, Value::String(name.to_owned()));
                }
            }
            Some(tie) => {
                let mut entry = DynamicMessage::new(tie.clone());
                entry.set_field_by_name(self.member(), Value::String(id.to_owned()));
                message.set_field(field, Value::List(vec![Value::Message(entry)]));
            }
        }
        message.encode_to_vec()
    }

    /// The member of a list's messages that holds the other record's id.
    fn member(&self) -> &'static str {
        match &self.kind {
            Kind::Link(link) | Kind::Ties(link) => link.member.unwrap_or_default(),
            _ => "",
        }
    }

    /// The fields that a link sets.
    pub fn link_fields(&self) -> Vec<String> {
        if let Kind::Custom(_) = &self.kind {
            return vec![self.path.clone()];
        }
        let fields = self.steps.first().cloned().into_iter().chain(self.name_field());
        fields.map(|field| field.name().to_owned()).collect()
    }

    /// The field beside that of a record of another service that holds what it is called, as `place_name` beside `place_id`.
    fn name_field(&self) -> Option<FieldDescriptor> {
        let Kind::Link(link) = &self.kind else { return None };
        let field = self.steps.first().filter(|_| link.is_foreign())?;
        field.parent_message().get_field_by_name(&format!("{}_name", field.name().strip_suffix("_id")?))
    }
}

/// Code and message of a cell that cannot be read.
pub(super) struct Fault(pub &'static str, pub String);

impl From<ValueError> for Fault {
    fn from(error: ValueError) -> Self {
        Self(error.code(), error.to_string())
    }
}

impl Draft {
    fn new(message: &MessageDescriptor) -> Self {
        Self {
            message: DynamicMessage::new(message.clone()),
            key: String::new(),
            paths: Vec::new(),
            links: Vec::new(),
            amounts: Vec::new(),
            currencies: HashMap::new(),
            row_currency: None,
        }
    }

    fn set(&mut self, steps: &[FieldDescriptor], value: Value) {
        match steps {
            [field] => self.message.set_field(field, value),
            [field, part] => {
                if let Some(inner) = self.message.get_field_mut(field).as_message_mut() {
                    inner.set_field(part, value);
                }
            }
            _ => {}
        }
    }

    /// Joins amounts with their currencies, which may stand in any column.
    fn settle_amounts(&mut self, default_currency: &str) -> Vec<CellFault> {
        let mut faults = Vec::new();
        for (field, amount) in std::mem::take(&mut self.amounts) {
            let name = field.name();
            let own = self.currencies.get(name).or(self.row_currency.as_ref());
            let currency = own.map_or(default_currency, String::as_str);
            match money(&field, amount, currency) {
                Some(money) => {
                    self.paths.push(name.to_owned());
                    self.message.set_field(&field, Value::Message(money));
                }
                None => faults.push(CellFault {
                    column: None,
                    field: name.to_owned(),
                    code: "MONEY_INVALID".to_owned(),
                    message: "has more than nine decimals or is too large".to_owned(),
                }),
            }
        }
        faults
    }
}

/// Addresses or numbers of one cell, added to those of other columns.
fn points(draft: &mut Draft, column: &Column, kind: i32, cell: &Cell) -> Result<(), Fault> {
    let (Some(text), Some(field)) = (value::text(cell)?, column.steps.first()) else { return Ok(()) };
    let field_kind = field.kind();
    let Some(point) = field_kind.as_message() else { return Ok(()) };
    let is_email = point.get_field_by_name("address").is_some();
    let separators: &[char] =
        if is_email { &[';', '；', ',', '，', '\n', ' '] } else { &[';', '；', '\n'] };
    for text in split(&text, separators) {
        let mut entry = DynamicMessage::new(point.clone());
        entry.set_field_by_name(if is_email { "address" } else { "number" }, Value::String(text));
        if kind != 0 {
            entry.set_field_by_name("kind", Value::EnumNumber(kind));
        }
        if let Some(entries) = draft.message.get_field_mut(field).as_list_mut() {
            entries.push(Value::Message(entry));
        }
    }
    draft.paths.extend(column.mask_path());
    Ok(())
}

pub(super) fn split(text: &str, separators: &[char]) -> Vec<String> {
    text.split(separators).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

pub(super) fn list(texts: impl IntoIterator<Item = String>) -> Value {
    Value::List(texts.into_iter().map(Value::String).collect())
}

fn whole(number: Decimal) -> Result<Value, Fault> {
    let whole = Some(number).filter(Decimal::is_integer).and_then(|number| i32::try_from(number).ok());
    whole
        .map(Value::I32)
        .ok_or_else(|| Fault("NUMBER_INVALID", "is not a whole number, or too large".to_owned()))
}

fn choice(choices: &Choices, text: &str) -> Result<Value, Fault> {
    choices
        .number(text)
        .map(Value::EnumNumber)
        .ok_or_else(|| Fault("VALUE_UNKNOWN", format!("{text} is none of the values of this field")))
}

/// `sap:0012; erp:c-7`
fn external_ids(text: &str) -> Result<Value, Fault> {
    let ids = split(text, &[';', '；', '\n']).into_iter().map(|id| {
        let (system, value) = id.split_once(':')?;
        let mut entry = DynamicMessage::new(crm_proto::message("crm.record.v1.ExternalId"));
        entry.set_field_by_name("system", Value::String(system.trim().to_owned()));
        entry.set_field_by_name("value", Value::String(value.trim().to_owned()));
        Some(Value::Message(entry))
    });
    let ids: Option<Vec<Value>> = ids.collect();
    ids.map(Value::List)
        .ok_or_else(|| Fault("EXTERNAL_ID_INVALID", "is not of the form system:id".to_owned()))
}

pub(super) fn wire_date(date: chrono::NaiveDate) -> DynamicMessage {
    let mut wire = DynamicMessage::new(crm_proto::message("google.type.Date"));
    wire.set_field_by_name("year", Value::I32(date.year()));
    wire.set_field_by_name("month", Value::I32(date.month().cast_signed()));
    wire.set_field_by_name("day", Value::I32(date.day().cast_signed()));
    wire
}

/// `None` when the amount does not fit the wire.
pub(super) fn money(field: &FieldDescriptor, amount: Decimal, currency: &str) -> Option<DynamicMessage> {
    let units = amount.trunc();
    let nanos = (amount - units).checked_mul(Decimal::from(1_000_000_000))?;
    let nanos = Some(nanos).filter(Decimal::is_integer).and_then(|nanos| i32::try_from(nanos).ok())?;
    let mut wire = DynamicMessage::new(field.kind().as_message()?.clone());
    wire.set_field_by_name("currency_code", Value::String(currency.to_owned()));
    wire.set_field_by_name("units", Value::I64(i64::try_from(units).ok()?));
    wire.set_field_by_name("nanos", Value::I32(nanos));
    Some(wire)
}

#[cfg(test)]
mod tests {
    use crm_proto::{
        crm::{
            customer::v1::{Account, Contact},
            record::v1::ExternalId,
        },
        google::r#type::{Date, Money, PostalAddress},
    };
    use proptest::prelude::*;
    use prost::Name;

    use super::*;
    use crate::{
        custom_field::Fields,
        sample::{FIRMS, PEOPLE},
    };
    use crm_kit_table::{value::DateOrder, value::DecimalMark};

    fn read<W: Message + Default + Name>(row: &[(&str, &str)]) -> Result<Reading<W>, Vec<CellFault>> {
        let kind = if W::NAME == "Account" { &FIRMS } else { &PEOPLE };
        let columns = Columns::new(kind, &Fields::default());
        let taken =
            row.iter().enumerate().map(|(index, (path, _))| (index, columns.get(path).unwrap().clone()));
        let formats = Formats {
            dates: DateOrder::YearMonthDay,
            zone: chrono_tz::Asia::Shanghai,
            decimal_mark: DecimalMark::Point,
        };
        let mut reader = Reader::new(&columns, taken.collect(), formats, "CNY");
        let cells: Vec<Cell> = row.iter().map(|(_, text)| Cell::text(*text)).collect();
        reader.read(&cells)
    }

    fn money(currency: &str, units: i64, nanos: i32) -> Money {
        Money { currency_code: currency.to_owned(), units, nanos }
    }

    #[test]
    fn every_kind_of_account_field_is_read() {
        let Reading { key, wire, paths, links } = read::<Account>(&[
            ("external_id", " 0012 "),
            ("display_name", "北京某某科技有限公司"),
            ("kind", "合作伙伴"),
            ("level", "A"),
            ("life_cycle_stage", "LIFE_CYCLE_STAGE_CUSTOMER"),
            ("employee_count", "1,200"),
            ("blocked", "否"),
            ("tags", "vip; 华北,重点"),
            ("annual_revenue", "¥1,234.5"),
            ("credit_limit", "-0.25"),
            ("credit_limit.currency_code", "usd"),
            ("billing_address.region_code", "China"),
            ("billing_address.address_lines", "Road 1\nRoom 2"),
            ("legal_name", ""),
            ("external_ids", "sap:1; erp:a:b"),
            ("parent_external_id", "0001"),
        ])
        .unwrap();
        assert_eq!(key, "0012");
        assert_eq!(links, [(15, "0001".to_owned())]);
        let expected = Account {
            display_name: "北京某某科技有限公司".to_owned(),
            kind: 2,
            level: 1,
            life_cycle_stage: 7,
            employee_count: 1200,
            tags: ["vip", "华北", "重点"].map(str::to_owned).to_vec(),
            external_ids: [("sap", "1"), ("erp", "a:b")]
                .map(|(system, value)| ExternalId { system: system.to_owned(), value: value.to_owned() })
                .to_vec(),
            annual_revenue: Some(money("CNY", 1234, 500_000_000)),
            credit_limit: Some(money("USD", 0, -250_000_000)),
            billing_address: Some(PostalAddress {
                region_code: "CN".to_owned(),
                address_lines: vec!["Road 1".to_owned(), "Room 2".to_owned()],
                ..PostalAddress::default()
            }),
            ..Account::default()
        };
        assert_eq!(wire, expected);
        assert_eq!(
            paths,
            [
                "annual_revenue",
                "billing_address.address_lines",
                "billing_address.region_code",
                "blocked",
                "credit_limit",
                "display_name",
                "employee_count",
                "external_ids",
                "kind",
                "level",
                "life_cycle_stage",
                "tags",
            ]
        );
    }

    #[test]
    fn every_kind_of_contact_field_is_read() {
        let Reading { wire, paths, .. } = read::<Contact>(&[
            ("family_name", "张"),
            ("emails", "a@example.com; b@example.com"),
            ("phones.mobile", "13800138000"),
            ("phones.work", "010-12345678"),
            ("birth_date", "1980年1月5日"),
        ])
        .unwrap();
        assert_eq!(
            wire.emails.iter().map(|email| email.address.as_str()).collect::<Vec<_>>(),
            ["a@example.com", "b@example.com"]
        );
        assert_eq!(
            wire.phones.iter().map(|phone| (phone.number.as_str(), phone.kind)).collect::<Vec<_>>(),
            [("13800138000", 3), ("010-12345678", 1)]
        );
        assert_eq!(wire.birth_date, Some(Date { year: 1980, month: 1, day: 5 }));
        assert_eq!(paths, ["birth_date", "emails", "family_name", "phones"]);
    }

    #[test]
    fn all_faults_of_a_row_are_told_with_their_columns() {
        let faults = read::<Account>(&[
            ("display_name", "x"),
            ("kind", "friend"),
            ("employee_count", "1.5"),
            ("blocked", "perhaps"),
            ("annual_revenue", "a lot"),
        ])
        .unwrap_err();
        let told: Vec<_> = faults.iter().map(|fault| (fault.column, fault.code.as_str())).collect();
        assert_eq!(
            told,
            [
                (Some(1), "VALUE_UNKNOWN"),
                (Some(2), "NUMBER_INVALID"),
                (Some(3), "VALUE_NOT_A_BOOLEAN"),
                (Some(4), "VALUE_NOT_A_NUMBER")
            ]
        );
    }

    #[test]
    fn a_link_is_merged_into_the_record() {
        for (kind, path, check) in
            [(&FIRMS, "parent_external_id", "parent_id"), (&PEOPLE, "account_external_id", "accounts")]
        {
            let columns = Columns::new(kind, &Fields::default());
            let column = columns.get(path).unwrap();
            assert_eq!(column.link_fields(), [check]);
            let decoded = DynamicMessage::decode(
                columns.message.clone(),
                column.link_to(&columns.message, "id", "").as_slice(),
            )
            .unwrap();
            assert!(decoded.has_field_by_name(check));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_amounts_are_exact(text in "\\PC{0,12}", units in -10_i64.pow(12)..10_i64.pow(12), fraction in 0_u32..10_000) {
            let _ = read::<Account>(&[("employee_count", &text), ("annual_revenue", &text), ("kind", &text), ("tags", &text)]);
            let written = format!("{units}.{fraction:04}");
            let wire = read::<Account>(&[("annual_revenue", &written)]).unwrap().wire.annual_revenue.unwrap();
            let sign = if units < 0 || written.starts_with('-') { -1 } else { 1 };
            prop_assert_eq!((wire.units, wire.nanos), (units, sign * i32::try_from(fraction * 100_000).unwrap()));
        }
    }
}
