//! How old receivables are.

use chrono::NaiveDate;
use crm_kit_api::{
    Call, Result,
    error::Violations,
    id,
    page::{self, Binding, Token},
    time,
};
use crm_kit_record::field::id_text;
use crm_proto::crm::sales::v1::{AgeingRow, GetReceivableAgeingRequest, ReceivableAgeing};
use prost::Message as _;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use uuid::Uuid;

use super::{Receivables, store};
use crate::money;

/// Last days overdue of all ranges but the last, when a request states none.
const BOUNDS: [i32; 3] = [30, 60, 90];

/// What is asked for, checked.
#[derive(Clone, Debug)]
pub struct Question {
    pub day: NaiveDate,
    pub bounds: Vec<i32>,
    /// Empty for all.
    pub currency: String,
    pub account_ids: Option<Vec<Uuid>>,
    pub owner_ids: Option<Vec<Uuid>>,
    after: Option<Token>,
    binding: Binding,
    size: usize,
}

/// What is open of one account, or of all, in one currency. Amounts are ten-thousandths of the currency's unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub account_id: Option<Uuid>,
    pub account_name: String,
    pub currency: String,
    pub plans: i64,
    /// What is not due, and then by range.
    pub open: Vec<Decimal>,
    pub receipts: i64,
    pub unallocated: Decimal,
}

impl Question {
    /// Reads a request, collecting every violation.
    pub fn read(call: &Call, request: &GetReceivableAgeingRequest) -> Result<Self> {
        let mut violations = Violations::default();
        let day = request.as_of_date.as_ref();
        let day = day.and_then(|day| time::naive_date("as_of_date", day, &mut violations));
        if !request.bounds.is_sorted_by(|before, after| before < after) {
            violations.add("bounds", "NOT_RISING", "must rise from one to the next");
        }
        let bounds = if request.bounds.is_empty() { BOUNDS.to_vec() } else { request.bounds.clone() };
        let day = day.unwrap_or_else(|| call.today());
        violations.into_result(())?;
        // The day is part of what pages belong to, also when the request leaves it to the server.
        let same = GetReceivableAgeingRequest {
            as_of_date: Some(time::date(day)),
            page_size: 0,
            page_token: String::new(),
            ..request.clone()
        };
        let same: String = same.encode_to_vec().into_iter().map(char::from).collect();
        let binding = Binding::new(call.tenant_id(), &["receivableAgeing", &same]);
        Ok(Self {
            day,
            bounds,
            currency: request.currency_code.clone(),
            account_ids: ids("account_ids", &request.account_ids)?,
            owner_ids: ids("owner_ids", &request.owner_ids)?,
            after: Token::decode(&request.page_token, binding, 1)?,
            binding,
            size: page::size(request.page_size),
        })
    }

    /// First days overdue of each range.
    pub fn thresholds(&self) -> Vec<i32> {
        std::iter::once(1).chain(self.bounds.iter().map(|bound| bound + 1)).collect()
    }
}

/// The ids; `None` for none.
fn ids(field: &str, texts: &[String]) -> Result<Option<Vec<Uuid>>> {
    let ids = texts.iter().map(|text| id::parse(field, text)).collect::<Result<Vec<_>>>()?;
    Ok((!ids.is_empty()).then_some(ids))
}

impl Receivables {
    /// How old receivables are: a page by account, and with the first one the totals.
    pub async fn ageing(&self, call: &Call, question: &Question) -> Result<ReceivableAgeing> {
        let (tenant, owners) = (call.tenant_id(), call.access.scope.owners());
        let after = question.after.as_ref().map(|token| (token.id, token.keys.concat()));
        let after = after.as_ref().map(|(id, currency)| (*id, currency.as_str()));
        let limit = i64::try_from(question.size + 1).unwrap_or(i64::MAX);
        let (mut rows, totals) = self
            .db
            .list(call, move |tx| {
                Box::pin(async move {
                    let asked = (owners, question);
                    let rows = store::figures(tx.conn(), tenant, asked, true, after, Some(limit)).await?;
                    let totals = match after {
                        None => store::figures(tx.conn(), tenant, asked, false, None, None).await?,
                        Some(_) => Vec::new(),
                    };
                    Ok((rows, totals))
                })
            })
            .await?;
        let more = rows.len() > question.size;
        rows.truncate(question.size);
        let last = rows.last().filter(|_| more);
        let next = last.map(|last| {
            let id = last.account_id.unwrap_or_default();
            Token { keys: vec![last.currency.clone()], id }.encode(question.binding)
        });
        let ranges = question.bounds.len() + 1;
        Ok(ReceivableAgeing {
            as_of_date: Some(time::date(question.day)),
            bounds: question.bounds.clone(),
            rows: rows.iter().map(|row| row.to_wire(ranges)).collect(),
            next_page_token: next.unwrap_or_default(),
            totals: totals.iter().map(|row| row.to_wire(ranges)).collect(),
        })
    }
}

impl Figures {
    /// The figures on the wire, with so many ranges of days overdue.
    fn to_wire(&self, ranges: usize) -> AgeingRow {
        let money = |amount: Decimal| Some(money::to_wire(whole(amount), &self.currency));
        let range = |index: usize| self.open.get(index).copied().unwrap_or_default();
        AgeingRow {
            account_id: id_text(self.account_id),
            account_name: self.account_name.clone(),
            currency_code: self.currency.clone(),
            payment_plan_count: self.plans,
            open_amount: money(self.open.iter().sum()),
            not_due_amount: money(range(0)),
            overdue_amounts: (1..=ranges).filter_map(|index| money(range(index))).collect(),
            receipt_count: self.receipts,
            unallocated_amount: money(self.unallocated),
        }
    }
}

fn whole(amount: Decimal) -> i128 {
    amount.to_i128().unwrap_or(i128::MAX)
}
