//! Schemas of messages and enums: each that an operation reaches, once, under its full name.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::{
    bounds,
    read::{Comments, INPUT_ONLY, OUTPUT_ONLY, REQUIRED, behaviors, enum_name, extension, set},
};

/// Schemas found so far.
pub struct Schemas<'a> {
    comments: &'a Comments,
    done: BTreeMap<String, Value>,
    waiting: Vec<Element>,
}

enum Element {
    Message(MessageDescriptor),
    Enum(EnumDescriptor),
}

impl<'a> Schemas<'a> {
    pub fn new(comments: &'a Comments) -> Self {
        Self { comments, done: BTreeMap::new(), waiting: Vec::new() }
    }

    /// All schemas reached, and the one of errors.
    pub fn finish(mut self, error: Value) -> Map<String, Value> {
        while let Some(element) = self.waiting.pop() {
            let (name, schema) = match element {
                Element::Message(message) => (message.full_name().to_owned(), self.object(&message)),
                Element::Enum(values) => (values.full_name().to_owned(), self.enumeration(&values)),
            };
            self.done.insert(name, schema);
        }
        self.done.insert("Error".to_owned(), error);
        self.done.into_iter().collect()
    }

    /// Schema of a message where it is used: a reference, or a well-known type's own form.
    pub fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(schema) = well_known(message.full_name()) {
            return schema;
        }
        self.reference(message.full_name(), || Element::Message(message.clone()))
    }

    /// Schema of a field with its description and bounds.
    pub fn field(&mut self, field: &FieldDescriptor) -> Value {
        let options = field.options();
        let mut schema = match self.bare(field) {
            Value::Object(schema) => schema,
            other => return other,
        };
        let comment = self.comments.of(&field.parent_file(), field.path());
        if !comment.is_empty() {
            schema.insert("description".to_owned(), json!(comment));
        }
        let behaviors = behaviors(&options);
        if behaviors.contains(&OUTPUT_ONLY) {
            schema.insert("readOnly".to_owned(), json!(true));
        }
        if behaviors.contains(&INPUT_ONLY) {
            schema.insert("writeOnly".to_owned(), json!(true));
        }
        if let Some(sensitivity) = enum_name(&options, "crm.options.v1.sensitivity") {
            let short = sensitivity.strip_prefix("SENSITIVITY_").unwrap_or(&sensitivity);
            schema.insert("x-sensitivity".to_owned(), json!(short));
        }
        if let Some(label) =
            extension(&options, "crm.options.v1.label").as_ref().and_then(|value| value.as_message())
        {
            let text = |name| set(label, name).and_then(|value| value.as_str().map(str::to_owned));
            schema.insert("x-label".to_owned(), json!({"en": text("en"), "zh": text("zh")}));
            schema.extend(text("en").map(|title| ("title".to_owned(), json!(title))));
        }
        if let Some(rules) =
            extension(&options, "buf.validate.field").as_ref().and_then(|value| value.as_message())
        {
            bounds::apply(rules, &mut schema);
        }
        Value::Object(schema)
    }

    fn bare(&mut self, field: &FieldDescriptor) -> Value {
        if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let value = self.kind(&entry.map_entry_value_field().kind());
            return json!({"type": "object", "additionalProperties": value});
        }
        let one = self.kind(&field.kind());
        if field.is_list() { json!({"type": "array", "items": one}) } else { one }
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Double => json!({"type": "number", "format": "double"}),
            Kind::Float => json!({"type": "number", "format": "float"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
            Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "minimum": 0}),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({"type": "string", "format": "int64"}),
            Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "format": "uint64"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Message(message) => self.message(message),
            Kind::Enum(values) => self.reference(values.full_name(), || Element::Enum(values.clone())),
        }
    }

    fn reference(&mut self, name: &str, element: impl FnOnce() -> Element) -> Value {
        if !self.done.contains_key(name) {
            self.done.insert(name.to_owned(), Value::Null);
            self.waiting.push(element());
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    fn object(&mut self, message: &MessageDescriptor) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields() {
            if behaviors(&field.options()).contains(&REQUIRED) {
                required.push(json!(field.name()));
            }
            properties.insert(field.name().to_owned(), self.field(&field));
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = Value::Array(required);
        }
        let comment = self.comments.of(&message.parent_file(), message.path());
        if !comment.is_empty() {
            schema["description"] = json!(comment);
        }
        schema
    }

    fn enumeration(&self, values: &EnumDescriptor) -> Value {
        let names: Vec<_> = values.values().map(|value| json!(value.name())).collect();
        let mut description = self.comments.of(&values.parent_file(), values.path()).to_owned();
        for value in values.values() {
            let comment = self.comments.of(&value.parent_file(), value.path());
            if !comment.is_empty() {
                description.extend(["\n- `", value.name(), "`: ", comment]);
            }
        }
        json!({"type": "string", "enum": names, "description": description})
    }
}

/// Types that JSON writes in a form of their own.
fn well_known(name: &str) -> Option<Value> {
    let schema = match name.strip_prefix("google.protobuf.").unwrap_or(name) {
        "Timestamp" => json!({"type": "string", "format": "date-time"}),
        "Duration" => {
            json!({"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$", "examples": ["1.5s"]})
        }
        "FieldMask" => json!({"type": "string", "examples": ["display_name,owner_id"]}),
        "Struct" => json!({"type": "object", "additionalProperties": true}),
        "Value" => json!({"description": "Any JSON value."}),
        "ListValue" => json!({"type": "array", "items": {}}),
        "Empty" => json!({"type": "object"}),
        "Any" => json!({
            "type": "object",
            "required": ["@type"],
            "properties": {"@type": {"type": "string"}},
            "additionalProperties": true,
        }),
        "DoubleValue" | "FloatValue" => json!({"type": ["number", "null"]}),
        "Int32Value" | "UInt32Value" => json!({"type": ["integer", "null"]}),
        "Int64Value" | "UInt64Value" | "StringValue" | "BytesValue" => json!({"type": ["string", "null"]}),
        "BoolValue" => json!({"type": ["boolean", "null"]}),
        "google.api.HttpBody" => json!({"type": "string", "contentMediaType": "application/octet-stream"}),
        _ => return None,
    };
    Some(schema)
}
