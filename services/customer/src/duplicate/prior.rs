//! How many duplicates, and how many households, to expect: what turns evidence into a probability.
//!
//! Both shares are estimated from the compared pairs themselves by expectation maximisation, with what is usual as a prior; nobody labels a pair.

use super::score::Evidence;

/// Expected pairs of one party, for each record, before any pair was seen.
const DUPLICATES: f64 = 0.2;
/// Expected pairs of one household or firm, for each record.
const KIN: f64 = 0.5;
/// Weight of these expectations, in records.
const BELIEF_WEIGHT: f64 = 50.0;
/// Fewest records to expect others among, so that the first records of a tenant are not all taken for one.
const MIN_RECORDS: usize = 100;
/// Rounds of estimation; the shares move by less than a hundredth after five.
const ROUNDS: usize = 10;

/// Shares of all pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    same: f64,
    kin: f64,
}

impl Prior {
    /// What is usual among so many records.
    pub fn usual(records: usize) -> Self {
        let others = others(records);
        Self { same: DUPLICATES / others, kin: KIN / others }
    }

    /// The shares that explain the evidence of all pairs that blocking proposed best. Pairs it did not propose count as strangers.
    pub fn estimated(records: usize, evidence: &[Evidence]) -> Self {
        let mut prior = Self::usual(records);
        let weight = count(records) + BELIEF_WEIGHT;
        for _ in 0..ROUNDS {
            let (mut same, mut kin) = (DUPLICATES * BELIEF_WEIGHT, KIN * BELIEF_WEIGHT);
            for one in evidence {
                let [as_same, as_kin] = prior.shares(one);
                same += as_same;
                kin += as_kin;
            }
            prior = Self { same: same / weight / others(records), kin: kin / weight / others(records) };
        }
        prior
    }

    /// How likely two records with this evidence are one party, 0 to 1.
    pub fn probability(&self, evidence: &Evidence) -> f64 {
        self.shares(evidence)[0]
    }

    /// The same as log odds in bits: 0 is even, and each bit doubles.
    pub fn bits(&self, evidence: &Evidence) -> f64 {
        self.same.log2() + evidence.same - (1.0 + self.kin * evidence.kin.exp2()).log2()
    }

    fn shares(&self, evidence: &Evidence) -> [f64; 2] {
        let (same, kin) = (self.same * evidence.same.exp2(), self.kin * evidence.kin.exp2());
        let all = same + kin + 1.0;
        [same / all, kin / all]
    }
}

fn others(records: usize) -> f64 {
    count(records.max(MIN_RECORDS)) / 2.0
}

fn count(records: usize) -> f64 {
    u32::try_from(records).map_or(f64::from(u32::MAX), f64::from)
}
