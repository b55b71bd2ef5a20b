//! Events of tasks.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::customer::v1::{Task, TaskCreated, TaskDeleted, TaskPurged, TaskUndeleted, TaskUpdated};
use prost_types::FieldMask;

/// The event that tells what happened to a task.
pub fn event(task: Task, happening: Happening<Task>) -> Telling {
    match happening {
        Happening::Created => Telling::of(&TaskCreated { task: Some(task) }),
        Happening::Updated { fields, previous } => Telling::of(&TaskUpdated {
            task: Some(task),
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&TaskDeleted { task: Some(task) }),
        Happening::Undeleted => Telling::of(&TaskUndeleted { task: Some(task) }),
        Happening::Purged => {
            let Task { id, delete_time, .. } = task;
            Telling::of(&TaskPurged { id, delete_time })
        }
    }
}
