//! Errors of rows: what is wrong, and the rows themselves, which go back to the caller in a file that can be mended and sent again.

use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crm_kit_table::{Cell, writer::ByteOrderMark, writer::CsvWriter, writer::WriteError};

/// Columns that the error file has besides those of the file.
const ADDED: [&str; 2] = ["error_code", "error_message"];

/// One fault of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// Line in the file.
    pub line: i64,
    /// Order among the faults of the line.
    pub seq: i32,
    /// Column name as it stands in the file; empty when the fault concerns the whole row.
    pub column_name: String,
    /// Field path.
    pub field: String,
    /// Machine reason.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// The row, with its first fault.
    pub cells: Option<Vec<String>>,
}

/// Faults as `jsonb_to_recordset` takes them.
#[derive(Serialize)]
struct Stored<'f> {
    line: i64,
    seq: i32,
    column_name: &'f str,
    field: &'f str,
    code: &'f str,
    message: &'f str,
    cells: Option<&'f [String]>,
}

/// Adds faults; lines that have some already keep them. Returns the number of lines that had none.
pub async fn add(conn: &mut PgConnection, tenant_id: Uuid, job_id: Uuid, faults: &[RowFault]) -> Result<i64> {
    if faults.is_empty() {
        return Ok(0);
    }
    let rows: Vec<Stored<'_>> = faults.iter().map(stored).collect();
    let lines = sqlx::query_scalar!(
        r#"
        WITH added AS (
            INSERT INTO import_error (tenant_id, job_id, line, seq, column_name, field, code, message, cells)
            SELECT $1, $2, f.line, f.seq, f.column_name, f.field, f.code, f.message, f.cells
            FROM jsonb_to_recordset($3) AS f (line bigint, seq integer, column_name text, field text, code text, message text, cells jsonb)
            ON CONFLICT ON CONSTRAINT import_error_pkey DO NOTHING
            RETURNING seq
        )
        SELECT count(*) FILTER (WHERE seq = 0) AS "lines!" FROM added
        "#,
        tenant_id,
        job_id,
        Json(rows) as _,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)?;
    Ok(lines)
}

/// Faults after a place, by line; with the rows only when they are wanted.
pub async fn list(
    conn: &mut PgConnection,
    (tenant_id, job_id): (Uuid, Uuid),
    after: (i64, i32),
    limit: i64,
    with_rows: bool,
) -> Result<Vec<RowFault>> {
    let rows = sqlx::query!(
        r#"
        SELECT line, seq, column_name, field, code, message,
               CASE WHEN $6 THEN cells END AS "cells: Json<Vec<String>>"
        FROM import_error
        WHERE tenant_id = $1 AND job_id = $2 AND (line, seq) > ($3, $4)
        ORDER BY line, seq LIMIT $5
        "#,
        tenant_id,
        job_id,
        after.0,
        after.1,
        limit,
        with_rows,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    let faults = rows.into_iter().map(|row| RowFault {
        line: row.line,
        seq: row.seq,
        column_name: row.column_name,
        field: row.field,
        code: row.code,
        message: row.message,
        cells: row.cells.map(|cells| cells.0),
    });
    Ok(faults.collect())
}

/// How many rows have a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultCount {
    /// Column name as it stands in the file.
    pub column_name: String,
    /// Field path.
    pub field: String,
    /// Machine reason.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// Number of rows.
    pub rows: i64,
    /// The first of them.
    pub first_line: i64,
}

/// Faults counted, the most frequent first.
pub async fn counts(
    conn: &mut PgConnection,
    (tenant_id, job_id): (Uuid, Uuid),
    most: i64,
) -> Result<Vec<FaultCount>> {
    sqlx::query_as!(
        FaultCount,
        r#"
        SELECT column_name, field, code, message, count(DISTINCT line) AS "rows!", min(line) AS "first_line!" FROM import_error
        WHERE tenant_id = $1 AND job_id = $2
        GROUP BY column_name, field, code, message
        ORDER BY count(DISTINCT line) DESC, min(line), column_name, message
        LIMIT $3
        "#,
        tenant_id,
        job_id,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Lines of a range that have faults.
pub async fn lines(
    conn: &mut PgConnection,
    (tenant_id, job_id): (Uuid, Uuid),
    (first, last): (i64, i64),
) -> Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"
        SELECT line FROM import_error
        WHERE tenant_id = $1 AND job_id = $2 AND line BETWEEN $3 AND $4 AND seq = 0
        "#,
        tenant_id,
        job_id,
        first,
        last,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Forgets the faults of the pass before.
pub async fn clear(conn: &mut PgConnection, tenant_id: Uuid, job_id: Uuid) -> Result<()> {
    sqlx::query!(r#"DELETE FROM import_error WHERE tenant_id = $1 AND job_id = $2"#, tenant_id, job_id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Forgets the rows and keeps the faults.
pub async fn forget_rows(conn: &mut PgConnection, tenant_id: Uuid, job_id: Uuid) -> Result<()> {
    sqlx::query!(
        r#"UPDATE import_error SET cells = NULL WHERE tenant_id = $1 AND job_id = $2 AND cells IS NOT NULL"#,
        tenant_id,
        job_id
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

fn stored(fault: &RowFault) -> Stored<'_> {
    Stored {
        line: fault.line,
        seq: fault.seq,
        column_name: &fault.column_name,
        field: &fault.field,
        code: &fault.code,
        message: &fault.message,
        cells: fault.cells.as_deref(),
    }
}

/// The text of one cell as it stood in the file, without what JSON in a table cannot hold.
pub fn raw(cell: &Cell) -> String {
    cell.display().replace('\0', "")
}

/// Makes the file of failed rows, piece by piece. A file that came from here loses its old reasons.
#[derive(Debug)]
pub struct ErrorFile {
    header: Vec<String>,
    kept: Vec<usize>,
    open: Option<(Vec<String>, Vec<String>, Vec<String>)>,
}

impl ErrorFile {
    /// A file for rows under a header.
    pub fn new(header: &[String]) -> Self {
        let kept: Vec<usize> =
            (0..header.len()).filter(|index| !ADDED.contains(&header[*index].as_str())).collect();
        Self { header: header.to_vec(), kept, open: None }
    }

    /// The header line.
    pub fn head(&self) -> Result<Vec<u8>, WriteError> {
        let names = self.kept.iter().map(|index| self.header[*index].as_str()).chain(ADDED);
        let mut writer = CsvWriter::new(Vec::new(), ByteOrderMark::Write)?;
        writer.write(&names.map(Cell::text).collect::<Vec<_>>())?;
        writer.finish()
    }

    /// The lines that are complete once these faults, which come by line, are known; every line, at the end.
    pub fn add(&mut self, faults: Vec<RowFault>, is_end: bool) -> Result<Vec<u8>, WriteError> {
        let mut writer = CsvWriter::new(Vec::new(), ByteOrderMark::Omit)?;
        for fault in faults {
            let told = if fault.column_name.is_empty() {
                fault.message.clone()
            } else {
                format!("{}: {}", fault.column_name, fault.message)
            };
            if let Some(cells) = fault.cells {
                self.close(&mut writer)?;
                self.open = Some((cells, vec![fault.code], vec![told]));
            } else if let Some((_, codes, messages)) = self.open.as_mut().filter(|_| fault.seq > 0) {
                codes.push(fault.code);
                messages.push(told);
            }
        }
        if is_end {
            self.close(&mut writer)?;
        }
        writer.finish()
    }

    fn close(&mut self, writer: &mut CsvWriter<Vec<u8>>) -> Result<(), WriteError> {
        let Some((cells, codes, messages)) = self.open.take() else { return Ok(()) };
        let kept = self.kept.iter().map(|index| cells.get(*index).cloned().unwrap_or_default());
        let row: Vec<Cell> = kept.chain([codes.join("; "), messages.join("; ")]).map(Cell::text).collect();
        writer.write(&row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: i64, seq: i32, code: &str, cells: Option<&[&str]>) -> RowFault {
        RowFault {
            line,
            seq,
            column_name: "Name".to_owned(),
            field: "display_name".to_owned(),
            code: code.to_owned(),
            message: "is wrong".to_owned(),
            cells: cells.map(|cells| cells.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn the_error_file_has_each_row_once_with_all_its_reasons() {
        let header = ["Name", "error_code", "Phone"].map(str::to_owned);
        let mut file = ErrorFile::new(&header);
        let mut bytes = file.head().unwrap();
        bytes.extend(file.add(vec![fault(2, 0, "A", Some(&["=x", "OLD", "1"]))], false).unwrap());
        bytes.extend(
            file.add(vec![fault(2, 1, "B", None), fault(5, 0, "C", Some(&["y", "", "2"]))], false).unwrap(),
        );
        bytes.extend(file.add(Vec::new(), true).unwrap());
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "\u{FEFF}Name,Phone,error_code,error_message\r\n'=x,1,A; B,Name: is wrong; Name: is wrong\r\ny,2,C,Name: is wrong\r\n"
        );
    }
}
