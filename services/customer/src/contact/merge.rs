//! How contacts are merged, and what of them refers to records that are.

use crm_kit_api::{Call, Result};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::recycle_bin::Gone;
use crm_proto::crm::customer::v1::{
    Contact as Wire, ContactDeleted, ContactUndeleted, MergePolicy as Policy,
};
use serde_json::Value;
use uuid::Uuid;

use super::{COLLECTION, Contact, model::TieChange, part, store};
use crate::{
    account,
    merge::{
        field::{DESCRIPTION, Shape, Standard},
        kind::{Mergeable, Movable},
    },
};

impl Movable for Contact {
    const TOGETHER: &'static [&'static [&'static str]] =
        &[&["display_name", "family_name", "given_name", "middle_name"]];

    fn repoint(&mut self, gone: Gone<'_>, into: Uuid) {
        match gone.collection {
            COLLECTION if self.reports_to_id.is_some_and(|manager| gone.ids.contains(&manager)) => {
                self.reports_to_id = Some(into).filter(|into| *into != self.id);
            }
            account::COLLECTION => part::retie(&mut self.accounts, gone.ids, into),
            _ => {}
        }
    }
}

impl Mergeable for Contact {
    const FIELDS: &'static [Standard] = &[
        ("display_name", Shape::Text, Policy::Survivor),
        ("salutation", Shape::Text, Policy::FillEmpty),
        ("job_title", Shape::Text, Policy::FillEmpty),
        ("department", Shape::Text, Policy::FillEmpty),
        ("reports_to_id", Shape::Value, Policy::FillEmpty),
        ("emails", Shape::List(20), Policy::Union),
        ("phones", Shape::List(20), Policy::Union),
        ("accounts", Shape::List(50), Policy::Union),
        ("mailing_address", Shape::Address, Policy::Fullest),
        ("birth_date", Shape::Value, Policy::FillEmpty),
        ("language_code", Shape::Value, Policy::FillEmpty),
        ("source", Shape::Text, Policy::FillEmpty),
        ("life_cycle_stage", Shape::Ordered, Policy::Greatest),
        ("last_activity_time", Shape::Ordered, Policy::Greatest),
        ("tags", Shape::List(50), Policy::Union),
        ("description", Shape::Long(DESCRIPTION), Policy::Concatenate),
    ];
    const FOLLOWED_BY: &'static [&'static str] = &["sales"];

    fn departed(wire: Wire, into: Uuid) -> Telling {
        Telling::of(&ContactDeleted { contact: Some(wire), merged_into_id: into.to_string() })
    }

    fn returned(wire: Wire, from: Uuid) -> Telling {
        Telling::of(&ContactUndeleted { contact: Some(wire), unmerged_from_id: from.to_string() })
    }

    fn display_name(&self) -> &str {
        &self.display_name
    }

    fn references(&self) -> Vec<(&'static str, Uuid)> {
        let manager = self.reports_to_id.map(|manager| (COLLECTION, manager));
        manager
            .into_iter()
            .chain(self.accounts.iter().map(|tie| (account::COLLECTION, tie.account_id)))
            .collect()
    }

    /// The pairs of contact and account follow from the contacts.
    async fn put_parts(
        tx: &mut Tx<'_>,
        _call: &Call,
        contacts: &[Self],
        _parts: Vec<Value>,
        _from: Uuid,
    ) -> Result<()> {
        let tenant = tx.tenant_id();
        let TieChange { added, .. } = TieChange::between(&[], contacts);
        if added.is_empty() { Ok(()) } else { store::tie(tx.conn(), tenant, &added).await }
    }
}
