//! What fields of records are to a merge: which columns make one up, what policies it has, and which of them is its default.

use crm_kit_api::sensitivity::{Mask, Masks};
use crm_kit_record::{
    Kind,
    custom_field::{Fields, fields::is_masked},
};
use crm_proto::crm::{customer::v1::MergePolicy as Policy, record::v1::custom_field::Type};

/// Most characters of a description.
pub const DESCRIPTION: usize = 20_000;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A line of text.
    Text,
    /// A text of several lines, of at most so many characters.
    Long(usize),
    /// A number, a time or a stage, of which one can be greater than another.
    Ordered,
    /// Something that is only taken as it is.
    Value,
    /// A postal address.
    Address,
    /// A list of at most so many items.
    List(usize),
    /// Yes or no.
    Flag,
}

/// A field as merges see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its path in the contract.
    pub path: String,
    /// Columns that make it up; they are never torn apart.
    pub keys: Vec<String>,
    /// What it holds.
    pub shape: Shape,
    /// How it is merged when nobody says so.
    pub default: Policy,
}

/// A field of a kind: its path, what it holds and its default policy.
pub type Standard = (&'static str, Shape, Policy);

impl Field {
    /// Whether the field can be merged so.
    pub fn allows(&self, policy: Policy) -> bool {
        match policy {
            Policy::Unspecified => false,
            Policy::Survivor | Policy::FillEmpty | Policy::Newest | Policy::Oldest => true,
            Policy::Longest => matches!(self.shape, Shape::Text | Shape::Long(_) | Shape::List(_)),
            Policy::Union => matches!(self.shape, Shape::List(_) | Shape::Flag),
            Policy::Concatenate => matches!(self.shape, Shape::Long(_)),
            Policy::Fullest => self.shape == Shape::Address,
            Policy::Greatest => self.shape == Shape::Ordered,
        }
    }
}

/// The fields of a kind: its own, made up of more columns where `together` says so, and those of the tenant that people fill.
pub fn all(standard: &[Standard], together: &[&[&str]], custom: &Fields) -> Vec<Field> {
    let own = standard.iter().map(|(path, shape, default)| {
        let group = together.iter().find(|group| group.first() == Some(path));
        let keys = group.map_or_else(
            || vec![(*path).to_owned()],
            |group| group.iter().map(|key| (*key).to_owned()).collect(),
        );
        Field { path: (*path).to_owned(), keys, shape: *shape, default: *default }
    });
    let filled = custom.definitions().filter(|definition| !definition.is_server_set());
    let custom = filled.map(|definition| {
        let (shape, default) = of_type(definition.kind());
        Field { path: definition.path(), keys: vec![definition.path()], shape, default }
    });
    own.chain(custom).collect()
}

fn of_type(kind: Type) -> (Shape, Policy) {
    use crm_kit_record::custom_field::model::MAX_LONG_TEXT;
    match kind {
        Type::Text => (Shape::Text, Policy::FillEmpty),
        Type::LongText => (Shape::Long(MAX_LONG_TEXT), Policy::FillEmpty),
        Type::Number | Type::Date | Type::DateTime => (Shape::Ordered, Policy::FillEmpty),
        // Options bound it.
        Type::MultiSelect => (Shape::List(usize::MAX), Policy::Union),
        _ => (Shape::Value, Policy::FillEmpty),
    }
}

/// Whether a caller with such masks may know of the values of a field, be it only which record's is the longest.
pub fn is_shown(kind: &Kind, fields: &Fields, masks: &Masks, path: &str) -> bool {
    match path.strip_prefix("custom.") {
        Some(key) => fields.definition(key).is_some_and(|definition| !is_masked(definition, masks)),
        None => masks.of(kind.schema.class_of(path)) == Mask::None,
    }
}
