//! Masking of sensitive values: which classes a caller sees masked, the masked form of a whole message, and the way back so that a masked
//! value that is written back leaves the real one in place.
//!
//! Messages are masked on their encoded bytes, by a plan made once per message type from the sensitivity options of the contract. A
//! caller without masks costs nothing; other callers cost one pass over the bytes. Three kinds of fields are followed: fields with a
//! class of their own, messages that contain such fields, and `google.protobuf.Any`. A message with a field of type
//! `crm.options.v1.Sensitivity` states the class of its other fields itself (values of tenant-made fields do).
//!
//! Not here: who has which masks (the platform states it) and filters on masked fields (the list builder refuses them).

mod partial;
mod restore;
mod walk;

pub use crm_proto::crm::options::v1::Sensitivity;
pub use partial::partial;
pub use restore::restore;
pub use walk::Masker;

/// How much of a class of values a caller does not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mask {
    /// Values are shown.
    #[default]
    None,
    /// Texts are shown in part, such as `138****1234`; other values are hidden.
    Partial,
    /// Values are left out.
    Hidden,
}

const CLASSES: usize = 9;

/// A mask for every class of sensitivity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masks([Mask; CLASSES]);

impl Masks {
    /// The same masks with `class` set to `mask`.
    #[must_use]
    pub fn with(mut self, class: Sensitivity, mask: Mask) -> Self {
        if class != Sensitivity::Unspecified {
            self.0[class as usize] = mask;
        }
        self
    }

    /// The mask of a class.
    pub fn of(&self, class: Sensitivity) -> Mask {
        self.0[class as usize]
    }

    /// Whether any class is masked.
    pub fn any(&self) -> bool {
        self.0.iter().any(|mask| *mask != Mask::None)
    }

    /// For each class the lesser of two masks: what a caller with both roles sees.
    #[must_use]
    pub fn least(self, other: Self) -> Self {
        let mut least = self;
        for (mask, theirs) in least.0.iter_mut().zip(other.0) {
            *mask = (*mask).min(theirs);
        }
        least
    }
}

/// The class that the contract gives a field.
pub fn class_of(field: &prost_reflect::FieldDescriptor) -> Sensitivity {
    let Some(extension) = field.parent_pool().get_extension_by_name("crm.options.v1.sensitivity") else {
        return Sensitivity::Unspecified;
    };
    let number = field.options().get_extension(&extension).as_enum_number().unwrap_or(0);
    Sensitivity::try_from(number).unwrap_or_default()
}
