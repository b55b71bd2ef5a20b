//! The one use case of conversion.

use crm_kit_api::{Call, Error, Result, error::Violation, etag, id};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Record, Slice, Update,
    custom_field::Fields,
    field::id_text,
    life::{self, Revision},
    single,
};
use crm_proto::crm::customer::v1::{
    ConversionTarget, ConvertLeadRequest, ConvertLeadResponse, Lead as WireLead, conversion_target::Mode,
    lead::Status,
};
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use super::{
    fill,
    store::{self, Conversion},
};
use crate::{
    DOMAIN,
    account::{Account, Accounts},
    contact::{Contact, Contacts},
    lead::{self, Lead, Leads, convert::state_forbids, status},
};

/// Converts leads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Conversions {
    /// What is converted.
    pub leads: Leads,
    /// Companies.
    pub accounts: Accounts,
    /// People.
    pub contacts: Contacts,
}

/// The tenant's own fields of the three kinds.
struct Own {
    leads: std::sync::Arc<Fields>,
    accounts: std::sync::Arc<Fields>,
    contacts: std::sync::Arc<Fields>,
}

/// What becomes of one target.
enum Plan<R> {
    None,
    Create(Box<R>),
    Use(Uuid),
}

/// Everything that is settled before the transaction.
struct Draft {
    lead: Lead,
    wire: WireLead,
    owner_id: Uuid,
    account: Plan<Account>,
    contact: Plan<Contact>,
}

impl Conversions {
    /// Converts a lead; one that is converted already answers as it did.
    pub async fn convert(&self, call: &Call, request: ConvertLeadRequest) -> Result<ConvertLeadResponse> {
        let id = id::parse("id", &request.id)?;
        let own = &Own {
            leads: self.leads.fields(call).await?,
            accounts: self.accounts.fields(call).await?,
            contacts: self.contacts.fields(call).await?,
        };
        let (tenant, ids) = (call.tenant_id(), &[id]);
        let read = self.leads.db.read_one(call, move |one| {
            Box::pin(
                async move { lead::store::get(one.conn(), tenant, ids, call.access.scope.owners()).await },
            )
        });
        let lead = read.await?.pop().filter(|lead| lead.delete_time.is_none());
        let lead = lead.ok_or_else(|| life::not_found::<Lead>(&id))?;
        if lead.status.0 == Status::Converted {
            return self.answer(call, own, lead).await;
        }
        etag::check(&request.etag, lead.revision)?;
        let draft = &self.draft(call, own, lead, &request).await?;
        self.leads.people.meet(call, [draft.owner_id]).await?;
        self.leads
            .db
            .write(call, "convert", move |tx| Box::pin(async move { self.write(tx, call, own, draft).await }))
            .await
    }

    /// The answer of a conversion that took place.
    async fn answer(&self, call: &Call, own: &Own, lead: Lead) -> Result<ConvertLeadResponse> {
        let (tenant, id) = (call.tenant_id(), lead.id);
        let known = self
            .leads
            .db
            .read_one(call, move |one| Box::pin(async move { store::get(one.conn(), tenant, id).await }));
        let known = known.await?.ok_or_else(|| Error::bug("a converted lead has no conversion"))?;
        // What it was converted to may have been merged since.
        let known = Conversion {
            account_id: lead.converted_account_id,
            contact_id: lead.converted_contact_id,
            ..known
        };
        Ok(answer(lead.to_wire(&own.leads), known))
    }

    /// Checks what can be checked before the transaction, and reads what is to be created.
    async fn draft(&self, call: &Call, own: &Own, lead: Lead, request: &ConvertLeadRequest) -> Result<Draft> {
        if mode(request.opportunity.as_ref()) != Mode::None {
            let message =
                "opportunities cannot be made by conversion yet: create one with the account afterwards";
            return Err(Error::new(Code::FailedPrecondition, DOMAIN, "OPPORTUNITY_UNAVAILABLE", message));
        }
        let named = id::parse_optional("owner_id", &request.owner_id)?;
        let comes_back = lead.status.0 == Status::Recycled && named.is_some();
        if !status::is_open(lead.status.0) && !comes_back {
            return Err(state_forbids(&lead));
        }
        let needed = || Error::invalid_field("owner_id", "REQUIRED", "is required for a lead in a pool");
        let owner_id = named.or(lead.owner_id).ok_or_else(needed)?;
        if !call.access.scope.covers(Some(owner_id)) && owner_id != call.caller_id() {
            call.require(Lead::KIND.transfer)?;
        }
        let (account, contact) = (mode(request.account.as_ref()), mode(request.contact.as_ref()));
        if account == Mode::None && contact == Mode::None {
            let message = "state an account, a contact, or both";
            return Err(Error::invalid_field("account", "REQUIRED", message));
        }
        require(call, "accounts", account)?;
        require(call, "contacts", contact)?;
        gate(&lead, account, contact)?;
        let wire = lead.to_wire(&own.leads);
        let owner = owner_id.to_string();
        let made = fill::account(&wire, &owner, (&own.leads, &own.accounts));
        let account =
            plan(call, &self.accounts, &own.accounts, ("account.id", request.account.as_ref()), made).await?;
        // The tie to an account that is created is added when the account is stored.
        let made = fill::contact(&wire, &owner, "", (&own.leads, &own.contacts));
        let contact =
            plan(call, &self.contacts, &own.contacts, ("contact.id", request.contact.as_ref()), made).await?;
        Ok(Draft { lead, wire, owner_id, account, contact })
    }

    async fn write(
        &self,
        tx: &mut Tx<'_>,
        call: &Call,
        own: &Own,
        draft: &Draft,
    ) -> Result<ConvertLeadResponse> {
        let mut held = life::hold::<Lead>(tx, call, &[draft.lead.id]).await?;
        let was = life::live(&mut held, &draft.lead.id)?;
        if was.revision != draft.lead.revision {
            return Err(Error::concurrent_change());
        }
        let standing = self.leads.people.standing(tx, call, [draft.owner_id]).await?;
        standing.check(call, "owner_id", draft.owner_id)?;
        let mut filled = Vec::new();
        let account_id = self.account(tx, call, own, draft, &mut filled).await?;
        let contact_id = self.contact(tx, call, own, draft, (account_id, &mut filled)).await?;
        let mut lead = was.clone();
        if lead.owner_id != Some(draft.owner_id) {
            lead.give(draft.owner_id, call.now);
        }
        lead.enter(Status::Converted, String::new(), call.now);
        (lead.converted_account_id, lead.converted_contact_id) = (account_id, contact_id);
        lead.convert_time = Some(call.now);
        let mut wires = life::write(tx, call, &own.leads, vec![Revision::new(&own.leads, was, lead)]).await?;
        let conversion = Conversion {
            tenant_id: tx.tenant_id(),
            lead_id: draft.lead.id,
            id: call.new_id(),
            create_time: call.now,
            operator_id: call.caller_id(),
            account_id,
            contact_id,
            opportunity_id: None,
            filled_fields: filled,
        };
        store::insert(tx.conn(), &conversion).await?;
        Ok(answer(wires.pop().unwrap_or_default(), conversion))
    }

    async fn account(
        &self,
        tx: &mut Tx<'_>,
        call: &Call,
        own: &Own,
        draft: &Draft,
        filled: &mut Vec<String>,
    ) -> Result<Option<Uuid>> {
        let fields = &own.accounts;
        match &draft.account {
            Plan::None => Ok(None),
            Plan::Create(account) => {
                life::insert(tx, call, fields, std::slice::from_ref(&**account)).await?;
                Ok(Some(account.id))
            }
            Plan::Use(id) => {
                let mut held = life::hold::<Account>(tx, call, &[*id]).await?;
                let was = life::live(&mut held, id)?;
                let mut made = fill::account(&draft.wire, "", (&own.leads, fields));
                let paths = fill::of_account(&was.to_wire(fields), &made);
                made.id = id.to_string();
                filled.extend(paths.iter().map(|path| format!("account.{path}")));
                change(tx, call, fields, was, made, paths).await?;
                Ok(Some(*id))
            }
        }
    }

    async fn contact(
        &self,
        tx: &mut Tx<'_>,
        call: &Call,
        own: &Own,
        draft: &Draft,
        (account_id, filled): (Option<Uuid>, &mut Vec<String>),
    ) -> Result<Option<Uuid>> {
        let (fields, account_id) = (&own.contacts, id_text(account_id));
        match &draft.contact {
            Plan::None => Ok(None),
            Plan::Create(fresh) => {
                let owner = draft.owner_id.to_string();
                let wire = fill::contact(&draft.wire, &owner, &account_id, (&own.leads, fields));
                let contact = life::read_owned(call, fields, wire, (**fresh).clone(), Some(draft.owner_id))?;
                life::insert(tx, call, fields, std::slice::from_ref(&contact)).await?;
                Ok(Some(contact.id))
            }
            Plan::Use(id) => {
                let mut held = life::hold::<Contact>(tx, call, &[*id]).await?;
                let was = life::live(&mut held, id)?;
                let mut made = fill::contact(&draft.wire, "", "", (&own.leads, fields));
                let is = was.to_wire(fields);
                let mut paths = fill::of_contact(&is, &made);
                filled.extend(paths.iter().map(|path| format!("contact.{path}")));
                if let Some(ties) = fill::ties(&is, &account_id) {
                    made.accounts = ties;
                    paths.push("accounts".to_owned());
                }
                made.id = id.to_string();
                change(tx, call, fields, was, made, paths).await?;
                Ok(Some(*id))
            }
        }
    }
}

fn mode(target: Option<&ConversionTarget>) -> Mode {
    match target.map(ConversionTarget::mode) {
        None | Some(Mode::Unspecified | Mode::None) => Mode::None,
        Some(mode) => mode,
    }
}

/// The permission that a single call would need.
fn require(call: &Call, collection: &str, mode: Mode) -> Result<()> {
    match mode {
        Mode::Create => call.require(&format!("customer.{collection}.create")),
        Mode::UseExisting => call.require(&format!("customer.{collection}.update")),
        Mode::Unspecified | Mode::None => Ok(()),
    }
}

/// Fails with `FAILED_PRECONDITION / LEAD_INCOMPLETE` when what is to be created needs fields that the lead has not.
fn gate(lead: &Lead, account: Mode, contact: Mode) -> Result<()> {
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
async fn plan<R: Record>(
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

/// Writes the fields of `paths` into a record that is there already.
async fn change<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    was: R,
    wire: R::Wire,
    paths: Vec<String>,
) -> Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    let revision = life::revise(call, fields, was, &Update { wire, mask: Some(FieldMask { paths }) })?;
    life::write(tx, call, fields, vec![revision]).await.map(drop)
}

fn answer(lead: WireLead, conversion: Conversion) -> ConvertLeadResponse {
    ConvertLeadResponse {
        lead: Some(lead),
        account_id: id_text(conversion.account_id),
        contact_id: id_text(conversion.contact_id),
        opportunity_id: id_text(conversion.opportunity_id),
        filled_fields: conversion.filled_fields,
    }
}
