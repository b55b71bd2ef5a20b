//! The currency of orders that come in by files and by streaming upsert.

use crm_proto::{
    crm::{
        record::v1::{
            ColumnMapping, ExternalId, FieldTemplate, ImportError, ImportFormat, ImportJob, RowResult,
            import_job::Mode, row_result::Outcome,
        },
        sales::v1::Order,
    },
    google::r#type::Money,
};
use crm_testkit::{
    Caller,
    status::{assert_error, violations},
};
use tonic::Code;

use crate::{
    import_rig::Imports,
    order_rig::{Desk, gross, line, order, row},
    price::{Shop, book, money},
    rig::Rig,
};

fn job(columns: &[(&str, &str)]) -> ImportJob {
    let mapping = |(column, field): &(&str, &str)| ColumnMapping {
        column: (*column).into(),
        field: (*field).into(),
        ..ColumnMapping::default()
    };
    ImportJob {
        collection: "orders".into(),
        mode: Mode::Upsert.into(),
        external_system: "erp".into(),
        columns: columns.iter().map(mapping).collect(),
        ..ImportJob::default()
    }
}

/// Key and currency of every order, by key.
async fn currencies(rig: &Rig, me: &Caller) -> Vec<(String, String)> {
    let orders = Desk::new(rig, me).list("", "").await.unwrap();
    let mut told: Vec<_> =
        orders.into_iter().map(|order| (order.external_ids[0].value.clone(), order.currency_code)).collect();
    told.sort();
    told
}

fn told(errors: &[ImportError]) -> Vec<(i64, &str, &str)> {
    errors.iter().map(|error| (error.line, error.field.as_str(), error.code.as_str())).collect()
}

#[tokio::test]
async fn each_row_names_the_currency_of_its_order() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut imports = Imports::new(&rig, &me);
    // The heading alone tells what the column holds.
    let file = "Key,Customer,Currency\n1,Acme,USD\n2,Acme,人民币\n3,Acme,doubloon\n4,Acme,jpy\n5,Acme,\n";
    let done = imports.run(job(&[("Key", "external_id"), ("Customer", "account_name")]), file).await;
    let currency = done.columns.iter().find(|column| column.column == "Currency").unwrap();
    assert_eq!((currency.field.as_str(), currency.suggested), ("currency_code", true));
    let progress = done.progress.unwrap();
    assert_eq!((progress.created_rows, progress.failed_rows), (4, 1));
    let errors = imports.errors(&done).await;
    assert_eq!(told(&errors), [(4, "currency_code", "CURRENCY_INVALID")]);
    assert_eq!(errors[0].column, "Currency");
    let stored = [("1", "USD"), ("2", "CNY"), ("4", "JPY"), ("5", "CNY")];
    assert_eq!(currencies(&rig, &me).await, stored.map(|(key, code)| (key.into(), code.into())));

    // One currency for the whole file: as the value of every row, or as what amounts without one are in.
    let columns = [("Key", "external_id"), ("Customer", "account_name")];
    let constant = FieldTemplate { field: "currency_code".into(), text: "EUR".into() };
    let by_template = ImportJob { templates: vec![constant], ..job(&columns) };
    let format = ImportFormat { currency_code: "GBP".into(), ..ImportFormat::default() };
    let by_format = ImportJob { format: Some(format), ..job(&columns) };
    imports.run(by_template, "Key,Customer\n6,Acme\n").await;
    imports.run(by_format, "Key,Customer\n7,Acme\n").await;
    let stored = currencies(&rig, &me).await;
    assert_eq!(stored[4..], [("6", "EUR"), ("7", "GBP")].map(|(key, code)| (key.into(), code.into())));
}

#[tokio::test]
async fn a_file_is_held_to_the_checks_of_a_creation() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let euros = Shop::new(&rig, &me).book(book("Euros", "EUR")).await.unwrap();
    let in_dollars = |key: &str| Order {
        currency_code: "USD".into(),
        external_ids: vec![ExternalId { system: "erp".into(), value: key.into() }],
        ..order(vec![line("a", "3", "33.335")])
    };
    for key in ["1", "2", "3", "4"] {
        desk.create(in_dollars(key)).await.unwrap();
    }
    // 3 at 33.335 are 100.005, which is 100.01 dollars; a discount has the digits of its currency.
    let file = format!(
        "Key,Currency,Discount,Discount in,Book\n\
         1,USD,0.01,,\n\
         2,EUR,1,,\n\
         3,USD,1,EUR,\n\
         4,USD,0.005,,\n\
         5,USD,,,{}\n",
        euros.id
    );
    let columns = [
        ("Key", "external_id"),
        ("Currency", "currency_code"),
        ("Discount", "header_discount"),
        ("Discount in", "header_discount.currency_code"),
        ("Book", "price_book_id"),
    ];
    let name = FieldTemplate { field: "account_name".into(), text: "Acme".into() };
    let mut imports = Imports::new(&rig, &me);
    let done = imports.run(ImportJob { templates: vec![name], ..job(&columns) }, &file).await;
    let progress = done.progress.unwrap();
    let errors = imports.errors(&done).await;
    assert_eq!((progress.updated_rows, progress.failed_rows), (1, 4), "{errors:?}");
    let wanted = [
        (3, "currency_code", "FIXED"),
        (4, "header_discount", "CURRENCY_DIFFERS"),
        (5, "header_discount", "MONEY_TOO_FINE"),
        (6, "", "PRICE_CURRENCY_MISMATCH"),
    ];
    assert_eq!(told(&errors), wanted);
    assert!(errors[1].message.contains("USD"), "{}", errors[1].message);
    assert_eq!(errors[3].message, "the price book is in EUR, and USD is wanted");
    let orders = desk.list("", "").await.unwrap();
    let mut totals: Vec<(&str, Money)> =
        orders.iter().map(|order| (order.external_ids[0].value.as_str(), gross(order))).collect();
    totals.sort_by_key(|total| total.0);
    let whole = money("USD", 100, 10_000_000);
    assert_eq!(
        totals,
        [("1", money("USD", 100, 0)), ("2", whole.clone()), ("3", whole.clone()), ("4", whole)]
    );

    // A creation says the same.
    let differs = Order { header_discount: Some(money("EUR", 1, 0)), ..in_dollars("6") };
    let status = assert_error(desk.create(differs).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        violations(&status),
        [("order.header_discount.currency_code".into(), "CURRENCY_DIFFERS".into())]
    );
    let mismatch = Order { price_book_id: euros.id, ..in_dollars("6") };
    assert_error(desk.create(mismatch).await, Code::FailedPrecondition, "PRICE_CURRENCY_MISMATCH");
}

#[tokio::test]
async fn each_upsert_names_the_currency_of_its_order() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let of =
        |currency: &str| Order { currency_code: currency.into(), ..order(vec![line("a", "3", "33.335")]) };
    let rows = |codes: &[&str]| {
        codes.iter().enumerate().map(|(index, code)| row(&index.to_string(), of(code))).collect::<Vec<_>>()
    };
    let results = desk.upsert(rows(&["USD", "JPY", "Euro", "KWD", ""])).await;
    let outcomes: Vec<Outcome> = results.iter().map(RowResult::outcome).collect();
    let created = Outcome::Created;
    assert_eq!(outcomes, [created, created, Outcome::Failed, created, created]);
    let status = results[2].status.as_ref().unwrap();
    assert_eq!(status.code, Code::InvalidArgument as i32, "{status:?}");
    let mut totals: Vec<Money> = desk.list("", "").await.unwrap().iter().map(gross).collect();
    totals.sort_by(|one, other| one.currency_code.cmp(&other.currency_code));
    let wanted = [
        money("CNY", 100, 10_000_000),
        money("JPY", 100, 0),
        money("KWD", 100, 5_000_000),
        money("USD", 100, 10_000_000),
    ];
    assert_eq!(totals, wanted);
    // Another currency of an order that has lines is refused for that row alone.
    let results = desk.upsert(rows(&["USD", "USD"])).await;
    let outcomes: Vec<Outcome> = results.iter().map(RowResult::outcome).collect();
    assert_eq!(outcomes, [Outcome::Unchanged, Outcome::Failed]);
}
