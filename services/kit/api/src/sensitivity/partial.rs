//! The masked form of a text, by class.

use super::Sensitivity;

/// What a caller sees of `text` under a partial mask. Classes without a partial form give an empty text.
pub fn partial(class: Sensitivity, text: &str) -> String {
    match class {
        Sensitivity::Phone => keep(text, if text.starts_with('+') { 6 } else { 3 }, 4),
        Sensitivity::Email => email(text),
        Sensitivity::PersonName => person_name(text),
        Sensitivity::IdentityNumber => keep(text, 2, 2),
        _ => String::new(),
    }
}

fn keep(text: &str, front: usize, back: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    // A short text keeps nothing that would give it away.
    if characters.len() < front + back + 4 {
        return "****".to_owned();
    }
    let head = characters[..front].iter();
    let tail = characters[characters.len() - back..].iter();
    head.chain("****".chars().collect::<Vec<_>>().iter()).chain(tail).collect()
}

fn email(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((local, domain)) => {
            let first = local.chars().next().filter(|_| local.chars().count() > 1);
            format!("{}***@{domain}", first.map(String::from).unwrap_or_default())
        }
        None => "****".to_owned(),
    }
}

fn person_name(text: &str) -> String {
    if text.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character)) {
        let mut characters = text.chars();
        let first = characters.next().map(String::from).unwrap_or_default();
        return first + &"*".repeat(characters.count().clamp(1, 2));
    }
    let words = text.split_whitespace().map(|word| word.chars().take(1).chain("***".chars()).collect());
    words.collect::<Vec<String>>().join(" ")
}
