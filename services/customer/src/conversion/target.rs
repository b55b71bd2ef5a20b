//! The account and the contact of a conversion: what is settled before the transaction, and what is written in it.

use std::sync::Arc;

use crm_kit_api::{Call, Error, Result, error::Violation, etag, id};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Record, Slice, Update,
    custom_field::Fields,
    life::{self, Revision},
    single,
};
use crm_proto::crm::customer::v1::{
    Account as WireAccount, Contact as WireContact, ConversionTarget, Lead as WireLead,
    conversion_target::Mode,
};
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use super::{fill, model::Trace};
use crate::{DOMAIN, account::Account, contact::Contact, lead::Lead};

/// The tenant's own fields of the three kinds.
#[derive(Debug)]
pub struct Own {
    pub leads: Arc<Fields>,
    pub accounts: Arc<Fields>,
    pub contacts: Arc<Fields>,
}

/// What becomes of one target.
#[derive(Debug)]
pub enum Plan<R> {
    None,
    Create(Box<R>),
    Use(Uuid),
}

/// Everything that is settled before the transaction.
#[derive(Debug)]
pub struct Draft {
    pub lead: Lead,
    pub wire: WireLead,
    pub owner_id: Uuid,
    pub account: Plan<Account>,
    pub contact: Plan<Contact>,
}

/// A record that a conversion made or used.
#[derive(Debug)]
pub struct Placed<W> {
    pub id: Uuid,
    pub wire: W,
    pub trace: Trace,
}

/// What a caller wants of a target.
pub fn mode(target: Option<&ConversionTarget>) -> Mode {
    match target.map(ConversionTarget::mode) {
        None | Some(Mode::Unspecified | Mode::None) => Mode::None,
        Some(mode) => mode,
    }
}

/// The permission that a single call would need.
pub fn require(call: &Call, collection: &str, mode: Mode) -> Result<()> {
    match mode {
        Mode::Create => call.require(&format!("customer.{collection}.create")),
        Mode::UseExisting => call.require(&format!("customer.{collection}.update")),
        Mode::Unspecified | Mode::None => Ok(()),
    }
}

/// Fails with `FAILED_PRECONDITION / LEAD_INCOMPLETE` when what is to be created needs fields that the lead has not.
pub fn gate(lead: &Lead, account: Mode, contact: Mode) -> Result<()> {
    let mut missing = Vec::new();
    if account == Mode::Create && lead.company_name.trim().is_empty() {
        missing.push("company_name");
    }
    let is_named = !lead.family_name.trim().is_empty()
        || !lead.given_name.trim().is_empty()
        || lead.display_name != lead.composed_name();
    if contact == Mode::Create && !is_named {
        missing.push("family_name");
    }
    let Some(first) = missing.first() else { return Ok(()) };
    let message = format!("the lead has no {first}, which what it becomes needs");
    let error = Error::new(Code::FailedPrecondition, DOMAIN, "LEAD_INCOMPLETE", message).with("id", lead.id);
    Err(missing.into_iter().fold(error, |error, field| {
        error.with_violation(Violation::new(format!("lead.{field}"), "REQUIRED", "is required"))
    }))
}

/// What becomes of a target. A record to create is read with all checks, and takes its number.
pub async fn plan<R: Record>(
    call: &Call,
    slice: &Slice<R>,
    fields: &Fields,
    (path, target): (&str, Option<&ConversionTarget>),
    made: R::Wire,
) -> Result<Plan<R>> {
    match (mode(target), target) {
        (Mode::Create, _) => {
            let mut read = slice.read_new(call, fields, vec![made], single).await?;
            let record = read.pop().ok_or_else(|| Error::bug("a record was read and is gone"))?;
            Ok(Plan::Create(Box::new(record)))
        }
        (Mode::UseExisting, Some(target)) => Ok(Plan::Use(id::parse(path, &target.id)?)),
        _ => Ok(Plan::None),
    }
}

/// Writes the account.
pub async fn account(
    tx: &mut Tx<'_>,
    call: &Call,
    own: &Own,
    draft: &Draft,
) -> Result<Option<Placed<WireAccount>>> {
    let fields = &own.accounts;
    match &draft.account {
        Plan::None => Ok(None),
        Plan::Create(account) => create(tx, call, fields, &**account).await.map(Some),
        Plan::Use(id) => {
            let mut held = life::hold::<Account>(tx, call, &[*id]).await?;
            let was = life::live(&mut held, id)?;
            let mut made = fill::account(&draft.wire, "", (&own.leads, fields));
            let paths = fill::of_account(&was.to_wire(fields), &made);
            made.id = id.to_string();
            let trace = Trace { filled: paths.clone(), ..Trace::default() };
            change(tx, call, fields, was, (made, paths, trace)).await.map(Some)
        }
    }
}

/// Writes the contact, tied to the account if there is one.
pub async fn contact(
    tx: &mut Tx<'_>,
    call: &Call,
    own: &Own,
    draft: &Draft,
    account_id: &str,
) -> Result<Option<Placed<WireContact>>> {
    let fields = &own.contacts;
    match &draft.contact {
        Plan::None => Ok(None),
        Plan::Create(fresh) => {
            let owner = draft.owner_id.to_string();
            let wire = fill::contact(&draft.wire, &owner, account_id, (&own.leads, fields));
            let contact = life::read_owned(call, fields, wire, (**fresh).clone(), Some(draft.owner_id))?;
            create(tx, call, fields, &contact).await.map(Some)
        }
        Plan::Use(id) => {
            let mut held = life::hold::<Contact>(tx, call, &[*id]).await?;
            let was = life::live(&mut held, id)?;
            let mut made = fill::contact(&draft.wire, "", "", (&own.leads, fields));
            let is = was.to_wire(fields);
            let mut paths = fill::of_contact(&is, &made);
            let mut trace = Trace { filled: paths.clone(), ..Trace::default() };
            if let Some(ties) = fill::ties(&is, account_id) {
                made.accounts = ties;
                paths.push("accounts".to_owned());
                trace.tied = true;
            }
            made.id = id.to_string();
            change(tx, call, fields, was, (made, paths, trace)).await.map(Some)
        }
    }
}

async fn create<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    record: &R,
) -> Result<Placed<R::Wire>> {
    let mut wires = life::insert(tx, call, fields, std::slice::from_ref(record)).await?;
    let wire = wires.pop().ok_or_else(|| Error::bug("a record was written and not answered"))?;
    let trace = Trace { created: true, revision: record.head().revision, ..Trace::default() };
    Ok(Placed { id: record.head().id, wire, trace })
}

/// Writes the fields of `paths` into a record that is there already.
async fn change<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    was: R,
    (wire, paths, trace): (R::Wire, Vec<String>, Trace),
) -> Result<Placed<R::Wire>> {
    let (id, revision) = (was.head().id, was.head().revision);
    let wire = write(tx, call, fields, was, (wire, paths)).await?;
    let is_same = R::sent(&wire).etag == etag::of(revision);
    let revision = if is_same { revision } else { revision + 1 };
    Ok(Placed { id, wire, trace: Trace { revision, ..trace } })
}

/// Writes the fields of `paths`, and those alone.
pub async fn write<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    was: R,
    (wire, paths): (R::Wire, Vec<String>),
) -> Result<R::Wire> {
    if paths.is_empty() {
        return Ok(was.to_wire(fields));
    }
    let update = Update { wire, mask: Some(FieldMask { paths }) };
    let revision: Revision<R> = life::revise(call, fields, was, &update)?;
    let mut written = life::write(tx, call, fields, vec![revision]).await?;
    written.pop().ok_or_else(|| Error::bug("a record was written and not answered"))
}
