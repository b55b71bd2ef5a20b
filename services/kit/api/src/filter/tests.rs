//! The language as a whole: what is refused and how, what SQL it becomes, what it answers.

use std::sync::Arc;

use cel::extractors::This;
use cel::{Context, Program};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::arbitrary::{self, Dialect, Record};
use super::*;

const STAGES: &[(&str, i32)] = &[("new", 1), ("won", 2), ("lost", 3)];

static FIELDS: [Field; 14] = [
    Field::new("name", Kind::Text, "name"),
    Field::new("address.city", Kind::Text, "city").nullable(),
    Field::new("active", Kind::Bool, "active"),
    Field::new("starred", Kind::Bool, "starred").nullable(),
    Field::new("visits", Kind::Int, "visits"),
    Field::new("amount", Kind::Decimal { scale: 2 }, "amount"),
    Field::new("budget", Kind::Decimal { scale: 4 }, "budget").nullable(),
    Field::new("ratio", Kind::Numeric, "ratio"),
    Field::new("created", Kind::Timestamp, "created"),
    Field::new("due", Kind::Date, "due").nullable(),
    Field::new("owner", Kind::Uuid, "owner").nullable(),
    Field::new("stage", Kind::Enum(STAGES), "stage"),
    Field::new("tags", Kind::TextList, "tags"),
    Field::new("phone", Kind::Text, "phone"),
];

fn schema() -> Schema {
    let score = Field::in_document("custom.score".to_owned(), Kind::Int, "custom", &["f7"]);
    Schema::new(&FIELDS).with_custom([score]).with_masked(["phone"])
}

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2025-03-01T12:00:00Z").unwrap().to_utc()
}

fn refusal(text: &str) -> Error {
    Filter::parse(text, &schema()).map(|_| text).unwrap_err()
}

fn number(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

#[track_caller]
fn assert_refused(cases: &[(&str, usize, &str)]) {
    for &(text, column, message) in cases {
        let error = refusal(text);
        assert_eq!((error.message.as_str(), error.column), (message, column), "{text}");
    }
}

#[test]
fn refusals_name_the_field_and_its_kind() {
    assert_refused(&[
        ("nmae == 'x'", 1, "unknown field \"nmae\", did you mean \"name\"?"),
        (
            "name == 'x' && address.ctiy == ''",
            16,
            "unknown field \"address.ctiy\", did you mean \"address.city\"?",
        ),
        ("amount == 'x'", 8, "\"amount\" is a number and cannot be compared with text"),
        ("'x' < amount", 5, "\"amount\" is a number and cannot be compared with text"),
        ("name == amount", 6, "\"name\" is text and cannot be compared with \"amount\""),
        (
            "created > '2025'",
            9,
            "\"created\" is a timestamp and cannot be compared with text, write timestamp(\"2025-01-31T00:00:00Z\")",
        ),
        ("due > '2025'", 5, "\"due\" is a date and cannot be compared with text, write date(\"2025-01-31\")"),
        ("amount == 1.255", 11, "\"amount\" holds at most 2 decimal places"),
        ("visits in [1, 2.5]", 15, "\"visits\" holds at most 0 decimal places"),
        ("stage == 'wonn'", 10, "\"stage\" has no value \"wonn\", did you mean \"won\"?"),
        ("stage < 'won'", 7, "\"stage\" is a choice, which has no order"),
        ("owner == 'me'", 10, "\"owner\" is an id, and \"me\" is none"),
        ("tags == null || tags == name", 22, "\"tags\" is a list and cannot be compared with \"name\""),
        ("name", 1, "\"name\" is text, but a condition is needed here"),
        ("!visits", 2, "\"visits\" is a number, but a condition is needed here"),
        ("phone == '1'", 1, "\"phone\" is masked for you and cannot be used here"),
        ("has(phone)", 5, "\"phone\" is masked for you and cannot be used here"),
    ]);
}

#[test]
fn refusals_explain_calls_and_constants() {
    assert_refused(&[
        ("has(now)", 5, "unknown field \"now\""),
        ("名", 1, "unexpected \"名\""),
        ("name == '名' && x", 16, "unknown field \"x\""),
        ("name.matches('x')", 6, "unknown function \"matches\""),
        ("name.startWith('x')", 6, "unknown function \"startWith\", did you mean \"startsWith\"?"),
        ("size(name, 1)", 1, "size takes 1 argument(s), the value before the dot included"),
        ("visits.startsWith('1')", 1, "\"visits\" is a number, but text is needed here"),
        ("size(visits) > 1", 6, "\"visits\" is a number and has no size"),
        ("amount + 1 > 2", 8, "arithmetic on fields is only available in formulas"),
        ("now - created > duration('72h')", 5, "arithmetic on fields is only available in formulas"),
        ("name == (active ? 'a' : 'b')", 17, "a choice between values is only available in formulas"),
        ("visits > 1 / 0", 12, "division by zero"),
        ("visits > 9223372036854775807 + 1", 30, "the result is out of range"),
        ("due > today + duration('1h')", 13, "a date can only be moved by whole days"),
        ("created > timestamp('2025-01-31')", 21, "timestamp takes text such as \"2025-01-31T08:00:00Z\""),
        ("created > timestamp(name)", 21, "timestamp takes a text constant"),
        ("visits > null", 8, "null can only be tested with == or != against a field"),
        ("name in [name]", 10, "a list can only hold constants"),
        ("[1] == [1]", 1, "a list can only be used after \"in\""),
        ("1.5 % 2 > 1", 5, "a remainder can only be taken of whole numbers"),
    ]);
}

#[test]
fn refusals_are_classified_for_programs() {
    for (text, kind) in [
        ("nmae == ''", ErrorKind::UnknownField("nmae".to_owned())),
        ("phone == ''", ErrorKind::Masked("phone".to_owned())),
        ("f(name)", ErrorKind::UnknownFunction("f".to_owned())),
        ("amount == 1.255", ErrorKind::Literal),
        ("name == '\\0'", ErrorKind::Literal),
        ("name == '\\u0000'", ErrorKind::Literal),
        ("amount * 2 == 1", ErrorKind::FormulaOnly),
        ("visits == 1 / 0", ErrorKind::Evaluation),
        ("name ==", ErrorKind::Syntax),
        ("has(1)", ErrorKind::Arguments),
        ("visits == ''", ErrorKind::Type),
        (&vec!["active"; 20_000].join(" || "), ErrorKind::Limit),
    ] {
        assert_eq!(refusal(text).kind, kind, "{text:.40}");
    }
}

#[test]
fn filters_become_predicates_that_indexes_serve() {
    for (text, sql) in [
        ("  ", "TRUE"),
        ("name == 'x' && visits >= 3", "name = $3 AND visits >= $4"),
        ("3 < visits", "visits > $3"),
        ("name < 'x'", "name COLLATE \"C\" < $3"),
        ("address.city != 'x'", "(city IS NULL OR city <> $3)"),
        ("!(address.city == 'x' && active)", "((city IS NULL OR city <> $3) OR NOT active)"),
        (
            "(active ? starred : active) != true",
            "(CASE WHEN active THEN starred ELSE active END = $3) IS NOT TRUE",
        ),
        ("!(visits > 1 || !starred)", "visits <= $3 AND starred"),
        ("!starred", "(starred IS NULL OR NOT starred)"),
        ("name in ['a', 'b']", "name = ANY($3)"),
        ("!(owner in ['00000000-0000-0000-0000-000000000000'])", "(owner IS NULL OR owner <> ALL($3))"),
        ("name.lowerAscii().startsWith('a')", "lower(name COLLATE \"C\") LIKE $3"),
        ("!address.city.contains('a')", "(city IS NULL OR city NOT LIKE $3)"),
        ("'x' in tags && size(tags) > 1", "tags @> $3 AND cardinality(tags) > $4"),
        ("has(name) && has(address.city) && has(visits)", "name <> '' AND city IS NOT NULL AND TRUE"),
        (
            "custom.score == null",
            "(CASE WHEN jsonb_typeof((custom->'f7')) = 'number' AND (custom->>'f7') ~ '^-?[0-9]{1,19}$' \
             THEN (custom->>'f7')::bigint END) IS NULL",
        ),
        ("custom.score == 7", "custom @> $3"),
        ("custom.score != 7", "NOT custom @> $3"),
        ("custom.score in [7, 8] && active", "custom @> ANY($3) AND active"),
        ("amount < budget", "(amount::numeric * 1e-2) < (budget::numeric * 1e-4)"),
        ("active ? visits > 1 : starred", "CASE WHEN active THEN visits > $3 ELSE starred END"),
        (
            "created > now - duration('720h') && now > timestamp('2020-01-01T00:00:00Z')",
            "created > $3 AND TRUE",
        ),
        ("1 + 1 == 2", "TRUE"),
        ("visits in []", "FALSE"),
    ] {
        let filter = Filter::parse(text, &schema()).unwrap();
        assert_eq!(filter.to_sql(3, now()).text, sql, "{text}");
    }
}

#[test]
fn binds_carry_what_the_columns_store() {
    for (text, sql, bind) in [
        ("amount == 12.50", "amount = $1", Bind::Int(1250)),
        ("amount < 12.555", "amount <= $1", Bind::Int(1255)),
        ("amount > -12.555", "amount > $1", Bind::Int(-1256)),
        ("amount >= 12.555", "amount > $1", Bind::Int(1255)),
        ("amount > 1e20", "(amount::numeric * 1e-2) > $1", Bind::Numeric(number("100000000000000000000"))),
        ("amount in [1, 1e20, 2.5]", "amount = ANY($1)", Bind::IntList(vec![100, 250])),
        ("ratio in [1, 2.5]", "ratio = ANY($1)", Bind::NumericList(vec![number("1"), number("2.5")])),
        ("ratio == 1", "ratio = $1", Bind::Numeric(number("1"))),
        ("stage == 'won'", "stage = $1", Bind::Int(2)),
        ("stage in ['won', 'lost']", "stage = ANY($1)", Bind::IntList(vec![2, 3])),
        ("name.contains('50%_\\\\')", "name LIKE $1", Bind::Text("%50\\%\\_\\\\%".to_owned())),
        ("created < now - duration('1h')", "created < $1", Bind::Timestamp(now() - TimeDelta::hours(1))),
        ("due == today", "due = $1", Bind::Date(now().date_naive())),
        ("'x' in tags", "tags @> $1", Bind::TextList(vec!["x".to_owned()])),
    ] {
        let found = Filter::parse(text, &schema()).unwrap().to_sql(1, now());
        assert_eq!(found, Sql { text: sql.to_owned(), binds: vec![bind] }, "{text}");
    }
}

/// A record with a name, an amount and tags, and nothing that can be unset.
fn sparse(path: &str) -> Value<'static> {
    match path {
        "name" => Value::Text("Ada".into()),
        "active" => Value::Bool(true),
        "visits" => Value::Int(7),
        "amount" => Value::Decimal(number("12.50")),
        "ratio" => Value::Int(3),
        "created" => Value::Timestamp(now() - TimeDelta::hours(2)),
        "stage" => Value::Enum(2),
        "tags" => Value::TextList(vec!["x".to_owned()].into()),
        _ => Value::Null,
    }
}

#[test]
fn unset_values_follow_two_valued_logic() {
    for (text, selected) in [
        ("", true),
        ("address.city == 'x'", false),
        ("address.city != 'x'", true),
        ("!(address.city < 'x')", true),
        ("address.city == null && !has(address.city)", true),
        ("starred || starred == false", false),
        ("!starred && starred != true", true),
        ("custom.score in [1]", false),
        ("address.city.contains('')", false),
        ("size(address.city) >= 0", false),
        ("due < today || due >= today", false),
        ("has(name) && has(tags) && !has(due)", true),
        ("(starred == true) == false", true),
        ("(active ? starred : active) == false", false),
    ] {
        let filter = Filter::parse(text, &schema()).unwrap();
        assert_eq!(filter.matches(&sparse, now()), selected, "{text}");
    }
}

#[test]
fn records_are_matched_in_memory() {
    for (text, selected) in [
        ("name == 'Ada' && visits == 7.0 && amount == 12.5", true),
        ("name.lowerAscii() == 'ADA'.lowerAscii()", true),
        ("amount < 12.505 && ratio > 2.999", true),
        ("stage in ['lost', 'won'] && stage != 'new'", true),
        ("'x' in tags && !('y' in tags)", true),
        ("created > now - duration('3h') && created < now", true),
        ("name.startsWith('A') && name.endsWith('da') && !name.contains('D')", true),
        ("visits > 7 ? false : active", true),
    ] {
        let filter = Filter::parse(text, &schema()).unwrap();
        assert_eq!(filter.matches(&sparse, now()), selected, "{text}");
    }
}

#[test]
fn a_time_that_cannot_be_computed_counts_as_unset_in_memory_and_in_sql() {
    let text = "due < today + (now - timestamp('1970-01-01T00:00:00Z'))";
    for (text, selected, sql) in [(text.to_owned(), false, "FALSE"), (format!("!({text})"), true, "TRUE")] {
        let filter = Filter::parse(&text, &schema()).unwrap();
        assert_eq!(filter.to_sql(1, now()).text, sql);
        assert_eq!(filter.matches(&|_| Value::Date(now().date_naive()), now()), selected);
    }
}

#[test]
fn today_is_the_callers_day() {
    let filter = Filter::parse("today == date('2025-03-02')", &schema()).unwrap();
    let abroad = Moment::new(now(), NaiveDate::from_ymd_opt(2025, 3, 2).unwrap());
    assert!(filter.matches(&sparse, abroad) && !filter.matches(&sparse, now()));
}

#[test]
fn formulas_compute() {
    let two = Kind::Decimal { scale: 2 };
    for (text, kind, value) in [
        ("visits * 2 + 1", Kind::Int, Ok(Value::Int(15))),
        ("-visits / 2", Kind::Int, Ok(Value::Int(-3))),
        ("visits % 4", Kind::Int, Ok(Value::Int(3))),
        ("visits / 2.0", Kind::Numeric, Ok(Value::Decimal(number("3.5")))),
        ("ratio / 2", Kind::Numeric, Ok(Value::Decimal(number("1.5")))),
        ("amount / 8", two, Ok(Value::Decimal(number("1.56")))),
        ("-amount / 1000 - 0.0025", two, Ok(Value::Decimal(number("-0.02")))),
        ("visits", two, Ok(Value::Decimal(number("7")))),
        ("(active ? 1 : 2.0) / 2", Kind::Numeric, Ok(Value::Decimal(number("0.5")))),
        ("name + ' ' + 'L'", Kind::Text, Ok(Value::Text("Ada L".into()))),
        ("amount > 10 ? 'won' : 'lost'", Kind::Enum(STAGES), Ok(Value::Enum(2))),
        ("budget * 2 + 1", two, Ok(Value::Null)),
        ("name + address.city", Kind::Text, Ok(Value::Null)),
        ("has(budget) ? budget : amount", two, Ok(Value::Decimal(number("12.50")))),
        ("active ? null : name", Kind::Text, Ok(Value::Null)),
        ("now - created > duration('1h')", Kind::Bool, Ok(Value::Bool(true))),
        ("created + duration('90m')", Kind::Timestamp, Ok(Value::Timestamp(now() - TimeDelta::minutes(30)))),
        (
            "today - duration('24h')",
            Kind::Date,
            Ok(Value::Date(NaiveDate::from_ymd_opt(2025, 2, 28).unwrap())),
        ),
        ("due + duration('24h')", Kind::Date, Ok(Value::Null)),
        ("today + (now - created)", Kind::Date, Err(EvalError::PartialDay)),
        ("visits / (visits - 7)", Kind::Int, Err(EvalError::DivisionByZero)),
        ("amount / (ratio - 3)", two, Err(EvalError::DivisionByZero)),
        ("visits * 9223372036854775807", Kind::Int, Err(EvalError::Overflow)),
        ("amount * 1e20", two, Err(EvalError::Overflow)),
        ("created + duration('87600000h')", Kind::Timestamp, Err(EvalError::Overflow)),
        ("visits != 7 && 1 / (visits - 7) > 0", Kind::Bool, Ok(Value::Bool(false))),
    ] {
        let formula = Formula::parse(text, &schema(), kind).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(formula.eval(&sparse, now()), value, "{text}");
    }
}

#[test]
fn formulas_must_give_what_is_wanted() {
    for (text, kind, message) in [
        ("name", Kind::Int, "\"name\" is text, but the formula has to give a number"),
        ("amount * 2", Kind::Int, "the formula gives a number with decimals, but a whole number is needed"),
        ("active ? name : 1", Kind::Text, "the choice gives either text or a number"),
        ("name * 2", Kind::Text, "text and a number cannot be multiplied"),
        ("'winning'", Kind::Enum(STAGES), "the result has no value \"winning\""),
        ("", Kind::Int, "expected a value, found the end"),
    ] {
        let error = Formula::parse(text, &schema(), kind).map(|_| text).unwrap_err();
        assert_eq!(error.message, message, "{text}");
    }
}

#[test]
fn the_fields_of_an_expression_are_listed_once() {
    let formula = Formula::parse("custom.score + visits * custom.score", &schema(), Kind::Int).unwrap();
    assert_eq!(formula.fields().collect::<Vec<_>>(), ["custom.score", "visits"]);
    let filter = Filter::parse("has(due) && due > today", &schema()).unwrap();
    assert_eq!(filter.fields().collect::<Vec<_>>(), ["due"]);
}

/// What the reference implementation answers.
fn oracle(text: &str, record: &Record) -> bool {
    let mut context = Context::default();
    context.add_function("lowerAscii", |This(text): This<Arc<String>>| text.to_ascii_lowercase()).unwrap();
    for field in arbitrary::schema().fields() {
        let value = match record.get(&field.path) {
            Value::Text(text) => cel::Value::from(text.into_owned()),
            Value::Bool(truth) => truth.into(),
            Value::Int(whole) => whole.into(),
            Value::Timestamp(instant) => cel::Value::Timestamp(instant.fixed_offset()),
            Value::TextList(texts) => texts.to_vec().into(),
            _ => continue,
        };
        context.add_variable_from_value(field.path.to_string(), value);
    }
    context.add_variable_from_value("now", cel::Value::Timestamp(arbitrary::now().fixed_offset()));
    let answer = Program::compile(text).unwrap().execute(&context);
    answer.unwrap_or_else(|error| panic!("{text}: {error}")) == cel::Value::Bool(true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn filters_mean_what_cel_means(text in arbitrary::filter(Dialect::Cel), record in arbitrary::record()) {
        match Filter::parse(&text, &arbitrary::schema()) {
            Err(error) => prop_assert_eq!(error.kind.clone(), ErrorKind::Limit, "{}: {}", text, error),
            Ok(filter) => {
                let matched = filter.matches(&|path| record.get(path), arbitrary::now());
                prop_assert_eq!(matched, oracle(&text, &record), "{}", text);
            }
        }
    }

    #[test]
    fn every_placeholder_has_its_bind(text in arbitrary::filter(Dialect::Full)) {
        match Filter::parse(&text, &arbitrary::schema()) {
            Err(error) => prop_assert_eq!(error.kind.clone(), ErrorKind::Limit, "{}: {}", text, error),
            Ok(filter) => {
                let sql = filter.to_sql(5, arbitrary::now());
                // A dollar sign also ends a regular expression.
                let places: Vec<usize> = sql.text.split('$').skip(1)
                    .filter(|tail| tail.starts_with(|c: char| c.is_ascii_digit()))
                    .map(|tail| tail.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap())
                    .collect();
                prop_assert_eq!(places, (5..5 + sql.binds.len()).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC*", soup in proptest::collection::vec(proptest::sample::select(WORDS), 0..40)) {
        for text in [text, soup.concat(), soup.join(" ")] {
            if let Ok(filter) = Filter::parse(&text, &schema()) {
                let _ = (filter.to_sql(1, now()), filter.matches(&sparse, now()));
            }
            if let Ok(formula) = Formula::parse(&text, &schema(), Kind::Numeric) {
                let _ = formula.eval(&sparse, now());
            }
        }
    }
}

const WORDS: &[&str] = &[
    "name",
    "address",
    "city",
    "visits",
    "amount",
    "created",
    "due",
    "owner",
    "stage",
    "tags",
    "active",
    "now",
    "today",
    "has",
    "size",
    "timestamp",
    "duration",
    "date",
    "contains",
    "lowerAscii",
    "'a'",
    "\"\\u4e2d\"",
    "'72h'",
    "r'",
    "'",
    "\\",
    "1",
    "-1",
    "1.5",
    "9223372036854775807",
    "1e28",
    "0x7f",
    ".",
    "(",
    ")",
    "[",
    "]",
    ",",
    "?",
    ":",
    "&&",
    "||",
    "!",
    "==",
    "!=",
    "<",
    ">=",
    "in",
    "+",
    "-",
    "*",
    "/",
    "%",
    "true",
    "null",
    "中",
];
