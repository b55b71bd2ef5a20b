//! A group of rows on its way into the database, and what is recorded of it in the same transaction: counters, faults, the line it ended with.

use std::sync::Arc;

use crm_kit_api::{Error, Result};
use crm_kit_pg::Tx;
use crm_proto::crm::record::v1::{import_job::State, row_result::Outcome};
use uuid::Uuid;

use super::{
    errors::{self, RowFault},
    model::Job,
    store,
};
use crate::{column::Column, column::Kind, column::read::CellFault};
use crate::{upsert::Outcomes, upsert::Row};
use crm_kit_table::Cell;

/// Which pass of which job, as which something is written.
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    pub tenant_id: Uuid,
    pub job_id: Uuid,
    pub pass: i64,
    pub state: State,
    pub round: i16,
}

impl Permit {
    /// The pass a job is in.
    pub fn of(job: &Job) -> Self {
        Self {
            tenant_id: job.tenant_id,
            job_id: job.id,
            pass: job.pass,
            state: job.state.0,
            round: job.round,
        }
    }
}

/// One row of a group, after reading.
#[derive(Debug)]
pub struct Entry {
    /// Line in the file.
    pub line: i64,
    /// Its cells.
    pub cells: Vec<Cell>,
    /// Why it is not written.
    pub faults: Vec<CellFault>,
    /// Whether this round has nothing to do with it.
    pub skipped: bool,
    /// Whether it waits for a record further down the file.
    pub waits: bool,
    /// Whether an earlier row of a dry run makes the record that this one would find.
    pub repeats: bool,
}

/// What is recorded of a group.
#[derive(Debug)]
pub struct Group {
    /// For which pass.
    pub permit: Permit,
    /// Its rows.
    pub entries: Vec<Entry>,
    /// Names of the file's columns.
    pub header: Arc<[String]>,
    /// Its columns.
    pub columns: Arc<[(usize, Column)]>,
    /// Name of the record's field in requests, which violations begin with.
    pub field: &'static str,
}

/// A group with the rows to write, which are those of its entries without faults.
#[derive(Debug)]
pub struct Batch<W> {
    pub group: Group,
    pub rows: Vec<Row<W>>,
}

/// The job, held, as long as the permit is good.
pub async fn hold(tx: &mut Tx<'_>, permit: Permit) -> Result<Job> {
    let Permit { tenant_id, job_id, pass, state, round } = permit;
    let job = store::lock(tx.conn(), tenant_id, job_id, None).await?;
    let good = job.filter(|job| (job.pass, job.state.0, job.round) == (pass, state, round));
    good.ok_or_else(Error::concurrent_change)
}

/// Records what became of the next rows of a group: of as many written ones as there are outcomes, and of the faulty ones between and after
/// them. Where the group stands is read from the job itself, so that parts of a group that are committed one after another go on where the
/// part before ended.
pub async fn record(
    tx: &mut Tx<'_>,
    group: &Group,
    outcomes: &Outcomes,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<()> {
    let mut job = hold(tx, group.permit).await?;
    let start = group.entries.partition_point(|entry| entry.line <= job.last_line);
    let mut outcomes = outcomes.iter();
    let mut faults = Vec::new();
    for entry in &group.entries[start..] {
        let wrong = if entry.skipped {
            Vec::new()
        } else if entry.faults.is_empty() {
            match outcomes.next() {
                None => break,
                Some(Ok(written)) => {
                    count(&mut job, group.permit.round, written.outcome, entry.repeats);
                    job.links_wait |= entry.waits;
                    Vec::new()
                }
                Some(Err(error)) => group.faults(error),
            }
        } else {
            entry.faults.clone()
        };
        faults.extend(group.row_faults(entry, wrong));
        job.last_line = entry.line;
        job.done_rows += i64::from(group.permit.round == 1);
    }
    job.failed_rows += errors::add(tx.conn(), job.tenant_id, job.id, &faults).await?;
    job.update_time = now;
    store::save(tx.conn(), &job).await
}

/// The second round writes nothing that was not counted.
fn count(job: &mut Job, round: i16, outcome: Outcome, repeats: bool) {
    match outcome {
        _ if round != 1 => {}
        Outcome::Created if repeats => job.updated_rows += 1,
        Outcome::Created => job.created_rows += 1,
        Outcome::Updated => job.updated_rows += 1,
        _ => job.unchanged_rows += 1,
    }
}

impl Group {
    /// What the database or the record's own rules have against a row.
    fn faults(&self, error: &Error) -> Vec<CellFault> {
        if error.violations().is_empty() {
            let is_key = matches!(error.reason(), "EXTERNAL_ID_TAKEN" | "NOT_FOUND");
            let key = self.columns.iter().find(|(_, column)| is_key && matches!(column.kind, Kind::Key));
            return vec![CellFault {
                column: key.map(|(index, _)| *index),
                field: key.map(|(_, column)| column.path.clone()).unwrap_or_default(),
                code: error.reason().to_owned(),
                message: error.message().to_owned(),
            }];
        }
        let faults = error.violations().iter().map(|violation| {
            let field = bare(&violation.field, self.field);
            let column = self.columns.iter().find(|(_, column)| column.holds(field));
            CellFault {
                column: column.map(|(index, _)| *index),
                field: column.map_or(field, |(_, column)| &column.path).to_owned(),
                code: violation.code.to_string(),
                message: violation.message.clone(),
            }
        });
        faults.collect()
    }

    fn row_faults(&self, entry: &Entry, faults: Vec<CellFault>) -> Vec<RowFault> {
        let numbered = (0_i32..).zip(faults).map(|(seq, fault)| RowFault {
            line: entry.line,
            seq,
            column_name: fault.column.and_then(|index| self.header.get(index)).cloned().unwrap_or_default(),
            field: fault.field,
            code: fault.code,
            message: fault.message,
            cells: (seq == 0).then(|| entry.cells.iter().map(errors::raw).collect()),
        });
        numbered.collect()
    }
}

/// A violation's field without the name of the record.
fn bare<'f>(field: &'f str, record: &str) -> &'f str {
    field.strip_prefix(record).and_then(|rest| rest.strip_prefix('.')).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Columns;
    use crate::custom_field::Fields;
    use crate::sample::FIRMS;

    fn group(paths: &[&str]) -> Group {
        let columns = Columns::new(&FIRMS, &Fields::default());
        let taken: Vec<_> = paths
            .iter()
            .enumerate()
            .map(|(index, path)| (index, columns.get(path).unwrap().clone()))
            .collect();
        Group {
            permit: Permit {
                tenant_id: Uuid::nil(),
                job_id: Uuid::nil(),
                pass: 1,
                state: State::Applying,
                round: 1,
            },
            entries: Vec::new(),
            header: paths.iter().map(|path| path.to_uppercase()).collect(),
            columns: taken.into(),
            field: "account",
        }
    }

    #[test]
    fn violations_find_the_column_they_come_from() {
        let group = group(&[
            "external_id",
            "phone",
            "billing_address.region_code",
            "tags",
            "annual_revenue",
            "parent_external_id",
        ]);
        for (field, column) in [
            ("account.phone", Some(1)),
            ("account.billing_address.region_code", Some(2)),
            ("account.tags[3]", Some(3)),
            ("account.annual_revenue.currency_code", Some(4)),
            ("account.parent_id", Some(5)),
            ("account.email", None),
        ] {
            let error = Error::invalid_field(field, "X", "is wrong");
            assert_eq!(group.faults(&error)[0].column, column, "{field}");
        }
        let taken = crate::external_id::taken(&FIRMS, "sap", "1");
        assert_eq!(
            (group.faults(&taken)[0].column, group.faults(&taken)[0].code.as_str()),
            (Some(0), "EXTERNAL_ID_TAKEN")
        );
    }
}
