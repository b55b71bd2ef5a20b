//! What an update changes: the caller's message merged into the record, and the difference it makes.

use crm_kit_api::{Result, mask, sensitivity::Masks};
use prost::{Message, Name};
use prost_types::FieldMask;

pub use crm_kit_api::update::Sent;

/// Fields of every record that callers may send and never change.
const FIXED: [&str; 5] = ["id", "create_time", "update_time", "delete_time", "etag"];

/// A difference between two states of a record.
#[derive(Clone, Debug)]
pub struct Edit<M> {
    /// Fields that differ.
    pub fields: Vec<String>,
    /// The earlier state, with these fields only.
    pub previous: M,
}

/// `current` with the fields that the caller changes; values that the caller sees masked and sent back as seen stay.
pub fn merge<M: Message + Name + Default>(
    sent: Sent<'_, M>,
    current: &M,
    fixed: &[&str],
    masks: &Masks,
) -> Result<M> {
    sent.merge_into(current, &[&FIXED, fixed].concat(), masks)
}

/// The difference between two states, or `None` when there is none beside the time and the etag.
pub fn between<M: Message + Name + Default>(before: &M, after: &M) -> Result<Option<Edit<M>>> {
    let descriptor = crm_proto::message(&M::full_name());
    let mut fields = mask::changed(&descriptor, before, after)?;
    fields.retain(|field| !FIXED.contains(&field.as_str()));
    if fields.is_empty() {
        return Ok(None);
    }
    let previous = mask::only(&descriptor, before, &fields)?;
    Ok(Some(Edit { fields, previous }))
}

impl<M: Default> Edit<M> {
    /// A difference in something that the message does not show.
    pub fn invisible() -> Self {
        Self { fields: Vec::new(), previous: M::default() }
    }

    /// The fields as events carry them.
    pub fn mask(&self) -> FieldMask {
        FieldMask { paths: self.fields.clone() }
    }
}
