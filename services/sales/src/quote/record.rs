//! What is a quote's own in the life of a record.

use crm_kit_api::{Call, Error, Result, filter};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::{Happening, Head, HeadMut, Kind, Record, Sent, custom_field::Fields, recycle_bin::Gone};
use crm_proto::crm::sales::v1::{Quote as Wire, quote::State};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{COLLECTION, Quote, convert, events, files, life, schema, store};
use crate::{
    DOMAIN,
    document::{
        self, Sheet,
        price::{self, Priced},
    },
    opportunity, relink,
};

impl Record for Quote {
    type Wire = Wire;

    const KIND: &'static Kind = &Kind {
        domain: DOMAIN,
        collection: COLLECTION,
        field: "quote",
        message: "crm.sales.v1.Quote",
        table: "quote",
        columns: store::COLUMNS,
        schema: &schema::SCHEMA,
        search: document::schema::SEARCH,
        default_order: document::schema::DEFAULT_ORDER,
        fixed: convert::FIXED,
        transfer: "sales.quotes.transfer",
        series: Some(("quote", "Q")),
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

    async fn settle(
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &Fields,
        quotes: &[Self],
    ) -> Result<Option<Vec<Self>>> {
        price::settle(tx, call, fields, quotes).await
    }

    async fn settle_changes<'r>(
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &Fields,
        changes: Vec<(&'r mut Self, &'r Self)>,
    ) -> Result<()> {
        price::settle_changes(tx, call, fields, changes).await
    }

    async fn insert(conn: &mut PgConnection, quotes: &[Self]) -> Result<()> {
        store::insert(conn, quotes).await
    }

    async fn update(conn: &mut PgConnection, quotes: &[Self]) -> Result<()> {
        store::update(conn, quotes).await
    }

    async fn drop_parts(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<()> {
        relink::store::drop_changes(conn, tenant_id, COLLECTION, ids).await
    }

    fn may_delete(&self) -> Result<()> {
        match self.state.0 {
            state @ (State::InApproval | State::Accepted) => Err(life::in_state(state)),
            _ => Ok(()),
        }
    }

    /// A quote that comes to a deal comes to one that is live and that the caller sees.
    async fn link(tx: &mut Tx<'_>, call: &Call, quotes: &[Self], was: &[Self]) -> Result<()> {
        let before =
            |quote: &Self| was.iter().find(|was| was.id == quote.id).and_then(|was| was.opportunity_id);
        let new = quotes.iter().filter(|quote| quote.opportunity_id != before(quote));
        let deals: Vec<Uuid> = new.filter_map(|quote| quote.opportunity_id).collect();
        if deals.is_empty() {
            return Ok(());
        }
        let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
        let live = store::live_deals(tx.conn(), tenant, &deals, owners).await?;
        match deals.iter().find(|deal| !live.contains(deal)) {
            Some(deal) => Err(Error::not_found(opportunity::COLLECTION, deal)),
            None => Ok(()),
        }
    }

    async fn referring(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        gone: Gone<'_>,
        most: i64,
    ) -> Result<Vec<Uuid>> {
        match gone.collection {
            opportunity::COLLECTION => store::of_deals(conn, tenant_id, gone.ids, most).await,
            _ => Ok(Vec::new()),
        }
    }

    fn forget(&mut self, gone: Gone<'_>) {
        if gone.collection == opportunity::COLLECTION {
            self.opportunity_id = self.opportunity_id.filter(|deal| !gone.ids.contains(deal));
        }
    }
}

impl Priced for Quote {
    fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    fn sheet_mut(&mut self) -> &mut Sheet {
        &mut self.sheet
    }
}
