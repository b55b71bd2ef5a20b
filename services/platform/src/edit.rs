//! What an update changes: the caller's message merged into the record, and the difference it makes.

use crm_kit_api::{
    Error, Result, mask,
    sensitivity::{self, Masks},
};
use prost::{Message, Name};
use prost_reflect::MessageDescriptor;
use prost_types::FieldMask;

/// Fields of every record that callers may send and never change.
const FIXED: [&str; 5] = ["id", "create_time", "update_time", "delete_time", "etag"];

/// What an update sent: the message, the path it stands under, and the mask.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'s, M> {
    /// Name of the message in the request.
    pub field: &'static str,
    /// The message.
    pub message: &'s M,
    /// Fields to change.
    pub update_mask: Option<&'s FieldMask>,
}

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
    let descriptor = descriptor::<M>()?;
    let incoming = sensitivity::restore(&descriptor, sent.field, sent.message, current, masks)?;
    let fixed = [&FIXED, fixed].concat();
    mask::merge(&descriptor, current, &incoming, sent.update_mask, &fixed)
}

/// The difference between two states, or `None` when there is none beside the time and the etag.
pub fn between<M: Message + Name + Default>(before: &M, after: &M) -> Result<Option<Edit<M>>> {
    let descriptor = descriptor::<M>()?;
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

fn descriptor<M: Name>() -> Result<MessageDescriptor> {
    let name = M::full_name();
    crm_proto::pool()
        .get_message_by_name(&name)
        .ok_or_else(|| Error::bug(format!("{name} is not in the contract")))
}
