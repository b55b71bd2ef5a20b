//! What is an opportunity's own in the life of a record.

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result, filter};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::{Happening, Head, HeadMut, Kind, Record, Sent, custom_field::Fields};
use crm_proto::crm::sales::v1::{Opportunity as Wire, opportunity::State};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{COLLECTION, Opportunity, convert, events, files, schema, store};
use crate::{DOMAIN, document::price, relink};

impl Record for Opportunity {
    type Wire = Wire;

    const HANDED_OVER: bool = true;
    const KIND: &'static Kind = &Kind {
        domain: DOMAIN,
        collection: COLLECTION,
        field: "opportunity",
        message: "crm.sales.v1.Opportunity",
        table: "opportunity",
        columns: store::COLUMNS,
        schema: &schema::SCHEMA,
        search: schema::SEARCH,
        default_order: schema::DEFAULT_ORDER,
        fixed: convert::FIXED,
        transfer: "sales.opportunities.transfer",
        series: Some(("opportunity", "O")),
        parent: None,
        parts: schema::PARTS,
        files: files::FILES,
    };

    fn fresh(call: &Call, number: String) -> Self {
        convert::fresh(call, number)
    }

    fn read(call: &Call, fields: &Fields, wire: Wire, base: Self) -> Result<Self> {
        convert::read(call, fields, wire, base)
    }

    fn to_wire(&self, fields: &Fields) -> Wire {
        convert::to_wire(self, fields)
    }

    fn sent(wire: &Wire) -> Sent<'_> {
        Sent { id: &wire.id, etag: &wire.etag, number: &wire.number, owner_id: &wire.owner_id }
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

    /// A deal that is closed stays with who closed it.
    fn hand_over(&mut self, owner_id: Uuid, _now: DateTime<Utc>) -> bool {
        let moves = self.state.0 == State::Open;
        if moves {
            self.owner_id = owner_id;
        }
        moves
    }

    fn filter_value(&self, path: &str) -> filter::Value<'_> {
        Self::filter_value(self, path)
    }

    fn event(wire: Wire, happening: Happening<Wire>) -> Telling {
        events::event(wire, happening)
    }

    async fn settle(
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &Fields,
        deals: &[Self],
    ) -> Result<Option<Vec<Self>>> {
        price::settle(tx, call, fields, deals).await
    }

    async fn settle_changes<'r>(
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &Fields,
        changes: Vec<(&'r mut Self, &'r Self)>,
    ) -> Result<()> {
        price::settle_changes(tx, call, fields, changes).await
    }

    async fn insert(conn: &mut PgConnection, deals: &[Self]) -> Result<()> {
        store::insert(conn, deals).await
    }

    async fn update(conn: &mut PgConnection, deals: &[Self]) -> Result<()> {
        store::update(conn, deals).await
    }

    async fn drop_parts(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<()> {
        relink::store::drop_changes(conn, tenant_id, COLLECTION, ids).await
    }
}
