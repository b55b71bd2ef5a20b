//! The opportunity of a conversion: what is asked of the sales service, and what its answers mean.

use std::time::Instant;

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_rpc::peer::{self, Errand, Peers};
use crm_proto::crm::{
    customer::v1::{Account, Contact, Lead, OpportunityDetails},
    record::v1::ExternalId,
    sales::v1::{
        CreateOpportunityRequest, GetOpportunityRequest, LookupOpportunityRequest, Opportunity,
        OpportunityContact, opportunity_service_client::OpportunityServiceClient,
    },
};
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::model::{Conversion, Problem};

/// Name of the service that keeps opportunities.
pub const SALES: &str = "sales";
/// System of the external id that an opportunity gets from its conversion.
const SYSTEM: &str = "crm-conversion";

/// What sales said.
#[derive(Debug)]
pub enum Answer {
    /// The opportunity is there.
    Made(Uuid),
    /// There is none, and none will come of this question.
    Refused(Problem),
    /// Nobody knows.
    Silent(Problem),
}

/// What is asked for.
pub fn request(
    lead: &Lead,
    owner_id: Uuid,
    conversion_id: Uuid,
    details: OpportunityDetails,
    (account, contact): (Option<&Account>, Option<&Contact>),
) -> CreateOpportunityRequest {
    let names = [
        details.display_name,
        account.map(|account| account.display_name.clone()).unwrap_or_default(),
        lead.company_name.clone(),
        lead.display_name.clone(),
    ];
    let person = |contact: &Contact| OpportunityContact {
        contact_id: contact.id.clone(),
        display_name: contact.display_name.clone(),
        primary: true,
        ..OpportunityContact::default()
    };
    let external_id = ExternalId { system: SYSTEM.to_owned(), value: conversion_id.to_string() };
    CreateOpportunityRequest {
        opportunity: Some(Opportunity {
            display_name: names.into_iter().find(|name| !name.trim().is_empty()).unwrap_or_default(),
            account_id: account.map(|account| account.id.clone()).unwrap_or_default(),
            account_name: account.map(|account| account.display_name.clone()).unwrap_or_default(),
            contacts: contact.map(person).into_iter().collect(),
            pipeline_id: details.pipeline_id,
            stage_key: details.stage_key,
            amount: details.amount,
            close_date: details.close_date,
            source: lead.source.clone(),
            region: lead.region.clone(),
            campaign_id: lead.campaign_id.clone(),
            description: lead.description.clone(),
            owner_id: owner_id.to_string(),
            tags: lead.tags.clone(),
            external_ids: vec![external_id],
            ..Opportunity::default()
        }),
    }
}

/// Looks at an opportunity that is there, with the rights of the caller.
pub async fn check(peers: &Peers, call: &Call, opportunity_id: Uuid) -> Result<()> {
    let errand = match &call.access.service {
        Some(_) => Errand::of(call),
        None => Errand::of(call).with_the_users_rights(),
    };
    let mut sales = OpportunityServiceClient::new(peers.on(SALES, errand)?);
    match sales.get_opportunity(GetOpportunityRequest { id: opportunity_id.to_string() }).await {
        Ok(found) if found.get_ref().delete_time.is_none() => Ok(()),
        Ok(_) => Err(Error::not_found("opportunities", opportunity_id)),
        Err(status) if status.code() == Code::NotFound => {
            Err(Error::not_found("opportunities", opportunity_id))
        }
        Err(status) if is_final(status.code()) => Err(problem(&status).refused()),
        // A status without details of ours comes from a connection that broke.
        Err(status) if status.get_details_error_info().is_none() => {
            Err(Error::unavailable("the sales service", status))
        }
        Err(status) => Err(peer::failure("the sales service", status)),
    }
}

/// Asks for the opportunity of a conversion, until `until`. Asked twice, it is the same one.
pub async fn make(
    peers: &Peers,
    call: &Call,
    conversion: &Conversion,
    request: &[u8],
    until: Instant,
) -> Result<Answer> {
    let request = CreateOpportunityRequest::decode(request).map_err(Error::internal)?;
    let errand = Errand::of(call).under_key(&conversion.id.to_string()).until(until);
    let errand = if conversion.context.of_service { errand } else { errand.with_the_users_rights() };
    let mut sales = OpportunityServiceClient::new(peers.on(SALES, errand)?);
    let status = match sales.create_opportunity(request).await {
        Ok(made) => return Ok(Answer::Made(id::parse("opportunity.id", &made.get_ref().id)?)),
        Err(status) => status,
    };
    let problem = problem(&status);
    if !is_final(status.code()) {
        return Ok(Answer::Silent(problem));
    }
    // A question before this one may have made it; this one may then be refused for that very reason, or because something changed since.
    if conversion.attempts > 1 || problem.reason == "EXTERNAL_ID_TAKEN" {
        match find(peers, call, conversion).await? {
            Answer::Refused(_) => {}
            known => return Ok(known),
        }
    }
    Ok(Answer::Refused(problem))
}

/// Whether the opportunity of a conversion is there, whoever may see it. `Refused` says that it is not there now.
pub async fn find(peers: &Peers, call: &Call, conversion: &Conversion) -> Result<Answer> {
    let mut sales = OpportunityServiceClient::new(peers.on(SALES, Errand::of(call))?);
    let request = LookupOpportunityRequest { system: SYSTEM.to_owned(), value: conversion.id.to_string() };
    Ok(match sales.lookup_opportunity(request).await {
        Ok(found) => Answer::Made(id::parse("opportunity.id", &found.get_ref().id)?),
        Err(status) if status.code() == Code::NotFound => Answer::Refused(problem(&status)),
        Err(status) => Answer::Silent(problem(&status)),
    })
}

/// Whether asking again would bring the same answer, and nothing came of the question.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
    )
}

fn problem(status: &Status) -> Problem {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else {
        let message = "the sales service does not answer".to_owned();
        return Problem { reason: "DEPENDENCY_UNAVAILABLE".to_owned(), message, ..Problem::default() };
    };
    let violations = details.bad_request().into_iter().flat_map(|request| &request.field_violations);
    let violations =
        violations.map(|wrong| (wrong.field.clone(), wrong.reason.clone(), wrong.description.clone()));
    Problem {
        reason: info.reason.clone(),
        message: status.message().to_owned(),
        metadata: info.metadata.clone().into_iter().collect(),
        violations: violations.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opportunity_is_named_after_what_is_known_and_bears_the_conversion() {
        let lead = Lead { display_name: "Li Lei".into(), region: "South".into(), ..Lead::default() };
        let made = |lead: &Lead, details, account| {
            let request = request(lead, Uuid::nil(), Uuid::max(), details, (account, None));
            request.opportunity.unwrap_or_default()
        };
        let plain = made(&lead, OpportunityDetails::default(), None);
        assert_eq!((plain.display_name.as_str(), plain.region.as_str()), ("Li Lei", "South"));
        assert_eq!(plain.external_ids[0].value, Uuid::max().to_string());
        let account = Account { display_name: "Acme".into(), id: "7".into(), ..Account::default() };
        let of_account = made(&lead, OpportunityDetails::default(), Some(&account));
        assert_eq!((of_account.display_name.as_str(), of_account.account_id.as_str()), ("Acme", "7"));
        let named = OpportunityDetails { display_name: "Big one".into(), ..OpportunityDetails::default() };
        assert_eq!(made(&lead, named, Some(&account)).display_name, "Big one");
    }

    #[test]
    fn only_an_answer_about_the_question_is_final() {
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Aborted, Code::Internal, Code::Unknown]
        {
            assert!(!is_final(code), "{code:?}");
        }
        let status = Status::from(Error::invalid_field("opportunity.amount", "REQUIRED", "is required"));
        assert!(is_final(status.code()));
        let told = problem(&status);
        assert_eq!(told.reason, "FIELD_INVALID");
        assert_eq!(told.refused().violations()[0].field, "opportunity.amount");
        assert_eq!(problem(&Status::unavailable("tcp")).reason, "DEPENDENCY_UNAVAILABLE");
    }
}
