//! Why there is no price.

use chrono::NaiveDate;
use crm_kit_api::Error;
use rust_decimal::Decimal;
use tonic::Code;
use uuid::Uuid;

use crate::DOMAIN;

/// No price: no sale. `book` is the price book that has none, or the currency that has no book.
pub fn no_price(product_id: Uuid, quantity: Decimal, day: NaiveDate, book: Result<Uuid, &str>) -> Error {
    let error = refused("NO_PRICE", "no price holds: no entry, no sale".to_owned())
        .with("product_id", product_id)
        .with("quantity", quantity.normalize())
        .with("date", day);
    match book {
        Ok(book) => error.with("price_book_id", book),
        Err(currency) => error.with("currency_code", currency),
    }
}

/// The price book is of another currency.
pub fn currency_mismatch(book: Uuid, currency: &str, wanted: &str) -> Error {
    refused("PRICE_CURRENCY_MISMATCH", format!("the price book is in {currency}, and {wanted} is wanted"))
        .with("price_book_id", book)
        .with("currency_code", currency)
        .with("wanted", wanted)
}

/// The product is no longer sold.
pub fn product_retired(product_id: Uuid) -> Error {
    refused("PRODUCT_RETIRED", "the product is no longer sold".to_owned()).with("product_id", product_id)
}

fn refused(reason: &'static str, message: String) -> Error {
    Error::new(Code::FailedPrecondition, DOMAIN, reason, message)
}
