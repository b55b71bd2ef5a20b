//! Use cases of scans.

use crm_kit_api::{
    Call, Error, Result,
    clock::Clock,
    id,
    page::{self, Binding, Token},
};
use crm_kit_pg::{Change, ChangeKind, Db, Tx, jobs};
use crm_proto::crm::customer::v1::{
    DuplicateScan as Wire, DuplicateScanEnded, DuplicateScanStarted, duplicate_scan::State,
};
use tokio_util::sync::CancellationToken;

use super::{COLLECTION, JOB_KIND, convert, model::Scan, store};

/// The use cases. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DuplicateScans {
    /// The service's database.
    pub db: Db,
    /// Tells the time.
    pub clock: Clock,
    /// Cancelled when the process ends.
    pub shutdown: CancellationToken,
}

impl DuplicateScans {
    /// One scan.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Wire> {
        let (id, tenant) = (id::parse("id", id)?, call.tenant_id());
        let found = self
            .db
            .read(call, move |tx| Box::pin(async move { store::get(tx.conn(), tenant, id).await }))
            .await?;
        found.as_ref().map(convert::to_wire).ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// A page of scans, newest first, and the token of the next one.
    pub async fn list(&self, call: &Call, size: i32, token: &str) -> Result<(Vec<Wire>, String)> {
        let (tenant, size) = (call.tenant_id(), page::size(size));
        let binding = Binding::new(tenant, &[COLLECTION]);
        let before = Token::decode(token, binding, 0)?.map(|token| token.id);
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let mut found = self
            .db
            .read(call, move |tx| {
                Box::pin(async move { store::list(tx.conn(), tenant, before, limit).await })
            })
            .await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|scan| Token { keys: Vec::new(), id: scan.id });
        let next = last.map(|token| token.encode(binding)).unwrap_or_default();
        Ok((found.iter().map(convert::to_wire).collect(), next))
    }

    /// Starts a scan.
    pub async fn create(&self, call: &Call, wire: &Wire) -> Result<Wire> {
        let scan = &convert::read(call, wire)?;
        self.db
            .write(call, "create", move |tx| {
                Box::pin(async move {
                    store::insert(tx.conn(), scan).await?;
                    jobs::enqueue(tx.conn(), scan.tenant_id, scan.id, JOB_KIND, call.now).await?;
                    Ok(tell_started(tx, scan))
                })
            })
            .await
    }
}

fn tell_started(tx: &mut Tx<'_>, scan: &Scan) -> Wire {
    let wire = convert::to_wire(scan);
    let event = DuplicateScanStarted { duplicate_scan: Some(wire.clone()) };
    tx.record(Change::new(COLLECTION, scan.id, ChangeKind::Create, &event).audited(None, Some(&wire)));
    wire
}

/// Tells how a scan ended, from what it was.
pub fn tell_ended(tx: &mut Tx<'_>, was: &Scan, scan: &Scan) {
    debug_assert_ne!(scan.state.0, State::Running, "a scan that runs has not ended");
    let (before, wire) = (convert::to_wire(was), convert::to_wire(scan));
    let event = DuplicateScanEnded { duplicate_scan: Some(wire.clone()) };
    let change = Change::new(COLLECTION, scan.id, ChangeKind::Update, &event);
    tx.record(change.audited(Some(&before), Some(&wire)));
}
