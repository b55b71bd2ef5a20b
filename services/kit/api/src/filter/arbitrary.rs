//! Random filters and records for property tests: whatever answers a filter must answer these alike.
//!
//! A test over Postgres creates [`TABLE`], inserts [`Record::row`]s and compares what [`Filter::to_sql`]
//! selects with what [`Filter::matches`] accepts, for texts from [`filter`] with [`Dialect::Full`].
//!
//! [`Filter::to_sql`]: super::Filter::to_sql
//! [`Filter::matches`]: super::Filter::matches

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Field, Kind, Schema, Value};

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
pub struct Record(Vec<Value<'static>>);

const STAGES: &[(&str, i32)] = &[("new", 1), ("won", 2), ("lost", 3)];

/// The fields of [`TABLE`], two of most kinds, one of them nullable.
static FIELDS: [Field; 18] = [
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

/// The statement that creates the table the filters select from. Its texts collate differently on purpose.
pub const TABLE: &str = r#"
CREATE TEMPORARY TABLE record (
    number bigint PRIMARY KEY,
    name text COLLATE "und-x-icu" NOT NULL, code text COLLATE "C" NOT NULL, city text,
    active boolean NOT NULL, starred boolean,
    visits integer NOT NULL, rank bigint,
    amount bigint NOT NULL, budget bigint, ratio numeric,
    created timestamptz NOT NULL, closed timestamptz, due date,
    creator uuid NOT NULL, owner uuid, stage smallint,
    tags text[] NOT NULL, labels text[]
)"#;

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
pub const fn schema() -> Schema {
    Schema::new(&FIELDS)
}

impl Record {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, path: &str) -> Value<'_> {
        let values = FIELDS.iter().zip(&self.0);
        values
            .into_iter()
            .find(|(field, _)| field.path == path)
            .map_or(Value::Null, |(_, value)| value.clone())
    }

    /// The record as the inside of a `VALUES (..)` list for [`TABLE`].
    #[must_use]
    pub fn row(&self, number: usize) -> String {
        let columns = FIELDS.iter().zip(&self.0).map(|(field, value)| literal(field.kind, value));
        std::iter::once(number.to_string()).chain(columns).collect::<Vec<_>>().join(", ")
    }
}

/// Records with values from small pools, so that filters find some.
pub fn record() -> impl Strategy<Value = Record> {
    FIELDS.iter().map(field_value).collect::<Vec<_>>().prop_map(Record)
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
    let exact = select(vec!["amount", "budget", "ratio"]).prop_map(str::to_owned);
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
        listed(id()).prop_map(|list| format!("owner in {list}")),
        (select(&EQUALITIES), select(STAGES))
            .prop_map(|(operator, (stage, _))| format!("stage {operator} '{stage}'")),
        listed(select(STAGES).prop_map(|(stage, _)| format!("'{stage}'")))
            .prop_map(|list| format!("stage in {list}")),
        Just("owner != creator".to_owned()),
        compared(
            field_of(Dialect::Full, |kind| kind == Kind::Bool),
            select(vec!["true", "starred"]).prop_map(str::to_owned),
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

fn day() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("due".to_owned()),
        Just("today - duration('24h')".to_owned()),
        (0..3_u64).prop_map(|days| format!("date('{}')", today() + Days::new(days))),
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
    let allowed = |field: &&Field| wanted(field.kind) && !(dialect == Dialect::Cel && field.nullable);
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

/// A value as SQL, in the form its column stores.
fn literal(kind: Kind, value: &Value) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
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
