//! The file on its way out: rows are written to a temporary file on a blocking thread, while the next page is read.

use std::io::{BufWriter, Read as _, Seek as _, Write as _};

use crm_kit_api::{Error, Result};
use crm_proto::crm::record::v1::export_job::FileKind;
use tempfile::NamedTempFile;
use tokio::{sync::mpsc, task::JoinHandle};

use crm_kit_table::{Cell, writer::ByteOrderMark, writer::CsvWriter, writer::WriteError, writer::XlsxWriter};

/// Bytes of a chunk.
pub const CHUNK: usize = 512 << 10;
/// Pages that wait to be written.
const AHEAD: usize = 2;

type Rows = Vec<Vec<Cell>>;

/// A file that is being written.
#[derive(Debug)]
pub struct Sheet {
    rows: mpsc::Sender<Rows>,
    writing: JoinHandle<Result<NamedTempFile, WriteError>>,
}

impl Sheet {
    /// Starts a file of a kind.
    pub fn start(kind: FileKind, name: &'static str) -> Self {
        let (sender, rows) = mpsc::channel(AHEAD);
        let writing = tokio::task::spawn_blocking(move || match kind {
            FileKind::Xlsx => workbook(rows, name),
            _ => text(rows),
        });
        Self { rows: sender, writing }
    }

    /// Adds rows; `false` when the file cannot be written any more, which [`Sheet::finish`] explains.
    pub async fn add(&self, rows: Rows) -> bool {
        self.rows.send(rows).await.is_ok()
    }

    /// Ends the file.
    pub async fn finish(self) -> Result<Result<NamedTempFile, WriteError>> {
        drop(self.rows);
        self.writing.await.map_err(Error::internal)
    }
}

fn text(mut rows: mpsc::Receiver<Rows>) -> Result<NamedTempFile, WriteError> {
    let file = NamedTempFile::new().map_err(WriteError::Io)?;
    let mut writer = CsvWriter::new(BufWriter::new(file), ByteOrderMark::Write)?;
    while let Some(page) = rows.blocking_recv() {
        page.iter().try_for_each(|row| writer.write(row))?;
    }
    let mut file = writer.finish()?.into_inner().map_err(|error| WriteError::Io(error.into_error()))?;
    file.flush().and_then(|()| file.rewind()).map_err(WriteError::Io)?;
    Ok(file)
}

fn workbook(mut rows: mpsc::Receiver<Rows>, name: &str) -> Result<NamedTempFile, WriteError> {
    let mut writer = XlsxWriter::new(name)?;
    while let Some(page) = rows.blocking_recv() {
        page.iter().try_for_each(|row| writer.write(row))?;
    }
    let mut file = NamedTempFile::new().map_err(WriteError::Io)?;
    writer.finish(BufWriter::new(file.as_file_mut()))?;
    file.rewind().map_err(WriteError::Io)?;
    Ok(file)
}

/// The next chunk of a finished file; empty at its end.
pub async fn next_chunk(mut file: NamedTempFile) -> Result<(NamedTempFile, Vec<u8>)> {
    let read = tokio::task::spawn_blocking(move || {
        let mut chunk = Vec::with_capacity(CHUNK);
        file.as_file_mut().take(CHUNK as u64).read_to_end(&mut chunk).map(|_| (file, chunk))
    });
    read.await.map_err(Error::internal)?.map_err(Error::internal)
}
