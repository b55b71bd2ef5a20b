//! Random filters and records for property tests: whatever answers a filter must answer these alike.
//!
//! A test over Postgres creates [`TABLE`], inserts [`Record::row`]s and compares what [`Filter::to_sql`]
//! selects with what [`Filter::matches`] accepts, for texts from [`filter`] with [`Dialect::Full`].
//!
//! [`Filter::to_sql`]: super::Filter::to_sql
//! [`Filter::matches`]: super::Filter::matches

use std::sync::LazyLock;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{Field, Kind, Schema, Value, document};

/// Which filters to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// All of the language.
    Full,
    /// The part that means the same in standard CEL: fields that are always set, without decimals, dates,
    /// ids and choices.
    Cel,
}

/// One row of [`TABLE`].
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    values: Vec<Value<'static>>,
    /// What stands in the document of a field without a value: something of another form.
    stray: Json,
}

const STAGES: &[(&str, i32)] = &[("new", 1), ("won", 2), ("lost", 3)];

/// The fields of [`TABLE`], two of most kinds, one of them nullable, and one of each kind in a document.
static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    let mut fields = vec![
        Field::new("name", Kind::Text, "name"),
        Field::new("code", Kind::Text, "code"),
        Field::new("address.city", Kind::Text, "city").nullable(),
        Field::new("active", Kind::Bool, "active"),
        Field::new("starred", Kind::Bool, "starred").nullable(),
        Field::new("visits", Kind::Int, "visits"),
        Field::new("rank", Kind::Int, "rank").nullable(),
        Field::new("amount", Kind::Decimal { scale: 2 }, "amount"),
        Field::new("budget", Kind::Decimal { scale: 4 }, "budget").nullable(),
        Field::new("ratio", Kind::Numeric, "ratio").nullable(),
        Field::new("created", Kind::Timestamp, "created"),
        Field::new("closed", Kind::Timestamp, "closed").nullable(),
        Field::new("due", Kind::Date, "due").nullable(),
        Field::new("creator", Kind::Uuid, "creator"),
        Field::new("owner", Kind::Uuid, "owner").nullable(),
        Field::new("stage", Kind::Enum(STAGES), "stage").nullable(),
        Field::new("tags", Kind::TextList, "tags"),
        Field::new("labels", Kind::TextList, "labels").nullable(),
    ];
    let within = [
        ("note", Kind::Text, &["note"][..]),
        ("flag", Kind::Bool, &["flag"]),
        ("steps", Kind::Int, &["steps"]),
        ("score", Kind::Numeric, &["score"]),
        ("price", Kind::Decimal { scale: 4 }, &["price", "ten_thousandths"]),
        ("seen", Kind::Timestamp, &["seen"]),
        ("day", Kind::Date, &["day"]),
        ("link", Kind::Uuid, &["link"]),
        ("choice", Kind::Enum(STAGES), &["choice"]),
        ("marks", Kind::TextList, &["marks"]),
    ];
    fields.extend(
        within.map(|(name, kind, keys)| Field::in_document(format!("custom.{name}"), kind, "custom", keys)),
    );
    fields
});

/// The statements that create the table the filters select from, with the columns every list asks for. Its texts collate differently on purpose.
pub const TABLE: &str = r#"
CREATE TABLE record (
    tenant_id uuid NOT NULL, id uuid NOT NULL, delete_time timestamptz,
    number bigint NOT NULL,
    name text COLLATE "und-x-icu" NOT NULL, code text COLLATE "C" NOT NULL, city text,
    active boolean NOT NULL, starred boolean,
    visits integer NOT NULL, rank bigint,
    amount bigint NOT NULL, budget bigint, ratio numeric,
    created timestamptz NOT NULL, closed timestamptz, due date,
    creator uuid NOT NULL, owner uuid, stage smallint,
    tags text[] NOT NULL, labels text[], custom jsonb NOT NULL,
    CONSTRAINT record_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX record_tags_idx ON record USING gin (tags);
CREATE INDEX record_custom_idx ON record USING gin (custom jsonb_path_ops)"#;

const TEXTS: [&str; 17] =
    ["", "a", "A", "ab", "Ab", "abab", "b", "B", "中", "中文", "a%", "a_b", "%", "\\", "'", "\"", "é"];
const NUMBERS: [&str; 8] = ["0", "1", "-1", "2", "1.0", "-2.00", "9223372036854775807", "1e20"];
const AMOUNTS: [&str; 6] = ["0.5", "1.25", "-1.5", "1.255", "-1.2555", "0.000000001"];
const HOURS: [i64; 6] = [-48, -24, -1, 0, 1, 24];
const ORDERS: [&str; 4] = ["<", "<=", ">", ">="];
const EQUALITIES: [&str; 2] = ["==", "!="];

/// The instant `now` stands for in these tests.
#[must_use]
pub fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// The schema the filters are checked against.
#[must_use]
pub fn schema() -> Schema {
    Schema::new(&FIELDS)
}

impl Record {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, path: &str) -> Value<'_> {
        let values = FIELDS.iter().zip(&self.values);
        values
            .into_iter()
            .find(|(field, _)| field.path == path)
            .map_or(Value::Null, |(_, value)| value.clone())
    }

    /// The record as the inside of a `VALUES (..)` list for [`TABLE`], without the three columns that stand first in it.
    #[must_use]
    pub fn row(&self, number: usize) -> String {
        let columns = FIELDS.iter().zip(&self.values).filter(|(field, _)| field.document.is_none());
        let columns = columns.map(|(field, value)| literal(field.kind, value));
        let document = quoted(&self.document().to_string());
        std::iter::once(number.to_string()).chain(columns).chain([document]).collect::<Vec<_>>().join(", ")
    }

    fn document(&self) -> Json {
        let mut document = Map::new();
        let within = FIELDS.iter().zip(&self.values).filter(|(field, _)| field.document.is_some());
        for (field, value) in within {
            let key = field.path.trim_start_matches("custom.");
            let form = document::form(field.kind, value).unwrap_or_else(|| stray(field.kind, &self.stray));
            let form =
                if key == "price" { json!({"ten_thousandths": form, "currency": "EUR"}) } else { form };
            document.insert(key.to_owned(), form);
        }
        Json::Object(document)
    }
}

/// What a field without a value holds: `found`, unless it would be a value.
fn stray(kind: Kind, found: &Json) -> Json {
    let is_value = match kind {
        Kind::Text => found.is_string(),
        Kind::Bool => found.is_boolean(),
        Kind::TextList => found.is_array(),
        _ => false,
    };
    if is_value { Json::Null } else { found.clone() }
}

/// Records with values from small pools, so that filters find some.
pub fn record() -> impl Strategy<Value = Record> {
    let strays = vec![
        json!(null),
        json!(true),
        json!(1.5),
        json!("2025-02-30"),
        json!("0000-01-01"),
        json!("2025-02-30T25:00:00.000000Z"),
        json!("ab"),
        json!("1.5e3"),
        json!(["a"]),
        json!({"a": 1}),
    ];
    (FIELDS.iter().map(field_value).collect::<Vec<_>>(), select(strays))
        .prop_map(|(values, stray)| Record { values, stray })
}

/// Well-typed filters. A few exceed a limit of the language: skip those that do not parse.
pub fn filter(dialect: Dialect) -> impl Strategy<Value = String> {
    predicate(dialect).prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} && {right}")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} || {right})")),
            inner.clone().prop_map(|inner| format!("!({inner})")),
            (inner.clone(), select(&EQUALITIES), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(condition, yes, no)| format!("(({condition}) ? {yes} : {no})")),
        ]
    })
}

fn predicate(dialect: Dialect) -> BoxedStrategy<String> {
    let common = prop_oneof![
        3 => text_test(dialect),
        1 => field_of(dialect, |kind| kind == Kind::Bool),
        1 => compared(number_field(dialect), number(dialect), &["==", "!=", "<", "<=", ">", ">="]),
        1 => compared(size(dialect), number(dialect), &["==", "!=", "<", ">="]),
        1 => compared(instant(dialect), instant(dialect), &["==", "!=", "<", "<=", ">", ">="]),
        1 => (number_field(dialect), listed(number(dialect)))
            .prop_map(|(item, list)| format!("{item} in {list}")),
    ];
    if dialect == Dialect::Cel {
        return common.boxed();
    }
    prop_oneof![6 => common, 4 => beyond_cel()].boxed()
}

fn beyond_cel() -> impl Strategy<Value = String> {
    let any = || field_of(Dialect::Full, |_| true);
    let numeric = || prop_oneof![number_field(Dialect::Full), size(Dialect::Full)];
    let exact =
        select(vec!["amount", "budget", "ratio", "custom.score", "custom.price"]).prop_map(str::to_owned);
    let small = select(&AMOUNTS[..3]).prop_map(str::to_owned);
    prop_oneof![
        any().prop_map(|field| format!("has({field})")),
        (any(), select(&EQUALITIES)).prop_map(|(field, operator)| format!("{field} {operator} null")),
        compared(numeric(), select(&AMOUNTS).prop_map(str::to_owned), &ORDERS),
        compared(numeric(), numeric(), &["==", "!=", "<", "<=", ">", ">="]),
        compared(exact.clone(), small.clone(), &EQUALITIES),
        (exact, listed(small)).prop_map(|(item, list)| format!("{item} in {list}")),
        compared(day(), day(), &["==", "!=", "<", "<=", ">", ">="]),
        (id(), select(&EQUALITIES), id())
            .prop_map(|(left, operator, right)| format!("creator == {left} || owner {operator} {right}")),
        (select(&["creator", "owner", "custom.link"]), listed(id()))
            .prop_map(|(field, list)| format!("{field} in {list}")),
        compared(Just("custom.link".to_owned()), id(), &EQUALITIES),
        (any_stage(), select(&EQUALITIES), select(STAGES))
            .prop_map(|(field, operator, (stage, _))| format!("{field} {operator} '{stage}'")),
        (any_stage(), listed(select(STAGES).prop_map(|(stage, _)| format!("'{stage}'"))))
            .prop_map(|(field, list)| format!("{field} in {list}")),
        (day_field(), listed(day_literal())).prop_map(|(item, list)| format!("{item} in {list}")),
        Just("owner != creator".to_owned()),
        Just("custom.link == owner".to_owned()),
        compared(
            field_of(Dialect::Full, |kind| kind == Kind::Bool),
            select(vec!["true", "false", "starred", "custom.flag"]).prop_map(str::to_owned),
            &EQUALITIES
        ),
    ]
}

fn text_test(dialect: Dialect) -> impl Strategy<Value = String> {
    let test = select(vec!["startsWith", "endsWith", "contains"]);
    let list = field_of(dialect, |kind| kind == Kind::TextList);
    prop_oneof![
        compared(text(dialect), text(dialect), &["==", "!=", "<", "<=", ">", ">="]),
        (text(dialect), test, text(dialect)).prop_map(|(text, test, part)| format!("{text}.{test}({part})")),
        (text(dialect), listed(text_literal())).prop_map(|(item, list)| format!("{item} in {list}")),
        (text(dialect), list).prop_map(|(item, list)| format!("{item} in {list}")),
    ]
}

fn text(dialect: Dialect) -> impl Strategy<Value = String> {
    let field = field_of(dialect, |kind| kind == Kind::Text);
    let lowered = field.clone().prop_map(|field| format!("{field}.lowerAscii()"));
    let sum = Just("('a' + 'b')".to_owned());
    prop_oneof![3 => field, 1 => lowered, 3 => text_literal(), 1 => sum]
}

fn text_literal() -> impl Strategy<Value = String> {
    select(&TEXTS).prop_map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

fn number_field(dialect: Dialect) -> BoxedStrategy<String> {
    let exact = dialect == Dialect::Full;
    field_of(dialect, move |kind| match kind {
        Kind::Int => true,
        Kind::Decimal { .. } | Kind::Numeric => exact,
        _ => false,
    })
}

/// Numbers that every numeric field may be compared with; in CEL the whole ones.
fn number(dialect: Dialect) -> impl Strategy<Value = String> {
    let numbers = if dialect == Dialect::Cel { &NUMBERS[..4] } else { &NUMBERS[..] };
    select(numbers).prop_map(str::to_owned)
}

fn size(dialect: Dialect) -> BoxedStrategy<String> {
    let sized = field_of(dialect, |kind| matches!(kind, Kind::Text | Kind::TextList));
    sized.prop_map(|field| format!("size({field})")).boxed()
}

fn instant(dialect: Dialect) -> impl Strategy<Value = String> {
    prop_oneof![
        field_of(dialect, |kind| kind == Kind::Timestamp),
        select(&HOURS).prop_map(|hours| format!("now + duration(\"{hours}h\")")),
        select(&HOURS)
            .prop_map(|hours| format!("timestamp(\"{}\")", (now() + TimeDelta::hours(hours)).to_rfc3339())),
    ]
}

fn any_stage() -> impl Strategy<Value = &'static str> + Clone {
    select(&["stage", "custom.choice"])
}

fn day_field() -> impl Strategy<Value = &'static str> {
    select(&["due", "custom.day"])
}

fn day_literal() -> impl Strategy<Value = String> {
    (0..3_u64).prop_map(|days| format!("date('{}')", today() + Days::new(days)))
}

fn day() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("due".to_owned()),
        Just("custom.day".to_owned()),
        Just("today - duration('24h')".to_owned()),
        day_literal(),
    ]
}

fn id() -> impl Strategy<Value = String> {
    (0..4_u128).prop_map(|number| format!("'{}'", Uuid::from_u128(number)))
}

fn compared(
    left: impl Strategy<Value = String> + 'static,
    right: impl Strategy<Value = String> + 'static,
    operators: &'static [&'static str],
) -> BoxedStrategy<String> {
    let mirrored = |(left, operator, right, swap)| {
        if swap { format!("{right} {operator} {left}") } else { format!("{left} {operator} {right}") }
    };
    (left, select(operators), right, any::<bool>()).prop_map(mirrored).boxed()
}

fn listed(item: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    prop::collection::vec(item, 0..4).prop_map(|items| format!("[{}]", items.join(", "))).boxed()
}

fn field_of(dialect: Dialect, wanted: impl Fn(Kind) -> bool) -> BoxedStrategy<String> {
    let allowed = |field: &&Field| {
        wanted(field.kind) && !(dialect == Dialect::Cel && (field.nullable || field.document.is_some()))
    };
    let paths: Vec<String> = FIELDS.iter().filter(allowed).map(|field| field.path.to_string()).collect();
    any::<Index>().prop_map(move |index| index.get(&paths).clone()).boxed()
}

fn field_value(field: &Field) -> BoxedStrategy<Value<'static>> {
    let value = match field.kind {
        Kind::Text => select(&TEXTS).prop_map(|text| Value::Text(text.into())).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Int => (-3..=3_i64).prop_map(Value::Int).boxed(),
        Kind::Decimal { scale } => amount(scale),
        Kind::Numeric => prop_oneof![amount(1), amount(9)].boxed(),
        Kind::Timestamp => {
            select(&HOURS).prop_map(|hours| Value::Timestamp(now() + TimeDelta::hours(hours))).boxed()
        }
        Kind::Date => (0..3_u64).prop_map(|days| Value::Date(today() + Days::new(days))).boxed(),
        Kind::Uuid => (0..4_u128).prop_map(|number| Value::Uuid(Uuid::from_u128(number))).boxed(),
        Kind::Enum(values) => select(values).prop_map(|(_, number)| Value::Enum(number)).boxed(),
        Kind::TextList => prop::collection::vec(select(&TEXTS).prop_map(str::to_owned), 0..4)
            .prop_map(|texts| Value::TextList(texts.into()))
            .boxed(),
    };
    if field.nullable { prop_oneof![1 => Just(Value::Null), 3 => value].boxed() } else { value }
}

/// The numbers and amounts filters are written with, cut to a scale, and their near neighbours.
fn amount(scale: u32) -> BoxedStrategy<Value<'static>> {
    (-30..=30_i64, 0..=scale, -1..=1_i64)
        .prop_map(move |(tenths, places, step)| {
            let near = Decimal::new(tenths * 5, 1.min(scale)) + Decimal::new(step, places);
            Value::Decimal(near)
        })
        .boxed()
}

fn today() -> NaiveDate {
    now().date_naive()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value as SQL, in the form its column stores.
fn literal(kind: Kind, value: &Value) -> String {
    match (value, kind) {
        (Value::Decimal(number), Kind::Decimal { scale }) => {
            let mut number = *number;
            number.rescale(scale);
            number.mantissa().to_string()
        }
        (Value::Null | Value::Duration(_), _) => "NULL".to_owned(),
        (Value::Text(text), _) => quoted(text),
        (Value::Bool(truth), _) => truth.to_string(),
        (Value::Int(whole), _) => whole.to_string(),
        (Value::Decimal(number), _) => number.to_string(),
        (Value::Timestamp(instant), _) => quoted(&instant.to_rfc3339()),
        (Value::Date(day), _) => quoted(&day.to_string()),
        (Value::Uuid(id), _) => quoted(&id.to_string()),
        (Value::Enum(number), _) => number.to_string(),
        (Value::TextList(texts), _) => {
            let items: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            format!("ARRAY[{}]::text[]", items.join(", "))
        }
    }
}
