//! What is a contact's own in the life of a record.

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Error, Result, filter};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::{
    Happening, Head, HeadMut, Kind, Parent, Record, Sent, column::read::Reading, custom_field::Fields,
    hierarchy, recycle_bin::Gone,
};
use crm_kit_table::vcard::Card;
use crm_proto::crm::customer::v1::Contact as Wire;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{COLLECTION, Contact, card, convert, events, files, model::TieChange, part, schema, store};
use crate::{DOMAIN, account, duplicate, merge};

impl Record for Contact {
    type Wire = Wire;

    const HANDED_OVER: bool = true;
    const KIND: &'static Kind = &Kind {
        domain: DOMAIN,
        collection: COLLECTION,
        field: "contact",
        message: "crm.customer.v1.Contact",
        table: "contact",
        columns: store::COLUMNS,
        schema: &schema::SCHEMA,
        search: schema::SEARCH,
        default_order: schema::DEFAULT_ORDER,
        fixed: convert::FIXED,
        transfer: "customer.contacts.transfer",
        series: None,
        parent: Some(Parent { collection: account::COLLECTION, column: "account_id" }),
        parts: schema::PARTS,
        files: files::FILES,
    };

    const REDIRECTS: bool = true;

    fn fresh(call: &Call, _number: String) -> Self {
        convert::fresh(call)
    }

    fn read(call: &Call, fields: &Fields, wire: Wire, base: Self) -> Result<Self> {
        convert::read(call, fields, wire, base)
    }

    fn to_wire(&self, fields: &Fields) -> Wire {
        convert::to_wire(self, fields)
    }

    fn sent(wire: &Wire) -> Sent<'_> {
        Sent { id: &wire.id, etag: &wire.etag, owner_id: &wire.owner_id, number: "" }
    }

    fn head(&self) -> Head<'_> {
        Head {
            id: self.id,
            owner_id: self.owner_id,
            delete_time: self.delete_time,
            revision: self.revision,
            external_ids: &self.external_ids,
            custom: &self.custom,
        }
    }

    fn head_mut(&mut self) -> HeadMut<'_> {
        HeadMut {
            update_time: &mut self.update_time,
            delete_time: &mut self.delete_time,
            revision: &mut self.revision,
            external_ids: &mut self.external_ids,
            custom: &mut self.custom,
        }
    }

    fn hand_over(&mut self, owner_id: Uuid, _now: DateTime<Utc>) -> bool {
        self.owner_id = Some(owner_id);
        true
    }

    fn filter_value(&self, path: &str) -> filter::Value<'_> {
        Self::filter_value(self, path)
    }

    fn rolls_up_to(&self) -> Option<Uuid> {
        self.account_id()
    }

    fn from_card(card: &Card) -> Option<Reading<Wire>> {
        Some(card::contact(card))
    }

    fn event(wire: Wire, happening: Happening<Wire>) -> Telling {
        events::event(wire, happening)
    }

    async fn redirected(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>> {
        merge::store::redirected(conn, tenant_id, COLLECTION, ids).await
    }

    async fn insert(conn: &mut PgConnection, contacts: &[Self]) -> Result<()> {
        store::insert(conn, contacts).await
    }

    async fn update(conn: &mut PgConnection, contacts: &[Self]) -> Result<()> {
        store::update(conn, contacts).await
    }

    async fn referring(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        gone: Gone<'_>,
        most: i64,
    ) -> Result<Vec<Uuid>> {
        match gone.collection {
            COLLECTION => store::reporting_to(conn, tenant_id, gone.ids, most).await,
            account::COLLECTION => store::tied_to(conn, tenant_id, gone.ids, most).await,
            _ => Ok(Vec::new()),
        }
    }

    fn forget(&mut self, gone: Gone<'_>) {
        match gone.collection {
            COLLECTION => {
                self.reports_to_id = self.reports_to_id.filter(|manager| !gone.ids.contains(manager));
            }
            account::COLLECTION => part::untie(&mut self.accounts, gone.ids),
            _ => {}
        }
    }

    async fn drop_parts(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<()> {
        merge::store::forget(conn, tenant_id, ids).await?;
        duplicate::store::forget(conn, tenant_id, ids).await
    }

    /// Checks whom contacts newly report to and the accounts they are newly tied to, and stores which contacts belong to which accounts.
    async fn link(tx: &mut Tx<'_>, call: &Call, contacts: &[Self], was: &[Self]) -> Result<()> {
        let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
        let (contact_ids, managers) =
            hierarchy::changed(contacts, was, |contact| contact.id, |contact| contact.reports_to_id);
        if !managers.is_empty() {
            if !was.is_empty() {
                hierarchy::hold(tx.conn(), tenant, COLLECTION).await?;
            }
            let pairs = (contact_ids.as_slice(), managers.as_slice());
            if let Some(fault) = store::reports_to_fault(tx.conn(), tenant, pairs, owners).await? {
                return Err(fault.into_error(COLLECTION, "contact.reports_to_id"));
            }
        }
        let TieChange { added, removed } = TieChange::between(was, contacts);
        if !added.is_empty() {
            if let Some(id) = account::store::missing(tx.conn(), tenant, &added.account_ids, owners).await? {
                return Err(missing_account(contacts, id));
            }
            store::tie(tx.conn(), tenant, &added).await?;
        }
        if !removed.is_empty() {
            store::untie(tx.conn(), tenant, &removed).await?;
        }
        Ok(())
    }
}

/// The error of the first contact that is tied to an account which is none.
fn missing_account(contacts: &[Contact], account_id: Uuid) -> Error {
    let place = contacts.iter().find_map(|contact| {
        let index = contact.accounts.iter().position(|tie| tie.account_id == account_id)?;
        Some((contact.id, index))
    });
    match place {
        Some((contact_id, index)) => {
            let field = format!("contact.accounts[{index}].account_id");
            hierarchy::missing(account::COLLECTION, account_id, &field).about(contact_id)
        }
        None => Error::not_found(account::COLLECTION, account_id),
    }
}
