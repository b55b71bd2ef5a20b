//! Events of quotas.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::sales::v1::{
    Quota, QuotaCreated, QuotaDeleted, QuotaPurged, QuotaUndeleted, QuotaUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to a quota.
pub fn event(quota: Quota, happening: Happening<Quota>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&QuotaCreated { quota: Some(quota) }),
        Happening::Updated { fields, previous } => Telling::of(&QuotaUpdated {
            quota: Some(quota),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&QuotaDeleted { quota: Some(quota) }),
        Happening::Undeleted => Telling::of(&QuotaUndeleted { quota: Some(quota) }),
        Happening::Purged => {
            let Quota { id, delete_time, .. } = quota;
            Telling::of(&QuotaPurged { id, delete_time })
        }
    }
}
