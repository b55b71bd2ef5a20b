//! Prices of lines: what their products cost in the price book, asked for all lines of all documents of a write in one statement. Nothing is asked when
//! every line has its prices and no other book is named.

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Record,
    custom_field::{Fields, refresh},
    field::Checker,
};
use crm_proto::crm::sales::v1::price_entry::TierMode;
use rust_decimal::Decimal;

use super::{
    arithmetic, convert,
    model::{Line, PERCENT_DECIMALS, PRICE_DECIMALS, Sheet},
    store::{self, Found, Questions},
    tax,
};
use crate::{
    decimal,
    money::divide,
    price_book,
    price_entry::{refusal, tier},
    product,
};

/// Permission to sell what the price book has no price for.
const OPEN_PRICE: &str = "sales.prices.open";

/// A kind of record that is a document.
pub trait Priced: Record {
    /// Its priced part.
    fn sheet(&self) -> &Sheet;
    /// Its priced part, to be priced.
    fn sheet_mut(&mut self) -> &mut Sheet;
    /// Takes over what follows from the sheet, which has its amounts now: the tenant's formulas. `was` is the stored record; `None` for a new one.
    fn priced(&mut self, call: &Call, fields: &Fields, _was: Option<&Self>) -> Result<()> {
        refresh::evaluate(fields, self, call.moment());
        Ok(())
    }
}

/// New documents with their prices; `None` when all have them.
pub async fn settle<D: Priced>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    documents: &[D],
) -> Result<Option<Vec<D>>> {
    if !documents.iter().any(|document| is_needed(document.sheet(), None)) {
        return Ok(None);
    }
    let mut settled = documents.to_vec();
    let sheets = settled.iter_mut().map(|document| Written { sheet: document.sheet_mut(), was: None });
    price(tx, call, D::KIND.field, sheets.collect()).await?;
    settled.iter_mut().try_for_each(|document| document.priced(call, fields, None))?;
    Ok(Some(settled))
}

/// Gives documents that change the prices they wait for.
pub async fn settle_changes<D: Priced>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    changes: Vec<(&mut D, &D)>,
) -> Result<()> {
    let mut changes: Vec<_> = changes
        .into_iter()
        .filter(|(document, was)| is_needed(document.sheet(), Some(was.sheet())))
        .collect();
    let sheets = changes.iter_mut();
    let sheets =
        sheets.map(|(document, was)| Written { sheet: document.sheet_mut(), was: Some(was.sheet()) });
    price(tx, call, D::KIND.field, sheets.collect()).await?;
    changes.into_iter().try_for_each(|(document, was)| document.priced(call, fields, Some(was)))
}

/// A sheet that is written.
#[derive(Debug)]
struct Written<'s> {
    /// As it shall be.
    sheet: &'s mut Sheet,
    /// As it is stored; `None` for a new one.
    was: Option<&'s Sheet>,
}

/// Whether a sheet has to be priced: it has lines that wait for it, or names another book.
fn is_needed(sheet: &Sheet, was: Option<&Sheet>) -> bool {
    let book = was.and_then(|was| was.price_book_id);
    let names_another = sheet.price_book_id.is_some() && sheet.price_book_id != book;
    names_another || sheet.lines.iter().any(Line::is_open)
}

/// Gives every line its prices and every sheet its amounts. `field` is where a sheet's document stands in requests.
async fn price(tx: &mut Tx<'_>, call: &Call, field: &str, mut sheets: Vec<Written<'_>>) -> Result<()> {
    sheets.retain(|written| is_needed(written.sheet, written.was));
    let (mut questions, mut asked) = (Questions::default(), Vec::new());
    for (index, written) in sheets.iter().enumerate() {
        let sheet = &written.sheet;
        let open = sheet.lines.iter().enumerate().filter(|(_, line)| line.is_open());
        let open = open.map(|(place, line)| (Some(place), line.product_id, line.unit.clone()));
        for (place, product, unit) in open.chain([(None, None, String::new())]) {
            questions.books.push(sheet.price_book_id);
            questions.currencies.push(sheet.currency.clone());
            questions.products.push(product);
            questions.units.push(unit);
            asked.push((index, place));
        }
    }
    if asked.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant_id();
    let found = store::find(tx.conn(), tenant, &questions, call.today()).await?;
    for found in found {
        let place = usize::try_from(found.place - 1).ok().and_then(|place| asked.get(place));
        let (index, line) = *place.ok_or_else(|| Error::bug("a price that nobody asked for"))?;
        let sheet = &mut *sheets[index].sheet;
        check_book(sheet, &found)?;
        if let Some(line) = line {
            let priced = priced(call, sheet, &sheet.lines[line], &found)
                .map_err(|error| error.with("field", format!("{field}.lines[{line}]")))?;
            sheet.lines[line] = priced;
        }
    }
    sheets.into_iter().try_for_each(|written| compute(field, written.sheet))
}

/// Computes the amounts of a sheet whose lines have their prices.
fn compute(field: &str, sheet: &mut Sheet) -> Result<()> {
    let Err(fault) = arithmetic::compute(sheet) else { return Ok(()) };
    let mut check = Checker::new(field, "");
    convert::refuse(fault, sheet, &mut check);
    check.into_violations().into_result(())
}

/// A book that is named must be there and of the document's currency.
fn check_book(sheet: &Sheet, found: &Found) -> Result<()> {
    let Some(named) = sheet.price_book_id else { return Ok(()) };
    match &found.book_currency {
        None => Err(Error::not_found(price_book::COLLECTION, named)),
        Some(currency) if *currency != sheet.currency => {
            Err(refusal::currency_mismatch(named, currency, &sheet.currency))
        }
        Some(_) => Ok(()),
    }
}

/// A line with what its product is called and costs.
fn priced(call: &Call, sheet: &Sheet, line: &Line, found: &Found) -> Result<Line> {
    let id = line.product_id.unwrap_or_default();
    let (Some(name), Some(unit), Some(rate)) =
        (&found.product_name, &found.product_unit, &found.product_tax_rate)
    else {
        return Err(Error::not_found(product::COLLECTION, id));
    };
    if found.product_retired == Some(true) {
        return Err(refusal::product_retired(id));
    }
    let (list_price, list_parts) = match list_price(sheet, line, found) {
        Some(price) => price,
        None => (own_price(call, sheet, line, found)?, None),
    };
    let rate = tax_rate(rate)?;
    Ok(Line {
        product_name: name.clone(),
        unit: if line.unit.is_empty() { unit.clone() } else { line.unit.clone() },
        list_price: Some(list_price),
        list_parts,
        unit_price: line.unit_price.or(Some(list_price)),
        tax_rate_percent: line.tax_rate_percent.or(Some(rate.normalize())),
        ..line.clone()
    })
}

/// The stored tax rate of a product in percent: 0 when it has none. One that is no number is a fault, and never 0.
fn tax_rate(stored: &str) -> Result<Decimal> {
    if stored.is_empty() {
        return Ok(Decimal::ZERO);
    }
    let rate = decimal::read(stored, PERCENT_DECIMALS);
    rate.ok_or_else(|| Error::bug("a product is stored with a tax rate that is no number"))
}

/// What one costs by the book, and what the quantity costs when it is priced in parts.
fn list_price(sheet: &Sheet, line: &Line, found: &Found) -> Option<(Decimal, Option<i64>)> {
    let tiers = found.tiers.as_ref().filter(|_| found.book_holds == Some(true))?;
    let mode = found.tier_mode.map_or(TierMode::Volume, |mode| mode.0);
    let parts = tier::price(tiers, mode, line.quantity, sheet.decimals)?;
    if let [part] = parts.as_slice() {
        return Some((part.unit_price, None));
    }
    let exact = parts.iter().map(|part| product_of(part.quantity, part.unit_price)).sum::<Option<i128>>()?;
    let average = divide(exact, tax::fixed(line.quantity, PRICE_DECIMALS)?)?;
    let average = Decimal::try_from_i128_with_scale(average, PRICE_DECIMALS).ok()?.normalize();
    Some((average, Some(parts.iter().map(|part| part.amount).sum())))
}

fn product_of(quantity: Decimal, price: Decimal) -> Option<i128> {
    tax::fixed(quantity, PRICE_DECIMALS)?.checked_mul(tax::fixed(price, PRICE_DECIMALS)?)
}

/// The caller's own price, where no book governs the document or the caller may sell what it has no price for.
fn own_price(call: &Call, sheet: &Sheet, line: &Line, found: &Found) -> Result<Decimal> {
    let is_free = found.book_id.is_none() || call.access.permissions.allows(OPEN_PRICE);
    line.unit_price.filter(|_| is_free).ok_or_else(|| {
        let book = found.book_id.ok_or(sheet.currency.as_str());
        refusal::no_price(line.product_id.unwrap_or_default(), line.quantity, call.today(), book)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_tax_rate_in_the_table_is_an_error_and_not_none() {
        assert_eq!(tax_rate("").unwrap(), Decimal::ZERO);
        assert_eq!(tax_rate("13").unwrap(), Decimal::from(13));
        for text in ["13%", "-1", "NaN"] {
            assert!(tax_rate(text).is_err(), "{text}");
        }
    }
}
