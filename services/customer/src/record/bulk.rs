//! Bulk upsert streams: rows come in, results go out in the same order, in groups that are each one transaction.

use crm_kit_api::{Call, Error};
use crm_proto::{
    crm::customer::v1::{ExternalId as WireId, RowResult, row_result::Outcome},
    google::rpc::Status as WireStatus,
};
use futures::{Stream, StreamExt as _};
use prost::Message as _;
use prost_types::FieldMask;
use tonic::Status;

use super::{
    external_id::ExternalId,
    slice::{Record, Slice},
    upsert::{GROUP, Mode, Outcomes, Row, Written},
};

/// A row of a bulk call.
#[derive(Debug)]
pub struct BulkRow<W> {
    key: Option<WireId>,
    wire: W,
    mask: Option<FieldMask>,
}

/// A row of a bulk call from its parts.
pub fn row<W>(key: Option<WireId>, wire: W, mask: Option<FieldMask>) -> BulkRow<W> {
    BulkRow { key, wire, mask }
}

/// Writes rows as they come and tells what became of them. A group is written when it is full, when its next row names a record the group
/// already writes, or when no further row is at hand.
pub fn run<R: Record>(
    slice: Slice<R>,
    call: Call,
    rows: impl Stream<Item = Result<BulkRow<R::Wire>, Status>> + Send + 'static,
) -> impl Stream<Item = Result<Vec<RowResult>, Status>> + Send {
    let groups = rows.ready_chunks(GROUP);
    futures::stream::try_unfold((Box::pin(groups), 0_i64), move |(mut groups, index)| {
        let (slice, call) = (slice.clone(), call.clone());
        async move {
            let Some(group) = groups.next().await else { return Ok(None) };
            let mut results = Vec::with_capacity(group.len());
            for rows in split(group)? {
                let outcomes =
                    slice.upsert(&call, rows, &|_, _| Box::pin(std::future::ready(Ok(())))).await?;
                let next = index + i64::try_from(results.len()).unwrap_or(0);
                results.extend(tell(next, outcomes));
            }
            let next = index + i64::try_from(results.len()).unwrap_or(0);
            Ok(Some((results, (groups, next))))
        }
    })
}

/// Groups in which no key stands twice, so that rows of one record take effect in their order.
fn split<W: Default>(rows: Vec<Result<BulkRow<W>, Status>>) -> Result<Vec<Vec<Row<W>>>, Status> {
    let mut groups: Vec<Vec<Row<W>>> = vec![Vec::new()];
    let mut seen = std::collections::BTreeSet::new();
    for row in rows {
        let BulkRow { key, wire, mask } = row?;
        let key = key.map(|key| ExternalId { system: key.system, value: key.value });
        if !seen.insert(key.clone()) {
            seen.clear();
            seen.insert(key.clone());
            groups.push(Vec::new());
        }
        if let Some(group) = groups.last_mut() {
            group.push(Row { key, wire, mask, mode: Mode::Upsert });
        }
    }
    Ok(groups)
}

fn tell(first: i64, outcomes: Outcomes) -> impl Iterator<Item = RowResult> {
    outcomes.into_iter().zip(first..).map(|(outcome, index)| match outcome {
        Ok(Written { id, outcome }) => {
            RowResult { index, id: id.to_string(), outcome: outcome.into(), status: None }
        }
        Err(error) => RowResult {
            index,
            id: String::new(),
            outcome: Outcome::Failed.into(),
            status: Some(status(error)),
        },
    })
}

/// An error as the single call would carry it.
fn status(error: Error) -> WireStatus {
    let status = Status::from(error);
    WireStatus::decode(status.details()).unwrap_or_else(|_| WireStatus {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}
