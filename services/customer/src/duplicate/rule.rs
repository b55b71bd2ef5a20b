//! What happens when a record looks like another: rules as data.

use std::collections::BTreeSet;

use super::key::KeyKind;
use crate::{account, contact};

/// What a rule does, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The pair shows in the duplicate sets of the next scan.
    Report,
    /// A search before saving shows it as well.
    Warn,
    /// The second record is refused.
    Block,
}

/// One rule of one collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Keys that two records must all share; none when the likeness of the whole records decides.
    pub keys: Vec<KeyKind>,
    /// How likely the two must be one party, 0 to 1; 0 when the keys alone decide.
    pub threshold: f64,
    /// What it does.
    pub outcome: Outcome,
}

/// Why a rule cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("needs keys or a threshold")]
    Empty,
    #[error("blocks, and so must rest on keys alone: two records saved at once meet only there")]
    BlockByLikeness,
    #[error("blocks by a weak key, which only proposes")]
    BlockByWeakKey,
    #[error("blocks by several keys; make a rule for each")]
    BlockBySeveralKeys,
}

impl RuleError {
    /// The machine-readable reason.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "RULE_EMPTY",
            Self::BlockByLikeness => "RULE_BLOCKS_BY_LIKENESS",
            Self::BlockByWeakKey => "RULE_BLOCKS_BY_WEAK_KEY",
            Self::BlockBySeveralKeys => "RULE_BLOCKS_BY_SEVERAL_KEYS",
        }
    }

    /// The field of a rule that is at fault.
    pub fn field(self) -> &'static str {
        match self {
            Self::BlockByLikeness => "threshold",
            Self::Empty | Self::BlockByWeakKey | Self::BlockBySeveralKeys => "keys",
        }
    }
}

impl Rule {
    /// Whether it can be used.
    pub fn check(&self) -> Result<(), RuleError> {
        let blocks = self.outcome == Outcome::Block;
        match () {
            () if self.keys.is_empty() && self.threshold <= 0.0 => Err(RuleError::Empty),
            () if blocks && (self.keys.is_empty() || self.threshold > 0.0) => Err(RuleError::BlockByLikeness),
            () if blocks && self.keys.iter().any(|kind| kind.is_weak()) => Err(RuleError::BlockByWeakKey),
            () if blocks && self.keys.len() > 1 => Err(RuleError::BlockBySeveralKeys),
            () => Ok(()),
        }
    }

    /// Whether it holds for two records that share these keys and are one party with this probability.
    pub fn holds(&self, shared: &BTreeSet<KeyKind>, probability: f64) -> bool {
        self.check().is_ok()
            && self.keys.iter().all(|kind| shared.contains(kind))
            && probability >= self.threshold
    }
}

/// The sternest of the rules that hold.
pub fn judge<'r>(rules: &'r [Rule], shared: &BTreeSet<KeyKind>, probability: f64) -> Option<&'r Rule> {
    // Of equals the first, so that the order of rules decides which one is named.
    rules.iter().rev().filter(|rule| rule.holds(shared, probability)).max_by_key(|rule| rule.outcome)
}

/// Rules of a collection for tenants that made none.
pub fn defaults(collection: &str) -> Vec<Rule> {
    match collection {
        account::COLLECTION => account_defaults(),
        contact::COLLECTION => contact_defaults(),
        _ => Vec::new(),
    }
}

/// The keys by which the default rules of a collection block.
pub fn blocking_defaults(collection: &str) -> impl Iterator<Item = KeyKind> {
    let blocking = defaults(collection).into_iter().filter(|rule| rule.outcome == Outcome::Block);
    blocking.flat_map(|rule| rule.keys)
}

/// The registered number blocks, an equal name warns.
fn account_defaults() -> Vec<Rule> {
    vec![
        rule("identity", &[KeyKind::Identity], 0.0, Outcome::Block),
        rule("company_name", &[KeyKind::CompanyName], 0.0, Outcome::Warn),
        rule("likeness", &[], 0.9, Outcome::Warn),
        rule("maybe", &[], 0.5, Outcome::Report),
    ]
}

/// Nothing blocks, because people share mailboxes and telephones.
fn contact_defaults() -> Vec<Rule> {
    vec![
        rule("email", &[KeyKind::Email], 0.0, Outcome::Warn),
        rule("name_and_phone", &[KeyKind::PersonName, KeyKind::Phone], 0.0, Outcome::Warn),
        rule("likeness", &[], 0.9, Outcome::Warn),
        rule("maybe", &[], 0.5, Outcome::Report),
    ]
}

fn rule(name: &str, keys: &[KeyKind], threshold: f64, outcome: Outcome) -> Rule {
    Rule { name: name.to_owned(), keys: keys.to_vec(), threshold, outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sternest_rule_that_holds_is_named() {
        let rules = account_defaults();
        let named = |kinds: &[KeyKind], probability| {
            judge(&rules, &kinds.iter().copied().collect(), probability).map(|rule| rule.name.as_str())
        };
        assert_eq!(named(&[], 0.49), None);
        assert_eq!(named(&[], 0.5), Some("maybe"));
        assert_eq!(named(&[], 0.95), Some("likeness"));
        assert_eq!(named(&[KeyKind::CompanyName], 0.0), Some("company_name"));
        assert_eq!(named(&[KeyKind::CompanyName], 0.95), Some("company_name"));
        assert_eq!(named(&[KeyKind::CompanyName, KeyKind::Identity], 0.95), Some("identity"));
        assert_eq!(named(&[KeyKind::CompanyCore], 0.0), None);
    }

    #[test]
    fn a_rule_blocks_by_strong_keys_alone() {
        let check = |keys: &[KeyKind], threshold, outcome| rule("r", keys, threshold, outcome).check();
        assert_eq!(check(&[], 0.0, Outcome::Report), Err(RuleError::Empty));
        assert_eq!(check(&[], 0.99, Outcome::Block), Err(RuleError::BlockByLikeness));
        assert_eq!(check(&[KeyKind::Email], 0.5, Outcome::Block), Err(RuleError::BlockByLikeness));
        assert_eq!(check(&[KeyKind::PhoneTail], 0.0, Outcome::Block), Err(RuleError::BlockByWeakKey));
        assert_eq!(
            check(&[KeyKind::Email, KeyKind::PersonName], 0.0, Outcome::Block),
            Err(RuleError::BlockBySeveralKeys)
        );
        assert_eq!(check(&[KeyKind::Email], 0.0, Outcome::Block), Ok(()));
        assert!(account_defaults().iter().chain(&contact_defaults()).all(|rule| rule.check().is_ok()));
    }
}
