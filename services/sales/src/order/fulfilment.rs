//! What is fulfilled of an order's lines: pure rules over quantities. Of no line more is ever fulfilled than is ordered.

use std::collections::BTreeMap;

use crm_kit_api::Error;
use crm_proto::crm::sales::v1::OrderLineProgress;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tonic::Code;
use uuid::Uuid;

use super::machine::Fulfilled;
use crate::{
    DOMAIN, decimal,
    document::{Line, Sheet},
};

/// A quantity, as decimal text in stored JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(#[serde(with = "decimal::text")] pub Decimal);

/// Quantities by line; lines without one are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantities(BTreeMap<Uuid, Quantity>);

/// Why quantities are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More would be fulfilled than is ordered.
    Over { line_id: Uuid, ordered: Decimal, fulfilled: Decimal, added: Decimal },
    /// Less would be ordered than is fulfilled.
    Below { line_id: Uuid, ordered: Decimal, fulfilled: Decimal, wanted: Decimal },
    /// Something is fulfilled.
    InPart { line_id: Uuid, fulfilled: Decimal },
}

impl Quantities {
    /// Quantities of lines.
    pub fn new(quantities: impl IntoIterator<Item = (Uuid, Decimal)>) -> Self {
        let quantities = quantities.into_iter().filter(|(_, quantity)| !quantity.is_zero());
        Self(quantities.map(|(line, quantity)| (line, Quantity(quantity.normalize()))).collect())
    }

    /// All that is ordered.
    pub fn all_of(sheet: &Sheet) -> Self {
        Self::new(sheet.lines.iter().map(|line| (line.id, line.quantity)))
    }

    /// The quantity of a line.
    pub fn of(&self, line_id: Uuid) -> Decimal {
        self.0.get(&line_id).map_or(Decimal::ZERO, |quantity| quantity.0)
    }

    /// Lines with their quantities.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, Decimal)> {
        self.0.iter().map(|(line_id, quantity)| (*line_id, quantity.0))
    }

    /// How much of an order is fulfilled when these quantities are.
    pub fn extent(&self, sheet: &Sheet) -> Fulfilled {
        if self.0.is_empty() {
            Fulfilled::Nothing
        } else if sheet.lines.iter().all(|line| self.of(line.id) >= line.quantity) {
            Fulfilled::All
        } else {
            Fulfilled::Part
        }
    }

    /// These and more of lines of the order.
    pub fn plus(&self, more: &Self, sheet: &Sheet) -> Result<Self, Refusal> {
        let mut sum = self.clone();
        for (line_id, added) in more.iter() {
            let ordered = sheet.line(line_id).map_or(Decimal::ZERO, |line| line.quantity);
            let fulfilled = self.of(line_id);
            let then = fulfilled.checked_add(added).filter(|then| *then <= ordered);
            let then = then.ok_or(Refusal::Over { line_id, ordered, fulfilled, added })?;
            sum.0.insert(line_id, Quantity(then.normalize()));
        }
        Ok(sum)
    }

    /// Whether lines may become what another sheet says of them. A line of which something is fulfilled stays of what it is: under its id, something else
    /// would be taken for delivered.
    pub fn allow(&self, before: &Sheet, after: &Sheet) -> Result<(), Refusal> {
        let below = self.iter().find_map(|(line_id, fulfilled)| {
            let was = before.line(line_id);
            let same = |line: &&Line| was.is_none_or(|was| is_of_the_same(was, line));
            let quantity = |line: Option<&Line>| line.map_or(Decimal::ZERO, |line| line.quantity);
            let (ordered, wanted) = (quantity(was), quantity(after.line(line_id).filter(same)));
            (wanted < fulfilled).then_some(Refusal::Below { line_id, ordered, fulfilled, wanted })
        });
        below.map_or(Ok(()), Err)
    }

    /// Refuses when something is fulfilled.
    pub fn refuse_any(&self) -> Result<(), Refusal> {
        let first = self.iter().next();
        first.map_or(Ok(()), |(line_id, fulfilled)| Err(Refusal::InPart { line_id, fulfilled }))
    }

    /// How far each line of an order is.
    pub fn progress(&self, sheet: &Sheet) -> Vec<OrderLineProgress> {
        let lines = sheet.lines.iter().map(|line| {
            let fulfilled = self.of(line.id);
            OrderLineProgress {
                line_id: line.id.to_string(),
                fulfilled_quantity: fulfilled.normalize().to_string(),
                open_quantity: (line.quantity - fulfilled).normalize().to_string(),
            }
        });
        lines.collect()
    }
}

/// Whether two lines sell the same thing in the same unit.
fn is_of_the_same(one: &Line, other: &Line) -> bool {
    let named = one.product_id.is_some() || one.product_name == other.product_name;
    named && one.product_id == other.product_id && one.unit == other.unit
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let told = |reason, message: String, line_id: Uuid, fulfilled: Decimal| {
            Self::new(Code::FailedPrecondition, DOMAIN, reason, message)
                .with("line_id", line_id)
                .with("fulfilled", fulfilled.normalize())
        };
        match refusal {
            Refusal::Over { line_id, ordered, fulfilled, added } => {
                let open = (ordered - fulfilled).normalize();
                let message =
                    format!("{} are more than the {open} of the line that are open", added.normalize());
                told("OVER_FULFILMENT", message, line_id, fulfilled)
                    .with("ordered", ordered.normalize())
                    .with("added", added.normalize())
            }
            Refusal::Below { line_id, ordered, fulfilled, wanted } => {
                let message = format!("{} of the line are fulfilled", fulfilled.normalize());
                told("BELOW_FULFILMENT", message, line_id, fulfilled)
                    .with("ordered", ordered.normalize())
                    .with("wanted", wanted.normalize())
            }
            Refusal::InPart { line_id, fulfilled } => {
                let message = format!("{} of a line are fulfilled", fulfilled.normalize());
                told("ORDER_FULFILLED_IN_PART", message, line_id, fulfilled)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn sheet(quantities: &[i64]) -> Sheet {
        let line = |(index, quantity): (usize, &i64)| Line {
            id: Uuid::from_u128(index as u128 + 1),
            quantity: Decimal::new(*quantity, 6),
            ..Line::default()
        };
        Sheet { lines: quantities.iter().enumerate().map(line).collect(), ..Sheet::default() }
    }

    proptest! {
        /// However deliveries come, no line has more fulfilled than ordered, what is told as fulfilled and open adds up to what is ordered, and a refusal
        /// changes nothing.
        #[test]
        fn no_line_is_ever_fulfilled_beyond_what_is_ordered(
            ordered in vec(1_i64..1_000_000_000, 1..6),
            deliveries in vec((0_usize..6, 1_i64..600_000_000), 0..30),
        ) {
            let sheet = sheet(&ordered);
            let mut fulfilled = Quantities::default();
            for (index, quantity) in deliveries {
                let line = &sheet.lines[index % sheet.lines.len()];
                let more = Quantities::new([(line.id, Decimal::new(quantity, 6))]);
                match fulfilled.plus(&more, &sheet) {
                    Ok(sum) => fulfilled = sum,
                    Err(Refusal::Over { ordered, fulfilled, added, .. }) => {
                        prop_assert!(fulfilled + added > ordered);
                    }
                    Err(refusal) => prop_assert!(false, "{refusal:?}"),
                }
                for line in &sheet.lines {
                    prop_assert!(fulfilled.of(line.id) <= line.quantity);
                }
                prop_assert!(fulfilled.allow(&sheet, &sheet).is_ok());
            }
            for (line, told) in sheet.lines.iter().zip(fulfilled.progress(&sheet)) {
                let number = |text: &str| text.parse::<Decimal>().unwrap();
                prop_assert_eq!(number(&told.fulfilled_quantity) + number(&told.open_quantity), line.quantity);
            }
            prop_assert_eq!(Quantities::all_of(&sheet).extent(&sheet), Fulfilled::All);
        }
    }

    #[test]
    fn a_line_that_is_delivered_in_part_stays_of_what_it_is() {
        let before = sheet(&[2_000_000, 1_000_000]);
        let first = before.lines[0].id;
        let fulfilled = Quantities::new([(first, Decimal::ONE)]);
        let changed = |change: fn(&mut Line)| {
            let mut after = before.clone();
            change(&mut after.lines[0]);
            fulfilled.allow(&before, &after)
        };
        assert_eq!(changed(|line| line.description = "by truck".into()), Ok(()));
        for change in [
            |line: &mut Line| line.product_name = "something else".into(),
            |line: &mut Line| line.product_id = Some(Uuid::from_u128(9)),
            |line: &mut Line| line.unit = "box".into(),
        ] {
            assert!(matches!(changed(change), Err(Refusal::Below { line_id, .. }) if line_id == first));
        }
    }

    #[test]
    fn a_line_that_is_delivered_in_part_may_not_go() {
        let (before, after) = (sheet(&[2_000_000, 1_000_000]), sheet(&[1_000_000]));
        let second = Uuid::from_u128(2);
        let fulfilled = Quantities::new([(second, Decimal::new(5, 1))]);
        let refused = fulfilled.allow(&before, &after).unwrap_err();
        let wanted = Refusal::Below {
            line_id: second,
            ordered: Decimal::ONE,
            fulfilled: Decimal::new(5, 1),
            wanted: Decimal::ZERO,
        };
        assert_eq!(refused, wanted);
        assert_eq!(fulfilled.extent(&before), Fulfilled::Part);
    }
}
