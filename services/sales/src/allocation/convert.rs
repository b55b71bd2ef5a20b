//! Allocations between the wire and the rules.

use std::collections::BTreeSet;

use crm_kit_api::{Result, id, money::Money, time};
use crm_kit_record::field::{Checker, id_text};
use crm_proto::{
    crm::sales::v1::{Allocation as Wire, AllocationEntry, AllocationLine, DeallocationLine},
    google::r#type::Money as WireMoney,
};
use uuid::Uuid;

use super::{
    model::{Allocation, Entry},
    rules::Line,
};
use crate::payment;

/// The parts to allocate, each with an amount.
pub fn allocation_lines(lines: &[AllocationLine]) -> Result<Vec<Line<Money>>> {
    read(lines.iter().map(|line| (line.payment_plan_id.as_str(), line.amount.as_ref())), |amount, check| {
        payment::read_amount("amount", amount, check)
    })
}

/// The parts to take back, with an amount or as a whole.
pub fn deallocation_lines(lines: &[DeallocationLine]) -> Result<Vec<Line<Option<Money>>>> {
    read(lines.iter().map(|line| (line.payment_plan_id.as_str(), line.amount.as_ref())), |amount, check| {
        Some(amount.and_then(|amount| payment::read_amount("amount", Some(amount), check)))
    })
}

/// Reads lines, collecting every violation; no instalment stands twice.
fn read<'l, A>(
    lines: impl Iterator<Item = (&'l str, Option<&'l WireMoney>)>,
    amount: impl Fn(Option<&WireMoney>, &mut Checker<'_>) -> Option<A>,
) -> Result<Vec<Line<A>>> {
    let (mut seen, mut read) = (BTreeSet::new(), Vec::new());
    for (index, (plan_id, wire)) in lines.enumerate() {
        let path = format!("lines[{index}]");
        let mut check = Checker::new(&path, "");
        let plan_id = id::parse("payment_plan_id", plan_id).unwrap_or_default();
        if plan_id.is_nil() {
            check.refuse("payment_plan_id", "ID_INVALID", "is not an id");
        } else if !seen.insert(plan_id) {
            check.refuse("payment_plan_id", "REPEATED", "stands twice");
        }
        let amount = amount(wire, &mut check);
        let line = check.into_violations().into_result(amount)?;
        read.extend(line.map(|amount| Line { plan_id, amount }));
    }
    Ok(read)
}

/// An allocation on the wire.
pub fn to_wire(allocation: &Allocation) -> Wire {
    Wire {
        receipt_id: allocation.receipt_id.to_string(),
        payment_plan_id: allocation.payment_plan_id.to_string(),
        amount: payment::to_wire(allocation.amount, &allocation.amount_currency),
        create_time: Some(time::timestamp(allocation.create_time)),
        update_time: Some(time::timestamp(allocation.update_time)),
    }
}

/// An entry on the wire.
pub fn entry_to_wire(entry: &Entry) -> AllocationEntry {
    AllocationEntry {
        id: entry.id.to_string(),
        create_time: Some(time::timestamp(entry.create_time)),
        receipt_id: entry.receipt_id.to_string(),
        payment_plan_id: entry.payment_plan_id.to_string(),
        amount: payment::to_wire(entry.amount, &entry.amount_currency),
        kind: entry.kind.number(),
        actor_id: id_text(Some(entry.actor_id).filter(|id: &Uuid| !id.is_nil())),
    }
}
