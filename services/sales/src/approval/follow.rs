//! Follows decisions of the platform: notes them on submissions of this service, and has a job settle their objects.

use std::sync::Arc;

use crm_kit_api::{Call, Result, clock::Clock};
use crm_kit_pg::{
    Db, Tx,
    follow::{Feed, Follower, Incoming},
    jobs,
};
use crm_kit_rpc::peer::Peers;
use crm_proto::crm::platform::v1::{ApprovalDecided, ApprovalRequest};
use uuid::Uuid;

use super::{carry::JOB, model::Stage, store};
use crate::app::NAME;

/// Name of the follower, under which its position is stored.
const FOLLOWER: &str = "approvals";

/// Follows the platform's approval requests.
pub fn follower(db: Db, clock: Clock, peers: &Peers) -> Result<Follower> {
    let feed =
        Feed { follower: FOLLOWER, service: NAME, source: "platform", collections: &["approvalRequests"] };
    let open = Arc::new(peers.events("platform")?);
    Ok(Follower::new(db, clock, feed, open, Arc::new(|tx, call, event| Box::pin(apply(tx, call, event)))))
}

async fn apply(tx: &mut Tx<'_>, call: &Call, event: &Incoming) -> Result<()> {
    let decided = event.payload::<ApprovalDecided>()?.and_then(|decided| decided.approval_request);
    match decided {
        // What users submit themselves is nothing that this service asked for.
        Some(request) if request.service == NAME => note(tx, call, &request).await,
        _ => Ok(()),
    }
}

/// Notes a decision once. One of other values than were submitted, or of a submission that is settled, is left aside; one of a submission that was taken back leaves
/// nothing to withdraw.
async fn note(tx: &mut Tx<'_>, call: &Call, request: &ApprovalRequest) -> Result<()> {
    let (tenant, Ok(object)) = (tx.tenant_id(), Uuid::try_parse(&request.object_id)) else { return Ok(()) };
    let object = (object, request.object_revision);
    let found = store::lock_of(tx.conn(), tenant, &request.object_type, object).await?;
    let Some(mut submission) = found else { return Ok(()) };
    if !submission.submitted.are(request.values.as_ref()) {
        return Ok(());
    }
    if submission.is(Stage::TakenBack) {
        submission.state = Stage::Settled.stored();
        return store::save(tx.conn(), &submission).await;
    }
    if !submission.is(Stage::Wanted) && !submission.is(Stage::Carried) {
        return Ok(());
    }
    submission.is_answered(request);
    store::save(tx.conn(), &submission).await?;
    jobs::enqueue(tx.conn(), tenant, submission.id, JOB, call.now).await
}
