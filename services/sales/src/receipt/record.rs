//! What is a receipt's own in the life of a record.

use crm_kit_api::{Call, Result, filter};
use crm_kit_pg::change::Telling;
use crm_kit_record::{Happening, Head, HeadMut, Kind, Record, Sent, custom_field::Fields};
use crm_proto::crm::sales::v1::Receipt as Wire;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{COLLECTION, Receipt, convert, events, files, schema, store};
use crate::{DOMAIN, relink};

impl Record for Receipt {
    type Wire = Wire;

    const KIND: &'static Kind = &Kind {
        domain: DOMAIN,
        collection: COLLECTION,
        field: "receipt",
        message: "crm.sales.v1.Receipt",
        table: "receipt",
        columns: store::COLUMNS,
        schema: &schema::SCHEMA,
        search: schema::SEARCH,
        default_order: schema::DEFAULT_ORDER,
        fixed: convert::FIXED,
        transfer: "sales.receipts.transfer",
        series: Some(("receipt", "R")),
        parent: None,
        parts: &[],
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

    fn filter_value(&self, path: &str) -> filter::Value<'_> {
        Self::filter_value(self, path)
    }

    fn event(wire: Wire, happening: Happening<Wire>) -> Telling {
        events::event(wire, happening)
    }

    fn may_delete(&self) -> Result<()> {
        Self::may_delete(self)
    }

    async fn insert(conn: &mut PgConnection, rows: &[Self]) -> Result<()> {
        store::insert(conn, rows).await
    }

    async fn update(conn: &mut PgConnection, rows: &[Self]) -> Result<()> {
        store::update(conn, rows).await
    }

    async fn drop_parts(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<()> {
        relink::store::drop_changes(conn, tenant_id, COLLECTION, ids).await
    }
}
