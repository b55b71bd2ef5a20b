//! Opportunities as a collection: as any, but before anybody looks at the columns of its files the tenant has its pipelines.

use std::sync::Arc;

use crm_kit_api::{Call, Result};
use crm_kit_pg::{Tx, jobs::Verdict};
use crm_kit_record::{
    Kind,
    collection::{Collection, Collections},
    column::Columns,
    custom_field::Fields,
    export_job::{self, ExportJobs},
    hand_over::{HandOver, HandOvers, step::Group},
    import_job::{self, ImportJobs},
    recycle_bin::{Detached, Gone},
};
use futures::future::BoxFuture;
use uuid::Uuid;

use super::Opportunities;

impl Collection for Opportunities {
    fn kind(&self) -> &'static Kind {
        self.slice.kind()
    }

    fn refresh<'a>(&'a self, call: &'a Call, ids: &'a [Uuid]) -> BoxFuture<'a, Result<()>> {
        self.slice.refresh(call, ids)
    }

    fn refresh_all<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<()>> {
        self.slice.refresh_all(call)
    }

    fn columns<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Columns>> {
        Box::pin(async move {
            self.pipelines.ensure(call).await?;
            self.slice.columns(call).await
        })
    }

    fn check_filter<'a>(&'a self, call: &'a Call, filter: &'a str) -> BoxFuture<'a, Result<()>> {
        self.slice.check_filter(call, filter)
    }

    fn fields<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Arc<Fields>>> {
        Box::pin(self.slice.fields(call))
    }

    fn purge<'a>(
        &'a self,
        all: &'a Collections,
        call: &'a Call,
        ids: &'a [Uuid],
    ) -> BoxFuture<'a, Result<u64>> {
        self.slice.purge(all, call, ids)
    }

    fn detach<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        gone: Gone<'a>,
    ) -> BoxFuture<'a, Result<Detached>> {
        self.slice.detach(tx, call, fields, gone)
    }

    fn is_handed_over(&self) -> bool {
        self.slice.is_handed_over()
    }

    fn hand_over<'a>(
        &'a self,
        jobs: &'a HandOvers,
        job: &'a HandOver,
        limit: usize,
    ) -> BoxFuture<'a, Result<Group>> {
        self.slice.hand_over(jobs, job, limit)
    }

    fn rehearse_hand_over<'a>(&'a self, call: &'a Call, job: HandOver) -> BoxFuture<'a, Result<HandOver>> {
        self.slice.rehearse_hand_over(call, job)
    }

    fn import<'a>(&'a self, jobs: &'a ImportJobs, job: import_job::Job) -> BoxFuture<'a, Result<Verdict>> {
        self.slice.import(jobs, job)
    }

    fn export<'a>(&'a self, jobs: &'a ExportJobs, job: export_job::Job) -> BoxFuture<'a, Result<Verdict>> {
        self.slice.export(jobs, job)
    }
}
