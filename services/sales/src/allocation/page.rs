//! What a receipt pays and what pays an instalment, page by page, and the history of both.

use crm_kit_api::{
    Call, Error, Result, id,
    page::{Keyset, Token},
};
use crm_kit_pg::Tx;
use crm_kit_record::{Record, life};
use crm_proto::crm::sales::v1::{Allocation as Wire, AllocationEntry};
use uuid::Uuid;

use super::{Allocations, convert, store};
use crate::{payment_plan::PaymentPlan, receipt::Receipt};

/// The side that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A receipt.
    Receipt(Uuid),
    /// An instalment.
    PaymentPlan(Uuid),
}

/// What a list asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'r> {
    pub receipt_id: &'r str,
    pub payment_plan_id: &'r str,
    pub page_size: i32,
    pub page_token: &'r str,
}

/// A wanted page, checked.
struct Query {
    side: Side,
    page: Keyset,
}

impl Side {
    /// The receipt, when it is one.
    pub fn receipt_id(self) -> Option<Uuid> {
        if let Self::Receipt(id) = self { Some(id) } else { None }
    }

    /// The instalment, when it is one.
    pub fn payment_plan_id(self) -> Option<Uuid> {
        if let Self::PaymentPlan(id) = self { Some(id) } else { None }
    }

    /// Fails unless the caller sees it.
    async fn check(self, tx: &mut Tx<'_>, call: &Call) -> Result<()> {
        match self {
            Self::Receipt(id) => check_seen::<Receipt>(tx, call, id).await,
            Self::PaymentPlan(id) => check_seen::<PaymentPlan>(tx, call, id).await,
        }
    }
}

async fn check_seen<R: Record>(tx: &mut Tx<'_>, call: &Call, id: Uuid) -> Result<()> {
    let tenant = tx.tenant_id();
    let found = R::get(tx.conn(), tenant, &[id], R::KIND.owners(call)).await?;
    if found.is_empty() { Err(life::not_found::<R>(&id)) } else { Ok(()) }
}

impl Query {
    fn read(call: &Call, list: &str, wanted: Wanted<'_>) -> Result<Self> {
        let receipt = id::parse_optional("receipt_id", wanted.receipt_id)?;
        let plan = id::parse_optional("payment_plan_id", wanted.payment_plan_id)?;
        let side = match (receipt, plan) {
            (Some(id), None) => Side::Receipt(id),
            (None, Some(id)) => Side::PaymentPlan(id),
            _ => {
                let message = "either this or payment_plan_id is to be stated, and not both";
                return Err(Error::invalid_field("receipt_id", "ONE_OF", message));
            }
        };
        let parts = [list, wanted.receipt_id, wanted.payment_plan_id];
        let page = Keyset::read((call.tenant_id(), &parts), 1, (wanted.page_size, wanted.page_token))?;
        Ok(Self { side, page })
    }
}

impl Allocations {
    /// A page of what stands on one side.
    pub async fn list(&self, call: &Call, wanted: Wanted<'_>) -> Result<(Vec<Wire>, String)> {
        let Query { side, page } = &Query::read(call, "allocations", wanted)?;
        let after = (page.key(Uuid::nil())?, page.id());
        let tenant = call.tenant_id();
        let mut found = self
            .receipts
            .db
            .list(call, move |tx| {
                Box::pin(async move {
                    side.check(tx, call).await?;
                    store::allocations(tx.conn(), tenant, *side, after, page.rows()).await
                })
            })
            .await?;
        let next = page.cut(&mut found, |last| Token {
            keys: vec![last.receipt_id.to_string()],
            id: last.payment_plan_id,
        });
        Ok((found.iter().map(convert::to_wire).collect(), next))
    }

    /// A page of the history of one side.
    pub async fn history(&self, call: &Call, wanted: Wanted<'_>) -> Result<(Vec<AllocationEntry>, String)> {
        let Query { side, page } = &Query::read(call, "allocationEntries", wanted)?;
        let (after, tenant) = (page.key(0_i64)?, call.tenant_id());
        let mut found = self
            .receipts
            .db
            .list(call, move |tx| {
                Box::pin(async move {
                    side.check(tx, call).await?;
                    store::entries(tx.conn(), tenant, *side, after, page.rows()).await
                })
            })
            .await?;
        let next = page.cut(&mut found, |last| Token { keys: vec![last.seq.to_string()], id: last.id });
        Ok((found.iter().map(convert::entry_to_wire).collect(), next))
    }
}
