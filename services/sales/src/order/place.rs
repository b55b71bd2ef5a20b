//! Where an order stands when somebody states it, instead of doing what leads there: orders of another system come in this way.

use crm_kit_api::{Call, Error, Result};
use crm_kit_record::{Choice, field::Checker};
use crm_kit_value::text::is_blank;
use crm_proto::crm::sales::v1::{
    Order as Wire,
    order::{ErpState, State},
};
use sqlx::types::Json;

use super::{
    erp::{Report, Standing},
    fulfilment::Quantities,
    machine,
    model::Order,
};

/// Permission to state where orders stand.
const IMPORT: &str = "sales.orders.import";
/// Permission to state what the ERP system says.
const ACKNOWLEDGE: &str = "sales.orders.acknowledge";

/// What a caller states.
#[derive(Clone, Debug)]
pub struct Stated {
    state: State,
    cancel_reason: String,
    erp: Report,
}

impl Stated {
    /// Takes it out of the wire.
    pub fn of(wire: &mut Wire, check: &mut Checker<'_>) -> Self {
        let (state, erp_state) = (wire.state(), wire.erp_state());
        let taken = |text: &mut String| std::mem::take(text);
        Self {
            state,
            cancel_reason: check.line("cancel_reason", taken(&mut wire.cancel_reason), 200),
            erp: Report {
                state: erp_state,
                id: check.line("erp_id", taken(&mut wire.erp_id), 100),
                message: check.lines("erp_message", taken(&mut wire.erp_message), 2000),
            },
        }
    }
}

/// The order where it is stated to stand; where it stood when nothing else is stated.
pub fn put(call: &Call, was: &Order, order: Order, stated: Stated) -> Result<Order> {
    let is_new = was.state.0 == State::Unspecified;
    let mut order = order;
    if is_new {
        order.state = Choice(State::Draft);
        order = order.with_erp(Standing::not_needed());
    }
    let from = order.state.0;
    if stated.state != State::Unspecified && stated.state != from {
        call.require(IMPORT)?;
        order = moved(call, order, stated.state, &stated.cancel_reason)?;
    }
    if !stated.cancel_reason.is_empty() && stated.cancel_reason != order.cancel_reason {
        let message = "is given when the order is cancelled";
        return Err(Error::invalid_field("order.cancel_reason", "NOT_CANCELLED", message));
    }
    reported(call, order, stated.erp)
}

fn moved(call: &Call, order: Order, to: State, cancel_reason: &str) -> Result<Order> {
    let from = order.state.0;
    // Which part is fulfilled is told by records of it.
    if !machine::reaches(from, to) || to == State::PartiallyFulfilled {
        return Err(machine::refuse(from).with("wanted", to.as_str_name()));
    }
    let mut order = Order { state: Choice(to), ..order };
    if to == State::Cancelled {
        if is_blank(cancel_reason) {
            let message = "is required of a cancelled order";
            return Err(Error::invalid_field("order.cancel_reason", "REQUIRED", message));
        }
        order.fulfilled.refuse_any()?;
        cancel_reason.clone_into(&mut order.cancel_reason);
    } else {
        refuse_empty(&order)?;
        order.confirm_time = order.confirm_time.or(Some(call.now));
    }
    if matches!(to, State::Fulfilled | State::Closed) {
        order.fulfilled = Json(Quantities::all_of(&order.sheet));
    }
    if matches!(to, State::Closed | State::Cancelled) {
        order.close_time = Some(call.now);
    }
    Ok(order)
}

/// Refuses an order without lines.
pub fn refuse_empty(order: &Order) -> Result<()> {
    if order.sheet.lines.is_empty() {
        let message = "the order has no lines";
        return Err(Error::new(tonic::Code::FailedPrecondition, crate::DOMAIN, "ORDER_EMPTY", message));
    }
    Ok(())
}

/// The order after what the ERP system says of it, when it says anything new.
fn reported(call: &Call, order: Order, report: Report) -> Result<Order> {
    let known = order.erp();
    let says_state = report.state != ErpState::Unspecified && report.state != known.state.0;
    let says_id = !report.id.is_empty() && report.id != known.id;
    let says_message = !report.message.is_empty() && report.message != known.message;
    if !(says_state || says_id || says_message) {
        return Ok(order);
    }
    call.require(ACKNOWLEDGE)?;
    if order.state.0 == State::Draft {
        return Err(machine::refuse(State::Draft));
    }
    let state = if report.state == ErpState::Unspecified { known.state.0 } else { report.state };
    let standing = known.after(&Report { state, ..report }, call.now)?;
    Ok(order.with_erp(standing))
}
