//! Checked values: strings parsed once at the edge, with the keys that search and duplicate rules compare.
//!
//! | module | owns |
//! |---|---|
//! | [`phone`] | telephone numbers in E.164 |
//! | [`email`] | mailbox addresses and their duplicate keys |
//! | [`tax_id`] | company numbers with check digits |
//! | [`name`] | name keys, pinyin, display order, search text |
//! | [`url`] | web sites and their domains |
//! | [`text`] | which free text is stored |
//! | [`working_time`] | business calendars: what is working time, and sums of it |
//!
//! Every module is pure: no clock, no network, no database. Each error has a machine `reason()` and, through `Display`,
//! a lowercase message for the caller.

pub mod email;
pub mod name;
pub mod phone;
pub mod tax_id;
pub mod text;
pub mod url;
pub mod working_time;

#[cfg(test)]
mod shared_data;
