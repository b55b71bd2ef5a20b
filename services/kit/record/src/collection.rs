//! The collections of a service, whatever their kinds of records.

use std::sync::Arc;

use crm_kit_api::{Call, Error, Result, filter::Filter};
use crm_kit_pg::{Tx, jobs::Verdict};
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::{
    Kind, Kinds, Record, Slice,
    column::Columns,
    custom_field::{Fields, refresh},
    export_job::{self, ExportJobs},
    hand_over::{self, HandOver, HandOvers, step::Group},
    import_job::{self, ImportJobs},
    recycle_bin::{self, Detached, Gone},
};

/// A collection, whatever its kind of record.
pub trait Collection: Send + Sync {
    /// The constants of its kind.
    fn kind(&self) -> &'static Kind;
    /// Brings the computed values of records up to date.
    fn refresh<'a>(&'a self, call: &'a Call, ids: &'a [Uuid]) -> BoxFuture<'a, Result<()>>;
    /// Brings the computed values of every live record up to date.
    fn refresh_all<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<()>>;
    /// The columns of its files, with the tenant's own fields.
    fn columns<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Columns>>;
    /// Checks a filter of its records.
    fn check_filter<'a>(&'a self, call: &'a Call, filter: &'a str) -> BoxFuture<'a, Result<()>>;
    /// The tenant's own fields.
    fn fields<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Arc<Fields>>>;
    /// Purges those of the records that are due and that nobody holds; returns how many.
    fn purge<'a>(
        &'a self,
        all: &'a Collections,
        call: &'a Call,
        ids: &'a [Uuid],
    ) -> BoxFuture<'a, Result<u64>>;
    /// Takes references to records that are about to go out of the collection's.
    fn detach<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        gone: Gone<'a>,
    ) -> BoxFuture<'a, Result<Detached>>;
    /// Whether its records go to others when their owner hands over its work.
    fn is_handed_over(&self) -> bool {
        false
    }
    /// Moves a group of at most `limit` records of a hand-over.
    fn hand_over<'a>(
        &'a self,
        _jobs: &'a HandOvers,
        _job: &'a HandOver,
        _limit: usize,
    ) -> BoxFuture<'a, Result<Group>> {
        Box::pin(std::future::ready(Err(Error::bug("a collection that is not handed over"))))
    }
    /// Counts the records of the rule of a hand-over that is at work.
    fn rehearse_hand_over<'a>(&'a self, _call: &'a Call, _job: HandOver) -> BoxFuture<'a, Result<HandOver>> {
        Box::pin(std::future::ready(Err(Error::bug("a collection that is not handed over"))))
    }
    /// Does a pass of an import.
    fn import<'a>(&'a self, jobs: &'a ImportJobs, job: import_job::Job) -> BoxFuture<'a, Result<Verdict>>;
    /// Does an export.
    fn export<'a>(&'a self, jobs: &'a ExportJobs, job: export_job::Job) -> BoxFuture<'a, Result<Verdict>>;
}

impl<R: Record> Collection for Slice<R> {
    fn kind(&self) -> &'static Kind {
        R::KIND
    }

    fn refresh<'a>(&'a self, call: &'a Call, ids: &'a [Uuid]) -> BoxFuture<'a, Result<()>> {
        Box::pin(refresh::refresh(self, call, ids))
    }

    fn refresh_all<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<()>> {
        Box::pin(refresh::refresh_all(self, call))
    }

    fn columns<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Columns>> {
        Box::pin(async move { Ok(Columns::new(R::KIND, &*self.fields(call).await?)) })
    }

    fn check_filter<'a>(&'a self, call: &'a Call, filter: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let fields = self.fields(call).await?;
            Filter::parse(filter, &R::filter_schema(&fields, call))?;
            Ok(())
        })
    }

    fn fields<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Arc<Fields>>> {
        Box::pin(Self::fields(self, call))
    }

    fn purge<'a>(
        &'a self,
        all: &'a Collections,
        call: &'a Call,
        ids: &'a [Uuid],
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(recycle_bin::purge(self, all, call, ids))
    }

    fn detach<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        call: &'a Call,
        fields: &'a Fields,
        gone: Gone<'a>,
    ) -> BoxFuture<'a, Result<Detached>> {
        Box::pin(recycle_bin::detach::<R>(tx, call, fields, gone))
    }

    fn is_handed_over(&self) -> bool {
        R::HANDED_OVER
    }

    fn hand_over<'a>(
        &'a self,
        jobs: &'a HandOvers,
        job: &'a HandOver,
        limit: usize,
    ) -> BoxFuture<'a, Result<Group>> {
        Box::pin(hand_over::step::run(jobs, self, job, limit))
    }

    fn rehearse_hand_over<'a>(&'a self, call: &'a Call, job: HandOver) -> BoxFuture<'a, Result<HandOver>> {
        Box::pin(hand_over::step::rehearse(self, call, job))
    }

    fn import<'a>(&'a self, jobs: &'a ImportJobs, job: import_job::Job) -> BoxFuture<'a, Result<Verdict>> {
        Box::pin(import_job::worker::run(jobs, self, job))
    }

    fn export<'a>(&'a self, jobs: &'a ExportJobs, job: export_job::Job) -> BoxFuture<'a, Result<Verdict>> {
        Box::pin(export_job::worker::run(jobs, self, job))
    }
}

/// The collections of the service. Cheap to clone.
#[derive(Clone)]
pub struct Collections(Arc<[Arc<dyn Collection>]>);

impl std::fmt::Debug for Collections {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.iter().map(|collection| collection.kind().collection)).finish()
    }
}

impl Collections {
    /// The given collections.
    pub fn new(collections: impl IntoIterator<Item = Arc<dyn Collection>>) -> Self {
        Self(collections.into_iter().collect())
    }

    /// Every collection.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Collection> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Their kinds.
    pub fn kinds(&self) -> Kinds {
        Kinds::new(self.iter().map(Collection::kind))
    }

    /// The collection of a name; `field` is where the caller named it.
    pub fn get(&self, field: &str, name: &str) -> Result<&dyn Collection> {
        self.iter().find(|collection| collection.kind().collection == name).ok_or_else(|| {
            let names = self.kinds().names().join(", ");
            Error::invalid_field(field, "COLLECTION_UNKNOWN", format!("must be one of {names}"))
        })
    }
}
