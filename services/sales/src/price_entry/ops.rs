//! What a quantity of a product costs on a day.

use chrono::NaiveDate;
use crm_kit_api::{Call, Error, Result, error::Violations, id, money::currency, time};
use crm_kit_pg::Tx;
use crm_kit_record::{Record as _, Slice};
use crm_proto::crm::sales::v1::{PricedPart, ResolvePriceRequest, ResolvedPrice};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    PriceEntry, refusal, store,
    tier::{self, Part},
};
use crate::{
    decimal, money,
    price_book::{self, PriceBook},
    product,
};

/// The use cases of price entries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Prices {
    /// The life that all records share.
    pub entries: Slice<PriceEntry>,
}

/// What is asked for, checked.
#[derive(Clone, Debug)]
struct Question {
    product_id: Uuid,
    quantity: Decimal,
    unit: String,
    currency: String,
    price_book_id: Option<Uuid>,
    day: NaiveDate,
}

impl Question {
    fn read(call: &Call, request: &ResolvePriceRequest) -> Result<Self> {
        let mut violations = Violations::default();
        let quantity = if request.quantity.is_empty() { "1" } else { &request.quantity };
        let quantity = decimal::read(quantity, 6).filter(|quantity| !quantity.is_zero());
        if quantity.is_none() {
            violations.add(
                "quantity",
                "NUMBER_INVALID",
                "is not a decimal number above 0 with at most six decimals",
            );
        }
        if request.price_book_id.is_empty() && request.currency_code.is_empty() {
            violations.add("currency_code", "REQUIRED", "is required when no price book is named");
        }
        let day = request.price_date.as_ref();
        let day = day.and_then(|day| time::naive_date("price_date", day, &mut violations));
        violations.into_result(Self {
            product_id: id::parse("product_id", &request.product_id)?,
            quantity: quantity.unwrap_or_default(),
            unit: request.unit.clone(),
            currency: request.currency_code.clone(),
            price_book_id: id::parse_optional("price_book_id", &request.price_book_id)?,
            day: day.unwrap_or_else(|| call.today()),
        })
    }

    /// No price: no sale.
    fn no_price(&self, book: Option<&PriceBook>) -> Error {
        let book = book.map(|book| book.id).ok_or(self.currency.as_str());
        refusal::no_price(self.product_id, self.quantity, self.day, book)
    }
}

impl Prices {
    /// What a quantity of a product costs.
    pub async fn resolve(&self, call: &Call, request: &ResolvePriceRequest) -> Result<ResolvedPrice> {
        let question = &Question::read(call, request)?;
        self.entries.db.read(call, move |tx| Box::pin(async move { resolve(tx, question).await })).await
    }
}

async fn resolve(tx: &mut Tx<'_>, question: &Question) -> Result<ResolvedPrice> {
    let tenant = tx.tenant_id();
    let found = product::Product::get(tx.conn(), tenant, &[question.product_id], None).await?;
    let product = found.into_iter().find(|product| product.delete_time.is_none());
    let product = product.ok_or_else(|| Error::not_found(product::COLLECTION, question.product_id))?;
    if product.retired {
        return Err(refusal::product_retired(product.id));
    }
    let book = book(tx, question).await?;
    // The product's own unit is the one an entry means that names none.
    let unit = if question.unit == product.unit { "" } else { &question.unit };
    let entry = store::holding(tx.conn(), tenant, (book.id, product.id), unit, question.day).await?;
    let entry = entry.ok_or_else(|| question.no_price(Some(&book)))?;
    let currency = &book.currency_code;
    let parts = tier::price(&entry.tiers, entry.tier_mode.0, question.quantity, currency::exponent(currency));
    let parts = parts.ok_or_else(|| question.no_price(Some(&book)))?;
    Ok(told(&book, &entry, &parts))
}

/// The book named, or the standard book of the currency, which must hold on the day.
async fn book(tx: &mut Tx<'_>, question: &Question) -> Result<PriceBook> {
    let tenant = tx.tenant_id();
    let book = match question.price_book_id {
        Some(id) => {
            let found = price_book::store::get(tx.conn(), tenant, id).await?;
            Some(found.ok_or_else(|| Error::not_found(price_book::COLLECTION, id))?)
        }
        None => price_book::store::standard(tx.conn(), tenant, &question.currency).await?,
    };
    let book = book.ok_or_else(|| question.no_price(None))?;
    if !question.currency.is_empty() && question.currency != book.currency_code {
        return Err(refusal::currency_mismatch(book.id, &book.currency_code, &question.currency));
    }
    if book.holds_on(question.day) { Ok(book) } else { Err(question.no_price(Some(&book))) }
}

fn told(book: &PriceBook, entry: &PriceEntry, parts: &[Part]) -> ResolvedPrice {
    let amount = |ten_thousandths: i128| Some(money::to_wire(ten_thousandths, &book.currency_code));
    ResolvedPrice {
        price_book_id: book.id.to_string(),
        price_entry_id: entry.id.to_string(),
        amount: amount(parts.iter().map(|part| i128::from(part.amount)).sum()),
        parts: parts
            .iter()
            .map(|part| PricedPart {
                quantity: part.quantity.normalize().to_string(),
                unit_price: part.unit_price.normalize().to_string(),
                amount: amount(part.amount.into()),
            })
            .collect(),
    }
}
