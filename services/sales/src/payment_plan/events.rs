//! Events of payment plans.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::sales::v1::{
    PaymentPlan, PaymentPlanCreated, PaymentPlanDeleted, PaymentPlanPurged, PaymentPlanUndeleted,
    PaymentPlanUpdated,
};
use prost_types::FieldMask;

/// The event that tells what happened to a payment plan.
pub fn event(payment_plan: PaymentPlan, happening: Happening<PaymentPlan>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&PaymentPlanCreated { payment_plan: Some(payment_plan) }),
        Happening::Updated { fields, previous } => Telling::of(&PaymentPlanUpdated {
            payment_plan: Some(payment_plan),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&PaymentPlanDeleted { payment_plan: Some(payment_plan) }),
        Happening::Undeleted => Telling::of(&PaymentPlanUndeleted { payment_plan: Some(payment_plan) }),
        Happening::Purged => {
            let PaymentPlan { id, delete_time, .. } = payment_plan;
            Telling::of(&PaymentPlanPurged { id, delete_time })
        }
    }
}
