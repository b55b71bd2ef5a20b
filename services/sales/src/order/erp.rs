//! How far an order has come with the ERP system: reports that may come twice, late or out of order, taken by pure rules.

use chrono::{DateTime, Utc};
use crm_kit_api::Error;
use crm_kit_record::Choice;
use crm_proto::crm::sales::v1::order::ErpState;
use serde::{Deserialize, Serialize};
use tonic::Code;

use crate::DOMAIN;

/// What is known of an order in the ERP system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub state: Choice<ErpState>,
    pub id: String,
    pub message: String,
    pub push_time: Option<DateTime<Utc>>,
    pub answer_time: Option<DateTime<Utc>>,
}

/// What somebody reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub state: ErpState,
    /// Empty for what is known.
    pub id: String,
    pub message: String,
}

/// Why a report is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The ERP system has taken the order.
    Taken { wanted: ErpState },
    /// It has taken it under another id.
    OtherId { known: String, wanted: String },
}

impl Standing {
    /// An order that no ERP system is to know of.
    pub fn not_needed() -> Self {
        Self { state: Choice(ErpState::NotNeeded), ..Self::default() }
    }

    /// The order waits to be sent, under the id that is known.
    #[must_use]
    pub fn awaiting(&self) -> Self {
        Self { state: Choice(ErpState::PendingPush), id: self.id.clone(), ..Self::default() }
    }

    /// What is known after a report about the order as it is now.
    pub fn after(&self, report: &Report, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let (from, to) = (self.state.0, report.state);
        if from == ErpState::Acknowledged {
            return self.after_acknowledgement(report);
        }
        if from == to && self.says(report) {
            return Ok(self.clone());
        }
        // The order went out before it was refused: the news of that comes late.
        if from == ErpState::Failed && to == ErpState::Pushed && self.says(report) {
            return Ok(self.clone());
        }
        let id = if report.id.is_empty() { self.id.clone() } else { report.id.clone() };
        let message = report.message.clone();
        let known = Self { state: Choice(to), id, message, ..self.clone() };
        Ok(match to {
            ErpState::Pushed => Self { push_time: Some(now), answer_time: None, ..known },
            ErpState::Acknowledged | ErpState::Failed => Self { answer_time: Some(now), ..known },
            _ => Self { push_time: None, answer_time: None, ..known },
        })
    }

    /// What was taken stays taken, under one id.
    fn after_acknowledgement(&self, report: &Report) -> Result<Self, Refusal> {
        match report.state {
            ErpState::Acknowledged if report.id.is_empty() || self.id.is_empty() || report.id == self.id => {
                let id = if self.id.is_empty() { report.id.clone() } else { self.id.clone() };
                let message =
                    if report.message.is_empty() { self.message.clone() } else { report.message.clone() };
                Ok(Self { id, message, ..self.clone() })
            }
            ErpState::Acknowledged => {
                Err(Refusal::OtherId { known: self.id.clone(), wanted: report.id.clone() })
            }
            ErpState::Pushed => Ok(self.clone()),
            wanted => Err(Refusal::Taken { wanted }),
        }
    }

    fn says(&self, report: &Report) -> bool {
        (report.id.is_empty() || report.id == self.id)
            && (report.message.is_empty() || report.message == self.message)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Taken { wanted } => {
                Self::new(Code::FailedPrecondition, DOMAIN, "ERP_STATE", "the ERP system has taken the order")
                    .with("erp_state", ErpState::Acknowledged.as_str_name())
                    .with("wanted", wanted.as_str_name())
            }
            Refusal::OtherId { known, wanted } => {
                let message = format!("the ERP system has taken the order as {known}");
                Self::new(Code::FailedPrecondition, DOMAIN, "ERP_ID_MISMATCH", message)
                    .with("erp_id", known)
                    .with("wanted", wanted)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    const REPORTS: [ErpState; 4] =
        [ErpState::PendingPush, ErpState::Pushed, ErpState::Acknowledged, ErpState::Failed];

    fn report(state: ErpState, id: &str, message: &str) -> Report {
        Report { state, id: id.into(), message: message.into() }
    }

    fn reports() -> impl Strategy<Value = Vec<Report>> {
        let one = (select(&REPORTS[..]), select(&["", "4711", "4712"][..]), select(&["", "no stock"][..]));
        vec(one.prop_map(|(state, id, message)| report(state, id, message)), 0..20)
    }

    #[test]
    fn an_order_is_sent_refused_sent_again_and_taken() {
        let now = DateTime::UNIX_EPOCH;
        let mut standing = Standing::not_needed().awaiting();
        for (state, id, message) in [
            (ErpState::Pushed, "", ""),
            (ErpState::Failed, "", "no stock"),
            (ErpState::PendingPush, "", ""),
            (ErpState::Pushed, "", ""),
            (ErpState::Acknowledged, "4711", ""),
        ] {
            standing = standing.after(&report(state, id, message), now).unwrap();
            assert_eq!((standing.state.0, standing.message.as_str()), (state, message));
        }
        assert_eq!((standing.id.as_str(), standing.push_time.is_some()), ("4711", true));
    }

    proptest! {
        /// A report that comes twice changes nothing the second time.
        #[test]
        fn a_report_twice_is_a_report_once(before in reports(), last in reports()) {
            let (now, later) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(1));
            let mut standing = Standing::not_needed().awaiting();
            for report in before.iter().chain(&last) {
                let Ok(next) = standing.after(report, now) else { continue };
                prop_assert_eq!(next.after(report, later), Ok(next.clone()));
                standing = next;
            }
        }

        /// What the ERP system has taken it never gives back, and it keeps its id.
        #[test]
        fn what_is_taken_stays_taken(reports in reports()) {
            let now = DateTime::UNIX_EPOCH;
            let taken = Standing::not_needed().awaiting();
            let mut taken = taken.after(&report(ErpState::Acknowledged, "4711", ""), now).unwrap();
            for report in reports {
                if let Ok(next) = taken.after(&report, now) {
                    prop_assert_eq!((next.state.0, next.id.as_str()), (ErpState::Acknowledged, "4711"));
                    taken = next;
                }
            }
        }
    }
}
