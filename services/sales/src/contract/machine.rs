//! The life of a contract as a pure machine.

use crm_kit_api::Error;
use crm_proto::crm::sales::v1::contract::State;
use tonic::Code;

use crate::DOMAIN;

/// What is done with a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It needs a decision.
    Ask,
    /// It may be signed: a decision was made in its favour, or none is needed.
    Pass,
    /// A decision went against it, or was given up.
    Return,
    /// It is to be changed before it is signed.
    Redraft,
    /// Both parties have signed; the state is where the version before stood, when there is one.
    Sign(Option<State>),
    /// It is being carried out.
    Perform,
    /// It is carried out.
    Complete,
    /// It is filed away.
    Archive,
    /// It does not hold.
    Void,
    /// The next version is begun.
    Amend,
}

impl Act {
    /// Where a contract comes from a state; `None` when the state is closed to the act.
    pub fn from(self, state: State) -> Option<State> {
        match (self, state) {
            (Self::Ask, State::Draft) => Some(State::InApproval),
            (Self::Pass, State::Draft | State::InApproval) => Some(State::PendingSignature),
            (Self::Return, State::InApproval) | (Self::Redraft, State::PendingSignature) => {
                Some(State::Draft)
            }
            (Self::Sign(before), State::PendingSignature) => Some(before.unwrap_or(State::Signed)),
            (Self::Perform, State::Signed) => Some(State::InPerformance),
            (Self::Complete, State::InPerformance) => Some(State::Completed),
            (Self::Archive, State::Completed) => Some(State::Archived),
            (Self::Amend, held) if is_in_force(held) => Some(State::Draft),
            (Self::Void, State::Draft | State::PendingSignature | State::Signed | State::InPerformance) => {
                Some(State::Voided)
            }
            _ => None,
        }
    }

    /// As [`Act::from`], with the refusal that the caller gets.
    pub fn done(self, state: State) -> Result<State, Error> {
        self.from(state).ok_or_else(|| refuse(state))
    }
}

/// Whether a contract in a state binds the parties.
pub fn is_in_force(state: State) -> bool {
    matches!(state, State::Signed | State::InPerformance)
}

/// Refuses an act that a state is closed to.
pub fn refuse(state: State) -> Error {
    let message = format!("the contract is {}", word(state));
    Error::new(Code::FailedPrecondition, DOMAIN, "CONTRACT_STATE", message).with("state", state.as_str_name())
}

fn word(state: State) -> &'static str {
    match state {
        State::Unspecified => "nowhere",
        State::Draft => "a draft",
        State::InApproval => "waiting for a decision",
        State::PendingSignature => "waiting for signatures",
        State::Signed => "signed",
        State::InPerformance => "being carried out",
        State::Completed => "completed",
        State::Archived => "archived",
        State::Voided => "voided",
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    const ACTS: [Act; 10] = [
        Act::Ask,
        Act::Pass,
        Act::Return,
        Act::Redraft,
        Act::Sign(None),
        Act::Perform,
        Act::Complete,
        Act::Archive,
        Act::Void,
        Act::Amend,
    ];

    #[test]
    fn a_contract_goes_from_draft_to_archive() {
        let mut state = State::Draft;
        let acts = [Act::Ask, Act::Pass, Act::Sign(None), Act::Perform, Act::Complete, Act::Archive];
        for act in acts {
            state = act.done(state).unwrap();
        }
        assert_eq!(state, State::Archived);
        let amended = Act::Amend.done(State::InPerformance).and_then(|state| Act::Pass.done(state)).unwrap();
        assert_eq!(Act::Sign(Some(State::InPerformance)).done(amended).unwrap(), State::InPerformance);
    }

    proptest! {
        /// A contract is carried out only after it was signed, signed only after it could be, and an end is an end.
        #[test]
        fn nothing_is_skipped(acts in vec(select(&ACTS[..]), 0..60)) {
            let (mut state, mut was_signed, mut was_passed) = (State::Draft, false, false);
            for act in acts {
                let Some(next) = act.from(state) else { continue };
                prop_assert!(!matches!(state, State::Archived | State::Voided), "{act:?} from an end");
                was_passed = if next == State::Draft { false } else { was_passed || act == Act::Pass };
                if act == Act::Sign(None) {
                    prop_assert!(was_passed);
                    was_signed = true;
                }
                let carried_out = matches!(next, State::Signed | State::InPerformance | State::Completed | State::Archived);
                prop_assert!(!carried_out || was_signed);
                state = next;
            }
        }
    }
}
