//! Carries submissions to the platform and decisions to their objects: a job for each submission, which does the next step until there is none.

use std::sync::Arc;

use crm_kit_api::{Call, Error, Result, clock::Clock};
use crm_kit_pg::{
    Db,
    follow::Followers,
    jobs::{Job, Verdict, Worker},
};
use crm_kit_record::custom_field::refresh::server_call;
use crm_kit_rpc::peer::{Errand, Peers, Wire, failure};
use crm_proto::crm::platform::v1::{
    ApprovalRequest, SubmitApprovalRequest, WithdrawApprovalRequest,
    approval_service_client::ApprovalServiceClient,
};
use futures::{FutureExt as _, future::BoxFuture};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Code, Status};
use uuid::Uuid;

use super::{
    follow,
    model::{Stage, Submission},
    store,
};

/// Kind of the jobs; their record is the submission.
pub const JOB: &str = "approval";

/// What a decision means for an object: a transaction of its own, which holds the object, [`claim`](super::claim)s the decision and writes what
/// it makes of the object. Called with the object's id and revision when the platform has the request and when it is decided, and maybe more than once.
pub type Settle = Arc<dyn Fn(Call, (Uuid, i64)) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A kind of object.
#[derive(Clone)]
pub struct Target {
    /// Its kind at the platform, for example `sales.quotes`.
    pub object_type: &'static str,
    /// What a decision means for it.
    pub settle: Settle,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Target").field(&self.object_type).finish()
    }
}

/// The approvals of the service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Approvals {
    db: Db,
    clock: Clock,
    peers: Peers,
    targets: Arc<[Target]>,
}

impl Approvals {
    /// The approvals of these kinds of objects.
    pub fn new(db: Db, clock: Clock, peers: Peers, targets: Vec<Target>) -> Self {
        Self { db, clock, peers, targets: targets.into() }
    }

    /// Starts carrying submissions and following decisions.
    pub fn spawn(
        &self,
        followers: &Followers,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Result<()> {
        let follower = follow::follower(self.db.clone(), self.clock.clone(), &self.peers)?;
        followers.start(follower, tasks, shutdown);
        let approvals = self.clone();
        let worker = Worker::new(self.db.clone(), self.clock.clone(), JOB);
        worker.spawn(tasks, shutdown.clone(), move |job| {
            let approvals = approvals.clone();
            Box::pin(async move { approvals.work(job).await })
        });
        Ok(())
    }

    /// Does what is next for a submission until it waits for a decision or is settled.
    pub async fn work(&self, job: &Job) -> Result<Verdict> {
        while let Some(submission) = self.begin(job).await? {
            if submission.is(Stage::Wanted) {
                let answer = self.submit(&submission).await;
                self.note(job, answer).await?;
            } else if submission.is(Stage::TakenBack) {
                self.withdraw(&submission).await?;
                self.end(job).await?;
            } else if submission.is(Stage::Decided) {
                self.settle(&submission).await?;
                // An object that is gone, or was moved on by somebody else, leaves nothing to settle.
                self.end(job).await?;
            } else if submission.is(Stage::Carried) {
                // The object learns which request runs, and waits.
                self.settle(&submission).await?;
                break;
            } else {
                break;
            }
        }
        Ok(Verdict::Done)
    }

    /// The submission, with the note that the platform may know of it from now on.
    async fn begin(&self, job: &Job) -> Result<Option<Submission>> {
        self.step(job, |submission| submission.tried |= submission.is(Stage::Wanted)).await
    }

    /// Notes that nothing is left to do.
    async fn end(&self, job: &Job) -> Result<()> {
        self.step(job, |submission| submission.state = Stage::Settled.stored()).await.map(drop)
    }

    /// Notes what the platform says to a submission. An answer that may come of its state of health is an error, and the job asks again.
    async fn note(&self, job: &Job, answer: Result<ApprovalRequest, Status>) -> Result<()> {
        let answer = match answer {
            Err(status) if !is_refusal(&status) => return Err(failure("the platform service", status)),
            answer => answer,
        };
        self.step(job, move |submission| match &answer {
            Ok(request) => submission.is_answered(request),
            Err(status) => submission.is_refused(status.message()),
        })
        .await
        .map(drop)
    }

    /// Changes a submission in a transaction; returns it as it is then.
    async fn step(
        &self,
        job: &Job,
        change: impl Fn(&mut Submission) + Send + Sync,
    ) -> Result<Option<Submission>> {
        let (tenant, id, change) = (job.tenant_id, job.id, &change);
        self.db
            .for_tenant(tenant, move |tx| {
                async move {
                    let Some(mut submission) = store::lock(tx.conn(), tenant, id).await? else {
                        return Ok(None);
                    };
                    change(&mut submission);
                    store::save(tx.conn(), &submission).await?;
                    Ok(Some(submission))
                }
                .boxed()
            })
            .await
    }

    /// Asks the platform in the name of the submitter.
    async fn submit(&self, submission: &Submission) -> Result<ApprovalRequest, Status> {
        let request = SubmitApprovalRequest {
            object_type: submission.object_type.clone(),
            object_id: submission.object_id.to_string(),
            object_revision: submission.object_revision,
            display_name: submission.display_name.clone(),
            values: Some(submission.submitted.to_wire()),
            comment: submission.comment.clone(),
            submitter_id: submission.submitter_id.to_string(),
        };
        let mut platform = ApprovalServiceClient::new(self.platform(submission)?);
        platform.submit_approval(request).await.map(tonic::Response::into_inner)
    }

    /// Tells the platform that a submission is taken back. One that it may or may not know is submitted again first, which tells its request.
    async fn withdraw(&self, submission: &Submission) -> Result<()> {
        let id = match submission.request_id {
            Some(id) => id.to_string(),
            None => match self.submit(submission).await {
                Ok(request) => request.id,
                Err(status) => return ended(status),
            },
        };
        let mut platform = ApprovalServiceClient::new(self.platform(submission)?);
        match platform.withdraw_approval(WithdrawApprovalRequest { id, comment: String::new() }).await {
            Err(status) => ended(status),
            Ok(_) => Ok(()),
        }
    }

    async fn settle(&self, submission: &Submission) -> Result<()> {
        let target = self.targets.iter().find(|target| target.object_type == submission.object_type);
        let target = target.ok_or_else(|| Error::bug("a submission of an unknown kind of object"))?;
        let call = server_call(submission.tenant_id, self.clock.now(), "job/approval");
        (target.settle)(call, (submission.object_id, submission.object_revision)).await
    }

    fn platform(&self, submission: &Submission) -> Result<Wire> {
        let tenant = submission.submitted.tenant.clone();
        let errand = Errand::in_tenant(submission.tenant_id, tenant, &format!("approval/{}", submission.id));
        self.peers.on("platform", errand.on_behalf_of(submission.submitter_id))
    }
}

/// Whether a request that cannot be withdrawn has ended: what was decided meanwhile, or never taken, need not be withdrawn. One that this service is denied to
/// withdraw still runs, and the job asks again.
fn ended(status: Status) -> Result<()> {
    if is_refusal(&status) && status.code() != Code::PermissionDenied {
        return Ok(());
    }
    Err(failure("the platform service", status))
}

/// Whether an answer is about the request itself, so that asking again brings the same.
fn is_refusal(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::NotFound
            | Code::OutOfRange
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_may_not_be_withdrawn_still_runs() {
        for (code, is_over) in [
            (Code::FailedPrecondition, true),
            (Code::NotFound, true),
            (Code::PermissionDenied, false),
            (Code::Unauthenticated, false),
            (Code::Unavailable, false),
            (Code::DeadlineExceeded, false),
        ] {
            assert_eq!(ended(Status::new(code, "")).is_ok(), is_over, "{code:?}");
        }
        // What is not taken at all is told to its submitter.
        assert!(is_refusal(&Status::permission_denied("")));
    }
}
