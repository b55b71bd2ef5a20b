//! What `q` looks for, and in which columns.
//!
//! Names are stored and searched with every character doubled: `华为` becomes `华华为为`. A trigram index can look up a part of three or more
//! characters only, and the most common searches in Chinese, and pinyin initials, have two; doubled they have four. Doubling changes no
//! result: one doubled text is part of another exactly when the plain ones are.

use crm_kit_api::sensitivity::{Mask, Masks, Sensitivity};

use crm_kit_value::name::search::search_query;

/// Columns that `q` looks into.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Doubled search text of names, and the class that hides it.
    pub name: (&'static str, Sensitivity),
    /// Digits of telephone numbers, of kinds that have some.
    pub phone: Option<&'static str>,
    /// E-mail addresses in lower case, of kinds that have some.
    pub email: Option<&'static str>,
    /// Company numbers in lower case, of kinds that have some.
    pub identity: Option<&'static str>,
}

/// Every character twice.
pub fn doubled(text: &str) -> String {
    text.chars().flat_map(|character| [character, character]).collect()
}

/// The conditions for `q`, of which a row meets one: columns with their LIKE patterns. Columns that the caller sees masked are left out.
/// `None` when nothing can match; an empty list when nothing is searched for.
pub fn conditions(q: &str, columns: &Columns, masks: &Masks) -> Option<Vec<(&'static str, String)>> {
    if q.trim().is_empty() {
        return Some(Vec::new());
    }
    let query = search_query(q);
    let visible = |class| masks.of(class) == Mask::None;
    let mut conditions = Vec::new();
    let (name, class) = columns.name;
    if !query.text.is_empty() && !query.email && visible(class) {
        conditions.push((name, contains(&doubled(&query.text))));
    }
    let phone = columns.phone.filter(|_| visible(Sensitivity::Phone));
    if let (Some(phone), Some(digits)) = (phone, query.digits) {
        conditions.push((phone, contains(&digits)));
    }
    let latin = !query.text.is_empty() && query.text.is_ascii();
    if let Some(email) = columns.email.filter(|_| latin && visible(Sensitivity::Email)) {
        conditions.push((email, contains(&query.text)));
    }
    if let Some(identity) = columns.identity.filter(|_| latin && visible(Sensitivity::IdentityNumber)) {
        conditions.push((identity, contains(&query.text)));
    }
    (!conditions.is_empty()).then_some(conditions)
}

/// The LIKE pattern for "contains", with backslash as the escape.
fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn doubling_changes_no_result(text in "[ab]{0,8}", part in "[ab]{0,3}") {
            prop_assert_eq!(doubled(&text).contains(&doubled(&part)), text.contains(&part));
        }
    }

    #[test]
    fn masked_columns_are_not_searched() {
        let columns = Columns {
            name: ("n", Sensitivity::Unspecified),
            phone: Some("p"),
            email: Some("e"),
            identity: Some("i"),
        };
        let masks =
            Masks::default().with(Sensitivity::Phone, Mask::Partial).with(Sensitivity::Email, Mask::Partial);
        let columns_of = |q: &str, masks: &Masks| {
            conditions(q, &columns, masks)
                .map(|found| found.into_iter().map(|(column, _)| column).collect::<Vec<_>>())
        };
        assert_eq!(columns_of("13812", &Masks::default()), Some(vec!["n", "p", "e", "i"]));
        assert_eq!(columns_of("13812", &masks), Some(vec!["n", "i"]));
        let masks = masks.with(Sensitivity::IdentityNumber, Mask::Hidden);
        assert_eq!(columns_of("13812", &masks), Some(vec!["n"]));
        assert_eq!(columns_of("a@b", &masks), None);
        assert_eq!(columns_of(" ", &masks), Some(vec![]));
    }

    #[test]
    fn a_percent_sign_is_looked_for_as_itself() {
        assert_eq!(contains("a%_\\"), "%a\\%\\_\\\\%");
    }
}
