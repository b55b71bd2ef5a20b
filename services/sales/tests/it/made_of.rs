//! Records made of others: which values of custom fields go along.

use crm_proto::crm::{
    record::v1::{CustomValue, custom_field::Type, custom_value::Value},
    sales::v1::{CopyQuoteRequest, CreateOrderFromQuoteRequest, Quote},
};
use crm_testkit::{Caller, status::assert_error};
use tonic::Code;

use crate::{
    opportunity_lines::shop,
    order_rig::Desk,
    quote::{create, get, of, quotes},
    quote_life::{Do, act},
    rig::{Rig, custom_field},
};

fn text(text: &str) -> CustomValue {
    CustomValue { value: Some(Value::Text(text.into())), ..CustomValue::default() }
}

/// The values of custom fields.
fn values(custom: &std::collections::BTreeMap<String, CustomValue>) -> Vec<(&str, String)> {
    let shown = |value: &CustomValue| match value.value.as_ref() {
        Some(Value::Text(text)) => text.clone(),
        other => format!("{other:?}"),
    };
    custom.iter().map(|(key, value)| (key.as_str(), shown(value))).collect()
}

/// A quote that the customer has, with values of custom fields: a plain one, a unique one, a running number and a formula.
async fn made(rig: &Rig, me: &Caller) -> Quote {
    let (_, _, sheet) = shop(rig, me).await;
    custom_field(rig, me, ("quotes", "plain", Type::Text), |_| ()).await;
    custom_field(rig, me, ("quotes", "serial", Type::Text), |field| field.unique = true).await;
    custom_field(rig, me, ("quotes", "running", Type::AutoNumber), |field| {
        field.number_pattern = "N{00}".into();
    })
    .await;
    custom_field(rig, me, ("quotes", "shout", Type::Formula), |field| {
        field.formula = "custom.plain".into();
        field.formula_type = Type::Text.into();
    })
    .await;
    let custom = [("plain".to_owned(), text("east")), ("serial".to_owned(), text("S1"))];
    let quote = create(rig, me, Quote { custom: custom.into(), ..of(&sheet, "3") }).await.unwrap();
    act(rig, me, &quote.id, Do::Submit).await.unwrap();
    act(rig, me, &quote.id, Do::Present).await.unwrap()
}

#[tokio::test]
async fn a_quote_with_a_unique_value_is_revised_and_copied_without_it() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let first = made(&rig, &me).await;
    let own = |running: &str| {
        vec![("plain", "east".to_owned()), ("running", running.to_owned()), ("shout", "east".to_owned())]
    };
    let next = act(&rig, &me, &first.id, Do::Revise).await.unwrap();
    assert_eq!((next.number.as_str(), values(&next.custom)), ("Q000001-R2", own("N02")));
    assert_eq!(get(&rig, &me, &next.id).await.unwrap(), next);
    let kept = get(&rig, &me, &first.id).await.unwrap();
    assert_eq!(kept.custom["serial"], first.custom["serial"]);
    // The number that was drawn for a revision that is refused is not lost.
    let refused = act(&rig, &me, &first.id, Do::Revise).await;
    assert_error(refused, Code::FailedPrecondition, "QUOTE_REVISED");
    let copy = CopyQuoteRequest { id: first.id, ..CopyQuoteRequest::default() };
    let copy = quotes(&rig, &me).copy_quote(copy).await.unwrap().into_inner();
    assert_eq!((copy.number.as_str(), values(&copy.custom)), ("Q000002", own("N03")));
}

#[tokio::test]
async fn an_order_takes_the_values_that_its_own_fields_take() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    custom_field(&rig, &me, ("orders", "plain", Type::Text), |field| field.required = true).await;
    custom_field(&rig, &me, ("orders", "serial", Type::Text), |field| field.unique = true).await;
    custom_field(&rig, &me, ("orders", "running", Type::Text), |_| ()).await;
    custom_field(&rig, &me, ("orders", "own", Type::Text), |_| ()).await;
    let quote = made(&rig, &me).await;
    act(&rig, &me, &quote.id, Do::Accept).await.unwrap();
    let request = CreateOrderFromQuoteRequest { quote_id: quote.id };
    let order = Desk::new(&rig, &me).client.create_order_from_quote(request).await.unwrap().into_inner();
    assert_eq!(values(&order.custom), [("plain", "east".to_owned())]);
}
