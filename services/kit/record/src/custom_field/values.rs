//! A record's values of custom fields: the JSON document by the fields' keys.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A record's values of custom fields, as stored.
#[derive(Clone, Debug, Default)]
pub struct Values {
    map: Map<String, Value>,
    origin: Origin,
}

/// Whether the record was ever stored: requirements hold for all of a new record, and for what changes of a stored one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Made in memory.
    #[default]
    New,
    /// Read from the table.
    Stored,
}

impl Values {
    /// No values, of the same origin.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self { map: Map::new(), origin: self.origin }
    }

    /// Whether the record was ever stored.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key)
    }

    /// Sets or, with `None`, clears the value under a key.
    pub fn set(&mut self, key: &str, value: Option<Value>) {
        match value {
            Some(value) => self.map.insert(key.to_owned(), value),
            None => self.map.remove(key),
        };
    }

    /// Keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.map.iter().map(|(key, value)| (key.as_str(), value))
    }
}

/// Values are what they say, wherever they come from.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.map.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        Ok(Self { map, origin: Origin::Stored })
    }
}
