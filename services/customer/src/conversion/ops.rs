//! Converting a lead, and looking at a conversion.

use std::time::Instant;

use chrono::TimeDelta;
use crm_kit_api::{Call, Error, Result, clock::Clock, error::Violation, etag, id};
use crm_kit_pg::{Tx, jobs};
use crm_kit_record::{
    Choice, Record as _,
    life::{self, Revision},
};
use crm_kit_rpc::peer::Peers;
use crm_proto::crm::customer::v1::{
    Conversion as WireConversion, ConvertLeadRequest, ConvertLeadResponse, OpportunityDetails,
    conversion::State, conversion_target::Mode, lead::Status,
};
use prost::Message as _;
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use super::{
    JOB_KIND, convert, deal, fill,
    model::{Context, Conversion, Traces},
    saga, store,
    target::{self, Draft, Own, mode},
};
use crate::{
    DOMAIN,
    account::Accounts,
    contact::Contacts,
    lead::{Lead, Leads, convert::state_forbids, status},
};

/// How long whoever converts has for the steps before a job takes over.
const TAKE_OVER: TimeDelta = TimeDelta::seconds(20);

/// Converts leads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Conversions {
    /// What is converted.
    pub leads: Leads,
    /// Companies.
    pub accounts: Accounts,
    /// People.
    pub contacts: Contacts,
    /// The sales service, if there is one.
    pub peers: Peers,
    /// Tells the time.
    pub clock: Clock,
}

/// What becomes of the opportunity.
enum Deal {
    None,
    Create(Box<OpportunityDetails>),
    Use(Uuid),
}

impl Conversions {
    /// Converts a lead; one that is converted already answers as it did, one that is on its way is taken further.
    pub async fn convert(&self, call: &Call, request: ConvertLeadRequest) -> Result<ConvertLeadResponse> {
        let id = id::parse("id", &request.id)?;
        let until = saga::until(call);
        let own = &self.own(call).await?;
        let lead = self.lead(call, id, call.access.scope.owners()).await?;
        let lead = lead.filter(|lead| lead.delete_time.is_none());
        let lead = lead.ok_or_else(|| life::not_found::<Lead>(&id))?;
        if let Some(conversion_id) = lead.conversion_id {
            return self.finish(call, own, conversion_id, None).await;
        }
        if lead.status.0 == Status::Converted {
            return Err(Error::bug("a converted lead has no conversion"));
        }
        etag::check(&request.etag, lead.revision)?;
        let draft = &Box::pin(self.draft(call, own, lead, &request)).await?;
        let deal = &self.deal(call, request).await?;
        self.leads.people.meet(call, [draft.owner_id]).await?;
        let begun = self
            .leads
            .db
            .write(call, "convert", move |tx| Box::pin(self.begin(tx, call, own, (draft, deal))))
            .await?;
        let begun_id = begun.conversion.as_ref().map(|begun| id::parse("conversion.id", &begun.id));
        let begun_id = begun_id.ok_or_else(|| Error::bug("a conversion was begun and not answered"))??;
        match deal {
            Deal::Create(_) => self.finish(call, own, begun_id, Some(until)).await,
            Deal::None | Deal::Use(_) => Ok(begun),
        }
    }

    /// A conversion, for whoever asked for it or sees its lead.
    pub async fn get(&self, call: &Call, id: &str) -> Result<WireConversion> {
        let id = id::parse("id", id)?;
        let tenant = call.tenant_id();
        let missing = || Error::not_found("conversions", id);
        let read = self
            .leads
            .db
            .read_one(call, move |one| Box::pin(async move { store::get(one.conn(), tenant, id).await }));
        let found = read.await?.ok_or_else(missing)?;
        if found.operator_id != call.caller_id() {
            let lead = self.lead(call, found.lead_id, call.access.scope.owners()).await?;
            lead.ok_or_else(missing)?;
        }
        Ok(convert::to_wire(&found))
    }

    /// Takes a conversion as far as it goes, and tells how far that is.
    async fn finish(
        &self,
        call: &Call,
        own: &Own,
        id: Uuid,
        first: Option<Instant>,
    ) -> Result<ConvertLeadResponse> {
        let conversion = Box::pin(self.advance(call.tenant_id(), id, first)).await?;
        let conversion = conversion.ok_or_else(|| Error::bug("a conversion is gone"))?;
        if conversion.state.0 == State::Compensated {
            let problem = conversion.problem.as_deref().cloned().unwrap_or_default();
            return Err(problem.refused().with("conversion_id", id));
        }
        // Whoever converts may have given the lead away by it.
        let lead = self.lead(call, conversion.lead_id, None).await?;
        let lead = lead.ok_or_else(|| life::not_found::<Lead>(&conversion.lead_id))?;
        // What it was converted to may have been merged since.
        let conversion = Conversion {
            account_id: lead.converted_account_id.or(conversion.account_id),
            contact_id: lead.converted_contact_id.or(conversion.contact_id),
            ..conversion
        };
        Ok(convert::answer(lead.to_wire(&own.leads), &conversion))
    }

    async fn lead(&self, call: &Call, id: Uuid, owners: Option<&[Uuid]>) -> Result<Option<Lead>> {
        let (tenant, ids) = (call.tenant_id(), &[id]);
        let read = self.leads.db.read_one(call, move |one| {
            Box::pin(async move { Lead::get(one.conn(), tenant, ids, owners).await })
        });
        Ok(read.await?.pop())
    }

    /// The tenant's own fields of the three kinds.
    pub(super) async fn own(&self, call: &Call) -> Result<Own> {
        Ok(Own {
            leads: self.leads.fields(call).await?,
            accounts: self.accounts.fields(call).await?,
            contacts: self.contacts.fields(call).await?,
        })
    }

    /// Checks what can be checked before the transaction, and reads what is to be created.
    async fn draft(&self, call: &Call, own: &Own, lead: Lead, request: &ConvertLeadRequest) -> Result<Draft> {
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
        target::require(call, "accounts", account)?;
        target::require(call, "contacts", contact)?;
        target::gate(&lead, account, contact)?;
        let wire = lead.to_wire(&own.leads);
        let owner = owner_id.to_string();
        let made = fill::account(&wire, &owner, (&own.leads, &own.accounts));
        let wanted = ("account.id", request.account.as_ref());
        let account = target::plan(call, &self.accounts, &own.accounts, wanted, made).await?;
        // The tie to an account that is created is added when the account is stored.
        let made = fill::contact(&wire, &owner, "", (&own.leads, &own.contacts));
        let wanted = ("contact.id", request.contact.as_ref());
        let contact = target::plan(call, &self.contacts, &own.contacts, wanted, made).await?;
        Ok(Draft { lead, wire, owner_id, account, contact })
    }

    /// What becomes of the opportunity. One that is there already is looked at before anything is written.
    async fn deal(&self, call: &Call, request: ConvertLeadRequest) -> Result<Deal> {
        let wanted = mode(request.opportunity.as_ref());
        if wanted != Mode::Create && request.opportunity_details.is_some() {
            let violation = Violation::new("opportunity_details", "UNUSED", "is for a new opportunity only");
            return Err(Error::invalid(vec![violation]));
        }
        if wanted != Mode::None && !self.peers.knows(deal::SALES) {
            let message = "this installation has no sales service";
            return Err(Error::new(Code::FailedPrecondition, DOMAIN, "OPPORTUNITY_UNAVAILABLE", message));
        }
        match (wanted, request.opportunity) {
            (Mode::Create, _) => {
                call.require("sales.opportunities.create")?;
                Ok(Deal::Create(Box::new(request.opportunity_details.unwrap_or_default())))
            }
            (Mode::UseExisting, Some(target)) => {
                call.require("sales.opportunities.read")?;
                let id = id::parse("opportunity.id", &target.id)?;
                deal::check(&self.peers, call, id).await?;
                Ok(Deal::Use(id))
            }
            _ => Ok(Deal::None),
        }
    }

    /// The first step, which is the last one unless an opportunity is to be made.
    async fn begin(
        &self,
        tx: &mut Tx<'_>,
        call: &Call,
        own: &Own,
        (draft, deal): (&Draft, &Deal),
    ) -> Result<ConvertLeadResponse> {
        let mut held = life::hold::<Lead>(tx, call, &[draft.lead.id]).await?;
        let was = life::live(&mut held, &draft.lead.id)?;
        if was.revision != draft.lead.revision {
            return Err(Error::concurrent_change());
        }
        let standing = self.leads.people.standing(tx, call, [draft.owner_id]).await?;
        standing.check(call, "owner_id", draft.owner_id)?;
        let account = target::account(tx, call, own, draft).await?;
        let account_id = account.as_ref().map(|account| account.id.to_string()).unwrap_or_default();
        let contact = target::contact(tx, call, own, draft, &account_id).await?;
        let mut conversion = fresh(call, draft);
        let traces = Traces {
            account: account.as_ref().map(|account| account.trace.clone()),
            contact: contact.as_ref().map(|contact| contact.trace.clone()),
        };
        conversion.filled_fields = filled(&traces);
        conversion.traces = Json(traces);
        conversion.account_id = account.as_ref().map(|account| account.id);
        conversion.contact_id = contact.as_ref().map(|contact| contact.id);
        let mut lead = was.clone();
        lead.conversion_id = Some(conversion.id);
        match deal {
            Deal::None => saga::complete(&mut lead, &conversion, call.now),
            Deal::Use(id) => {
                conversion.opportunity_id = Some(*id);
                saga::complete(&mut lead, &conversion, call.now);
            }
            Deal::Create(details) => {
                let wires = (account.as_ref().map(|it| &it.wire), contact.as_ref().map(|it| &it.wire));
                let details = OpportunityDetails::clone(details);
                let wanted = deal::request(&draft.wire, draft.owner_id, conversion.id, details, wires);
                conversion.request = Some(wanted.encode_to_vec());
                conversion.state = Choice(State::AccountsDone);
                // The question that follows is counted here.
                (conversion.attempts, conversion.attempt_time) = (1, Some(self.clock.now()));
                let due = call.now + TAKE_OVER;
                jobs::enqueue(tx.conn(), conversion.tenant_id, conversion.id, JOB_KIND, due).await?;
            }
        }
        let mut wires = life::write(tx, call, &own.leads, vec![Revision::new(&own.leads, was, lead)]).await?;
        store::insert(tx.conn(), &conversion).await?;
        Ok(convert::answer(wires.pop().unwrap_or_default(), &conversion))
    }
}

/// A conversion that is done at once.
fn fresh(call: &Call, draft: &Draft) -> Conversion {
    let context =
        Context { settings: call.access.tenant.clone(), of_service: call.access.user_id().is_none() };
    Conversion {
        tenant_id: call.tenant_id(),
        lead_id: draft.lead.id,
        id: call.new_id(),
        create_time: call.now,
        update_time: Some(call.now),
        operator_id: call.caller_id(),
        state: Choice(State::Committed),
        account_id: None,
        contact_id: None,
        opportunity_id: None,
        filled_fields: Vec::new(),
        owner_id: Some(draft.owner_id),
        context: Json(context),
        traces: Json::default(),
        request: None,
        attempts: 0,
        attempt_time: None,
        doubt_until: None,
        problem: None,
        kept: Vec::new(),
    }
}

/// The fields that were filled, each below what it belongs to.
fn filled(traces: &Traces) -> Vec<String> {
    let kinds = [("account", &traces.account), ("contact", &traces.contact)];
    let named = kinds.into_iter().flat_map(|(kind, trace)| {
        let paths = trace.iter().flat_map(|trace| &trace.filled);
        paths.map(move |path| format!("{kind}.{path}"))
    });
    named.collect()
}
