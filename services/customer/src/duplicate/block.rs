//! Which pairs are worth comparing: those that share one of many narrow keys. Never all pairs.

use std::collections::HashMap;

use super::{field::Field, profile::Profile};

/// A key shared by more records than this proposes no pairs: it is a fashion, not a trace.
pub const MAX_BLOCK: usize = 100;

/// The keys of one record, as stable 64-bit hashes without repeats.
pub fn keys(profile: &Profile) -> Vec<u64> {
    let mut keys = Keys::default();
    keys.whole(profile);
    keys.names(profile);
    keys.addresses(profile);
    keys.0.sort_unstable();
    keys.0.dedup();
    keys.0
}

/// Pairs of records that share a key, by index, in order, each once.
pub fn pairs(profiles: &[Profile]) -> Vec<(u32, u32)> {
    let mut blocks: HashMap<u64, Vec<u32>> = HashMap::new();
    for (index, profile) in (0_u32..).zip(profiles) {
        for key in keys(profile) {
            blocks.entry(key).or_default().push(index);
        }
    }
    let mut pairs = Vec::new();
    for block in blocks.values().filter(|block| block.len() <= MAX_BLOCK) {
        for (place, a) in block.iter().enumerate() {
            pairs.extend(block.iter().skip(place + 1).map(|b| (*a, *b)));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

#[derive(Default)]
struct Keys(Vec<u64>);

impl Keys {
    fn add(&mut self, kind: &str, parts: &[&str]) {
        if parts.iter().all(|part| !part.is_empty()) {
            self.0.push(hash(kind, parts));
        }
    }

    /// Values that point at one party by themselves.
    fn whole(&mut self, profile: &Profile) {
        for (field, value) in profile.values() {
            match field {
                Field::BirthDate | Field::Identity | Field::TaxNumber | Field::Email | Field::Domain => {
                    self.add(field.name(), &[&value.text]);
                }
                Field::Phone => {
                    self.add(field.name(), &[tail(&value.text, 8)]);
                }
                Field::CompanyName => {
                    self.add("core", &[&value.weak]);
                    self.add("core", &[&value.local]);
                    self.add("core start", &[start(&value.weak, 5)]);
                }
                _ => {}
            }
        }
    }

    /// Either name with whatever else is known, and both together in either order.
    fn names(&mut self, profile: &Profile) {
        let names: Vec<_> = profile.of(Field::FamilyName).chain(profile.of(Field::GivenName)).collect();
        let beside = beside(profile);
        for name in &names {
            for (kind, text) in &beside {
                self.add(kind, &[start(&name.weak, 4), text]);
                self.add(kind, &[&name.text, text]);
            }
        }
        if let [family, given] = names.as_slice() {
            let mut both = [start(&family.weak, 4), start(&given.weak, 4)];
            both.sort_unstable();
            self.add("both", &both);
        }
    }

    fn addresses(&mut self, profile: &Profile) {
        let first = |field| profile.first(field).map(|value| value.text.as_str()).unwrap_or_default();
        let (street, district) = (first(Field::Street), first(Field::District));
        let mut lines = [start(street, 4), start(district, 4)];
        lines.sort_unstable();
        self.add("lines", &lines);
        for line in [street, district] {
            self.add("post line", &[first(Field::PostalCode), start(line, 4)]);
            self.add("town line", &[start(first(Field::Locality), 4), start(line, 4)]);
            self.add("house line", &[first(Field::House), start(line, 6)]);
        }
    }
}

/// What stands beside a name, in short.
fn beside(profile: &Profile) -> Vec<(&'static str, String)> {
    let first = |field| profile.first(field).map(|value| value.text.as_str()).unwrap_or_default();
    vec![
        ("name year", start(first(Field::BirthDate), 4).to_owned()),
        ("name day", tail(first(Field::BirthDate), 4).to_owned()),
        ("name post", first(Field::PostalCode).to_owned()),
        ("name town", start(first(Field::Locality), 4).to_owned()),
        ("name street", start(first(Field::Street), 4).to_owned()),
        ("name street", start(first(Field::District), 4).to_owned()),
    ]
}

fn start(text: &str, length: usize) -> &str {
    text.char_indices().nth(length).map_or(text, |(end, _)| &text[..end])
}

fn tail(text: &str, length: usize) -> &str {
    let skip = text.chars().count().saturating_sub(length);
    text.char_indices().nth(skip).map_or("", |(begin, _)| &text[begin..])
}

/// FNV-1a: the same in every process and release, which stored keys need.
fn hash(kind: &str, parts: &[&str]) -> u64 {
    let bytes = std::iter::once(kind).chain(parts.iter().copied()).flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
