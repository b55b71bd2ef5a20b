//! Use cases of orders beyond the life that all records share: confirming, fulfilling, amending, closing, cancelling, and what the ERP system says.

use crm_kit_api::{
    Call, Error, Result, id,
    page::{Keyset, Token},
};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Choice, Slice,
    custom_field::Fields,
    field::Checker,
    life::{self, Revision},
};
use crm_kit_value::text::is_blank;
use crm_proto::crm::sales::v1::{
    AcknowledgeOrderRequest, AmendOrderRequest, FulfilledLine, Order as Wire, RecordOrderFulfilmentRequest,
    order::{ErpState, State},
};
use rust_decimal::Decimal;
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use super::{
    Order,
    erp::{Report, Standing},
    fulfilment::Quantities,
    history::{self, Amendment, Fulfilment},
    machine::{self, Act},
    place,
};
use crate::{
    DOMAIN,
    document::{self, model::PRICE_DECIMALS, price},
};

/// The use cases of orders. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Orders {
    /// The life that all records share.
    pub slice: Slice<Order>,
}

/// What is done with an order.
#[derive(Clone, Copy, Debug)]
pub enum Verb<'v> {
    /// The customer has agreed to it; an ERP system is to know of it, or not.
    Confirm { without_erp: bool },
    /// Something is delivered or done.
    Fulfil(&'v RecordOrderFulfilmentRequest),
    /// Its lines change.
    Amend(&'v AmendOrderRequest),
    /// Nothing more is to be done.
    Close,
    /// It is not carried out, for a reason.
    Cancel(&'v str),
    /// The ERP system says something of it.
    Acknowledge(&'v AcknowledgeOrderRequest),
}

impl Verb<'_> {
    fn action(self) -> &'static str {
        match self {
            Self::Confirm { .. } => "confirm",
            Self::Fulfil(_) => "recordFulfilment",
            Self::Amend(_) => "amend",
            Self::Close => "close",
            Self::Cancel(_) => "cancel",
            Self::Acknowledge(_) => "acknowledge",
        }
    }
}

impl Orders {
    /// Does a verb with an order: holds it, checks its etag, stores what the verb makes of it and tells of it.
    pub async fn act(&self, call: &Call, (id, etag): (&str, &str), verb: Verb<'_>) -> Result<Wire> {
        let (fields, id) = (&self.slice.fields(call).await?, id::parse("id", id)?);
        self.slice
            .db
            .write(call, verb.action(), move |tx| {
                Box::pin(async move {
                    let was = life::hold_one::<Order>(tx, call, id, etag).await?;
                    let order = match verb {
                        Verb::Confirm { without_erp } => confirm(call, &was, without_erp)?,
                        Verb::Fulfil(request) => fulfil(tx, call, &was, request).await?,
                        Verb::Amend(request) => amend(tx, call, fields, &was, request).await?,
                        Verb::Close => close(call, &was)?,
                        Verb::Cancel(reason) => cancel(call, &was, reason)?,
                        Verb::Acknowledge(request) => acknowledge(call, &was, request)?,
                    };
                    write(tx, call, fields, was, order).await
                })
            })
            .await
    }

    /// A page of the amendments of an order, and the token of the next one.
    pub async fn amendments(
        &self,
        call: &Call,
        order_id: &str,
        page: (i32, &str),
    ) -> Result<(Vec<Amendment>, String)> {
        let tenant = call.tenant_id();
        let page = &Keyset::read((tenant, &["orderAmendments", order_id]), 1, page)?;
        let (after, id) = (page.key(0_i64)?, self.visible(call, order_id).await?);
        let read = self.slice.db.list(call, move |tx| {
            Box::pin(async move { history::amendments(tx.conn(), (tenant, id), after, page.rows()).await })
        });
        let mut found = read.await?;
        let next = page.cut(&mut found, |last| Token { keys: vec![last.number.to_string()], id });
        Ok((found, next))
    }

    /// A page of what was fulfilled of an order and when, and the token of the next one.
    pub async fn fulfilments(
        &self,
        call: &Call,
        order_id: &str,
        page: (i32, &str),
    ) -> Result<(Vec<Fulfilment>, String)> {
        let tenant = call.tenant_id();
        let page = &Keyset::read((tenant, &["orderFulfilments", order_id]), 0, page)?;
        let id = self.visible(call, order_id).await?;
        let read = self.slice.db.list(call, move |tx| {
            Box::pin(
                async move { history::fulfilments(tx.conn(), (tenant, id), page.id(), page.rows()).await },
            )
        });
        let mut found = read.await?;
        let next = page.cut(&mut found, |last| Token { keys: Vec::new(), id: last.id });
        Ok((found, next))
    }

    /// The id of an order that the caller sees.
    async fn visible(&self, call: &Call, order_id: &str) -> Result<Uuid> {
        let id = id::parse("order_id", order_id)?;
        self.slice.get(call, &[id.to_string()]).await.map(|_| id)
    }
}

async fn write(tx: &mut Tx<'_>, call: &Call, fields: &Fields, was: Order, order: Order) -> Result<Wire> {
    life::write_one(tx, call, fields, Revision::new(fields, was, order)).await
}

/// Refuses an act that the order's state is closed to.
fn open_to(act: Act, order: &Order) -> Result<()> {
    if act.is_open_to(order.state.0) { Ok(()) } else { Err(machine::refuse(order.state.0)) }
}

/// The order after an act.
fn done(act: Act, order: Order) -> Order {
    let fulfilled = order.fulfilled.extent(&order.sheet);
    Order { state: Choice(act.leads_to(fulfilled)), ..order }
}

fn confirm(call: &Call, was: &Order, without_erp: bool) -> Result<Order> {
    open_to(Act::Confirm, was)?;
    place::refuse_empty(was)?;
    let standing = if without_erp { Standing::not_needed() } else { was.erp().awaiting() };
    Ok(done(Act::Confirm, Order { confirm_time: Some(call.now), ..was.clone() }).with_erp(standing))
}

async fn fulfil(
    tx: &mut Tx<'_>,
    call: &Call,
    was: &Order,
    request: &RecordOrderFulfilmentRequest,
) -> Result<Order> {
    let mut check = Checker::new("", "");
    let reference = check.line("reference", request.reference.clone(), 100);
    let date = check.day("fulfilment_date", request.fulfilment_date);
    let quantities = quantities(was, &request.lines, &mut check);
    check.into_violations().into_result(())?;
    if let Some(told) = history::fulfilment(tx.conn(), (was.tenant_id, was.id), &reference).await? {
        if told.quantities.0 == quantities {
            return Ok(was.clone());
        }
        let message = "the order has a record of fulfilment with the reference and other quantities";
        return Err(Error::new(Code::AlreadyExists, DOMAIN, "FULFILMENT_REFERENCE_TAKEN", message)
            .with("reference", reference));
    }
    // A full order says by its figures, not by its state, why no more is taken.
    if was.state.0 != State::Fulfilled {
        open_to(Act::Fulfil, was)?;
    }
    let fulfilled = was.fulfilled.plus(&quantities, &was.sheet)?;
    let fulfilment = Fulfilment {
        id: call.new_id(),
        create_time: call.now,
        actor_id: call.caller_id(),
        reference,
        fulfilment_date: date.unwrap_or_else(|| call.today()),
        quantities: Json(quantities),
    };
    history::add_fulfilment(tx.conn(), (was.tenant_id, was.id), &fulfilment).await?;
    Ok(done(Act::Fulfil, Order { fulfilled: Json(fulfilled), ..was.clone() }))
}

/// Quantities of lines of the order, each line once.
fn quantities(order: &Order, lines: &[FulfilledLine], check: &mut Checker<'_>) -> Quantities {
    let mut found: Vec<(Uuid, Decimal)> = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let place = |part: &str| format!("lines[{index}].{part}");
        let line_id = check.reference(&place("line_id"), &line.line_id);
        let line_id = line_id.filter(|line_id| order.sheet.line(*line_id).is_some());
        let quantity = crate::decimal::read(&line.quantity, PRICE_DECIMALS);
        let quantity = quantity.filter(|quantity| !quantity.is_zero());
        if quantity.is_none() {
            let message = "is not a decimal number above 0 with at most six decimals";
            check.refuse(&place("quantity"), "NUMBER_INVALID", message);
        }
        match line_id {
            None => check.refuse(&place("line_id"), "LINE_UNKNOWN", "is no line of the order"),
            Some(id) if found.iter().any(|(known, _)| *known == id) => {
                check.refuse(&place("line_id"), "REPEATED", "stands twice");
            }
            Some(id) => found.push((id, quantity.unwrap_or_default())),
        }
    }
    Quantities::new(found)
}

async fn amend(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    was: &Order,
    request: &AmendOrderRequest,
) -> Result<Order> {
    open_to(Act::Amend, was)?;
    let mut check = Checker::new("", "");
    if is_blank(&request.reason) {
        check.refuse("reason", "REQUIRED", "is required");
    }
    let reason = check.line("reason", request.reason.clone(), 200);
    let wire = was.sheet.with_lines(request.lines.clone());
    let sheet = document::convert::read(call, wire, &was.sheet, &mut check);
    check.into_violations().into_result(())?;
    let mut order = Order { sheet: Json(sheet), amendment_number: was.amendment_number + 1, ..was.clone() };
    price::settle_changes(tx, call, fields, vec![(&mut order, was)]).await?;
    if order.sheet == was.sheet {
        let message = "the amendment changes nothing";
        return Err(Error::new(Code::FailedPrecondition, DOMAIN, "AMENDMENT_EMPTY", message));
    }
    was.fulfilled.allow(&was.sheet, &order.sheet)?;
    let amendment = Amendment {
        number: order.amendment_number,
        create_time: call.now,
        actor_id: call.caller_id(),
        reason,
        previous: was.sheet.clone(),
        sheet: order.sheet.clone(),
    };
    history::add_amendment(tx.conn(), (was.tenant_id, was.id), &amendment).await?;
    let is_pushed = was.erp_state.0 != ErpState::NotNeeded;
    let standing = if is_pushed { was.erp().awaiting() } else { was.erp() };
    Ok(done(Act::Amend, order.with_erp(standing)))
}

fn close(call: &Call, was: &Order) -> Result<Order> {
    open_to(Act::Close, was)?;
    Ok(done(Act::Close, Order { close_time: Some(call.now), ..was.clone() }))
}

fn cancel(call: &Call, was: &Order, reason: &str) -> Result<Order> {
    let mut check = Checker::new("", "");
    if is_blank(reason) {
        check.refuse("reason", "REQUIRED", "is required");
    }
    let cancel_reason = check.line("reason", reason.to_owned(), 200);
    check.into_violations().into_result(())?;
    open_to(Act::Cancel, was)?;
    was.fulfilled.refuse_any()?;
    Ok(done(Act::Cancel, Order { close_time: Some(call.now), cancel_reason, ..was.clone() }))
}

fn acknowledge(call: &Call, was: &Order, request: &AcknowledgeOrderRequest) -> Result<Order> {
    let mut check = Checker::new("", "");
    let number = i64::from(request.amendment_number);
    if number > was.amendment_number {
        let message = format!("the order has {} amendments", was.amendment_number);
        check.refuse("amendment_number", "AMENDMENT_UNKNOWN", message);
    }
    let report = Report {
        state: request.erp_state(),
        id: check.line("erp_id", request.erp_id.clone(), 100),
        message: check.lines("erp_message", request.erp_message.clone(), 2000),
    };
    check.into_violations().into_result(())?;
    if was.state.0 == State::Draft {
        return Err(machine::refuse(State::Draft));
    }
    // A late report about what was amended since.
    if number < was.amendment_number {
        return Ok(was.clone());
    }
    let standing = was.erp().after(&report, call.now)?;
    Ok(was.clone().with_erp(standing))
}
