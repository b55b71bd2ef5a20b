//! What follows from a merge for deals.

use crm_kit_record::revert::Patch;
use sqlx::types::Json;
use uuid::Uuid;

use crate::opportunity::Opportunity;

/// Collection of companies in the customer service.
pub const ACCOUNTS: &str = "accounts";
/// Collection of people in the customer service.
pub const CONTACTS: &str = "contacts";

/// A row of `relink`.
#[derive(Clone, Debug)]
pub struct Relink {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub collection: String,
    pub from_ids: Vec<Uuid>,
    pub into_id: Uuid,
    pub display_name: String,
    pub undone: bool,
}

/// A row of `relink_change`.
#[derive(Clone, Debug)]
pub struct Change {
    pub opportunity_id: Uuid,
    pub patch: Json<Patch>,
}

/// Columns of a deal that belong together.
pub const TOGETHER: &[&[&str]] = &[&["account_id", "account_name"]];

impl Relink {
    /// Lets a deal refer to the survivor.
    pub fn apply(&self, deal: &mut Opportunity) {
        if self.collection == ACCOUNTS {
            if deal.account_id.is_some_and(|id| self.from_ids.contains(&id)) {
                deal.account_id = Some(self.into_id);
                deal.account_name.clone_from(&self.display_name);
            }
            return;
        }
        let primary = deal.contacts.iter().any(|person| {
            person.primary
                && (person.contact_id == self.into_id || self.from_ids.contains(&person.contact_id))
        });
        let mut seen = false;
        deal.contacts.retain_mut(|person| {
            if self.from_ids.contains(&person.contact_id) {
                person.contact_id = self.into_id;
                person.display_name.clone_from(&self.display_name);
            }
            let is_survivor = person.contact_id == self.into_id;
            // One person takes part once.
            let stays = !is_survivor || !std::mem::replace(&mut seen, true);
            person.primary = if is_survivor { primary } else { person.primary };
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opportunity::part::Participant;

    #[test]
    fn two_participants_that_became_one_person_take_part_once() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let person = |contact_id, name: &str, primary| Participant {
            contact_id,
            display_name: name.to_owned(),
            primary,
            ..Participant::default()
        };
        let relink = Relink {
            tenant_id: Uuid::nil(),
            id: Uuid::nil(),
            collection: CONTACTS.to_owned(),
            from_ids: vec![b],
            into_id: a,
            display_name: "A".to_owned(),
            undone: false,
        };
        let mut deal = Opportunity::default();
        deal.contacts.0 = vec![person(a, "a", false), person(c, "C", false), person(b, "b", true)];
        relink.apply(&mut deal);
        assert_eq!(deal.contacts.0, [person(a, "a", true), person(c, "C", false)]);
        deal.contacts.0 = vec![person(b, "b", false)];
        relink.apply(&mut deal);
        assert_eq!(deal.contacts.0, [person(a, "A", false)]);
    }
}
