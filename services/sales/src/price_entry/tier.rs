//! Prices by quantity: reading tiers, and what a quantity costs. Pure.

use crm_kit_record::field::Checker;
use crm_proto::crm::sales::v1::{PriceTier as Wire, price_entry::TierMode};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{decimal, money};

/// A price from a quantity on. Both are decimal text in JSON, so that neither passes through a floating point number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    #[serde(with = "decimal::text")]
    pub min_quantity: Decimal,
    #[serde(with = "decimal::text")]
    pub unit_price: Decimal,
}

/// A part of a quantity at one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub quantity: Decimal,
    pub unit_price: Decimal,
    /// Ten-thousandths of the currency's unit, rounded to the decimals asked for.
    pub amount: i64,
}

impl Tier {
    /// Reads the tiers of an entry, which ascend.
    pub fn read_all(field: &str, wire: &[Wire], check: &mut Checker<'_>) -> Vec<Self> {
        let mut tiers: Vec<Self> = Vec::with_capacity(wire.len());
        for (index, tier) in wire.iter().enumerate() {
            let place = |part: &str| format!("{field}[{index}].{part}");
            let least = if tier.min_quantity.is_empty() { "0" } else { &tier.min_quantity };
            let message = "is not a decimal number with at most six decimals";
            let Some(min_quantity) = decimal::read(least, 6) else {
                check.refuse(&place("min_quantity"), "NUMBER_INVALID", message);
                continue;
            };
            let Some(unit_price) = decimal::read(&tier.unit_price, 6) else {
                check.refuse(&place("unit_price"), "NUMBER_INVALID", message);
                continue;
            };
            if tiers.last().is_some_and(|last| last.min_quantity >= min_quantity) {
                check.refuse(
                    &place("min_quantity"),
                    "NOT_ASCENDING",
                    "must be more than that of the tier before",
                );
            }
            tiers.push(Self { min_quantity, unit_price });
        }
        if wire.is_empty() {
            check.refuse(field, "REQUIRED", "is required");
        }
        tiers
    }

    /// The tier on the wire.
    pub fn to_wire(&self) -> Wire {
        Wire {
            min_quantity: self.min_quantity.normalize().to_string(),
            unit_price: self.unit_price.normalize().to_string(),
        }
    }
}

/// The parts in which a quantity is priced, with amounts of so many decimals; `None` when it lies below the first tier, or costs more than an amount can hold.
pub fn price(tiers: &[Tier], mode: TierMode, quantity: Decimal, decimals: u32) -> Option<Vec<Part>> {
    let reached = tiers.iter().take_while(|tier| tier.min_quantity <= quantity).count();
    let last = tiers[..reached].last()?;
    if mode != TierMode::Graduated {
        return Some(vec![part(quantity, last.unit_price, decimals)?]);
    }
    // The first tier also prices what lies below its own least quantity, once that is reached.
    let from = |index: usize| if index == 0 { Decimal::ZERO } else { tiers[index].min_quantity };
    let parts = (0..reached).map(|index| {
        let to = if index + 1 < reached { tiers[index + 1].min_quantity } else { quantity };
        (to - from(index), tiers[index].unit_price)
    });
    parts
        .filter(|(quantity, _)| !quantity.is_zero())
        .map(|(quantity, unit_price)| part(quantity, unit_price, decimals))
        .collect()
}

fn part(quantity: Decimal, unit_price: Decimal, decimals: u32) -> Option<Part> {
    let amount = money::round(quantity.checked_mul(unit_price)?, decimals)?;
    Some(Part { quantity, unit_price, amount })
}

#[cfg(test)]
mod tests {
    use crm_kit_api::money::currency;
    use proptest::prelude::*;

    use super::*;

    fn tiers(list: &[(i64, &str)]) -> Vec<Tier> {
        let tier = |(least, price): &(i64, &str)| Tier {
            min_quantity: Decimal::from(*least),
            unit_price: price.parse().unwrap(),
        };
        list.iter().map(tier).collect()
    }

    fn amounts(tiers: &[Tier], mode: TierMode, quantity: &str, currency: &str) -> Option<Vec<i64>> {
        let parts = price(tiers, mode, quantity.parse().unwrap(), currency::exponent(currency))?;
        Some(parts.iter().map(|part| part.amount).collect())
    }

    #[test]
    fn volume_prices_all_at_the_tier_reached_and_graduated_each_part_at_its_own() {
        let tiers = tiers(&[(0, "10"), (10, "8"), (100, "5")]);
        let volume = |quantity| amounts(&tiers, TierMode::Volume, quantity, "CNY");
        assert_eq!(volume("9.5"), Some(vec![950_000]));
        assert_eq!(volume("10"), Some(vec![800_000]));
        assert_eq!(volume("120"), Some(vec![6_000_000]));
        let graduated = |quantity| amounts(&tiers, TierMode::Graduated, quantity, "CNY");
        assert_eq!(graduated("9"), Some(vec![900_000]));
        // 10 at 10, then nothing at 8 yet.
        assert_eq!(graduated("10"), Some(vec![1_000_000]));
        assert_eq!(graduated("120"), Some(vec![1_000_000, 7_200_000, 1_000_000]));
    }

    #[test]
    fn below_the_first_tier_there_is_no_price() {
        let tiers = tiers(&[(5, "10")]);
        assert_eq!(amounts(&tiers, TierMode::Volume, "4.999999", "CNY"), None);
        assert_eq!(amounts(&tiers, TierMode::Graduated, "6", "CNY"), Some(vec![600_000]));
        assert_eq!(amounts(&[], TierMode::Volume, "1", "CNY"), None);
    }

    #[test]
    fn each_part_is_rounded_to_the_smallest_unit() {
        let tiers = tiers(&[(0, "0.333333")]);
        assert_eq!(amounts(&tiers, TierMode::Volume, "1", "CNY"), Some(vec![3_300]));
        assert_eq!(amounts(&tiers, TierMode::Volume, "2", "JPY"), Some(vec![10_000]));
        assert_eq!(amounts(&tiers, TierMode::Volume, "1", "KWD"), Some(vec![3_330]));
        let dear = self::tiers(&[(0, "999999999999.999999")]);
        assert_eq!(amounts(&dear, TierMode::Volume, "999999999999", "CNY"), None);
    }

    proptest! {
        #[test]
        fn the_parts_of_a_graduated_price_add_up_to_the_quantity(
            least in prop::collection::btree_set(1_i64..10_000, 0..6),
            millionths in 1_i64..20_000_000_000,
        ) {
            let list: Vec<(i64, &str)> = std::iter::once((0, "1.5")).chain(least.into_iter().map(|least| (least, "0.7"))).collect();
            let quantity = Decimal::new(millionths, 6);
            let parts = price(&tiers(&list), TierMode::Graduated, quantity, 2).unwrap();
            prop_assert_eq!(parts.iter().map(|part| part.quantity).sum::<Decimal>(), quantity);
            prop_assert!(parts.iter().all(|part| part.quantity > Decimal::ZERO));
        }
    }
}
