//! Who is asked at a node, and how a request gets from one node to the next.

use crm_kit_api::{Call, Result};
use crm_kit_pg::Tx;
use uuid::Uuid;

use super::{
    model::{Automatic, Request, State, Task, TaskState, Word},
    store,
};
use crate::approval_flow::model::{Approver, Definition, Mode, Node, WhenNobody, WhenSubmitter};

/// Whom a node asks.
struct Asked {
    /// Empty when the node is passed.
    approvers: Vec<Uuid>,
    mode: Mode,
    /// Whether the submitter's own agreement is taken as given.
    submitter_agrees: bool,
}

/// Brings a request to the first node from `index` (from 0) that asks somebody. Without one it is approved, by the last `word` if somebody
/// agreed.
pub async fn advance(
    tx: &mut Tx<'_>,
    call: &Call,
    request: &mut Request,
    (definition, index): (&Definition, usize),
    word: Option<Word<'_>>,
) -> Result<()> {
    for (index, node) in definition.nodes.iter().enumerate().skip(index) {
        let Asked { approvers, mode, submitter_agrees } = ask(tx, request.owner_id, node).await?;
        request.node = i32::try_from(index + 1).unwrap_or(i32::MAX);
        let skipped = submitter_agrees.then_some((request.owner_id, TaskState::Skipped));
        let waits = approvers.iter().enumerate().map(|(position, approver)| {
            let queued = mode == Mode::InSequence && position > 0;
            (*approver, if queued { TaskState::Queued } else { TaskState::Waiting })
        });
        for (position, (approver_id, state)) in skipped.into_iter().chain(waits).enumerate() {
            request.tasks.push(Task {
                id: call.new_id(),
                create_time: call.now,
                node: request.node,
                node_name: node.display_name.clone(),
                mode,
                position: i32::try_from(position).unwrap_or(i32::MAX),
                approver_id,
                state,
                comment: String::new(),
                decide_time: None,
            });
        }
        if !approvers.is_empty() {
            return Ok(());
        }
    }
    if let Some(word) = word {
        request.end(State::Approved, word);
    } else {
        approve_at_once(call, request, Automatic::NobodyToAsk);
    }
    Ok(())
}

/// Approves a request that nobody has to agree to.
pub fn approve_at_once(call: &Call, request: &mut Request, reason: Automatic) {
    request.state = State::Approved;
    request.automatic_reason = reason;
    request.decide_time = Some(call.now);
}

async fn ask(tx: &mut Tx<'_>, submitter_id: Uuid, node: &Node) -> Result<Asked> {
    let tenant_id = tx.tenant_id();
    let superiors = store::superiors(tx.conn(), tenant_id, submitter_id).await?;
    let mut approvers = Vec::new();
    for approver in &node.approvers {
        let found = match approver {
            Approver::User(id) => store::working(tx.conn(), tenant_id, *id).await?,
            Approver::Role(id) => store::holders(tx.conn(), tenant_id, *id).await?,
            Approver::Superior(level) => superior(&superiors, *level).into_iter().collect(),
        };
        add(&mut approvers, found);
    }
    let mut submitter_agrees = false;
    if let Some(place) = approvers.iter().position(|approver| *approver == submitter_id) {
        match node.when_submitter {
            WhenSubmitter::Allow => {}
            WhenSubmitter::Skip => {
                approvers.remove(place);
                submitter_agrees = true;
                // One of any is enough, and the submitter is one.
                if node.mode == Mode::Any {
                    approvers.clear();
                }
            }
            WhenSubmitter::Superior => {
                approvers.remove(place);
                if let Some(instead) = superior(&superiors, 1).filter(|id| !approvers.contains(id)) {
                    approvers.insert(place, instead);
                }
            }
        }
    }
    if !approvers.is_empty() || submitter_agrees {
        return Ok(Asked { approvers, mode: node.mode, submitter_agrees });
    }
    let approvers = instead(tx, submitter_id, node).await?;
    Ok(Asked { approvers, mode: Mode::Any, submitter_agrees })
}

/// Whom a node asks that finds nobody. The submitter is among them only if the node allows it, or if nobody else is left.
async fn instead(tx: &mut Tx<'_>, submitter_id: Uuid, node: &Node) -> Result<Vec<Uuid>> {
    let tenant_id = tx.tenant_id();
    let may = |id: &Uuid| node.when_submitter == WhenSubmitter::Allow || *id != submitter_id;
    let mut found = match node.when_nobody {
        WhenNobody::Pass => return Ok(Vec::new()),
        WhenNobody::Administrator => Vec::new(),
        WhenNobody::User(id) => store::working(tx.conn(), tenant_id, id).await?,
    };
    found.retain(may);
    if !found.is_empty() {
        return Ok(found);
    }
    let mut administrators = store::administrators(tx.conn(), tenant_id).await?;
    if administrators.iter().any(may) {
        administrators.retain(may);
    }
    Ok(administrators)
}

/// The superior of a level, from 1, or the next above who can work.
fn superior(chain: &[(Uuid, bool)], level: usize) -> Option<Uuid> {
    chain.iter().skip(level.saturating_sub(1)).find(|(_, works)| *works).map(|(id, _)| *id)
}

fn add(approvers: &mut Vec<Uuid>, found: Vec<Uuid>) {
    for id in found {
        if !approvers.contains(&id) {
            approvers.push(id);
        }
    }
}
