//! The life of an order as a pure machine: which state follows from what is fulfilled, and which moves there are.

use crm_kit_api::Error;
use crm_proto::crm::sales::v1::order::State;
use tonic::Code;

use crate::DOMAIN;

/// How much of an order is fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fulfilled {
    /// Nothing.
    Nothing,
    /// Some of it.
    Part,
    /// All of it.
    All,
}

/// What is done with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The customer has agreed to it.
    Confirm,
    /// Something is delivered or done.
    Fulfil,
    /// Its lines change.
    Amend,
    /// Nothing more is to be done.
    Close,
    /// It is not carried out.
    Cancel,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 5] = [Self::Confirm, Self::Fulfil, Self::Amend, Self::Close, Self::Cancel];

    /// Whether it can be done with an order in a state.
    pub fn is_open_to(self, state: State) -> bool {
        match self {
            Self::Confirm => state == State::Draft,
            Self::Fulfil => matches!(state, State::Confirmed | State::PartiallyFulfilled),
            Self::Amend => is_agreed(state),
            Self::Close => state == State::Fulfilled,
            // That something is fulfilled is told with its figures, not as a state.
            Self::Cancel => state == State::Draft || is_agreed(state),
        }
    }

    /// Where an order stands after it, by how much of it is fulfilled then.
    pub fn leads_to(self, fulfilled: Fulfilled) -> State {
        match self {
            Self::Confirm | Self::Fulfil | Self::Amend => of(fulfilled),
            Self::Close => State::Closed,
            Self::Cancel => State::Cancelled,
        }
    }
}

/// Whether an order is agreed with the customer and still in work.
pub fn is_agreed(state: State) -> bool {
    matches!(state, State::Confirmed | State::PartiallyFulfilled | State::Fulfilled)
}

/// Where an agreed order stands.
pub fn of(fulfilled: Fulfilled) -> State {
    match fulfilled {
        Fulfilled::Nothing => State::Confirmed,
        Fulfilled::Part => State::PartiallyFulfilled,
        Fulfilled::All => State::Fulfilled,
    }
}

/// Whether so much may be fulfilled of an order in a state.
pub fn agrees(state: State, fulfilled: Fulfilled) -> bool {
    match state {
        State::Unspecified => false,
        State::Draft | State::Cancelled => fulfilled == Fulfilled::Nothing,
        State::Closed => fulfilled == Fulfilled::All,
        agreed => agreed == of(fulfilled),
    }
}

/// Whether an order comes from one state to another, for those who state where it stands instead of what is done.
pub fn reaches(from: State, to: State) -> bool {
    match to {
        State::Cancelled => matches!(from, State::Draft | State::Confirmed),
        to => from != State::Cancelled && place(from) < place(to),
    }
}

/// Place in the life of an order that is carried out.
fn place(state: State) -> u8 {
    match state {
        State::Unspecified | State::Draft => 0,
        State::Confirmed => 1,
        State::PartiallyFulfilled => 2,
        State::Fulfilled => 3,
        State::Closed => 4,
        State::Cancelled => u8::MAX,
    }
}

/// Refuses an act that a state is closed to.
pub fn refuse(state: State) -> Error {
    let message = format!("the order is {}", word(state));
    Error::new(Code::FailedPrecondition, DOMAIN, "ORDER_STATE", message).with("state", state.as_str_name())
}

fn word(state: State) -> &'static str {
    match state {
        State::Unspecified => "nowhere",
        State::Draft => "a draft",
        State::Confirmed => "confirmed",
        State::PartiallyFulfilled => "fulfilled in part",
        State::Fulfilled => "fulfilled",
        State::Closed => "closed",
        State::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    const STATES: [State; 6] = [
        State::Draft,
        State::Confirmed,
        State::PartiallyFulfilled,
        State::Fulfilled,
        State::Closed,
        State::Cancelled,
    ];
    const FULFILLED: [Fulfilled; 3] = [Fulfilled::Nothing, Fulfilled::Part, Fulfilled::All];

    #[test]
    fn the_moves_are_those_of_the_picture() {
        let moves = |act: Act| STATES.into_iter().filter(|state| act.is_open_to(*state)).collect::<Vec<_>>();
        assert_eq!(moves(Act::Confirm), [State::Draft]);
        assert_eq!(moves(Act::Fulfil), [State::Confirmed, State::PartiallyFulfilled]);
        assert_eq!(moves(Act::Close), [State::Fulfilled]);
        for act in Act::ALL {
            assert!(!act.is_open_to(State::Closed) && !act.is_open_to(State::Cancelled), "{act:?}");
        }
    }

    proptest! {
        /// Whatever is done in whatever order, the state says how much is fulfilled, and a closed or cancelled order stays what it is.
        #[test]
        fn the_state_always_agrees_with_what_is_fulfilled(
            acts in vec((select(&Act::ALL[..]), select(&FULFILLED[..])), 0..40)
        ) {
            let (mut state, mut fulfilled) = (State::Draft, Fulfilled::Nothing);
            for (act, then) in acts {
                let is_cancel = act == Act::Cancel;
                if !act.is_open_to(state) || (is_cancel && fulfilled != Fulfilled::Nothing) {
                    continue;
                }
                // Fulfilling and amending alone change how much is fulfilled. What is fulfilled stays so; an amendment orders more or less.
                let from = state;
                let amends = act == Act::Amend && fulfilled != Fulfilled::Nothing;
                if (amends || act == Act::Fulfil) && then != Fulfilled::Nothing {
                    fulfilled = then;
                }
                state = act.leads_to(fulfilled);
                prop_assert!(agrees(state, fulfilled), "{act:?} {state:?} {fulfilled:?}");
                let goes_back = act == Act::Amend || fulfilled == Fulfilled::Part;
                prop_assert!(state == from || goes_back || reaches(from, state), "{from:?} {act:?} {state:?}");
            }
        }

        /// Nothing leads out of an end.
        #[test]
        fn ends_are_ends(to in select(&STATES[..])) {
            prop_assert!(!reaches(State::Closed, to) && !reaches(State::Cancelled, to));
        }
    }
}
