//! Price books between the wire and the table. Reading collects every violation.

use crm_kit_api::{Call, Result, etag, time};
use crm_kit_record::field::Checker;
use crm_kit_value::text::is_blank;
use crm_proto::crm::sales::v1::PriceBook as Wire;

use super::model::PriceBook;

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "etag"];

/// Reads a price book. `base` is the stored one of an update, or [`fresh`].
pub fn read(wire: Wire, base: PriceBook) -> Result<PriceBook> {
    let mut check = Checker::new("price_book", "");
    if is_blank(&wire.display_name) {
        check.refuse("display_name", "REQUIRED", "is required");
    }
    if wire.currency_code.is_empty() {
        check.refuse("currency_code", "REQUIRED", "is required");
    } else if !base.currency_code.is_empty() && wire.currency_code != base.currency_code {
        check.refuse("currency_code", "FIXED", "cannot be changed");
    }
    if wire.standard && wire.retired {
        check.refuse("retired", "STANDARD_RETIRED", "a standard price book cannot be retired");
    }
    let (start_date, end_date) =
        (check.day("start_date", wire.start_date), check.day("end_date", wire.end_date));
    if start_date.zip(end_date).is_some_and(|(start, end)| end < start) {
        check.refuse("end_date", "DATE_ORDER", "lies before the first day");
    }
    let book = PriceBook {
        display_name: check.line("display_name", wire.display_name, 100),
        currency_code: wire.currency_code,
        is_standard: wire.standard,
        retired: wire.retired,
        start_date,
        end_date,
        ..base
    };
    check.into_violations().into_result(book)
}

/// A price book before anything is read into it.
pub fn fresh(call: &Call) -> PriceBook {
    PriceBook {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        ..PriceBook::default()
    }
}

/// The price book on the wire.
pub fn to_wire(book: &PriceBook) -> Wire {
    Wire {
        id: book.id.to_string(),
        create_time: Some(time::timestamp(book.create_time)),
        update_time: Some(time::timestamp(book.update_time)),
        etag: etag::of(book.revision),
        display_name: book.display_name.clone(),
        currency_code: book.currency_code.clone(),
        standard: book.is_standard,
        retired: book.retired,
        start_date: book.start_date.map(time::date),
        end_date: book.end_date.map(time::date),
    }
}
