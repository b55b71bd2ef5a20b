//! Sections of an overview that may be missing.

use std::time::{Duration, Instant};

use crm_kit_api::Call;
use crm_proto::crm::customer::v1::account_overview::{Gap, Reason};
use tonic::{Code, Status};

/// How long another service has for its section.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long before the end of its time an error is that of the end.
const MARGIN: Duration = Duration::from_millis(50);

/// A section that may be missing: which, of which service, and the right it takes.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    pub service: &'static str,
    pub name: &'static str,
    pub permission: &'static str,
}

impl Section {
    /// Whether the caller may read it.
    pub fn is_open_to(&self, call: &Call) -> bool {
        call.access.permissions.allows(self.permission)
    }

    /// The gap where it would be.
    pub fn gap(&self, reason: Reason) -> Gap {
        Gap { service: self.service.to_owned(), section: self.name.to_owned(), reason: reason.into() }
    }

    /// What another service tells, or why it tells nothing. A caller without the right is not asked for: a credential may allow less than its
    /// user has.
    pub async fn told<T>(
        &self,
        call: &Call,
        ask: impl AsyncFnOnce(Instant) -> Result<T, Status>,
    ) -> Result<T, Gap> {
        if !self.is_open_to(call) {
            return Err(self.gap(Reason::NoPermission));
        }
        let until = patience(call);
        match tokio::time::timeout_at(until.into(), ask(until)).await {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(status)) => {
                // A transport that gives up at the deadline tells so by a code of its own.
                let late = Instant::now() + MARGIN >= until;
                let reason = if late { Reason::Timeout } else { reason(status.code()) };
                if reason == Reason::Failed {
                    tracing::warn!(service = self.service, section = self.name, %status, "a section of an overview failed");
                }
                Err(self.gap(reason))
            }
            Err(_) => Err(self.gap(Reason::Timeout)),
        }
    }
}

/// Until when sections are waited for, so that the caller still gets the others.
fn patience(call: &Call) -> Instant {
    let now = Instant::now();
    let left = call.deadline.map(|deadline| deadline.saturating_duration_since(now).mul_f64(0.8));
    now + left.map_or(PATIENCE, |left| left.min(PATIENCE))
}

/// What a section holds; when it is missing, nothing, and the gap is noted.
pub fn or_gap<T: Default>(section: Result<T, Gap>, gaps: &mut Vec<Gap>) -> T {
    section.unwrap_or_else(|gap| {
        gaps.push(gap);
        T::default()
    })
}

fn reason(code: Code) -> Reason {
    match code {
        Code::DeadlineExceeded => Reason::Timeout,
        // Tonic tells a connection that breaks as unknown or cancelled.
        Code::Unavailable | Code::Cancelled | Code::ResourceExhausted | Code::Unknown => Reason::Unavailable,
        Code::PermissionDenied => Reason::NoPermission,
        _ => Reason::Failed,
    }
}
