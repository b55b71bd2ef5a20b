//! How common each value is among the records compared: agreeing in a rare name says much, in a common one little.

use std::collections::HashMap;

use super::{
    field::Field,
    profile::{Profile, Value},
    similarity::{Level, level},
};

/// Weight, in records, of what is believed before anything is counted.
const BELIEF_WEIGHT: f64 = 50.0;
/// Pairs of strangers looked at.
const SAMPLE: usize = 4000;
/// Steps between the two records of a sampled pair; coprime to one another, so that the pairs differ.
const STRIDES: [usize; 5] = [1, 7, 61, 433, 3011];

/// Counts of values and of how alike strangers are.
#[derive(Clone, Debug, Default)]
pub struct Population {
    records: usize,
    counts: HashMap<(Field, String), u32>,
    present: HashMap<Field, u32>,
    alike: HashMap<Field, [u32; 4]>,
}

impl Population {
    /// Counts the records of a set.
    pub fn of(profiles: &[Profile]) -> Self {
        let mut population = Self { records: profiles.len(), ..Self::default() };
        for profile in profiles {
            for field in Field::ALL {
                let mut values = profile.of(field).peekable();
                if values.peek().is_some() {
                    *population.present.entry(field).or_default() += 1;
                }
                for value in values {
                    *population.counts.entry((field, value.text.clone())).or_default() += 1;
                }
            }
        }
        population.sample(profiles);
        population
    }

    /// Records of which only the number is known.
    pub fn assumed(records: usize) -> Self {
        Self { records, ..Self::default() }
    }

    /// Sets how many records share a value, as an index tells.
    pub fn note(&mut self, field: Field, text: &str, count: u32) {
        self.counts.insert((field, text.to_owned()), count);
    }

    /// The number of records.
    pub fn records(&self) -> usize {
        self.records
    }

    /// How often a stranger stands at the level to a record with this value.
    pub fn strangers(&self, field: Field, value: &Value, level: Level) -> f64 {
        let belief = field.belief();
        if level == Level::Exact {
            let others =
                self.counts.get(&(field, value.text.clone())).map_or(0, |count| count.saturating_sub(1));
            let present = self.present.get(&field).copied().map_or(0.0, f64::from);
            return (f64::from(others) + BELIEF_WEIGHT * belief.common) / (present + BELIEF_WEIGHT);
        }
        let counts = self.alike.get(&field).copied().unwrap_or_default();
        let seen: f64 = counts.iter().map(|count| f64::from(*count)).sum();
        let share = |level: Level, believed: f64| {
            (f64::from(counts[level as usize]) + BELIEF_WEIGHT * believed) / (seen + BELIEF_WEIGHT)
        };
        let [close, loose] = belief.alike;
        match level {
            Level::Close => share(level, close),
            Level::Loose => share(level, loose),
            _ => share(level, 1.0 - close - loose - belief.common),
        }
    }

    fn sample(&mut self, profiles: &[Profile]) {
        let size = profiles.len();
        if size < 2 {
            return;
        }
        let step = (size * STRIDES.len() / SAMPLE).max(1);
        for stride in STRIDES.into_iter().filter(|stride| *stride < size) {
            for index in (0..size).step_by(step) {
                let (a, b) = (&profiles[index], &profiles[(index + stride) % size]);
                for field in Field::ALL {
                    if let (Some(a), Some(b)) = (a.first(field), b.first(field)) {
                        self.alike.entry(field).or_default()[level(field, a, b) as usize] += 1;
                    }
                }
            }
        }
    }
}
