//! What is an account's own in the life of a record.

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result, filter};
use crm_kit_pg::{Tx, change::Telling};
use crm_kit_record::{
    Happening, Head, HeadMut, Kind, Record, Sent, custom_field::Fields, hierarchy, recycle_bin::Gone,
};
use crm_proto::crm::customer::v1::Account as Wire;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Account, COLLECTION, convert, events, files, schema, store};
use crate::{DOMAIN, account_relation, duplicate, merge, ownership, pool::place::moves};

impl Record for Account {
    type Wire = Wire;

    const HANDED_OVER: bool = true;
    const KIND: &'static Kind = &Kind {
        domain: DOMAIN,
        collection: COLLECTION,
        field: "account",
        message: "crm.customer.v1.Account",
        table: "account",
        columns: store::COLUMNS,
        schema: &schema::SCHEMA,
        search: schema::SEARCH,
        default_order: schema::DEFAULT_ORDER,
        fixed: convert::FIXED,
        transfer: "customer.accounts.transfer",
        series: Some(("account", "A")),
        parent: None,
        parts: &[],
        files: files::FILES,
    };

    const REDIRECTS: bool = true;

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
        Sent { id: &wire.id, etag: &wire.etag, owner_id: &wire.owner_id, number: &wire.number }
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

    fn hand_over(&mut self, owner_id: Uuid, now: DateTime<Utc>) -> bool {
        (self.owner_id, self.claim_time) = (Some(owner_id), Some(now));
        true
    }

    fn filter_value(&self, path: &str) -> filter::Value<'_> {
        Self::filter_value(self, path)
    }

    fn event(wire: Wire, happening: Happening<Wire>) -> Telling {
        events::event(wire, happening)
    }

    async fn redirected(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>> {
        merge::store::redirected(conn, tenant_id, COLLECTION, ids).await
    }

    async fn insert(conn: &mut PgConnection, accounts: &[Self]) -> Result<()> {
        store::insert(conn, accounts).await
    }

    async fn update(conn: &mut PgConnection, accounts: &[Self]) -> Result<()> {
        store::update(conn, accounts).await
    }

    async fn referring(
        conn: &mut PgConnection,
        tenant_id: Uuid,
        gone: Gone<'_>,
        most: i64,
    ) -> Result<Vec<Uuid>> {
        match gone.collection {
            COLLECTION => store::below(conn, tenant_id, gone.ids, most).await,
            _ => Ok(Vec::new()),
        }
    }

    fn forget(&mut self, gone: Gone<'_>) {
        if gone.collection == COLLECTION {
            self.parent_id = self.parent_id.filter(|parent| !gone.ids.contains(parent));
        }
    }

    async fn tell_parts(tx: &mut Tx<'_>, _call: &Call, ids: &[Uuid]) -> Result<()> {
        account_relation::tell_dropped(tx, ids).await
    }

    async fn drop_parts(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<()> {
        merge::store::forget(conn, tenant_id, ids).await?;
        ownership::store::forget(conn, tenant_id, ids).await?;
        duplicate::store::forget(conn, tenant_id, ids).await
    }

    /// Notes who had the accounts, and checks parents that are new.
    async fn link(tx: &mut Tx<'_>, call: &Call, accounts: &[Self], was: &[Self]) -> Result<()> {
        ownership::follow(tx, call, COLLECTION, moves(accounts, was)).await?;
        let (children, parents) =
            hierarchy::changed(accounts, was, |account| account.id, |account| account.parent_id);
        if parents.is_empty() {
            return Ok(());
        }
        let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
        if !was.is_empty() {
            hierarchy::hold(tx.conn(), tenant, COLLECTION).await?;
        }
        let fault = store::parent_fault(tx.conn(), tenant, (&children, &parents), owners).await?;
        fault.map_or(Ok(()), |fault| Err(fault.into_error(COLLECTION, "account.parent_id")))
    }
}
