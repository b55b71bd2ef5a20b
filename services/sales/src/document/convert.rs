//! Lines and totals between the wire and a sheet. Reading collects every violation; what depends on products and prices stays open until the sheet
//! is priced.

use std::collections::BTreeSet;

use crm_kit_api::{Call, money::Money, money::currency, time};
use crm_kit_record::field::{Checker, id_text};
use crm_kit_value::text::is_blank;
use crm_proto::{
    crm::sales::v1::{DocumentLine, DocumentTotals},
    google::r#type::Money as WireMoney,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    arithmetic::{self, Fault},
    model::{
        AMOUNT_DECIMALS, Amounts, HeaderDiscount, Line, MAX_LINES, MAX_NUMBER, PERCENT_DECIMALS,
        PRICE_DECIMALS, Sheet,
    },
    tax,
};
use crate::decimal;

/// The fields of a document's message that make its sheet.
#[derive(Debug, Default)]
pub struct Wire {
    pub currency_code: String,
    pub price_book_id: String,
    pub price_includes_tax: bool,
    pub amount_decimals: i32,
    pub header_discount_percent: String,
    pub header_discount: Option<WireMoney>,
    pub lines: Vec<DocumentLine>,
}

/// Reads a sheet. `base` is the stored one, or an empty one: what a line does not say anew it keeps from there.
pub fn read(call: &Call, wire: Wire, base: &Sheet, check: &mut Checker<'_>) -> Sheet {
    let currency = currency(call, wire.currency_code, base, check);
    let sheet = Sheet {
        decimals: decimals(wire.amount_decimals, &currency, base, check),
        header_discount: header_discount(
            &wire.header_discount_percent,
            wire.header_discount,
            &currency,
            check,
        ),
        price_book_id: check.reference("price_book_id", &wire.price_book_id),
        price_includes_tax: wire.price_includes_tax,
        currency,
        ..Sheet::default()
    };
    let lines = Reading { call, sheet: &sheet, base }.lines(wire.lines, check);
    let mut sheet = Sheet { lines, ..sheet };
    // Lines that wait for prices get their amounts with them.
    if !sheet.lines.iter().any(Line::is_open)
        && let Err(fault) = arithmetic::compute(&mut sheet)
    {
        refuse(fault, &sheet, check);
    }
    sheet
}

fn currency(call: &Call, wire: String, base: &Sheet, check: &mut Checker<'_>) -> String {
    let held = if base.currency.is_empty() { &call.access.tenant.currency_code } else { &base.currency };
    let currency = if wire.is_empty() { held.clone() } else { wire };
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        check.refuse("currency_code", "CURRENCY_INVALID", "is not an ISO 4217 code of three capital letters");
    }
    if currency != base.currency && !base.lines.is_empty() {
        check.refuse("currency_code", "FIXED", "cannot be changed while there are lines");
    }
    currency
}

/// The digits of amounts: those of the currency unless others are asked for.
fn decimals(wire: i32, currency: &str, base: &Sheet, check: &mut Checker<'_>) -> u32 {
    let own = currency::exponent(currency);
    // What the document had as the digits of its currency goes with the currency.
    let followed = base.currency != currency && base.decimals == currency::exponent(&base.currency);
    match u32::try_from(wire) {
        Ok(0) => own,
        Ok(asked) if followed && asked == base.decimals => own,
        Ok(asked) if asked <= AMOUNT_DECIMALS => asked,
        _ => {
            check.refuse("amount_decimals", "NUMBER_INVALID", "must be 0 to 4");
            own
        }
    }
}

fn header_discount(
    percent: &str,
    amount: Option<WireMoney>,
    currency: &str,
    check: &mut Checker<'_>,
) -> HeaderDiscount {
    let percent = Some(percent).filter(|text| !text.is_empty());
    if percent.is_some() && amount.is_some() {
        let message = "stands beside header_discount_percent, of which one must be empty";
        check.refuse("header_discount", "EXCLUSIVE", message);
    }
    if let Some(text) = percent {
        let percent = percentage("header_discount_percent", text, check);
        return if percent.is_zero() { HeaderDiscount::None } else { HeaderDiscount::Percent(percent) };
    }
    let path = check.at("header_discount");
    let money = amount.and_then(|wire| Money::from_wire(&path, &wire, check.violations()));
    let Some(money) = money.filter(|money| money.ten_thousandths != 0) else { return HeaderDiscount::None };
    if money.currency != currency {
        let message = format!("must be in {currency} as the document is");
        check.refuse("header_discount.currency_code", "CURRENCY_DIFFERS", message);
    }
    if money.ten_thousandths < 0 {
        check.refuse("header_discount", "NEGATIVE", "must not be negative");
    }
    HeaderDiscount::Amount(money.ten_thousandths.max(0))
}

/// 0 to 100 with at most four decimals; empty text is 0.
fn percentage(field: &str, text: &str, check: &mut Checker<'_>) -> Decimal {
    let text = if text.is_empty() { "0" } else { text };
    let percent = decimal::read(text, PERCENT_DECIMALS).filter(|percent| *percent <= Decimal::ONE_HUNDRED);
    if percent.is_none() {
        check.refuse(
            field,
            "NUMBER_INVALID",
            "is not a decimal number from 0 to 100 with at most four decimals",
        );
    }
    percent.unwrap_or_default().normalize()
}

/// A quantity or a price; `None` for empty text.
fn number(field: &str, text: &str, check: &mut Checker<'_>) -> Option<Decimal> {
    if text.is_empty() {
        return None;
    }
    let number = decimal::read(text, PRICE_DECIMALS).filter(|number| *number <= Decimal::from(MAX_NUMBER));
    if number.is_none() {
        let message = "is not a decimal number of at most 1,000,000,000,000 with at most six decimals";
        check.refuse(field, "NUMBER_INVALID", message);
    }
    number.map(|number| number.normalize())
}

/// What lines are read with.
struct Reading<'r> {
    call: &'r Call,
    /// The sheet that is read, without its lines.
    sheet: &'r Sheet,
    base: &'r Sheet,
}

impl Reading<'_> {
    fn lines(&self, wire: Vec<DocumentLine>, check: &mut Checker<'_>) -> Vec<Line> {
        if wire.len() > MAX_LINES {
            check.refuse("lines", "TOO_MANY", format!("must be at most {MAX_LINES}"));
            return Vec::new();
        }
        let ids: Vec<Option<Uuid>> = wire
            .iter()
            .enumerate()
            .map(|(index, line)| check.reference(&format!("lines[{index}].id"), &line.id))
            .collect();
        let mut taken: BTreeSet<Uuid> = BTreeSet::new();
        for (index, id) in ids.iter().enumerate() {
            if id.is_some_and(|id| !taken.insert(id)) {
                check.refuse(&format!("lines[{index}].id"), "REPEATED", "stands twice");
            }
        }
        let mut lines = Vec::with_capacity(wire.len());
        for (index, (line, id)) in wire.into_iter().zip(ids).enumerate() {
            let here = self.base.lines.get(index).map(|line| line.id);
            let id = id.or_else(|| here.filter(|id| taken.insert(*id)));
            lines.push(self.line(&format!("lines[{index}]"), line, id, check));
        }
        lines
    }

    fn line(&self, place: &str, wire: DocumentLine, id: Option<Uuid>, check: &mut Checker<'_>) -> Line {
        let at = |part: &str| format!("{place}.{part}");
        let quantity = number(&at("quantity"), &wire.quantity, check).unwrap_or(Decimal::ONE);
        if quantity.is_zero() {
            check.refuse(&at("quantity"), "NUMBER_INVALID", "must be more than 0");
        }
        let delivery = wire.delivery_date.and_then(|date| {
            let path = check.at(&at("delivery_date"));
            time::naive_date(&path, &date, check.violations())
        });
        let rate = Some(&wire.tax_rate_percent).filter(|text| !text.is_empty());
        let line = Line {
            id: id.unwrap_or_else(|| self.call.new_id()),
            product_id: check.reference(&at("product_id"), &wire.product_id),
            product_name: check.line(&at("product_name"), wire.product_name, 200),
            unit: check.line(&at("unit"), wire.unit, 40),
            description: check.lines(&at("description"), wire.description, 2000),
            quantity,
            list_price: number(&at("list_price"), &wire.list_price, check),
            unit_price: number(&at("unit_price"), &wire.unit_price, check),
            discount_percent: percentage(&at("discount_percent"), &wire.discount_percent, check),
            tax_rate_percent: rate.map(|text| percentage(&at("tax_rate_percent"), text, check)),
            delivery_date: delivery,
            ..Line::default()
        };
        let before = id.and_then(|id| self.base.line(id));
        if line.product_id.is_some() {
            self.of_product(line, before)
        } else {
            self.free(place, line, before, check)
        }
    }

    /// A line with a product: what it was priced with it keeps as long as product, unit, quantity and price book are the same; otherwise its
    /// list price stays open.
    fn of_product(&self, line: Line, before: Option<&Line>) -> Line {
        let sent = line.unit_price;
        let open = Line { list_price: None, ..line };
        let Some(before) = before.filter(|before| before.product_id == open.product_id) else { return open };
        let before = &self.in_the_sheets_prices(before);
        let stored = self.base.line(before.id).and_then(|line| line.unit_price);
        // What is sent back as it was stored is not the caller's price: it was the list's, or goes with the sheet to prices with tax or without.
        let unit_price = match sent {
            Some(price) if Some(price) == stored && before.is_at_list_price() => None,
            Some(price) if Some(price) == stored => before.unit_price,
            sent => sent,
        };
        let unit = if open.unit.is_empty() { before.unit.clone() } else { open.unit.clone() };
        let same_book = (&self.base.currency, self.base.price_book_id)
            == (&self.sheet.currency, self.sheet.price_book_id);
        if !same_book || unit != before.unit || open.quantity != before.quantity {
            return Line { unit, unit_price, ..open };
        }
        Line {
            unit,
            product_name: before.product_name.clone(),
            list_price: before.list_price,
            list_parts: before.list_parts,
            unit_price: unit_price.or(before.list_price),
            tax_rate_percent: open.tax_rate_percent.or(before.tax_rate_percent),
            ..open
        }
    }

    /// A line without a product has the price that the caller says.
    fn free(&self, place: &str, line: Line, before: Option<&Line>, check: &mut Checker<'_>) -> Line {
        if is_blank(&line.product_name) && is_blank(&line.description) {
            let message = "is required of a line without product and description";
            check.refuse(&format!("{place}.product_name"), "REQUIRED", message);
        }
        let moved = before.map(|before| (before, self.in_the_sheets_prices(before)));
        let keep = |sent: Option<Decimal>, price: fn(&Line) -> Option<Decimal>| match &moved {
            Some((before, moved)) if sent == price(before) => price(moved),
            _ => sent,
        };
        let (unit, list) =
            (keep(line.unit_price, |line| line.unit_price), keep(line.list_price, |line| line.list_price));
        if unit.or(list).is_none() {
            check.refuse(&format!("{place}.unit_price"), "REQUIRED", "is required of a line without product");
        }
        let tax_rate_percent = line.tax_rate_percent.or(Some(Decimal::ZERO));
        Line { unit_price: unit.or(list), list_price: list.or(unit), tax_rate_percent, ..line }
    }

    /// A stored line with its prices as the sheet states prices now: with tax or without.
    fn in_the_sheets_prices(&self, line: &Line) -> Line {
        if self.base.price_includes_tax == self.sheet.price_includes_tax {
            return line.clone();
        }
        let rate = line.tax_rate_percent.unwrap_or_default();
        let change = if self.sheet.price_includes_tax { tax::with } else { tax::without };
        let changed = |price: Option<Decimal>| price.and_then(|price| change(price, rate));
        Line {
            list_price: changed(line.list_price),
            list_parts: None,
            unit_price: changed(line.unit_price),
            ..line.clone()
        }
    }
}

/// Says what keeps a sheet from having amounts.
pub fn refuse(fault: Fault, sheet: &Sheet, check: &mut Checker<'_>) {
    match fault {
        Fault::TooLarge { line } => {
            let field = line.map_or_else(|| "lines".to_owned(), |index| format!("lines[{index}]"));
            check.refuse(&field, "MONEY_TOO_LARGE", "comes to more than 10,000,000,000,000");
        }
        Fault::HeaderDiscountTooLarge { lines } => {
            let lines = Decimal::new(lines, 4).normalize();
            let message = format!("is more than the {lines} that the lines come to");
            check.refuse("header_discount", "TOO_LARGE", message);
        }
        Fault::HeaderDiscountTooFine => {
            let message = format!("has more than the {} decimals of the document's amounts", sheet.decimals);
            check.refuse("header_discount", "MONEY_TOO_FINE", message);
        }
    }
}

/// The lines on the wire.
pub fn lines(sheet: &Sheet) -> Vec<DocumentLine> {
    sheet.lines.iter().map(|line| line_to_wire(line, &sheet.currency)).collect()
}

/// The totals on the wire.
pub fn totals(sheet: &Sheet) -> DocumentTotals {
    let Amounts { list, line_discount, header_discount, net, tax, gross } = sheet.totals;
    let money = |amount| Some(money(amount, &sheet.currency));
    DocumentTotals {
        list_amount: money(list),
        line_discount: money(line_discount),
        header_discount: money(header_discount),
        net_amount: money(net),
        tax_amount: money(tax),
        gross_amount: money(gross),
        discount_percent: text(sheet.discount_percent),
    }
}

/// The header discount on the wire: in percent, or the amount.
pub fn header(sheet: &Sheet) -> (String, Option<WireMoney>) {
    match sheet.header_discount {
        HeaderDiscount::None => (String::new(), None),
        HeaderDiscount::Percent(percent) => (text(Some(percent)), None),
        HeaderDiscount::Amount(amount) => (String::new(), Some(money(amount, &sheet.currency))),
    }
}

fn line_to_wire(line: &Line, currency: &str) -> DocumentLine {
    let Amounts { list, line_discount, header_discount, net, tax, gross } = line.amounts;
    let money = |amount| Some(money(amount, currency));
    DocumentLine {
        id: line.id.to_string(),
        product_id: id_text(line.product_id),
        product_name: line.product_name.clone(),
        unit: line.unit.clone(),
        description: line.description.clone(),
        quantity: text(Some(line.quantity)),
        list_price: text(line.list_price),
        unit_price: text(line.unit_price),
        discount_percent: text(Some(line.discount_percent)),
        tax_rate_percent: text(line.tax_rate_percent),
        delivery_date: line.delivery_date.map(time::date),
        list_amount: money(list),
        line_discount: money(line_discount),
        header_discount: money(header_discount),
        net_amount: money(net),
        tax_amount: money(tax),
        gross_amount: money(gross),
        total_discount_percent: text(line.total_discount_percent),
    }
}

fn text(number: Option<Decimal>) -> String {
    number.map(|number| number.normalize().to_string()).unwrap_or_default()
}

fn money(ten_thousandths: i64, currency: &str) -> WireMoney {
    Money { ten_thousandths, currency: currency.to_owned() }.to_wire()
}
