//! What can be done with a quote in which state, and why not. Pure.

use chrono::{DateTime, Utc};
use crm_kit_api::{Error, Result};
use crm_proto::crm::sales::v1::quote::State;
use tonic::Code;

use super::model::Quote;
use crate::DOMAIN;

/// Fails unless the quote stands in one of `states` at the instant; an expired one says so.
pub fn must_be(quote: &Quote, now: DateTime<Utc>, states: &[State]) -> Result<()> {
    match quote.state_at(now) {
        state if states.contains(&state) => Ok(()),
        State::Expired => Err(expired(quote)),
        state => Err(in_state(state)),
    }
}

/// The quote is in a state in which this cannot be done.
pub fn in_state(state: State) -> Error {
    let name = state.as_str_name().trim_start_matches("STATE_");
    refused("QUOTE_STATE", format!("the quote is {name}")).with("state", name)
}

/// The quote's last day is over.
pub fn expired(quote: &Quote) -> Error {
    let day = quote.valid_until.map(|day| day.to_string()).unwrap_or_default();
    refused("QUOTE_EXPIRED", format!("the quote was valid until {day}")).with("valid_until", day)
}

/// Fails when one of the other revisions is later and was submitted.
pub fn refuse_revised(quote: &Quote, others: &[Quote]) -> Result<()> {
    let mut later = others.iter().filter(|other| other.revision_number > quote.revision_number);
    later.find(|other| other.state.0 != State::Draft).map_or(Ok(()), |later| Err(revised(later)))
}

/// The quote has a later revision.
pub fn revised(later: &Quote) -> Error {
    refused("QUOTE_REVISED", format!("the quote has the later revision {}", later.revision_number))
        .with("id", later.id)
        .with("revision_number", later.revision_number)
}

/// Another quote of the deal, or revision of the quote, is accepted.
pub fn accepted(quote: &Quote, other: Option<uuid::Uuid>) -> Error {
    let error = refused("QUOTE_ACCEPTED", "another quote is accepted already".to_owned())
        .with("opportunity_id", quote.opportunity_id.map(|id| id.to_string()).unwrap_or_default());
    match other {
        Some(id) => error.with("id", id),
        None => error,
    }
}

/// The quote has no lines.
pub fn empty() -> Error {
    refused("QUOTE_EMPTY", "the quote has no lines".to_owned())
}

fn refused(reason: &'static str, message: String) -> Error {
    Error::new(Code::FailedPrecondition, DOMAIN, reason, message)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use crm_kit_record::Choice;

    use super::*;

    #[test]
    fn a_quote_is_expired_from_the_end_of_its_last_day_on() {
        let end = Utc.with_ymd_and_hms(2026, 3, 1, 16, 0, 0).unwrap();
        let at = |state, seconds| {
            let quote = Quote { state: Choice(state), expire_time: Some(end), ..Quote::default() };
            quote.state_at(end + chrono::TimeDelta::seconds(seconds))
        };
        assert_eq!(at(State::Presented, -1), State::Presented);
        assert_eq!(at(State::Presented, 0), State::Expired);
        assert_eq!(at(State::Approved, 1), State::Expired);
        for state in [State::Draft, State::InApproval, State::Accepted, State::Rejected, State::Superseded] {
            assert_eq!(at(state, 1), state);
        }
    }
}
