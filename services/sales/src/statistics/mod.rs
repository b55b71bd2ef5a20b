//! Figures about deals, each over what the caller may see: what stands in the stages, what came of deals, how they move.
//!
//! What stands in the stages is kept: every write of deals adds rows of what it changed to `stage_sum`, and a reader adds them up. A reader that meets
//! many rows asks the background to fold them together ([`fold`]); nothing but its speed depends on that. The other figures are computed when asked for.

pub mod fold;
pub mod funnel;
pub mod outcome;
pub mod rpc;
pub mod summary;

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::Db;
use crm_kit_record::custom_field::Catalog;
use uuid::Uuid;

use self::fold::Folds;
use crate::{
    opportunity,
    pipeline::{self, Pipeline},
};

/// The figures. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// The service's database.
    pub db: Db,
    /// Knows the tenants' pipelines.
    pub catalog: Catalog,
    /// Folds sums together.
    pub folds: Folds,
}

impl Statistics {
    /// The pipeline with an id.
    async fn pipeline(&self, call: &Call, id: Uuid) -> Result<Pipeline> {
        let fields = self.catalog.fields(call.tenant_id(), opportunity::COLLECTION).await?;
        let known = fields.settings::<Vec<Pipeline>>().map_or(&[][..], Vec::as_slice);
        let found = known.iter().find(|known| known.id == id);
        found.cloned().ok_or_else(|| Error::not_found(pipeline::COLLECTION, id))
    }
}
