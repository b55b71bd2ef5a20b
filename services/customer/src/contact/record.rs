//! What is a contact's own in the life of a record.

use crm_kit_api::{
    Call, Error, Result,
    filter::{self, Schema},
    order::Column,
};
use crm_kit_pg::{Change, Tx};
use crm_proto::crm::customer::v1::Contact as Wire;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{COLLECTION, Contact, convert, events, model::TieChange, schema, store};
use crate::{
    account,
    custom_field::{Fields, Values},
    record::{
        external_id::ExternalId,
        hierarchy,
        slice::{Happening, Head, Kind, Record, Sent, Stamp},
    },
};

impl Record for Contact {
    type Wire = Wire;

    const KIND: Kind = Kind {
        collection: COLLECTION,
        field: "contact",
        table: "contact",
        columns: store::COLUMNS,
        search: schema::SEARCH,
        default_order: schema::DEFAULT_ORDER,
        fixed: convert::FIXED,
        transfer: "customer.contacts.transfer",
        series: None,
    };

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
        Sent { id: &wire.id, etag: &wire.etag, number: "" }
    }

    fn head(&self) -> Head {
        Head { id: self.id, owner_id: self.owner_id, delete_time: self.delete_time, revision: self.revision }
    }

    fn stamp(&mut self, stamp: Stamp) {
        Stamp { update_time: self.update_time, delete_time: self.delete_time, revision: self.revision } =
            stamp;
    }

    fn external_ids(&self) -> &[ExternalId] {
        &self.external_ids
    }

    fn external_ids_mut(&mut self) -> &mut Vec<ExternalId> {
        &mut self.external_ids
    }

    fn custom(&self) -> &Values {
        &self.custom
    }

    fn custom_mut(&mut self) -> &mut Values {
        &mut self.custom
    }

    fn filter_value(&self, path: &str) -> filter::Value<'_> {
        Self::filter_value(self, path)
    }

    fn rolls_up_to(&self) -> Option<Uuid> {
        self.account_id()
    }

    fn change(&self, wire: &Wire, happening: Happening<Wire>) -> Change {
        events::change(self, wire, happening)
    }

    fn filter_schema(fields: &Fields, call: &Call) -> Schema {
        schema::SCHEMA.filter_schema(fields, &call.access.masks)
    }

    fn order_columns(fields: &Fields, call: &Call) -> Vec<Column> {
        schema::SCHEMA.order_columns(fields, &call.access.masks)
    }

    async fn get(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        ids: &[Uuid],
        owners: Option<&[Uuid]>,
    ) -> Result<Vec<Self>> {
        store::get(conn, tenant_id, ids, owners).await
    }

    async fn lock(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        ids: &[Uuid],
        owners: Option<&[Uuid]>,
    ) -> Result<Vec<Self>> {
        store::lock(conn, tenant_id, ids, owners).await
    }

    async fn by_number(_: &mut PgConnection, _: Uuid, _: &[String]) -> Result<Vec<(String, Uuid)>> {
        Ok(Vec::new())
    }

    async fn insert(conn: &mut PgConnection, contacts: &[Self]) -> Result<()> {
        store::insert(conn, contacts).await
    }

    async fn update(conn: &mut PgConnection, contacts: &[Self]) -> Result<()> {
        store::update(conn, contacts).await
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
                return Err(Error::not_found(account::COLLECTION, id));
            }
            store::tie(tx.conn(), tenant, &added).await?;
        }
        if !removed.is_empty() {
            store::untie(tx.conn(), tenant, &removed).await?;
        }
        Ok(())
    }
}
