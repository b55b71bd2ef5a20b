//! `order_by`: a list of fields, each ascending unless followed by `desc`, always ended by the id so that the order is total.
//!
//! Not here: the SQL of a keyset page (kit/pg).

use crate::error::{Error, Result};

/// Most fields in one order.
pub const MAX_KEYS: usize = 4;

/// A field that lists may be ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Path in the API.
    pub path: std::borrow::Cow<'static, str>,
    /// SQL expression that is never NULL, so that pages are cut without gaps.
    pub sql: std::borrow::Cow<'static, str>,
    /// How values travel in page tokens.
    pub kind: KeyKind,
    /// Whether the caller sees the field masked and so may not order by it.
    pub masked: bool,
}

/// How values of an order key travel in page tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `text`
    Text,
    /// `bigint`
    Int,
    /// `timestamptz`, as microseconds
    Timestamp,
    /// `numeric`, as decimal text
    Numeric,
}

/// One key of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The column.
    pub column: Column,
    /// Whether larger values come first.
    pub descending: bool,
}

/// A total order: the keys, then the id in the direction of the last key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The keys named by the caller, or the default ones.
    pub keys: Vec<Key>,
}

impl Order {
    /// Reads `order_by`; an empty text gives `default`.
    pub fn parse(text: &str, default: &str, columns: &[Column]) -> Result<Self> {
        let text = if text.trim().is_empty() { default } else { text };
        let mut keys: Vec<Key> = Vec::new();
        for part in text.split(',') {
            let key = parse_key(part, columns)?;
            if keys.iter().any(|known| known.column.path == key.column.path) {
                return Err(invalid(format!("{} stands twice", key.column.path)));
            }
            keys.push(key);
        }
        if keys.len() > MAX_KEYS {
            return Err(invalid(format!("has more than {MAX_KEYS} fields")));
        }
        Ok(Self { keys })
    }

    /// Direction of the id that ends the order.
    pub fn id_descending(&self) -> bool {
        self.keys.last().is_some_and(|key| key.descending)
    }
}

fn parse_key(part: &str, columns: &[Column]) -> Result<Key> {
    let mut words = part.split_whitespace();
    let path = words.next().ok_or_else(|| invalid("has an empty field".to_owned()))?;
    let descending = match words.next() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(word) => return Err(invalid(format!("{word} is neither asc nor desc"))),
    };
    if words.next().is_some() {
        return Err(invalid(format!("has too many words after {path}")));
    }
    let column = columns
        .iter()
        .find(|column| column.path == path)
        .ok_or_else(|| invalid(format!("{path} is not a field to order by")))?;
    if column.masked {
        return Err(Error::field_masked(path));
    }
    Ok(Key { column: column.clone(), descending })
}

fn invalid(message: String) -> Error {
    Error::invalid_field("order_by", "ORDER_INVALID", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        ["name", "level"]
            .map(|path| Column {
                path: path.into(),
                sql: path.into(),
                kind: KeyKind::Text,
                masked: path == "level",
            })
            .to_vec()
    }

    #[test]
    fn an_order_is_read_with_directions() {
        let order = Order::parse(" name desc ", "name", &columns()).unwrap();
        assert!(order.keys[0].descending && order.id_descending());
        assert!(!Order::parse("", "name", &columns()).unwrap().id_descending());
    }

    #[test]
    fn unknown_repeated_and_masked_fields_are_refused() {
        for text in ["nmae", "name,name", "name upwards", "name desc desc", "name,,"] {
            assert_eq!(
                Order::parse(text, "name", &columns()).unwrap_err().reason(),
                "FIELD_INVALID",
                "{text}"
            );
        }
        assert_eq!(Order::parse("level", "name", &columns()).unwrap_err().reason(), "FIELD_MASKED");
    }
}
