//! The tenants' own fields: definitions, values of every type, rules, computed values and walls.

mod computed;
mod definition;
mod reference;
mod rule;
mod value;
mod walls;

use std::{collections::BTreeMap, time::Duration};

use crm_proto::{
    crm::{
        customer::v1::{Account, ListAccountsRequest},
        record::v1::{
            CreateCustomFieldRequest, CustomField, CustomValue, DescribeFieldsRequest, FieldDescription,
            TextList, UpdateCustomFieldRequest,
            custom_field::{Option as Choice, RollUp, Type, roll_up::Function},
            custom_value::Value,
        },
    },
    google::r#type::{Date, Money},
};
use crm_testkit::{Caller, status::violations};
use prost_types::Timestamp;
use tonic::Status;

use crate::rig::{Rig, field_mask, filter, named};

pub fn definition(key: &str, kind: Type) -> CustomField {
    let mut field = CustomField {
        display_name: format!("The {key}"),
        collection: "accounts".into(),
        key: key.into(),
        filterable: true,
        ..CustomField::default()
    };
    field.set_type(kind);
    field
}

pub fn choices(keys: &[&str]) -> Vec<Choice> {
    let choice =
        |key: &&str| Choice { key: (*key).into(), display_name: key.to_uppercase(), ..Choice::default() };
    keys.iter().map(choice).collect()
}

pub fn formula(key: &str, text: &str, result: Type) -> CustomField {
    CustomField { formula: text.into(), formula_type: result.into(), ..definition(key, Type::Formula) }
}

pub fn roll_up(key: &str, function: Function, field: &str) -> CustomField {
    let roll_up = Some(RollUp { function: function.into(), field: field.into() });
    CustomField { roll_up, ..definition(key, Type::RollUp) }
}

pub fn value(value: Value) -> CustomValue {
    CustomValue { value: Some(value), sensitivity: 0 }
}

pub fn text(text: &str) -> Value {
    Value::Text(text.into())
}

pub fn number(number: &str) -> Value {
    Value::Number(number.into())
}

pub fn list(keys: &[&str]) -> Value {
    Value::Options(TextList { items: keys.iter().map(|key| (*key).into()).collect() })
}

pub fn day(year: i32, month: i32, day: i32) -> Value {
    Value::Date(Date { year, month, day })
}

pub fn instant(seconds: i64) -> Value {
    Value::DateTime(Timestamp { seconds, nanos: 0 })
}

pub fn money(currency: &str, units: i64, nanos: i32) -> Value {
    Value::Money(Money { currency_code: currency.into(), units, nanos })
}

pub fn custom<const N: usize>(values: [(&str, Value); N]) -> BTreeMap<String, CustomValue> {
    values.into_iter().map(|(key, one)| (key.to_owned(), value(one))).collect()
}

pub fn with<const N: usize>(name: &str, values: [(&str, Value); N]) -> Account {
    Account { custom: custom(values), ..named(name) }
}

/// A change of one custom field of an account.
pub fn change(id: &str, key: &str, new: Option<Value>) -> (Account, String) {
    let custom = new.map(|new| (key.to_owned(), value(new))).into_iter().collect();
    (Account { id: id.into(), custom, ..Account::default() }, format!("custom.{key}"))
}

pub fn value_of(account: &Account, key: &str) -> Option<Value> {
    account.custom.get(key).and_then(|value| value.value.clone())
}

pub fn told(status: &Status) -> Vec<String> {
    let mut told: Vec<String> =
        violations(status).into_iter().map(|(field, code)| format!("{field} {code}")).collect();
    told.sort();
    told
}

pub async fn define(rig: &Rig, caller: &Caller, field: CustomField) -> Result<CustomField, Status> {
    let request = CreateCustomFieldRequest { service: String::new(), custom_field: Some(field) };
    rig.custom_fields(caller).create_custom_field(request).await.map(tonic::Response::into_inner)
}

pub async fn redefine(
    rig: &Rig,
    caller: &Caller,
    field: CustomField,
    mask: &[&str],
) -> Result<CustomField, Status> {
    let request = UpdateCustomFieldRequest {
        service: String::new(),
        custom_field: Some(field),
        update_mask: field_mask(mask),
    };
    rig.custom_fields(caller).update_custom_field(request).await.map(tonic::Response::into_inner)
}

pub async fn define_all(rig: &Rig, caller: &Caller, fields: impl IntoIterator<Item = CustomField>) {
    for field in fields {
        define(rig, caller, field).await.unwrap();
    }
}

pub async fn set(
    rig: &Rig,
    caller: &Caller,
    id: &str,
    key: &str,
    new: Option<Value>,
) -> Result<Account, Status> {
    let (account, path) = change(id, key, new);
    rig.update(caller, account, &[&path]).await
}

pub async fn described(rig: &Rig, caller: &Caller, collection: &str) -> Vec<FieldDescription> {
    let request = DescribeFieldsRequest { service: String::new(), collection: collection.into() };
    rig.custom_fields(caller).describe_fields(request).await.unwrap().into_inner().fields
}

/// Reads the account until it satisfies a condition.
pub async fn wait(
    rig: &Rig,
    caller: &Caller,
    id: &str,
    what: &str,
    holds: impl Fn(&Account) -> bool,
) -> Account {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let account = rig.get(caller, id).await.unwrap();
        if holds(&account) {
            return account;
        }
        if tokio::time::Instant::now() >= deadline {
            let jobs = "SELECT coalesce(string_agg(j::text, '; '), 'none') FROM job j";
            let mut conn = rig.database.look().await;
            let jobs: String = sqlx::query_scalar(jobs).fetch_one(&mut conn).await.unwrap();
            panic!("{what}: {:?}; jobs: {jobs}", account.custom);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Checks which accounts filters select, by name.
pub async fn assert_filters(rig: &Rig, caller: &Caller, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let request = ListAccountsRequest { order_by: "display_name".into(), ..filter(text) };
        assert_eq!(rig.names(caller, request).await.concat(), *expected, "{text}");
    }
}

/// Checks the orders of lists that are read one account at a time.
pub async fn assert_orders(rig: &Rig, caller: &Caller, cases: &[(&str, &str)]) {
    for (order, expected) in cases {
        let (mut names, mut token) = (String::new(), String::new());
        loop {
            let request = ListAccountsRequest {
                page_size: 1,
                order_by: (*order).into(),
                page_token: token,
                ..ListAccountsRequest::default()
            };
            let page = rig.list(caller, request).await.unwrap_or_else(|status| panic!("{order}: {status:?}"));
            names.extend(page.accounts.into_iter().map(|account| account.display_name));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(names, *expected, "{order}");
    }
}
