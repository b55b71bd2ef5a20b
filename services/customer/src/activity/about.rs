//! What an interaction or a task is about: records of this service, which are checked, and records of others, which are taken as they are.

use std::collections::BTreeSet;

use crm_kit_api::{Call, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{Kind, field::Checker, hierarchy, recycle_bin::Gone, rows};
use crm_proto::crm::customer::v1::RecordLink;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{account, app, contact, kinds, lead};

/// A record of any service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub service: String,
    pub collection: String,
    pub id: Uuid,
    pub display_name: String,
}

/// What one record is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub account_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub lead_id: Option<Uuid>,
    pub opportunity_id: Option<Uuid>,
    pub links: Vec<Link>,
}

/// A reference to a record of this service.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The record that refers.
    pub from: Uuid,
    /// The collection referred to.
    pub collection: String,
    /// The record referred to.
    pub id: Uuid,
    /// The field that holds the reference.
    pub field: String,
}

impl About {
    /// Reads account, contact, lead, opportunity and further links.
    pub fn read(
        [account, contact, lead, opportunity]: [&str; 4],
        links: Vec<RecordLink>,
        check: &mut Checker<'_>,
    ) -> Self {
        Self {
            account_id: check.reference("account_id", account),
            contact_id: check.reference("contact_id", contact),
            lead_id: check.reference("lead_id", lead),
            opportunity_id: check.reference("opportunity_id", opportunity),
            links: Link::read_all("links", links, check),
        }
    }

    /// Takes references to records that are about to go away.
    pub fn forget(&mut self, gone: Gone<'_>) {
        if let Some(named) = self.named(gone.collection) {
            *named = named.filter(|id| !gone.ids.contains(id));
        }
        self.links.retain(|link| !link.leads_to(gone));
    }

    /// Lets references to records that go lead to `into`. Of links that lead to one record then, the first stays.
    pub fn repoint(&mut self, gone: Gone<'_>, into: Uuid) {
        if let Some(named) = self.named(gone.collection) {
            *named = named.map(|id| if gone.ids.contains(&id) { into } else { id });
        }
        if !self.links.iter().any(|link| link.leads_to(gone)) {
            return;
        }
        for link in &mut self.links {
            if link.leads_to(gone) {
                link.id = into;
            }
        }
        let ids = [into];
        let survivor = Gone { collection: gone.collection, ids: &ids };
        let mut seen = false;
        self.links.retain(|link| !link.leads_to(survivor) || !std::mem::replace(&mut seen, true));
    }

    /// The reference of its own that leads to records of a collection.
    fn named(&mut self, collection: &str) -> Option<&mut Option<Uuid>> {
        match collection {
            account::COLLECTION => Some(&mut self.account_id),
            contact::COLLECTION => Some(&mut self.contact_id),
            lead::COLLECTION => Some(&mut self.lead_id),
            _ => None,
        }
    }

    /// Whether it is about nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// References of the record `from` to records of this service, with the paths of their fields under `field`.
    pub fn references(&self, from: Uuid, field: &str) -> Vec<Reference> {
        let named = [
            (self.account_id, account::COLLECTION, "account_id"),
            (self.contact_id, contact::COLLECTION, "contact_id"),
            (self.lead_id, lead::COLLECTION, "lead_id"),
        ];
        let named = named.into_iter().filter_map(|(id, collection, name)| {
            Some(Reference {
                from,
                collection: collection.to_owned(),
                id: id?,
                field: format!("{field}.{name}"),
            })
        });
        let links = self.links.iter().enumerate().filter(|(_, link)| link.service == app::NAME);
        let links = links.map(|(index, link)| Reference {
            from,
            collection: link.collection.clone(),
            id: link.id,
            field: format!("{field}.links[{index}].id"),
        });
        named.chain(links).collect()
    }
}

impl Link {
    /// Whether it leads to one of these records.
    fn leads_to(&self, records: Gone<'_>) -> bool {
        self.service == app::NAME && self.collection == records.collection && records.ids.contains(&self.id)
    }

    fn read_all(field: &str, wire: Vec<RecordLink>, check: &mut Checker<'_>) -> Vec<Self> {
        let (mut seen, kinds) = (BTreeSet::new(), kinds::all());
        let mut links = Vec::with_capacity(wire.len());
        for (index, link) in wire.into_iter().enumerate() {
            let place = |part: &str| format!("{field}[{index}].{part}");
            let Some(id) = check.reference(&place("id"), &link.id) else {
                check.refuse(&place("id"), "REQUIRED", "is required");
                continue;
            };
            if link.service == app::NAME && kinds.get(&link.collection).is_none() {
                check.refuse(&place("collection"), "COLLECTION_UNKNOWN", "is no collection of this service");
            }
            if !seen.insert((link.service.clone(), link.collection.clone(), id)) {
                check.refuse(&place("id"), "REPEATED", "stands twice");
            }
            let display_name = check.line(&place("display_name"), link.display_name, 200);
            links.push(Self { service: link.service, collection: link.collection, id, display_name });
        }
        links
    }

    /// The link on the wire.
    pub fn to_wire(&self) -> RecordLink {
        RecordLink {
            service: self.service.clone(),
            collection: self.collection.clone(),
            id: self.id.to_string(),
            display_name: self.display_name.clone(),
        }
    }
}

/// Fails with `NOT_FOUND / NOT_FOUND` for the first reference to a record that does not exist in the caller's scope. One statement for each
/// collection referred to.
pub async fn check(tx: &mut Tx<'_>, call: &Call, references: &[Reference]) -> Result<()> {
    let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
    let wanted: BTreeSet<&str> = references.iter().map(|reference| reference.collection.as_str()).collect();
    let kinds = kinds::all();
    let known = wanted.into_iter().filter_map(|collection| kinds.get(collection));
    for kind in known.collect::<Vec<&'static Kind>>() {
        let of_kind = || references.iter().filter(|reference| reference.collection == kind.collection);
        let ids: Vec<Uuid> = of_kind().map(|reference| reference.id).collect();
        let missing = rows::missing(tx.conn(), kind, tenant, &ids, owners).await?;
        if let Some(lost) = of_kind().find(|reference| missing.contains(&reference.id)) {
            return Err(hierarchy::missing(kind.collection, lost.id, &lost.field).about(lost.from));
        }
    }
    Ok(())
}

/// References of records that they did not have before; `was` are the same records before, and empty for new ones.
pub fn added<R>(records: &[R], was: &[R], references: fn(&R) -> Vec<Reference>) -> Vec<Reference> {
    let mut added = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let before = was.get(index).map(references).unwrap_or_default();
        let had =
            |new: &Reference| before.iter().any(|old| old.id == new.id && old.collection == new.collection);
        added.extend(references(record).into_iter().filter(|new| !had(new)));
    }
    added
}
