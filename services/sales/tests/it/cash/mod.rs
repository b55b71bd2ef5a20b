//! Payment plans, receipts, what pays what, and what is still owed.

mod ageing;
mod allocation;
mod index;
mod life;
mod plan;
mod race;
mod receipt;

use std::fmt::Debug;

use crm_proto::crm::sales::v1::{
    AllocateReceiptRequest, AllocationLine, AllocationResult, AutoAllocateReceiptRequest,
    BulkUpsertReceiptsRequest, CancelPaymentPlanRequest, ConfirmReceiptRequest, CreatePaymentPlanRequest,
    CreateReceiptRequest, DeallocateReceiptRequest, DeallocationLine, GetPaymentPlanRequest,
    GetReceiptRequest, ListPaymentPlansRequest, PaymentPlan, Receipt, ReverseReceiptRequest,
    UpdatePaymentPlanRequest, UpdateReceiptRequest, allocation_service_client::AllocationServiceClient,
    payment_plan_service_client::PaymentPlanServiceClient, receipt_service_client::ReceiptServiceClient,
    receivable_service_client::ReceivableServiceClient,
};
use crm_proto::google::r#type::Date;
use crm_testkit::Caller;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::rig::{Rig, Wired, day, field_mask, yuan};

/// The four services, for one caller.
#[derive(Clone)]
pub struct Till {
    pub plans: PaymentPlanServiceClient<Wired>,
    pub receipts: ReceiptServiceClient<Wired>,
    pub allocations: AllocationServiceClient<Wired>,
    pub receivables: ReceivableServiceClient<Wired>,
}

fn inner<T: Debug>(answer: Result<Response<T>, Status>) -> Result<T, Status> {
    answer.map(Response::into_inner)
}

impl Till {
    pub fn new(rig: &Rig, caller: &Caller) -> Self {
        Self {
            plans: PaymentPlanServiceClient::new(caller.on(&rig.channel)),
            receipts: ReceiptServiceClient::new(caller.on(&rig.channel)),
            allocations: AllocationServiceClient::new(caller.on(&rig.channel)),
            receivables: ReceivableServiceClient::new(caller.on(&rig.channel)),
        }
    }

    pub async fn plan(&self, plan: PaymentPlan) -> Result<PaymentPlan, Status> {
        let request = CreatePaymentPlanRequest { payment_plan: Some(plan) };
        inner(self.plans.clone().create_payment_plan(request).await)
    }

    pub async fn change_plan(&self, plan: PaymentPlan, mask: &[&str]) -> Result<PaymentPlan, Status> {
        let request = UpdatePaymentPlanRequest { payment_plan: Some(plan), update_mask: field_mask(mask) };
        inner(self.plans.clone().update_payment_plan(request).await)
    }

    pub async fn get_plan(&self, id: &str) -> Result<PaymentPlan, Status> {
        inner(self.plans.clone().get_payment_plan(GetPaymentPlanRequest { id: id.into() }).await)
    }

    /// Numbers of the plans that satisfy a filter, in their order.
    pub async fn numbers(&self, filter: &str) -> Result<Vec<String>, Status> {
        let request = ListPaymentPlansRequest {
            filter: filter.into(),
            order_by: "number".into(),
            ..Default::default()
        };
        let page = inner(self.plans.clone().list_payment_plans(request).await)?;
        Ok(page.payment_plans.into_iter().map(|plan| plan.number).collect())
    }

    pub async fn cancel(&self, id: &str, reason: &str) -> Result<PaymentPlan, Status> {
        let request = CancelPaymentPlanRequest { id: id.into(), etag: String::new(), reason: reason.into() };
        inner(self.plans.clone().cancel_payment_plan(request).await)
    }

    pub async fn receipt(&self, receipt: Receipt) -> Result<Receipt, Status> {
        let request = CreateReceiptRequest { receipt: Some(receipt) };
        inner(self.receipts.clone().create_receipt(request).await)
    }

    /// A receipt that finance has confirmed.
    pub async fn confirmed(&self, receipt: Receipt) -> Receipt {
        let made = self.receipt(receipt).await.unwrap();
        self.confirm(&made.id).await.unwrap()
    }

    pub async fn change_receipt(&self, receipt: Receipt, mask: &[&str]) -> Result<Receipt, Status> {
        let request = UpdateReceiptRequest { receipt: Some(receipt), update_mask: field_mask(mask) };
        inner(self.receipts.clone().update_receipt(request).await)
    }

    pub async fn get_receipt(&self, id: &str) -> Result<Receipt, Status> {
        inner(self.receipts.clone().get_receipt(GetReceiptRequest { id: id.into() }).await)
    }

    pub async fn confirm(&self, id: &str) -> Result<Receipt, Status> {
        let request = ConfirmReceiptRequest { id: id.into(), etag: String::new() };
        inner(self.receipts.clone().confirm_receipt(request).await)
    }

    pub async fn reverse(&self, id: &str, reason: &str) -> Result<Receipt, Status> {
        let request = ReverseReceiptRequest { id: id.into(), etag: String::new(), reason: reason.into() };
        inner(self.receipts.clone().reverse_receipt(request).await)
    }

    /// Allocates so many yuan to each plan.
    pub async fn allocate(
        &self,
        receipt: &Receipt,
        parts: &[(&PaymentPlan, i64)],
    ) -> Result<AllocationResult, Status> {
        let request = allocation(receipt, parts);
        inner(self.allocations.clone().allocate_receipt(request).await)
    }

    /// Takes back so many yuan of each plan, or all for `None`.
    pub async fn deallocate(
        &self,
        receipt: &Receipt,
        parts: &[(&PaymentPlan, Option<i64>)],
    ) -> Result<AllocationResult, Status> {
        let line = |(plan, units): &(&PaymentPlan, Option<i64>)| DeallocationLine {
            payment_plan_id: plan.id.clone(),
            amount: units.map(yuan),
        };
        let (id, lines) = (receipt.id.clone(), parts.iter().map(line).collect());
        let request = DeallocateReceiptRequest { id, etag: String::new(), lines };
        inner(self.allocations.clone().deallocate_receipt(request).await)
    }

    pub async fn auto(&self, receipt: &Receipt) -> Result<AllocationResult, Status> {
        let request = AutoAllocateReceiptRequest { id: receipt.id.clone(), etag: String::new() };
        inner(self.allocations.clone().auto_allocate_receipt(request).await)
    }
}

/// A request to allocate so many yuan to each plan.
pub fn allocation(receipt: &Receipt, parts: &[(&PaymentPlan, i64)]) -> AllocateReceiptRequest {
    let line = |(plan, units): &(&PaymentPlan, i64)| AllocationLine {
        payment_plan_id: plan.id.clone(),
        amount: Some(yuan(*units)),
    };
    AllocateReceiptRequest {
        id: receipt.id.clone(),
        etag: String::new(),
        lines: parts.iter().map(line).collect(),
    }
}

/// An instalment of an account.
pub fn due(account: Uuid, units: i64, due_date: Date) -> PaymentPlan {
    PaymentPlan {
        account_id: account.to_string(),
        account_name: "上海电力".into(),
        amount: Some(yuan(units)),
        due_date: Some(due_date),
        ..PaymentPlan::default()
    }
}

/// An instalment of so many yuan of some account.
pub fn owed(units: i64) -> PaymentPlan {
    due(Uuid::from_u128(1), units, day(2026, 3, 31))
}

/// So many yuan from the same account.
pub fn came(units: i64) -> Receipt {
    Receipt {
        account_id: Uuid::from_u128(1).to_string(),
        account_name: "上海电力".into(),
        amount: Some(yuan(units)),
        ..Receipt::default()
    }
}

/// A row of a streaming upsert.
pub fn receipt_row(key: &str, receipt: Receipt) -> BulkUpsertReceiptsRequest {
    let key = crm_proto::crm::record::v1::ExternalId { system: "erp".into(), value: key.into() };
    BulkUpsertReceiptsRequest { key: Some(key), receipt: Some(receipt), update_mask: None }
}

/// Fails unless what is kept of receipts, plans and allocations is the sum of what it is made of.
pub async fn assert_sums(rig: &Rig) {
    let sql = "
        WITH pair AS (
            SELECT receipt_id, payment_plan_id, sum(amount) AS amount FROM allocation_entry GROUP BY 1, 2 HAVING sum(amount) <> 0
        )
        SELECT (SELECT count(*) FROM pair FULL JOIN allocation a USING (receipt_id, payment_plan_id)
                WHERE pair.amount IS DISTINCT FROM a.amount)
             + (SELECT count(*) FROM payment_plan p
                WHERE p.allocated <> (SELECT COALESCE(sum(amount), 0) FROM allocation a WHERE a.payment_plan_id = p.id)
                   OR p.allocated NOT BETWEEN 0 AND p.amount)
             + (SELECT count(*) FROM receipt r
                WHERE r.allocated <> (SELECT COALESCE(sum(amount), 0) FROM allocation a WHERE a.receipt_id = r.id)
                   OR r.allocated NOT BETWEEN 0 AND r.amount)";
    let mut conn = rig.database.look().await;
    let wrong: i64 = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
    assert_eq!(wrong, 0, "sums that are kept are not the sums of what they are made of");
}
