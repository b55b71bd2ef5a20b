//! What is a lead's own in the life of a record.

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result, filter};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::{Happening, Head, HeadMut, Kind, Record, Sent, custom_field::Fields, recycle_bin::Gone};
use crm_proto::crm::customer::v1::{Lead as Wire, lead::Status};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{COLLECTION, Lead, convert, events, files, model::StatusChange, schema, store};
use crate::{DOMAIN, assignment_rule::apply, merge, ownership, pool::place::moves};

impl Record for Lead {
    type Wire = Wire;

    const HANDED_OVER: bool = true;
    const KIND: &'static Kind = &Kind {
        domain: DOMAIN,
        collection: COLLECTION,
        field: "lead",
        message: "crm.customer.v1.Lead",
        table: "lead",
        columns: store::COLUMNS,
        schema: &schema::SCHEMA,
        search: schema::SEARCH,
        default_order: schema::DEFAULT_ORDER,
        fixed: convert::FIXED,
        transfer: "customer.leads.transfer",
        series: Some(("lead", "A")),
        parent: None,
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

    /// A converted lead stays with who converted it; of others the status stays.
    fn hand_over(&mut self, owner_id: Uuid, now: DateTime<Utc>) -> bool {
        let moves = self.status.0 != Status::Converted;
        if moves {
            (self.owner_id, self.claim_time) = (Some(owner_id), Some(now));
        }
        moves
    }

    fn filter_value(&self, path: &str) -> filter::Value<'_> {
        Self::filter_value(self, path)
    }

    fn event(wire: Wire, happening: Happening<Wire>) -> Telling {
        events::event(wire, happening)
    }

    async fn drop_parts(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<()> {
        merge::store::forget(conn, tenant_id, ids).await?;
        ownership::store::forget(conn, tenant_id, ids).await
    }

    async fn redirected(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>> {
        merge::store::redirected(conn, tenant_id, COLLECTION, ids).await
    }

    async fn insert(conn: &mut PgConnection, leads: &[Self]) -> Result<()> {
        store::insert(conn, leads).await
    }

    async fn update(conn: &mut PgConnection, leads: &[Self]) -> Result<()> {
        store::update(conn, leads).await
    }

    async fn referring(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        gone: Gone<'_>,
        most: i64,
    ) -> Result<Vec<Uuid>> {
        match gone.collection {
            COLLECTION => store::repeating(conn, tenant_id, gone.ids, most).await,
            _ => Ok(Vec::new()),
        }
    }

    /// A duplicate stays one. What a lead was converted to stays named when that is purged, for attribution.
    fn forget(&mut self, gone: Gone<'_>) {
        if gone.collection == COLLECTION {
            self.duplicate_of_id = self.duplicate_of_id.filter(|original| !gone.ids.contains(original));
        }
    }

    /// Gives leads that came in without an owner to whom the rules say, or else to their creator.
    async fn settle(
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &Fields,
        leads: &[Self],
    ) -> Result<Option<Vec<Self>>> {
        if leads.iter().all(|lead| lead.owner_id.is_some() || lead.pool_id.is_some()) {
            return Ok(None);
        }
        let mut leads = leads.to_vec();
        apply::apply(tx, call, fields, &mut leads).await?;
        Ok(Some(leads))
    }

    /// A converted lead stays, for attribution and for rates.
    fn may_delete(&self) -> Result<()> {
        convert::may_change(self)
    }

    /// Stores who had the leads, and how they came to their status.
    async fn link(tx: &mut Tx<'_>, call: &Call, leads: &[Self], was: &[Self]) -> Result<()> {
        ownership::follow(tx, call, COLLECTION, moves(leads, was)).await?;
        let changes = leads.iter().enumerate();
        let changes = changes.flat_map(|(index, lead)| lead.status_changes(was.get(index), call.caller_id()));
        let changes: Vec<StatusChange> = changes.collect();
        if changes.is_empty() {
            return Ok(());
        }
        store::add_status_changes(tx.conn(), &changes).await
    }
}
