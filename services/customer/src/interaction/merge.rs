//! What of interactions refers to records that are merged.

use crm_kit_record::recycle_bin::Gone;
use uuid::Uuid;

use super::Interaction;
use crate::merge::kind::Movable;

impl Movable for Interaction {
    fn repoint(&mut self, gone: Gone<'_>, into: Uuid) {
        Self::repoint(self, gone, into);
    }
}
