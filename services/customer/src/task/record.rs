//! What is a task's own in the life of a record.

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result, filter};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::{Happening, Head, HeadMut, Kind, Record, Sent, custom_field::Fields, recycle_bin::Gone};
use crm_proto::crm::customer::v1::Task as Wire;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{COLLECTION, Task, convert, events, files, model, ops, schema, store};
use crate::{DOMAIN, activity::about};

impl Record for Task {
    type Wire = Wire;

    const HANDED_OVER: bool = true;
    const KIND: &'static Kind = &Kind {
        domain: DOMAIN,
        collection: COLLECTION,
        field: "task",
        message: "crm.customer.v1.Task",
        table: "task",
        columns: store::COLUMNS,
        schema: &schema::SCHEMA,
        search: schema::SEARCH,
        default_order: schema::DEFAULT_ORDER,
        fixed: convert::FIXED,
        transfer: "customer.tasks.transfer",
        series: None,
        parent: None,
        parts: schema::PARTS,
        files: files::FILES,
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
        Sent { id: &wire.id, etag: &wire.etag, owner_id: &wire.owner_id, number: "" }
    }

    fn head(&self) -> Head<'_> {
        Head {
            id: self.id,
            owner_id: Some(self.owner_id),
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

    /// A task that has ended stays with who ended it.
    fn hand_over(&mut self, owner_id: Uuid, _now: DateTime<Utc>) -> bool {
        let moves = model::is_open(self.state.0);
        if moves {
            self.owner_id = owner_id;
        }
        moves
    }

    fn filter_value(&self, path: &str) -> filter::Value<'_> {
        Self::filter_value(self, path)
    }

    fn derive(wire: &mut Wire, now: DateTime<Utc>) {
        ops::derive(wire, now);
    }

    fn event(wire: Wire, happening: Happening<Wire>) -> Telling {
        events::event(wire, happening)
    }

    async fn insert(conn: &mut PgConnection, tasks: &[Self]) -> Result<()> {
        store::insert(conn, tasks).await
    }

    async fn update(conn: &mut PgConnection, tasks: &[Self]) -> Result<()> {
        store::update(conn, tasks).await
    }

    async fn referring(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        gone: Gone<'_>,
        most: i64,
    ) -> Result<Vec<Uuid>> {
        store::referring(conn, tenant_id, gone, most).await
    }

    fn forget(&mut self, gone: Gone<'_>) {
        Self::forget(self, gone);
    }

    /// Checks what a task is newly about.
    async fn link(tx: &mut Tx<'_>, call: &Call, tasks: &[Self], was: &[Self]) -> Result<()> {
        let added = about::added(tasks, was, Self::references);
        if added.is_empty() { Ok(()) } else { about::check(tx, call, &added).await }
    }
}
