//! What two records say about being one party, explained field by field.
//!
//! The model is that of Fellegi and Sunter (A Theory for Record Linkage, 1969): each field adds the logarithm of how much more often two records of
//! one party look like this than two of strangers. Three additions keep it honest where fields depend on each other:
//!
//! - *Kin.* People of one household, or contacts of one firm, share address, telephone and often the family name without being one person. They
//!   stand beside the strangers as a second way not to be the same, so that no number of shared fields outweighs another name and birthday.
//! - *Moves.* Who moves changes every part of the address, so differing addresses count once.
//! - *Swaps.* Family and given name, and two address lines, are also compared crosswise, at a price.

use super::{
    field::Field,
    population::Population,
    profile::{Profile, Value},
    similarity::{Level, level},
};

/// How often two records of one party have different addresses because it moved or has several.
const MOVED: f64 = 0.1;
/// How often two fields are exchanged.
const SWAPPED: f64 = 0.03;
/// What one field says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The field.
    pub field: Field,
    /// The field of the other record, when they were compared crosswise.
    pub other: Field,
    /// How alike the two values are.
    pub level: Level,
    /// What it adds to the score, in bits; negative when it speaks against.
    pub bits: f64,
    /// The same against kin rather than strangers.
    kin_bits: f64,
}

/// What all fields of two records say together.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Bits for one party against strangers.
    pub same: f64,
    /// Bits for kin against strangers.
    pub kin: f64,
    /// What each field says, in the order of the fields; blanks say nothing.
    pub parts: Vec<Part>,
}

/// Compares two records.
pub fn evidence(population: &Population, a: &Profile, b: &Profile) -> Evidence {
    let mut parts = crossed(population, a, b, [Field::FamilyName, Field::GivenName]);
    let address = crossed(population, a, b, [Field::Street, Field::District]);
    let swaps = u8::from(is_crossed(&parts)) + u8::from(is_crossed(&address));
    for field in Field::ALL {
        match field {
            Field::FamilyName | Field::GivenName | Field::District => {}
            Field::Street => parts.extend(address.iter().copied()),
            field => parts.extend(part(population, a, b, field, field)),
        }
    }
    let (home, own): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.field.is_address());
    let sum = |parts: &[&Part], bits: fn(&Part) -> f64| parts.iter().map(|part| bits(part)).sum::<f64>();
    let stayed = sum(&home, |part| part.bits).exp2();
    let moved_or_not = ((1.0 - MOVED) * stayed + MOVED).log2();
    let same = sum(&own, |part| part.bits) + moved_or_not + f64::from(swaps) * SWAPPED.log2();
    let kin = sum(&own, |part| part.kin_bits) + sum(&home, |part| part.kin_bits);
    Evidence { same, kin, parts }
}

/// Two fields that people exchange, straight or crosswise, whichever explains more.
fn crossed(population: &Population, a: &Profile, b: &Profile, [one, two]: [Field; 2]) -> Vec<Part> {
    let straight: Vec<Part> =
        [(one, one), (two, two)].into_iter().filter_map(|(x, y)| part(population, a, b, x, y)).collect();
    let across: Vec<Part> =
        [(one, two), (two, one)].into_iter().filter_map(|(x, y)| part(population, a, b, x, y)).collect();
    let sum = |parts: &[Part]| parts.iter().map(|part| part.bits).sum::<f64>();
    if !across.is_empty() && sum(&across) + SWAPPED.log2() > sum(&straight) { across } else { straight }
}

fn is_crossed(parts: &[Part]) -> bool {
    parts.iter().any(|part| part.field != part.other)
}

/// What a field says; nothing when either record leaves it blank. Of several values the most alike pair counts.
fn part(population: &Population, a: &Profile, b: &Profile, field: Field, other: Field) -> Option<Part> {
    let pairs = a.of(field).flat_map(|x| b.of(other).map(move |y| (x, y)));
    let weighed = pairs.map(|(x, y)| weigh(population, field, other, x, y));
    weighed.max_by(|x, y| x.bits.total_cmp(&y.bits))
}

fn weigh(population: &Population, field: Field, other: Field, a: &Value, b: &Value) -> Part {
    let level = level(field, a, b);
    let strangers = population.strangers(field, a, level).max(population.strangers(other, b, level));
    let belief = field.belief();
    let bits = (belief.same_at(level) / strangers).log2();
    Part { field, other, level, bits, kin_bits: (belief.kin_at(level, strangers) / strangers).log2() }
}
