//! Events of tasks.

use crm_kit_pg::change::Telling;
use crm_kit_record::Happening;
use crm_proto::crm::customer::v1::{Task, TaskCreated, TaskDeleted, TaskUndeleted, TaskUpdated};
use prost_types::FieldMask;

/// The event that tells what happened to a task.
pub fn event(task: Task, happening: Happening<Task>) -> Telling {
    let task = Some(task);
    match happening {
        Happening::Created => Telling::of(&TaskCreated { task }),
        Happening::Updated { fields, previous } => Telling::of(&TaskUpdated {
            task,
            previous: Some(previous),
            changed_fields: Some(FieldMask { paths: fields }),
        }),
        Happening::Deleted => Telling::of(&TaskDeleted { task }),
        Happening::Undeleted => Telling::of(&TaskUndeleted { task }),
    }
}
