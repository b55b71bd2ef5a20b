//! What is a contract's own in the life of a record.

use crm_kit_api::{Call, Result, filter};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::{
    Choice, Happening, Head, HeadMut, Kind, Record, Sent,
    custom_field::{Fields, refresh},
    recycle_bin::Gone,
};
use crm_proto::crm::sales::v1::{
    Contract as Wire,
    contract::{RenewalRule, State},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{COLLECTION, Contract, convert, events, files, machine, schema, store};
use crate::{
    DOMAIN,
    document::{
        self, Sheet,
        price::{self, Priced},
    },
    opportunity, relink,
};

impl Record for Contract {
    type Wire = Wire;

    const KIND: &'static Kind = &Kind {
        domain: DOMAIN,
        collection: COLLECTION,
        field: "contract",
        message: "crm.sales.v1.Contract",
        table: "contract",
        columns: store::COLUMNS,
        schema: &schema::SCHEMA,
        search: document::schema::SEARCH,
        default_order: document::schema::DEFAULT_ORDER,
        fixed: convert::FIXED,
        transfer: "sales.contracts.transfer",
        series: Some(("contract", "CT")),
        parent: None,
        parts: document::schema::PARTS,
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

    fn may_delete(&self) -> Result<()> {
        let is_first_draft = self.state.0 == State::Draft && self.version == 1;
        let is_free = is_first_draft || self.state.0 == State::Voided;
        if is_free { Ok(()) } else { Err(machine::refuse(self.state.0)) }
    }

    fn event(wire: Wire, happening: Happening<Wire>) -> Telling {
        events::event(wire, happening)
    }

    async fn settle(
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &Fields,
        rows: &[Self],
    ) -> Result<Option<Vec<Self>>> {
        price::settle(tx, call, fields, rows).await
    }

    async fn settle_changes<'r>(
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &Fields,
        changes: Vec<(&'r mut Self, &'r Self)>,
    ) -> Result<()> {
        price::settle_changes(tx, call, fields, changes).await
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
        let forgotten = |id: &mut Option<Uuid>| *id = id.filter(|id| !gone.ids.contains(id));
        match gone.collection {
            opportunity::COLLECTION => forgotten(&mut self.opportunity_id),
            "quotes" => forgotten(&mut self.quote_id),
            COLLECTION => {
                // The contract that followed was deleted, which is how notice is given: the server makes no other.
                if self.renewal_id.is_some_and(|id| gone.ids.contains(&id))
                    && self.renewal_rule.0 == RenewalRule::Automatic
                {
                    self.renewal_rule = Choice(RenewalRule::None);
                }
                forgotten(&mut self.renewal_id);
                forgotten(&mut self.renewal_of_id);
            }
            _ => {}
        }
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

impl Priced for Contract {
    fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    fn sheet_mut(&mut self) -> &mut Sheet {
        &mut self.sheet
    }

    fn priced(&mut self, call: &Call, fields: &Fields, _was: Option<&Self>) -> Result<()> {
        if !self.sheet.lines.is_empty() {
            self.amount = Some(self.sheet.totals.gross);
        }
        refresh::evaluate(fields, self, call.moment());
        Ok(())
    }
}
