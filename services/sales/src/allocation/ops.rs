//! Use cases of allocations: allocating, taking back, and reversing a receipt with all it pays.

use std::sync::Arc;

use crm_kit_api::{Call, Result, id, money::Money};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Record as _,
    custom_field::Fields,
    life::{self, Revision},
    only,
};
use crm_proto::crm::sales::v1::{AllocationResult, Receipt as WireReceipt, allocation_entry::Kind};
use uuid::Uuid;

use super::{
    events,
    model::Entry,
    rules::{self, Line, Paid, Part},
    store,
};
use crate::{
    payment_plan::{PaymentPlan, PaymentPlans, ops::read_reason},
    receipt::{Receipt, Receipts},
};

/// Most instalments that one automatic allocation looks at.
const AT_ONCE: i64 = 200;

/// The use cases of allocations. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Allocations {
    /// The life of receipts.
    pub receipts: Receipts,
    /// The life of instalments.
    pub plans: PaymentPlans,
}

/// What is done with a receipt.
#[derive(Clone, Debug)]
pub enum Verb {
    /// Parts of it are allocated.
    Allocate(Vec<Line<Money>>),
    /// Parts of it are taken back, of these amounts or as they are.
    Deallocate(Vec<Line<Option<Money>>>),
    /// It is allocated to what is due first.
    AutoAllocate,
}

impl Verb {
    fn action(&self) -> (&'static str, Kind) {
        match self {
            Self::Allocate(_) => ("allocate", Kind::Allocated),
            Self::Deallocate(_) => ("deallocate", Kind::Deallocated),
            Self::AutoAllocate => ("autoAllocate", Kind::AutoAllocated),
        }
    }
}

/// The tenant's own fields on both sides.
struct Both {
    receipt: Arc<Fields>,
    plan: Arc<Fields>,
}

impl Allocations {
    /// Does a verb with a receipt.
    pub async fn act(&self, call: &Call, (id, etag): (&str, &str), verb: Verb) -> Result<AllocationResult> {
        let (fields, id, verb) = (&self.fields(call).await?, id::parse("id", id)?, &verb);
        let (action, kind) = verb.action();
        self.receipts
            .db
            .write(call, action, move |tx| {
                Box::pin(async move {
                    let receipt = life::hold_one::<Receipt>(tx, call, id, etag).await?;
                    let paid = paid(tx, id).await?;
                    let parts = parts(tx, call, &receipt, &paid, verb).await?;
                    rules::check_limit(&receipt, &paid, &parts)?;
                    settle(tx, call, fields, (receipt.clone(), receipt), parts, kind).await
                })
            })
            .await
    }

    /// Reverses a receipt and takes back all it pays, whoever owns the instalments.
    pub async fn reverse(&self, call: &Call, (id, etag): (&str, &str), reason: &str) -> Result<WireReceipt> {
        let (fields, id, reason) = (&self.fields(call).await?, id::parse("id", id)?, &read_reason(reason)?);
        self.receipts
            .db
            .write(call, "reverse", move |tx| {
                Box::pin(async move {
                    let was = life::hold_one::<Receipt>(tx, call, id, etag).await?;
                    let mut receipt = was.clone();
                    receipt.reverse(call, reason)?;
                    let paid = paid(tx, id).await?;
                    let ids: Vec<Uuid> = paid.keys().copied().collect();
                    let tenant = tx.tenant_id();
                    let plans = match ids.as_slice() {
                        [] => Vec::new(),
                        ids => PaymentPlan::lock(tx.conn(), tenant, ids, None).await?,
                    };
                    let parts = rules::take_back(plans, &paid);
                    let done = settle(tx, call, fields, (was, receipt), parts, Kind::Reversed).await?;
                    Ok(done.receipt.unwrap_or_default())
                })
            })
            .await
    }

    async fn fields(&self, call: &Call) -> Result<Both> {
        Ok(Both { receipt: self.receipts.fields(call).await?, plan: self.plans.fields(call).await? })
    }
}

/// What a receipt that is held pays.
async fn paid(tx: &mut Tx<'_>, receipt_id: Uuid) -> Result<Paid> {
    let tenant = tx.tenant_id();
    let found = store::of_receipt(tx.conn(), tenant, receipt_id).await?;
    Ok(found.into_iter().map(|allocation| (allocation.payment_plan_id, allocation.amount)).collect())
}

/// What a verb changes for the instalments, which are held from then on.
async fn parts(
    tx: &mut Tx<'_>,
    call: &Call,
    receipt: &Receipt,
    paid: &Paid,
    verb: &Verb,
) -> Result<Vec<Part>> {
    match verb {
        Verb::Allocate(lines) => {
            receipt.check_confirmed()?;
            rules::allocate(receipt, plans(tx, call, lines).await?, lines)
        }
        Verb::Deallocate(lines) => rules::deallocate(receipt, plans(tx, call, lines).await?, paid, lines),
        Verb::AutoAllocate => {
            receipt.check_confirmed()?;
            Ok(rules::due_first(receipt, due(tx, call, receipt).await?))
        }
    }
}

/// The instalments of lines in their order.
async fn plans<A>(tx: &mut Tx<'_>, call: &Call, lines: &[Line<A>]) -> Result<Vec<PaymentPlan>> {
    let ids: Vec<Uuid> = lines.iter().map(|line| line.plan_id).collect();
    let mut held = life::hold::<PaymentPlan>(tx, call, &ids).await?;
    ids.iter().map(|id| life::live(&mut held, id)).collect()
}

/// The open instalments of the receipt's account and currency that are due first. What changed before they were held is looked at again.
async fn due(tx: &mut Tx<'_>, call: &Call, receipt: &Receipt) -> Result<Vec<PaymentPlan>> {
    if receipt.open() == 0 {
        return Ok(Vec::new());
    }
    let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
    let of = (receipt.account_id, receipt.amount_currency.as_str());
    let ids = store::due(tx.conn(), tenant, of, owners, AT_ONCE).await?;
    let held = life::hold::<PaymentPlan>(tx, call, &ids).await?;
    let fits = |plan: &PaymentPlan| {
        plan.delete_time.is_none() && (plan.account_id, plan.amount_currency.as_str()) == of
    };
    Ok(held.into_values().filter(fits).collect())
}

/// Stores what changes for a receipt, its instalments and the allocations between them, and tells of it.
async fn settle(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Both,
    (was, mut receipt): (Receipt, Receipt),
    parts: Vec<Part>,
    kind: Kind,
) -> Result<AllocationResult> {
    let entries: Vec<Entry> = parts.iter().map(|part| Entry::new(call, &receipt, part, kind)).collect();
    store::add(tx.conn(), &entries).await?;
    receipt.allocated += parts.iter().map(|part| part.amount).sum::<i64>();
    receipt.settle();
    let mut plans = Vec::with_capacity(parts.len());
    for Part { plan: was, amount } in parts {
        let mut plan = was.clone();
        plan.allocated += amount;
        plan.settle();
        plans.push(Revision::new(&fields.plan, was, plan));
    }
    let owner = receipt.owner_id;
    let receipt = Revision::new(&fields.receipt, was, receipt);
    let receipt = only(life::write(tx, call, &fields.receipt, vec![receipt]).await?);
    let payment_plans = life::write(tx, call, &fields.plan, plans).await?;
    for entry in &entries {
        tx.record(events::created(entry, owner));
    }
    Ok(AllocationResult { receipt: Some(receipt), payment_plans })
}
