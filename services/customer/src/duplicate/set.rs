//! Groups of records that are probably one party.
//!
//! Plain connected components chain strangers together over one bad link. So links are taken from the strongest on, and two groups are joined only
//! when, over all pairs between them, more speaks for one party than against it.

use std::collections::HashMap;

/// Records of one set at most. What would grow beyond it stays apart: it is a fashion of the data, and nobody could review it.
pub const MAX_SET: usize = 50;
/// Bits that one pair adds at most, for or against.
const MAX_VOTE: f64 = 12.0;

/// Two records and the log odds that they are one party.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// The smaller index.
    pub a: u32,
    /// The larger index.
    pub b: u32,
    /// Bits, 0 is even. Negative infinity keeps the two apart, whatever stands between them.
    pub bits: f64,
}

/// Sets of two and more, each in order, of the links with at least `least` bits. `between` tells the bits of any other pair.
pub fn sets(links: &[Link], least: f64, mut between: impl FnMut(u32, u32) -> f64) -> Vec<Vec<u32>> {
    let known: HashMap<(u32, u32), f64> = links.iter().map(|link| ((link.a, link.b), link.bits)).collect();
    let mut strongest: Vec<&Link> = links.iter().filter(|link| link.bits >= least).collect();
    strongest.sort_by(|x, y| y.bits.total_cmp(&x.bits).then((x.a, x.b).cmp(&(y.a, y.b))));
    let mut groups = Groups::default();
    for link in strongest {
        let (a, b) = (groups.of(link.a), groups.of(link.b));
        if a == b || groups.members[a].len() + groups.members[b].len() > MAX_SET {
            continue;
        }
        let votes = |x: &u32, y: &u32| {
            let pair = ((*x).min(*y), (*x).max(*y));
            let bits = known.get(&pair).copied().unwrap_or_else(|| between(pair.0, pair.1));
            if bits == f64::NEG_INFINITY { bits } else { bits.clamp(-MAX_VOTE, MAX_VOTE) }
        };
        if groups.agreement(a, b, votes) >= 0.0 {
            groups.join(a, b);
        }
    }
    let mut sets: Vec<Vec<u32>> = groups.members.into_iter().filter(|set| set.len() > 1).collect();
    for set in &mut sets {
        set.sort_unstable();
    }
    sets.sort_unstable();
    sets
}

#[derive(Default)]
struct Groups {
    of: HashMap<u32, usize>,
    members: Vec<Vec<u32>>,
}

impl Groups {
    fn of(&mut self, record: u32) -> usize {
        let next = self.members.len();
        let group = *self.of.entry(record).or_insert(next);
        if group == next {
            self.members.push(vec![record]);
        }
        group
    }

    fn agreement(&self, a: usize, b: usize, mut votes: impl FnMut(&u32, &u32) -> f64) -> f64 {
        self.members[a]
            .iter()
            .flat_map(|x| self.members[b].iter().map(move |y| (x, y)))
            .map(|(x, y)| votes(x, y))
            .sum()
    }

    fn join(&mut self, a: usize, b: usize) {
        let moved = std::mem::take(&mut self.members[b]);
        for record in &moved {
            self.of.insert(*record, a);
        }
        self.members[a].extend(moved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(of: &[(u32, u32, f64)]) -> Vec<Link> {
        of.iter().map(|(a, b, bits)| Link { a: *a, b: *b, bits: *bits }).collect()
    }

    #[test]
    fn one_bad_link_does_not_chain_two_parties() {
        let of = links(&[(0, 1, 9.0), (1, 2, 8.0), (3, 4, 9.0), (2, 3, 1.0)]);
        assert_eq!(
            sets(&of, 0.0, |_, _| -9.0),
            [vec![0, 1], vec![3, 4]],
            "2 speaks against 0 more than for 1"
        );
        assert_eq!(sets(&of, 0.0, |_, _| 1.0), [vec![0, 1, 2, 3, 4]]);
    }

    #[test]
    fn two_that_were_told_apart_never_meet_in_one_set() {
        let of = links(&[(0, 1, f64::NEG_INFINITY), (0, 2, 9.0), (1, 2, 9.0), (1, 3, 9.0)]);
        assert_eq!(sets(&of, 0.0, |_, _| 12.0), [vec![0, 2], vec![1, 3]]);
    }

    #[test]
    fn weak_links_and_large_crowds_make_no_set() {
        assert!(sets(&links(&[(0, 1, 1.0)]), 2.0, |_, _| 9.0).is_empty());
        let chain: Vec<_> = (0..200).map(|at| (at, at + 1, 9.0)).collect();
        let found = sets(&links(&chain), 0.0, |_, _| 9.0);
        assert!(found.len() >= 4 && found.iter().all(|set| set.len() <= MAX_SET), "{}", found.len());
    }
}
