//! The people and the competitors of a deal.

use std::collections::BTreeSet;

use crm_kit_record::{
    Choice,
    field::{Checker, id_text},
};
use crm_kit_value::text::is_blank;
use crm_proto::crm::sales::v1::{
    OpportunityCompetitor as WireCompetitor, OpportunityContact as WireContact, opportunity_contact::Role,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A person at the customer who takes part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    pub contact_id: Uuid,
    pub display_name: String,
    pub role: Choice<Role>,
    pub primary: bool,
}

/// Somebody else who wants the deal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Competitor {
    pub display_name: String,
    pub account_id: Option<Uuid>,
    pub assessment: String,
}

impl Participant {
    /// Reads the people of a deal: nobody twice, and one of them first at most.
    pub fn read_all(field: &str, wire: Vec<WireContact>, check: &mut Checker<'_>) -> Vec<Self> {
        let (mut seen, mut has_primary) = (BTreeSet::new(), false);
        let mut people = Vec::with_capacity(wire.len());
        for (index, contact) in wire.into_iter().enumerate() {
            let place = format!("{field}[{index}]");
            let role = Choice(contact.role());
            let display_name = check.line(&format!("{place}.display_name"), contact.display_name, 200);
            let id = check.reference(&format!("{place}.contact_id"), &contact.contact_id);
            if contact.primary && std::mem::replace(&mut has_primary, true) {
                check.refuse(&format!("{place}.primary"), "REPEATED", "another one is the first already");
            }
            match id {
                Some(id) if !seen.insert(id) => {
                    check.refuse(&format!("{place}.contact_id"), "REPEATED", "stands twice");
                }
                Some(contact_id) => {
                    people.push(Self { contact_id, display_name, role, primary: contact.primary });
                }
                None => check.refuse(&format!("{place}.contact_id"), "REQUIRED", "is required"),
            }
        }
        people
    }

    /// The person on the wire.
    pub fn to_wire(&self) -> WireContact {
        WireContact {
            contact_id: self.contact_id.to_string(),
            display_name: self.display_name.clone(),
            role: self.role.number(),
            primary: self.primary,
        }
    }
}

impl Competitor {
    /// Reads the competitors of a deal.
    pub fn read_all(field: &str, wire: Vec<WireCompetitor>, check: &mut Checker<'_>) -> Vec<Self> {
        let mut competitors = Vec::with_capacity(wire.len());
        for (index, competitor) in wire.into_iter().enumerate() {
            let place = |part: &str| format!("{field}[{index}].{part}");
            if is_blank(&competitor.display_name) {
                check.refuse(&place("display_name"), "REQUIRED", "is required");
            }
            competitors.push(Self {
                display_name: check.line(&place("display_name"), competitor.display_name, 200),
                account_id: check.reference(&place("account_id"), &competitor.account_id),
                assessment: check.lines(&place("assessment"), competitor.assessment, 2000),
            });
        }
        competitors
    }

    /// The competitor on the wire.
    pub fn to_wire(&self) -> WireCompetitor {
        WireCompetitor {
            display_name: self.display_name.clone(),
            account_id: id_text(self.account_id),
            assessment: self.assessment.clone(),
        }
    }
}
