//! Bulk upsert streams: rows come in, results go out in the same order, in groups that are each one transaction.

use std::{collections::BTreeSet, time::Instant};

use chrono::TimeDelta;
use crm_kit_api::{Call, Error};
use crm_kit_rpc::rows::RowChecks;
use crm_proto::{
    crm::record::v1::{RowResult, row_result::Outcome},
    google::rpc::Status as WireStatus,
    standard,
};
use futures::{Stream, StreamExt as _};
use prost::Message as _;

use tonic::Status;

use crate::{
    Record, Slice,
    external_id::ExternalId,
    upsert::{GROUP, Mode, Outcomes, Row, Written},
};

/// Writes rows as they come and tells what became of them. A group is written when it is full, when its next row names a record the group
/// already writes, or when no further row is at hand. A row that breaks a bound of the contract, which `checks` tells, fails alone. A stream that
/// breaks ends with an error that names the row, after the rows before it were written and told.
pub fn run<R: Record>(
    slice: Slice<R>,
    call: Call,
    checks: RowChecks,
    rows: impl Stream<Item = Result<standard::Row<R::Wire>, Status>> + Send + 'static,
) -> impl Stream<Item = Result<Vec<RowResult>, Status>> + Send {
    let started = Instant::now();
    let rows = rows.map(move |row| row.map(|row| (row, checks.next_fault())));
    let groups = Box::pin(rows.ready_chunks(GROUP));
    futures::stream::try_unfold((groups, 0_i64, None), move |(mut groups, index, fault)| {
        let slice = slice.clone();
        // Rows that come later are written later.
        let now = call.now + TimeDelta::from_std(started.elapsed()).unwrap_or_default();
        let call = Call { now, ..call.clone() };
        async move {
            if let Some(fault) = fault {
                return Err(fault);
            }
            let Some(group) = groups.next().await else { return Ok(None) };
            let (rows, fault) = until_fault(group);
            let (good, faults): (Vec<_>, Vec<_>) =
                rows.into_iter().map(|(row, fault)| (fault.is_none().then_some(row), fault)).unzip();
            let mut written = Vec::with_capacity(good.len());
            for rows in split(good.into_iter().flatten()) {
                written
                    .extend(slice.upsert(&call, rows, &|_, _| Box::pin(std::future::ready(Ok(())))).await?);
            }
            let mut written = written.into_iter();
            let outcomes = faults.into_iter().filter_map(|fault| fault.map(Err).or_else(|| written.next()));
            let results: Vec<RowResult> = tell(index, outcomes.collect()).collect();
            let next = index + i64::try_from(results.len()).unwrap_or(0);
            let fault = fault.map(|fault| at_row(next, &fault));
            Ok(Some((results, (groups, next, fault))))
        }
    })
}

/// The rows before the first fault, and the fault.
fn until_fault<T>(group: Vec<Result<T, Status>>) -> (Vec<T>, Option<Status>) {
    let mut rows = Vec::with_capacity(group.len());
    for row in group {
        match row {
            Ok(row) => rows.push(row),
            Err(fault) => return (rows, Some(fault)),
        }
    }
    (rows, None)
}

/// The fault, naming its row.
fn at_row(index: i64, fault: &Status) -> Status {
    let message = format!("row {index}: {}", fault.message());
    Status::with_details(fault.code(), message, fault.details().to_vec().into())
}

/// Groups in which no key stands twice, so that rows of one record take effect in their order.
fn split<W: Default>(rows: impl Iterator<Item = standard::Row<W>>) -> Vec<Vec<Row<W>>> {
    let mut groups: Vec<Vec<Row<W>>> = vec![Vec::new()];
    let mut seen = BTreeSet::new();
    for standard::Row { key, wire, mask } in rows {
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
    groups
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
