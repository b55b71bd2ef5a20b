//! Column names in forms that can be compared.

use unicode_normalization::UnicodeNormalization;

/// Words of ids that point at another record than the row's own, in every kind of file.
const REFERENCES: [&str; 15] = [
    "owner",
    "parent",
    "created",
    "createdby",
    "modified",
    "modifiedby",
    "master",
    "user",
    "session",
    "type",
    "tax",
    "vat",
    "currency",
    "manager",
    "assigned",
];
/// Names of an id that need no word before them.
const OWN_IDS: [&str; 7] = ["id", "recordid", "externalid", "uuid", "guid", "外部id", "系统id"];

/// A column name in its folded forms, the later ones only where they differ from the first.
pub(super) struct Name {
    pub(super) full: String,
    pub(super) without_remark: Option<String>,
    pub(super) without_own_word: Option<String>,
    pub(super) without_number: Option<String>,
    pub(super) id: Id,
}

/// What kind of id a column holds by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    /// None.
    None,
    /// The id of the record in the system the file comes from.
    Own,
    /// The id of the record in a system that is named.
    Foreign,
}

impl Name {
    pub(super) fn new(header: &str, own_words: &[&str], other_words: &[&str]) -> Self {
        let full = fold(header);
        let remarkless = fold(&strip_remarks(header));
        let ownless = own_words.iter().find_map(|word| remarkless.strip_prefix(&fold(word)));
        let numberless: String = remarkless.chars().filter(|character| !character.is_ascii_digit()).collect();
        let numberless =
            own_words.iter().find_map(|word| numberless.strip_prefix(&fold(word))).unwrap_or(&numberless);
        let differs = |form: &str| (!form.is_empty() && form != full).then(|| form.to_owned());
        Self {
            without_remark: differs(&remarkless),
            without_own_word: ownless.and_then(differs),
            without_number: differs(numberless),
            id: id(header, &remarkless, own_words, other_words),
            full,
        }
    }
}

/// Letters and digits alone, in lower case and compatibility form, without what Salesforce puts around names of custom fields.
pub fn fold(name: &str) -> String {
    let name: String = name.nfkc().flat_map(char::to_lowercase).collect();
    custom(&name).0.chars().filter(|character| character.is_alphanumeric()).collect()
}

/// The name without a namespace before `__` and a `__c` after it, and whether there was one.
fn custom(name: &str) -> (&str, bool) {
    let name = name.trim();
    let Some(inner) = name.strip_suffix("__c").or_else(|| name.strip_suffix("__pc")) else {
        return (name, false);
    };
    (inner.split_once("__").map_or(inner, |(_, inner)| inner), true)
}

/// The name without what stands in brackets.
fn strip_remarks(name: &str) -> String {
    let mut depth = 0_u32;
    let mut kept = String::with_capacity(name.len());
    for character in name.nfkc() {
        match character {
            '(' | '[' | '【' | '{' => depth += 1,
            ')' | ']' | '】' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(character),
            _ => {}
        }
    }
    kept
}

fn id(header: &str, folded: &str, own_words: &[&str], other_words: &[&str]) -> Id {
    let is_other =
        |word: &String| REFERENCES.contains(&word.as_str()) || other_words.contains(&word.as_str());
    let stem = folded.strip_suffix("id");
    if OWN_IDS.contains(&folded) || stem.is_some_and(|stem| own_words.iter().any(|word| fold(word) == stem)) {
        return Id::Own;
    }
    let words = words(header);
    match words.as_slice() {
        [named @ .., last] if last == "id" && !named.iter().any(is_other) => Id::Foreign,
        _ => Id::None,
    }
}

/// The words of a name in lower case: cut at what is no letter or digit and before a capital after a small letter.
fn words(name: &str) -> Vec<String> {
    let folded: String = name.nfkc().collect();
    let lower = folded.to_lowercase();
    let inner =
        folded.get(..custom(&lower).0.len() + lower.find(custom(&lower).0).unwrap_or(0)).unwrap_or(&folded);
    let mut words = vec![String::new()];
    let mut after_small = false;
    for character in inner.chars() {
        let starts_word = after_small && character.is_uppercase();
        after_small = character.is_lowercase();
        if !character.is_alphanumeric() || starts_word {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a Latin name of seven letters or more differs from a known one by one letter too many, too few, wrong, or two
/// neighbours swapped.
pub(super) fn is_misspelt(name: &str, known: &str) -> bool {
    let (name, known) = (name.as_bytes(), known.as_bytes());
    if !name.is_ascii() || !known.is_ascii() || name.len().min(known.len()) < 7 {
        return false;
    }
    let start = name.iter().zip(known).take_while(|(left, right)| left == right).count();
    match (&name[start..], &known[start..]) {
        ([], [_]) | ([_], []) => true,
        (left @ [first, left_rest @ ..], right @ [wanted, right_rest @ ..]) => {
            left_rest == right_rest || left_rest == right || left == right_rest || {
                let (left_tail, right_tail) = (left_rest.split_first(), right_rest.split_first());
                left_tail.zip(right_tail).is_some_and(|((second, left_tail), (other, right_tail))| {
                    second == wanted && other == first && left_tail == right_tail
                })
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_are_of_one_letter() {
        for (name, known, expected) in [
            ("indsutry", "industry", true),
            ("industri", "industry", true),
            ("industy", "industry", true),
            ("industrys", "industry", true),
            ("industry", "industry", false),
            ("indutsri", "industry", false),
            ("phnoe", "phone", false),
        ] {
            assert_eq!(is_misspelt(name, known), expected, "{name} {known}");
        }
    }

    #[test]
    fn ids_are_told_from_references() {
        for (header, expected) in [
            ("ID", Id::Own),
            ("Record ID", Id::Own),
            ("Account Id", Id::Own),
            ("ORACLE_ID__C", Id::Foreign),
            ("erpId", Id::Foreign),
            ("OWNER_ID", Id::None),
            ("MASTERRECORDID", Id::None),
            ("Parent Account ID", Id::None),
            ("Valid", Id::None),
        ] {
            assert_eq!(Name::new(header, &["account"], &["campaign"]).id, expected, "{header}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_name_panics(header in "\\PC{0,20}(__c|__pc)?") {
            let name = Name::new(&header, &["account", "客户"], &[]);
            proptest::prop_assert_eq!(fold(&name.full), name.full);
        }
    }
}
