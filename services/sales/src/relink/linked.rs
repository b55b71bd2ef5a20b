//! The kinds of records that refer to accounts and contacts of the customer service, and what of them follows a merge. A kind that comes to have such
//! ids implements [`Linked`] and stands in [`super::mover::MOVERS`].

use crm_kit_record::{Record, rows::Reference};
use serde::{Serialize, de::DeserializeOwned};

use super::model::{ACCOUNTS, Relink};
use crate::{
    contract::Contract, opportunity::Opportunity, order::Order, payment_plan::PaymentPlan, quote::Quote,
    receipt::Receipt,
};

/// A kind whose records refer to accounts or contacts. Its `drop_parts` calls [`super::store::drop_changes`].
///
/// What users cannot change of a record because it is signed, confirmed or closed follows all the same: who the customer was, and what was agreed, is
/// the same as before the merge; the id is only the way to it.
pub trait Linked: Record + Serialize + DeserializeOwned {
    /// Where ids of accounts stand.
    const ACCOUNTS: &'static [Reference];
    /// Where ids of contacts stand.
    const CONTACTS: &'static [Reference] = &[];

    /// Lets references to accounts that went lead to the survivor.
    fn follow_account(&mut self, relink: &Relink);
    /// Lets references to contacts that went lead to the survivor.
    fn follow_contact(&mut self, _relink: &Relink) {}

    /// Where ids of a collection stand.
    fn references(collection: &str) -> &'static [Reference] {
        if collection == ACCOUNTS { Self::ACCOUNTS } else { Self::CONTACTS }
    }
    /// Lets references to what went lead to the survivor.
    fn follow(&mut self, relink: &Relink) {
        if relink.collection == ACCOUNTS { self.follow_account(relink) } else { self.follow_contact(relink) }
    }
}

const ACCOUNT_ID: Reference = Reference::Column("account_id");
const CONTACT_ID: Reference = Reference::Column("contact_id");

impl Linked for Opportunity {
    const ACCOUNTS: &'static [Reference] =
        &[ACCOUNT_ID, Reference::Items { column: "competitors", key: "account_id" }];
    const CONTACTS: &'static [Reference] = &[Reference::Items { column: "contacts", key: "contact_id" }];

    fn follow_account(&mut self, relink: &Relink) {
        relink.lead_any(&mut self.account_id, &mut self.account_name);
        for competitor in self.competitors.iter_mut() {
            relink.lead_any(&mut competitor.account_id, &mut competitor.display_name);
        }
    }

    fn follow_contact(&mut self, relink: &Relink) {
        let is_one = |id| id == relink.into_id || relink.takes(id);
        let primary = self.contacts.iter().any(|person| person.primary && is_one(person.contact_id));
        let mut seen = false;
        self.contacts.retain_mut(|person| {
            relink.lead(&mut person.contact_id, &mut person.display_name);
            let is_survivor = person.contact_id == relink.into_id;
            // One person takes part once.
            let stays = !is_survivor || !std::mem::replace(&mut seen, true);
            person.primary = if is_survivor { primary } else { person.primary };
            stays
        });
    }
}

impl Linked for Quote {
    const ACCOUNTS: &'static [Reference] = &[ACCOUNT_ID];
    const CONTACTS: &'static [Reference] = &[CONTACT_ID];

    fn follow_account(&mut self, relink: &Relink) {
        relink.lead_any(&mut self.account_id, &mut self.account_name);
    }

    fn follow_contact(&mut self, relink: &Relink) {
        relink.lead_any(&mut self.contact_id, &mut self.contact_name);
    }
}

impl Linked for Order {
    const ACCOUNTS: &'static [Reference] = &[ACCOUNT_ID];
    const CONTACTS: &'static [Reference] = &[CONTACT_ID];

    fn follow_account(&mut self, relink: &Relink) {
        relink.lead_any(&mut self.account_id, &mut self.account_name);
    }

    fn follow_contact(&mut self, relink: &Relink) {
        relink.lead_any(&mut self.contact_id, &mut self.contact_name);
    }
}

/// The names of the parties stay: they are what was signed.
impl Linked for Contract {
    const ACCOUNTS: &'static [Reference] = &[ACCOUNT_ID];

    fn follow_account(&mut self, relink: &Relink) {
        relink.lead_any(&mut self.account_id, &mut self.account_name);
    }
}

impl Linked for PaymentPlan {
    const ACCOUNTS: &'static [Reference] = &[ACCOUNT_ID];

    fn follow_account(&mut self, relink: &Relink) {
        relink.lead(&mut self.account_id, &mut self.account_name);
    }
}

impl Linked for Receipt {
    const ACCOUNTS: &'static [Reference] = &[ACCOUNT_ID];

    fn follow_account(&mut self, relink: &Relink) {
        relink.lead(&mut self.account_id, &mut self.account_name);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        opportunity::part::{Competitor, Participant},
        relink::model::CONTACTS,
    };

    fn relink(collection: &str, from: Uuid, into: Uuid) -> Relink {
        Relink {
            tenant_id: Uuid::nil(),
            id: Uuid::nil(),
            collection: collection.to_owned(),
            from_ids: vec![from],
            into_id: into,
            display_name: "A".to_owned(),
            undone: false,
            turn: 1,
            settled: false,
        }
    }

    #[test]
    fn two_participants_that_became_one_person_take_part_once() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let person = |contact_id, name: &str, primary| Participant {
            contact_id,
            display_name: name.to_owned(),
            primary,
            ..Participant::default()
        };
        let relink = relink(CONTACTS, b, a);
        let mut deal = Opportunity::default();
        deal.contacts.0 = vec![person(a, "a", false), person(c, "C", false), person(b, "b", true)];
        deal.follow(&relink);
        assert_eq!(deal.contacts.0, [person(a, "a", true), person(c, "C", false)]);
        deal.contacts.0 = vec![person(b, "b", false)];
        deal.follow(&relink);
        assert_eq!(deal.contacts.0, [person(a, "A", false)]);
    }

    #[test]
    fn competitors_follow_and_a_merge_of_contacts_leaves_accounts_alone() {
        let [a, b] = [1, 2].map(Uuid::from_u128);
        let competitor = |account_id, name: &str| Competitor {
            account_id,
            display_name: name.to_owned(),
            ..Competitor::default()
        };
        let mut deal =
            Opportunity { account_id: Some(b), account_name: "b".to_owned(), ..Opportunity::default() };
        deal.competitors.0 = vec![competitor(Some(b), "b"), competitor(None, "n")];
        let was = deal.clone();
        deal.follow(&relink(CONTACTS, b, a));
        assert_eq!(deal, was);
        deal.follow(&relink(ACCOUNTS, b, a));
        assert_eq!((deal.account_id, deal.account_name.as_str()), (Some(a), "A"));
        assert_eq!(deal.competitors.0, [competitor(Some(a), "A"), competitor(None, "n")]);
    }
}
