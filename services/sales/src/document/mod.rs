//! What quotes, contracts, orders and deals with lines have in common: lines that are priced, and totals that are sums of lines.
//!
//! ```text
//! wire --convert--> Sheet (prices may be open) --price--> every line has its prices --arithmetic--> amounts and totals --> one jsonb column
//! ```
//!
//! What always holds of a stored [`Sheet`]:
//!
//! - Totals are the sums of the lines, exactly; the parts of the header discount add up to it; net and tax of a line add up to its gross.
//! - Every amount is rounded once, half away from zero, to the sheet's decimals; nothing is ever a floating point number.
//! - No amount comes from a request. The list price of a line with a product comes from the price book.
//! - Line ids are unique in the sheet and stay with their lines.
//!
//! A document keeps its sheet in the column `sheet` and repeats in columns of their own what lists filter and order by.

pub mod arithmetic;
pub mod convert;
#[cfg(test)]
mod ledger_tests;
pub mod locked;
pub mod model;
pub mod price;
#[cfg(test)]
mod property_tests;
pub mod schema;
mod store;
pub mod tax;

pub use model::{Amounts, HeaderDiscount, Line, Sheet};
