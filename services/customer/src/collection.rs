//! The collections whose records come in and go out in files. A kind of record joins by implementing [`Transfer`] and by being named in the
//! composition root.

use std::sync::Arc;

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::jobs::Verdict;
use futures::future::BoxFuture;
use prost::Name as _;
use prost_reflect::MessageDescriptor;

use crate::{
    column::Columns, column::read::Reading, export_job, export_job::ExportJobs, import_job,
    import_job::ImportJobs, table::mapping, table::vcard::Card,
};
use crm_kit_record::{Record, Slice};

/// What files need to know of a kind of record beyond its life.
pub trait Transfer: Record {
    /// What other systems call its fields.
    const NAMES: mapping::Schema<'static>;
    /// Permissions to import and to export its records.
    const PERMISSIONS: Permissions;

    /// What a card of a vCard file says, for kinds that are people.
    fn from_card(_card: &Card) -> Option<Reading<Self::Wire>> {
        None
    }

    /// Whether vCard files hold records of this kind.
    const READS_CARDS: bool = false;
}

/// Permissions that files of a collection need.
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    /// To import records.
    pub import: &'static str,
    /// To export records.
    pub export: &'static str,
}

/// A collection, whatever its kind of record.
pub trait Collection: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Its record on the wire.
    fn message(&self) -> MessageDescriptor;
    /// The permissions its files need.
    fn permissions(&self) -> Permissions;
    /// Whether vCard files hold its records.
    fn reads_cards(&self) -> bool;
    /// The columns of its files, with the tenant's own fields.
    fn columns<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Columns>>;
    /// Checks a filter of its records.
    fn check_filter<'a>(&'a self, call: &'a Call, filter: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Does a pass of an import.
    fn import<'a>(&'a self, jobs: &'a ImportJobs, job: import_job::Job) -> BoxFuture<'a, Result<Verdict>>;
    /// Does an export.
    fn export<'a>(&'a self, jobs: &'a ExportJobs, job: export_job::Job) -> BoxFuture<'a, Result<Verdict>>;
}

impl<R: Transfer> Collection for Slice<R> {
    fn name(&self) -> &'static str {
        R::KIND.collection
    }

    fn message(&self) -> MessageDescriptor {
        crm_proto::message(&R::Wire::full_name())
    }

    fn permissions(&self) -> Permissions {
        R::PERMISSIONS
    }

    fn reads_cards(&self) -> bool {
        R::READS_CARDS
    }

    fn columns<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Columns>> {
        Box::pin(async move {
            let fields = self.fields(call).await?;
            Ok(Columns::new(&self.message(), &fields))
        })
    }

    fn check_filter<'a>(&'a self, call: &'a Call, filter: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let fields = self.fields(call).await?;
            crm_kit_api::filter::Filter::parse(filter, &R::filter_schema(&fields, call))?;
            Ok(())
        })
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
        formatter.debug_list().entries(self.0.iter().map(|collection| collection.name())).finish()
    }
}

impl Collections {
    /// The given collections.
    pub fn new(collections: impl IntoIterator<Item = Arc<dyn Collection>>) -> Self {
        Self(collections.into_iter().collect())
    }

    /// The collection of a name; `field` is where the caller named it.
    pub fn get(&self, field: &str, name: &str) -> Result<&dyn Collection> {
        let known = self.0.iter().find(|collection| collection.name() == name);
        known.map(AsRef::as_ref).ok_or_else(|| {
            let names: Vec<&str> = self.0.iter().map(|collection| collection.name()).collect();
            Error::invalid_field(field, "COLLECTION_UNKNOWN", format!("must be one of {}", names.join(", ")))
        })
    }
}
