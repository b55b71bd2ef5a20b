//! What leads do beyond the life of every record: they change their status.

use crm_kit_api::{
    Call, Error, Result, etag, id,
    page::{self, Binding, Token},
};
use crm_kit_record::{Record as _, life};
use crm_proto::crm::customer::v1::{Lead as Wire, LeadStatusChange, lead::Status};
use uuid::Uuid;

use super::{COLLECTION, Lead, Leads, convert, status, store};

/// A change of status that somebody asks for.
#[derive(Debug)]
pub struct Wanted {
    /// The lead.
    pub id: String,
    /// Etag it must still have.
    pub etag: String,
    /// What shall become of it.
    pub becomes: Becomes,
    /// Why.
    pub reason: String,
}

/// What shall become of a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// Another one's to work on.
    Owned(Uuid),
    /// Of this status.
    Status(Status),
    /// One that repeats another.
    DuplicateOf(Uuid),
}

/// Changes the status of a lead.
pub async fn change(leads: &Leads, call: &Call, wanted: Wanted) -> Result<Wire> {
    let id = id::parse("id", &wanted.id)?;
    let (fields, wanted) = (&leads.fields(call).await?, &wanted);
    let ids = match wanted.becomes {
        Becomes::DuplicateOf(original) if original == id => {
            let message = "a lead does not repeat itself";
            return Err(Error::invalid_field("duplicate_of_id", "CIRCLE", message));
        }
        Becomes::DuplicateOf(original) => vec![id, original],
        Becomes::Owned(owner) if !call.access.scope.covers(Some(owner)) => {
            call.require(Lead::KIND.transfer)?;
            vec![id]
        }
        _ => vec![id],
    };
    let (ids, people) = (&ids, &leads.people);
    let new_owner = match wanted.becomes {
        Becomes::Owned(owner) => Some(owner),
        _ => None,
    };
    people.meet(call, new_owner).await?;
    leads
        .db
        .write(call, "change_status", move |tx| {
            Box::pin(async move {
                let mut held = life::hold::<Lead>(tx, call, ids).await?;
                let was = life::live(&mut held, &id)?;
                for other in &ids[1..] {
                    life::live(&mut held, other)?;
                }
                etag::check(&wanted.etag, was.revision)?;
                let lead = changed(call, &was, wanted)?;
                if let Some(owner) = new_owner {
                    people.standing(tx, call, new_owner).await?.check(call, "owner_id", owner)?;
                }
                let mut wires =
                    life::write(tx, call, fields, vec![life::Revision::new(fields, was, lead)]).await?;
                wires.pop().ok_or_else(|| Error::bug("a lead was written and not answered"))
            })
        })
        .await
}

fn changed(call: &Call, was: &Lead, wanted: &Wanted) -> Result<Lead> {
    convert::may_change(was)?;
    let mut lead = was.clone();
    let to = match wanted.becomes {
        Becomes::Owned(owner) if was.owner_id == Some(owner) && status::is_open(was.status.0) => {
            return Ok(lead);
        }
        Becomes::Owned(_) => Status::Assigned,
        Becomes::Status(status) => status,
        Becomes::DuplicateOf(_) => Status::Duplicate,
    };
    // Verbs do one step at a time, and change something; only a claim brings back what had left.
    let is_step = status::steps(was.status.0, to).is_some_and(|steps| steps.len() <= 1);
    let stays = was.status.0 == to && !matches!(wanted.becomes, Becomes::Owned(_));
    if !is_step || stays || (was.pool_id.is_some() && to != Status::New) {
        return Err(convert::state_forbids(was));
    }
    match wanted.becomes {
        Becomes::Owned(owner) => {
            lead.give(owner, call.now);
            lead.status_reason.clone_from(&wanted.reason);
        }
        Becomes::Status(status) => lead.enter(status, wanted.reason.clone(), call.now),
        Becomes::DuplicateOf(original) => {
            lead.enter(Status::Duplicate, wanted.reason.clone(), call.now);
            lead.duplicate_of_id = Some(original);
        }
    }
    Ok(lead)
}

/// A page of the changes of a lead's status.
pub async fn status_changes(
    leads: &Leads,
    call: &Call,
    lead_id: &str,
    page_size: i32,
    page_token: &str,
) -> Result<(Vec<LeadStatusChange>, String)> {
    let id = id::parse("id", lead_id)?;
    let binding = Binding::new(call.tenant_id(), &["lead_status_changes", lead_id]);
    let after = place(Token::decode(page_token, binding, 2)?)?;
    let (tenant, size) = (call.tenant_id(), page::size(page_size));
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let mut found = leads
        .db
        .read(call, move |tx| {
            Box::pin(async move {
                let seen = Lead::get(tx.conn(), tenant, &[id], call.access.scope.owners()).await?;
                if seen.is_empty() {
                    return Err(Error::not_found(COLLECTION, id));
                }
                store::status_changes(tx.conn(), tenant, id, after, limit).await
            })
        })
        .await?;
    let more = found.len() > size;
    found.truncate(size);
    let token = found.last().filter(|_| more).map(|last| {
        let keys = vec![last.revision.to_string(), last.step.to_string()];
        Token { keys, id }.encode(binding)
    });
    Ok((found.iter().map(convert::change_to_wire).collect(), token.unwrap_or_default()))
}

fn place(token: Option<Token>) -> Result<(i64, i32)> {
    let Some(token) = token else { return Ok((0, 0)) };
    let damaged = || Error::bug("a page token passed its checksum with a value of another type");
    let [revision, step] = token.keys.as_slice() else { return Err(damaged()) };
    Ok((revision.parse().map_err(|_| damaged())?, step.parse().map_err(|_| damaged())?))
}
