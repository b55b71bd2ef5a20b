//! A whole set of records at once: which of them are probably one party.

use std::collections::{HashMap, HashSet};

use super::{
    block,
    population::Population,
    prior::Prior,
    profile::Profile,
    score::{self, Evidence},
    set::{self, Link},
};

/// What comparing a set of records found.
#[derive(Debug)]
pub struct Scan {
    population: Population,
    /// How many duplicates and households the set holds.
    pub prior: Prior,
    /// Every pair that blocking proposed, by index, with its log odds; and those kept apart.
    pub links: Vec<Link>,
    /// What speaks for each pair that blocking proposed, in their order.
    pub evidence: Vec<Evidence>,
}

impl Scan {
    /// Compares the records of a set.
    pub fn of(profiles: &[Profile]) -> Self {
        let population = Population::of(profiles);
        let pairs = block::pairs(profiles);
        let one = |(a, b): &(u32, u32)| {
            score::evidence(&population, &profiles[*a as usize], &profiles[*b as usize])
        };
        let evidence: Vec<Evidence> = pairs.iter().map(one).collect();
        let prior = Prior::estimated(profiles.len(), &evidence);
        let links =
            pairs.iter().zip(&evidence).map(|((a, b), found)| Link { a: *a, b: *b, bits: prior.bits(found) });
        Self { links: links.collect(), population, prior, evidence }
    }

    /// Keeps pairs, the smaller index first, out of every set.
    pub fn keep_apart(&mut self, pairs: &HashSet<(u32, u32)>) {
        self.links.retain(|link| !pairs.contains(&(link.a, link.b)));
        self.links.extend(pairs.iter().map(|(a, b)| Link { a: *a, b: *b, bits: f64::NEG_INFINITY }));
    }

    /// How likely each record of the sets is one party with the one of its set that it is most like.
    pub fn probabilities(&self, sets: &[Vec<u32>]) -> HashMap<u32, f64> {
        let of: HashMap<u32, usize> =
            sets.iter().enumerate().flat_map(|(at, set)| set.iter().map(move |index| (*index, at))).collect();
        let mut most = HashMap::new();
        for link in self.links.iter().filter(|link| of.contains_key(&link.a)) {
            if of.get(&link.a) == of.get(&link.b) {
                let probability = 1.0 / (1.0 + (-link.bits).exp2());
                for index in [link.a, link.b] {
                    let best = most.entry(index).or_insert(0.0_f64);
                    *best = best.max(probability);
                }
            }
        }
        most
    }

    /// Sets of records that are one party with at least this probability, by index.
    pub fn sets(&self, profiles: &[Profile], threshold: f64) -> Vec<Vec<u32>> {
        let least = (threshold / (1.0 - threshold)).log2();
        set::sets(&self.links, least, |a, b| {
            self.prior.bits(&score::evidence(&self.population, &profiles[a as usize], &profiles[b as usize]))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::duplicate::{field::Field, judged};

    /// Precision and recall in one figure (F1) of the pairs within sets, against the truth.
    fn f1(sets: &[Vec<u32>], truth: &[u32]) -> f64 {
        let pairs = |size: usize| size * (size - 1) / 2;
        let mut sizes = HashMap::<u32, usize>::new();
        for party in truth {
            *sizes.entry(*party).or_default() += 1;
        }
        let wanted: usize = sizes.values().map(|size| pairs(*size)).sum();
        let found: usize = sets.iter().map(|set| pairs(set.len())).sum();
        let mut right = 0;
        for set in sets {
            let mut within = HashMap::<u32, usize>::new();
            for index in set {
                *within.entry(truth[*index as usize]).or_default() += 1;
            }
            right += within.values().map(|size| pairs(*size)).sum::<usize>();
        }
        let count = |number: usize| f64::from(u32::try_from(number).unwrap());
        2.0 * count(right) / (count(found) + count(wanted))
    }

    #[test]
    fn people_are_found_again_without_their_security_number() {
        for (file, least) in [("febrl_dataset1.csv", 0.985), ("febrl_dataset3.csv", 0.970)] {
            let Some(text) = judged::read(&format!("duplicates/{file}")) else { return };
            let (truth, profiles) = judged::people(&text);
            let scan = Scan::of(&profiles);
            let links = scan.links.iter().filter(|link| link.bits >= 0.0);
            let links: Vec<Vec<u32>> = links.map(|link| vec![link.a, link.b]).collect();
            let (by_pair, by_set) = (f1(&links, &truth), f1(&scan.sets(&profiles, 0.5), &truth));
            println!(
                "{file}: {} pairs compared, F1 {by_pair:.5} by pair, {by_set:.5} by set",
                scan.links.len()
            );
            assert!(by_pair >= least && by_set >= least, "{file}: {by_pair} {by_set}");
        }
    }

    #[test]
    fn restaurants_of_two_guides_meet() {
        let Some(text) = judged::read("duplicates/fodors_zagats_pairs.csv") else { return };
        let (profiles, labelled) = judged::restaurants(&text);
        let scan = Scan::of(&profiles);
        let found: BTreeSet<(u32, u32)> =
            scan.links.iter().filter(|link| link.bits >= 0.0).map(|link| (link.a, link.b)).collect();
        let hit = |same: bool| {
            labelled.iter().filter(|(pair, match_)| *match_ == same && found.contains(pair)).count()
        };
        println!("restaurants: {} right, {} wrong of 110", hit(true), hit(false));
        assert!(hit(true) >= 105 && hit(false) <= 2);
    }

    /// One of `of` numbers, which looks like chance and is the same in every run (SplitMix64).
    fn chance(seed: usize, of: usize) -> usize {
        let mixed = (seed as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % of as u64).unwrap()
    }

    /// Three people with one family name, address and telephone.
    fn household(home: usize) -> Vec<Profile> {
        let given = [
            "anna", "boris", "carla", "dmitri", "elena", "fritz", "greta", "hassan", "irene", "jonas",
            "katya", "liam",
        ];
        let syllables = ["bar", "den", "kol", "mur", "sta", "vel", "zim", "tor", "lin", "gra"];
        let name = |seed: usize| [0, 1].map(|part| syllables[chance(seed * 2 + part, 10)]).concat();
        let member = |member: usize| {
            let seed = 10 * (home * 3 + member) + 5000;
            let (year, month, day) =
                (1940 + chance(seed, 70), chance(seed + 1, 12) + 1, chance(seed + 2, 28) + 1);
            Profile::default()
                .person(&name(home), given[(chance(home, 4) + member * 4) % 12])
                .plain(Field::BirthDate, &format!("{year}{month:02}{day:02}"))
                .plain(Field::Phone, &format!("+4420{}", 10_000_000 + chance(home + 77, 90_000_000)))
                .lines([format!("{} {} road", chance(home + 9, 99) + 1, name(home + 999)).as_str()])
                .place(Field::PostalCode, &format!("{}", 10_000 + chance(home + 3, 80_000)))
        };
        (0..3).map(member).collect()
    }

    #[test]
    fn a_household_is_not_one_person() {
        let mut profiles: Vec<Profile> = (0..300).flat_map(household).collect();
        profiles.push(profiles[0].clone());
        assert_eq!(Scan::of(&profiles).sets(&profiles, 0.5), [vec![0, 900]]);
    }

    #[test]
    fn nothing_and_one_make_no_sets() {
        assert!(Scan::of(&[]).sets(&[], 0.5).is_empty());
        let profiles = vec![Profile::default(), Profile::default(), Profile::default().person("Li", "Lei")];
        assert!(Scan::of(&profiles).sets(&profiles, 0.5).is_empty());
    }
}
