//! Tables compiled once from the descriptors, so that no request looks a descriptor up.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, Kind as Described, MessageDescriptor};

/// Position of a message's table in [`Shapes`].
pub type ShapeId = usize;

/// Every message and enum of a descriptor pool.
#[derive(Debug, Default)]
pub struct Shapes {
    messages: Vec<Shape>,
    enums: Vec<Enumeration>,
    by_name: HashMap<String, ShapeId>,
}

/// What is needed to read and write one message.
#[derive(Debug)]
pub struct Shape {
    pub name: String,
    pub form: Form,
    /// In the order of their numbers.
    pub fields: Vec<Field>,
    names: HashMap<String, usize>,
}

/// Messages that JSON writes in a way of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Object,
    Any,
    Timestamp,
    Duration,
    FieldMask,
    Wrapper,
    Struct,
    List,
    Value,
}

/// One field of a message.
#[derive(Debug, Clone)]
pub struct Field {
    pub number: u32,
    pub name: String,
    /// `"name":`, as output writes it.
    pub key: Vec<u8>,
    pub kind: Kind,
    pub label: Label,
    /// Whether an unset field differs from one that holds the default.
    pub presence: bool,
    /// Which oneof of the message the field belongs to.
    pub oneof: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    Single,
    List { packed: bool },
    Map,
}

/// Type of a field's value. Messages and enums are positions in [`Shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(usize),
    Message(ShapeId),
}

/// Names and numbers of one enum.
#[derive(Debug)]
pub struct Enumeration {
    pub full_name: String,
    by_number: HashMap<i32, String>,
    by_name: HashMap<String, i32>,
}

impl Enumeration {
    pub fn name(&self, number: i32) -> Option<&str> {
        self.by_number.get(&number).map(String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<i32> {
        self.by_name.get(name).copied()
    }
}

impl Shape {
    /// The field with the name, spelled as in the proto file or in lowerCamelCase.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.names.get(name).map(|index| &self.fields[*index])
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }
}

impl Shapes {
    pub fn compile(pool: &DescriptorPool) -> Self {
        let mut shapes = Self::default();
        let enums: HashMap<String, usize> = pool
            .all_enums()
            .enumerate()
            .map(|(index, described)| {
                shapes.enums.push(enumeration(&described));
                (described.full_name().to_owned(), index)
            })
            .collect();
        for (index, message) in pool.all_messages().enumerate() {
            shapes.by_name.insert(message.full_name().to_owned(), index);
        }
        for message in pool.all_messages() {
            let shape = shapes.shape(&message, &enums);
            shapes.messages.push(shape);
        }
        shapes
    }

    pub fn find(&self, full_name: &str) -> Option<ShapeId> {
        self.by_name.get(full_name).copied()
    }

    pub fn get(&self, id: ShapeId) -> &Shape {
        &self.messages[id]
    }

    pub fn enumeration(&self, index: usize) -> &Enumeration {
        &self.enums[index]
    }

    fn shape(&self, message: &MessageDescriptor, enums: &HashMap<String, usize>) -> Shape {
        let oneofs: Vec<String> = message.oneofs().map(|oneof| oneof.full_name().to_owned()).collect();
        let mut fields: Vec<Field> = Vec::with_capacity(message.fields().len());
        let mut names = HashMap::new();
        for described in message.fields() {
            names.insert(described.json_name().to_owned(), fields.len());
            fields.push(self.field(&described, &oneofs, enums));
        }
        for (index, field) in fields.iter().enumerate() {
            names.insert(field.name.clone(), index);
        }
        Shape { name: message.full_name().to_owned(), form: form(message.full_name()), fields, names }
    }

    fn field(&self, described: &FieldDescriptor, oneofs: &[String], enums: &HashMap<String, usize>) -> Field {
        let label = if described.is_map() {
            Label::Map
        } else if described.is_list() {
            Label::List { packed: described.is_packed() }
        } else {
            Label::Single
        };
        Field {
            number: described.number(),
            name: described.name().to_owned(),
            key: format!("\"{}\":", described.name()).into_bytes(),
            kind: self.kind(&described.kind(), enums),
            label,
            presence: described.supports_presence(),
            oneof: described
                .containing_oneof()
                .and_then(|oneof| oneofs.iter().position(|name| name == oneof.full_name())),
        }
    }

    fn kind(&self, described: &Described, enums: &HashMap<String, usize>) -> Kind {
        match described {
            Described::Double => Kind::Double,
            Described::Float => Kind::Float,
            Described::Int32 => Kind::Int32,
            Described::Int64 => Kind::Int64,
            Described::Uint32 => Kind::Uint32,
            Described::Uint64 => Kind::Uint64,
            Described::Sint32 => Kind::Sint32,
            Described::Sint64 => Kind::Sint64,
            Described::Fixed32 => Kind::Fixed32,
            Described::Fixed64 => Kind::Fixed64,
            Described::Sfixed32 => Kind::Sfixed32,
            Described::Sfixed64 => Kind::Sfixed64,
            Described::Bool => Kind::Bool,
            Described::String => Kind::String,
            Described::Bytes => Kind::Bytes,
            Described::Enum(described) => Kind::Enum(enums.get(described.full_name()).copied().unwrap_or(0)),
            Described::Message(described) => Kind::Message(self.find(described.full_name()).unwrap_or(0)),
        }
    }
}

fn enumeration(described: &EnumDescriptor) -> Enumeration {
    let mut by_number = HashMap::new();
    let mut by_name = HashMap::new();
    for value in described.values() {
        by_number.entry(value.number()).or_insert_with(|| value.name().to_owned());
        by_name.insert(value.name().to_owned(), value.number());
    }
    Enumeration { full_name: described.full_name().to_owned(), by_number, by_name }
}

fn form(full_name: &str) -> Form {
    match full_name.strip_prefix("google.protobuf.") {
        Some("Any") => Form::Any,
        Some("Timestamp") => Form::Timestamp,
        Some("Duration") => Form::Duration,
        Some("FieldMask") => Form::FieldMask,
        Some("Struct") => Form::Struct,
        Some("ListValue") => Form::List,
        Some("Value") => Form::Value,
        Some(
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value"
            | "BoolValue" | "StringValue" | "BytesValue",
        ) => Form::Wrapper,
        _ => Form::Object,
    }
}
