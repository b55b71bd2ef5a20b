//! Taking a file in: pieces of any size become chunks of 512 KiB, each committed on its own, so that a file needs no memory.

use crm_kit_api::{Call, Error, Result, error::COMMON_DOMAIN, id};
use crm_kit_pg::jobs;
use crm_proto::crm::record::v1::{ImportJob as Wire, UploadImportFileRequest, import_job::State};
use futures::{Stream, StreamExt as _};
use tonic::{Code, Status};
use uuid::Uuid;

use super::{
    COLLECTION, JOB_KIND, PURGE_KIND, convert,
    model::Job,
    ops::{ImportJobs, seen_by},
    purge, store,
};

/// Bytes of a chunk.
const CHUNK: usize = 512 << 10;
/// Most bytes of a piece.
const PIECE: usize = 1 << 20;
/// Most bytes of a file.
const FILE: usize = 1 << 30;

impl ImportJobs {
    /// Takes the file of a job and starts the dry run. An upload that breaks off leaves the job waiting; the next one begins anew.
    pub async fn upload(
        &self,
        call: &Call,
        pieces: impl Stream<Item = Result<UploadImportFileRequest, Status>> + Send,
    ) -> Result<Wire, Status> {
        let mut pieces = std::pin::pin!(pieces);
        let first = pieces.next().await.transpose()?;
        let first = first
            .ok_or_else(|| Error::invalid_field("id", "REQUIRED", "names the job in the first piece"))?;
        let mut upload = Intake::begin(self, call, &first.id).await?;
        upload.take(first).await?;
        while let Some(piece) = pieces.next().await {
            upload.take(piece?).await?;
        }
        Ok(upload.end().await?)
    }
}

/// A file on its way in.
struct Intake<'u> {
    jobs: &'u ImportJobs,
    call: &'u Call,
    job_id: Uuid,
    upload_id: Uuid,
    buffer: Vec<u8>,
    chunks: i32,
    bytes: usize,
}

impl<'u> Intake<'u> {
    /// Drops what an earlier upload left.
    async fn begin(jobs: &'u ImportJobs, call: &'u Call, id: &str) -> Result<Self> {
        let (job_id, upload_id) = (id::parse("id", id)?, call.new_id());
        let (tenant, creator) = (call.tenant_id(), seen_by(call));
        jobs.db
            .for_tenant(tenant, move |tx| {
                Box::pin(async move {
                    let held = store::lock(tx.conn(), tenant, job_id, creator).await?;
                    let job = held.ok_or_else(|| Error::not_found(COLLECTION, job_id))?;
                    job.require(&[State::Uploading])?;
                    store::drop_chunks(tx.conn(), tenant, job_id).await?;
                    let job = Job { upload_id, uploaded_bytes: 0, update_time: call.now, ..job };
                    store::save(tx.conn(), &job).await?;
                    let first_look = call.now + purge::EVERY;
                    jobs::enqueue(tx.conn(), tenant, upload_id, PURGE_KIND, first_look).await
                })
            })
            .await?;
        Ok(Self { jobs, call, job_id, upload_id, buffer: Vec::with_capacity(CHUNK), chunks: 0, bytes: 0 })
    }

    async fn take(&mut self, piece: UploadImportFileRequest) -> Result<()> {
        let data = piece.file.map(|file| file.data).unwrap_or_default();
        self.bytes += data.len();
        if data.len() > PIECE || self.bytes > FILE {
            let limit = if data.len() > PIECE { PIECE } else { FILE };
            return Err(too_large(limit));
        }
        let mut rest = data.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(CHUNK - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            rest = later;
            if self.buffer.len() == CHUNK {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let (tenant, now, seq) = (self.call.tenant_id(), self.jobs.clock.now(), self.chunks);
        let place = (tenant, self.job_id, self.upload_id);
        let data = &std::mem::take(&mut self.buffer);
        let added = self.jobs.db.for_tenant(tenant, move |tx| {
            Box::pin(async move { store::add_chunk(tx.conn(), place, seq, data, now).await })
        });
        if !added.await? {
            return Err(Error::concurrent_change());
        }
        self.chunks += 1;
        Ok(())
    }

    async fn end(mut self) -> Result<Wire> {
        if self.bytes == 0 {
            return Err(Error::invalid_field("file", "REQUIRED", "is empty"));
        }
        if !self.buffer.is_empty() {
            self.flush().await?;
        }
        let (tenant, job_id, upload_id) = (self.call.tenant_id(), self.job_id, self.upload_id);
        let now = self.jobs.clock.now();
        self.jobs
            .db
            .for_tenant(tenant, move |tx| {
                Box::pin(async move {
                    let held = store::lock(tx.conn(), tenant, job_id, None).await?;
                    let job =
                        held.filter(|job| job.upload_id == upload_id && job.state.0 == State::Uploading);
                    let mut job = job.ok_or_else(Error::concurrent_change)?;
                    job.begin(State::Validating, now);
                    job.update_time = now;
                    store::save(tx.conn(), &job).await?;
                    jobs::enqueue(tx.conn(), tenant, job_id, JOB_KIND, now).await?;
                    Ok(convert::to_wire(&job))
                })
            })
            .await
    }
}

fn too_large(limit: usize) -> Error {
    let message = format!("is larger than {limit} bytes");
    Error::new(Code::InvalidArgument, COMMON_DOMAIN, "TOO_LARGE", message).with("limit", limit)
}
