//! Which column of a foreign file feeds which field, from the names alone.
//!
//! A column name and a field name meet in one folded form: compatibility characters plain, lower case, nothing but letters and
//! digits, so that `BILLINGSTREET`, `Billing Street`, `billing_street`, `BillingStreet` and `Billing_Street__c` are one. What
//! does not meet so is tried again without remarks in brackets, without the object's own word in front (`Company Phone`), without
//! numbers, and at last with one letter wrong; each step is worth less. The surest pairs are taken first.

mod name;

use name::Name;
pub use name::fold;

/// From this confidence on two columns may feed one field with many values: `Home Phone` and `Phone 2`, but not the telephones
/// of `Person1` and `Person2`.
const SHARES_FROM: u8 = 90;
const EXACT: u8 = 100;
const WITHOUT_REMARK: u8 = 95;
const OWN_ID: u8 = 95;
const WITHOUT_OWN_WORD: u8 = 85;
const FOREIGN_ID: u8 = 75;
const WITHOUT_NUMBER: u8 = 70;
const MISSPELT: u8 = 60;

/// What a file of one kind of record can feed.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'a> {
    /// What the record itself is called, in names such as `Company Phone` or `公司电话`.
    pub own_words: &'a [&'a str],
    /// What other kinds of records are called, folded, in names of ids that are not the record's own, such as `Parent Project ID`.
    pub other_words: &'a [&'a str],
    /// The fields, in groups that records share.
    pub targets: &'a [&'a [Target<'a>]],
}

/// A field that a column can feed.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Where the value goes.
    pub path: &'a str,
    /// How many columns it takes.
    pub shape: Shape,
    /// Its labels in English.
    pub labels_en: &'a [&'a str],
    /// Its labels in Chinese.
    pub labels_zh: &'a [&'a str],
    /// What other systems call it.
    pub synonyms: &'a [&'a str],
}

/// How many columns a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One.
    One,
    /// Any number.
    Many,
    /// Any number, and every column that looks like the record's id in some system.
    ExternalIds,
}

impl<'a> Target<'a> {
    /// A field with one value.
    pub const fn one(
        path: &'a str,
        labels_en: &'a [&'a str],
        labels_zh: &'a [&'a str],
        synonyms: &'a [&'a str],
    ) -> Self {
        Self { path, shape: Shape::One, labels_en, labels_zh, synonyms }
    }

    /// A field with many values.
    pub const fn many(
        path: &'a str,
        labels_en: &'a [&'a str],
        labels_zh: &'a [&'a str],
        synonyms: &'a [&'a str],
    ) -> Self {
        Self { path, shape: Shape::Many, labels_en, labels_zh, synonyms }
    }

    /// The field of ids in other systems.
    pub const fn external_ids(
        path: &'a str,
        labels_en: &'a [&'a str],
        labels_zh: &'a [&'a str],
        synonyms: &'a [&'a str],
    ) -> Self {
        Self { path, shape: Shape::ExternalIds, labels_en, labels_zh, synonyms }
    }
}

/// What is suggested for one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion<'a> {
    /// The index of the column.
    pub column: usize,
    /// The path of the field, absent when none fits.
    pub target: Option<&'a str>,
    /// How sure it is, in percent; 0 without a field.
    pub confidence: u8,
}

/// One suggestion for each column, in their order.
pub fn suggest<'a>(headers: &[String], schema: &Schema<'a>) -> Vec<Suggestion<'a>> {
    let targets: Vec<Target<'a>> = schema.targets.concat();
    let known = known_names(&targets);
    let mut pairs: Vec<_> = headers
        .iter()
        .enumerate()
        .flat_map(|(column, header)| {
            let candidates =
                candidates(&Name::new(header, schema.own_words, schema.other_words), &targets, &known);
            candidates.into_iter().map(move |(target, confidence)| (confidence, column, target))
        })
        .collect();
    pairs.sort_by_key(|&(confidence, column, target)| (std::cmp::Reverse(confidence), column, target));
    let mut suggestions: Vec<_> =
        (0..headers.len()).map(|column| Suggestion { column, target: None, confidence: 0 }).collect();
    let mut taken = vec![false; targets.len()];
    for (confidence, column, target) in pairs {
        let is_free = match targets[target].shape {
            Shape::One => !taken[target],
            Shape::Many => !taken[target] || confidence >= SHARES_FROM,
            Shape::ExternalIds => true,
        };
        if suggestions[column].target.is_none() && is_free {
            taken[target] = true;
            suggestions[column] = Suggestion { column, target: Some(targets[target].path), confidence };
        }
    }
    suggestions
}

/// Every folded name with the index of its field, sorted. A name of two fields belongs to the first.
fn known_names(targets: &[Target<'_>]) -> Vec<(String, usize)> {
    let mut known = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        let names = [target.labels_en, target.labels_zh, target.synonyms, &[target.path]];
        known.extend(names.into_iter().flatten().map(|name| (fold(name), index)));
    }
    known.sort();
    known.dedup_by(|later, first| later.0 == first.0);
    known
}

/// The fields that the column of a name may feed, with the confidence.
fn candidates(name: &Name, targets: &[Target<'_>], known: &[(String, usize)]) -> Vec<(usize, u8)> {
    let find = |folded: &str| {
        known.binary_search_by(|(name, _)| name.as_str().cmp(folded)).ok().map(|at| known[at].1)
    };
    let mut found: Vec<(usize, u8)> = [
        (Some(&name.full), EXACT),
        (name.without_remark.as_ref(), WITHOUT_REMARK),
        (name.without_own_word.as_ref(), WITHOUT_OWN_WORD),
        (name.without_number.as_ref(), WITHOUT_NUMBER),
    ]
    .into_iter()
    .filter_map(|(folded, confidence)| Some((find(folded?)?, confidence)))
    .collect();
    if found.is_empty() {
        let misspelt = known.iter().find(|(known, _)| name::is_misspelt(&name.full, known));
        found.extend(misspelt.map(|&(_, target)| (target, MISSPELT)));
    }
    let confidence = match name.id {
        name::Id::Own => Some(OWN_ID),
        name::Id::Foreign => Some(FOREIGN_ID),
        name::Id::None => None,
    };
    let ids = targets.iter().position(|target| target.shape == Shape::ExternalIds);
    found.extend(ids.zip(confidence));
    found
}
