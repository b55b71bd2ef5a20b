//! Duplicates 查重: which records are probably one person or one company, and what a tenant wants done about it.
//!
//! | module | owns |
//! |---|---|
//! | [`field`] | the fields that are compared, and what is known of them in advance |
//! | [`profile`] | what a record shows of them, folded |
//! | [`key`] | the keys that are stored and indexed |
//! | [`block`] | which pairs of a whole set are compared |
//! | [`similarity`] | how alike two values are |
//! | [`population`] | how common each value is |
//! | [`score`] | what two records say about being one party, field by field |
//! | [`prior`] | how many duplicates to expect |
//! | [`set`] | groups of records that are one party |
//! | [`scan`] | all of it over a whole set |
//! | [`rule`] | what happens then |
//! | [`store`] | the keys of records in the database |
//! | [`search`], [`draft`], [`rpc`] | the records that look like a draft |
//!
//! All but the last four is pure; [`crate::duplicate_scan`] runs [`scan`] over a collection in the background. Nothing here is fitted to a file: rates of errors are judgements about people and clerks, frequencies are counted in the
//! records compared, and the number of duplicates is estimated from them.

pub mod block;
pub mod draft;
pub mod field;
#[cfg(test)]
mod judged;
pub mod key;
pub mod population;
pub mod prior;
pub mod profile;
pub mod rpc;
pub mod rule;
pub mod scan;
pub mod score;
pub mod search;
pub mod set;
pub mod similarity;
pub mod store;
