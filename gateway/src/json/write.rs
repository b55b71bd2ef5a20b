//! Wire bytes to JSON text.

use std::io::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;

use super::{
    shape::{Field, Form, Kind, Label, Shape, ShapeId, Shapes},
    wire::{Fields, Malformed, Raw, packed},
};

/// Most levels of messages that output may nest, as prost's own decoder allows.
const MAX_OUTPUT_DEPTH: usize = 100;

/// Why a message from a service cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    #[error("the bytes do not fit the message")]
    Malformed,
    #[error("the message nests too deep")]
    TooDeep,
}

impl From<Malformed> for Unwritable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Shapes {
    /// Appends the message as JSON.
    pub fn write(&self, id: ShapeId, message: &[u8], out: &mut Vec<u8>) -> Result<(), Unwritable> {
        Writer { shapes: self, out }.message(id, message, 0)
    }
}

/// A field's position in its message, with one value.
type Found<'a> = (usize, Raw<'a>);

struct Writer<'a> {
    shapes: &'a Shapes,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn message(&mut self, id: ShapeId, bytes: &[u8], depth: usize) -> Result<(), Unwritable> {
        if depth > MAX_OUTPUT_DEPTH {
            return Err(Unwritable::TooDeep);
        }
        let shape = self.shapes.get(id);
        match shape.form {
            Form::Object => {
                self.out.push(b'{');
                self.fields(shape, bytes, depth, true)?;
                self.out.push(b'}');
                Ok(())
            }
            Form::Any => self.any(bytes, depth),
            Form::Wrapper => self.wrapper(shape, bytes, depth),
            Form::Struct => {
                let found = find(shape, bytes)?;
                self.map(&shape.fields[0], &found, depth)
            }
            Form::List => {
                let found = find(shape, bytes)?;
                self.list(&shape.fields[0], &found, depth)
            }
            Form::Value => self.value(shape, bytes, depth),
            Form::Timestamp | Form::Duration | Form::FieldMask => self.text_form(shape.form, bytes),
        }
    }

    /// Writes `"key":value` of every field that has a value or always shows its default. `first` tells whether no comma is due yet.
    fn fields(
        &mut self,
        shape: &Shape,
        bytes: &[u8],
        depth: usize,
        mut first: bool,
    ) -> Result<(), Unwritable> {
        let found = find(shape, bytes)?;
        let mut rest = found.as_slice();
        for (index, field) in shape.fields.iter().enumerate() {
            let count = rest.iter().take_while(|(at, _)| *at == index).count();
            let (mine, after) = rest.split_at(count);
            rest = after;
            if mine.is_empty() && field.presence {
                continue;
            }
            if !std::mem::replace(&mut first, false) {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&field.key);
            match field.label {
                Label::Single => self.single(field, mine, depth)?,
                Label::List { .. } => self.list(field, mine, depth)?,
                Label::Map => self.map(field, mine, depth)?,
            }
        }
        Ok(())
    }

    fn single(&mut self, field: &Field, found: &[Found<'_>], depth: usize) -> Result<(), Unwritable> {
        match (field.kind, found) {
            (_, []) => {
                self.default(field.kind);
                Ok(())
            }
            // A message that comes in parts is the sum of its parts.
            (Kind::Message(id), [_, _, ..]) => {
                let mut whole = Vec::new();
                for (_, value) in found {
                    whole.extend_from_slice(bytes_of(*value)?);
                }
                self.message(id, &whole, depth + 1)
            }
            (kind, [.., (_, last)]) => self.scalar(kind, *last, depth),
        }
    }

    fn list(&mut self, field: &Field, found: &[Found<'_>], depth: usize) -> Result<(), Unwritable> {
        self.out.push(b'[');
        let mut first = true;
        for (_, value) in found {
            let length_delimited = matches!(field.kind, Kind::String | Kind::Bytes | Kind::Message(_));
            if let (Raw::Bytes(mut run), false) = (*value, length_delimited) {
                while !run.is_empty() {
                    let item = packed(field.kind, &mut run)?;
                    self.comma(&mut first);
                    self.scalar(field.kind, item, depth)?;
                }
                continue;
            }
            self.comma(&mut first);
            self.scalar(field.kind, *value, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn map(&mut self, field: &Field, found: &[Found<'_>], depth: usize) -> Result<(), Unwritable> {
        let Kind::Message(entry) = field.kind else { return Err(Unwritable::Malformed) };
        let shape = self.shapes.get(entry);
        let [key, value] = shape.fields.as_slice() else { return Err(Unwritable::Malformed) };
        self.out.push(b'{');
        let mut first = true;
        for (_, raw) in found {
            let parts = find(shape, bytes_of(*raw)?)?;
            let split = parts.partition_point(|(index, _)| *index == 0);
            self.comma(&mut first);
            if key.kind == Kind::String {
                self.single(key, &parts[..split], depth)?;
            } else {
                let start = self.out.len();
                self.single(key, &parts[..split], depth)?;
                self.quote_from(start);
            }
            self.out.push(b':');
            match (&parts[split..], value.kind) {
                ([], Kind::Message(id)) => self.message(id, &[], depth + 1)?,
                (found, _) => self.single(value, found, depth)?,
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    /// Puts what was written since `start` in quotes, unless 64-bit numbers are quoted already.
    fn quote_from(&mut self, start: usize) {
        if self.out.get(start) != Some(&b'"') {
            self.out.insert(start, b'"');
            self.out.push(b'"');
        }
    }

    fn comma(&mut self, first: &mut bool) {
        if !std::mem::replace(first, false) {
            self.out.push(b',');
        }
    }

    fn default(&mut self, kind: Kind) {
        let text: &[u8] = match kind {
            Kind::Bool => b"false",
            Kind::String | Kind::Bytes => b"\"\"",
            Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64 => b"\"0\"",
            Kind::Enum(index) => return self.enum_name(index, 0),
            Kind::Message(_) => b"null",
            _ => b"0",
        };
        self.out.extend_from_slice(text);
    }

    #[expect(clippy::cast_possible_truncation, reason = "32-bit values travel in 64-bit varints")]
    #[expect(clippy::cast_possible_wrap, reason = "the wire writes negative numbers as two's complement")]
    fn scalar(&mut self, kind: Kind, value: Raw<'_>, depth: usize) -> Result<(), Unwritable> {
        match (kind, value) {
            (Kind::String, Raw::Bytes(bytes)) => self.string(&String::from_utf8_lossy(bytes)),
            (Kind::Bytes, Raw::Bytes(bytes)) => self.string(&BASE64_STANDARD.encode(bytes)),
            (Kind::Message(id), Raw::Bytes(bytes)) => self.message(id, bytes, depth + 1)?,
            (Kind::Bool, Raw::Varint(value)) => {
                self.out.extend_from_slice(if value == 0 { b"false" } else { b"true" });
            }
            (Kind::Enum(index), Raw::Varint(value)) => self.enum_name(index, value as i32),
            (Kind::Int32, Raw::Varint(value)) => self.print(value as i32),
            (Kind::Uint32, Raw::Varint(value)) => self.print(value as u32),
            (Kind::Sint32, Raw::Varint(value)) => self.print(unzigzag(value) as i32),
            (Kind::Sint64, Raw::Varint(value)) => self.print_quoted(unzigzag(value)),
            (Kind::Fixed32, Raw::Fixed32(value)) => self.print(value),
            (Kind::Sfixed32, Raw::Fixed32(value)) => self.print(value as i32),
            (Kind::Int64, Raw::Varint(value)) | (Kind::Sfixed64, Raw::Fixed64(value)) => {
                self.print_quoted(value as i64);
            }
            (Kind::Uint64, Raw::Varint(value)) | (Kind::Fixed64, Raw::Fixed64(value)) => {
                self.print_quoted(value);
            }
            (Kind::Double, Raw::Fixed64(value)) => self.real(f64::from_bits(value)),
            (Kind::Float, Raw::Fixed32(value)) => self.single_real(f32::from_bits(value)),
            _ => return Err(Unwritable::Malformed),
        }
        Ok(())
    }

    fn string(&mut self, text: &str) {
        // Writing to a Vec cannot fail.
        let _ = serde_json::to_writer(&mut *self.out, text);
    }

    fn print(&mut self, value: impl std::fmt::Display) {
        let _ = write!(self.out, "{value}");
    }

    fn print_quoted(&mut self, value: impl std::fmt::Display) {
        let _ = write!(self.out, "\"{value}\"");
    }

    fn real(&mut self, value: f64) {
        match not_finite(value) {
            Some(name) => self.string(name),
            None => drop(serde_json::to_writer(&mut *self.out, &value)),
        }
    }

    fn single_real(&mut self, value: f32) {
        match not_finite(f64::from(value)) {
            Some(name) => self.string(name),
            None => drop(serde_json::to_writer(&mut *self.out, &value)),
        }
    }

    /// The value's name; the number when this gateway does not know the value.
    fn enum_name(&mut self, index: usize, number: i32) {
        let shapes = self.shapes;
        let values = shapes.enumeration(index);
        if values.full_name == "google.protobuf.NullValue" {
            self.out.extend_from_slice(b"null");
        } else if let Some(name) = values.name(number) {
            self.string(name);
        } else {
            self.print(number);
        }
    }

    fn text_form(&mut self, form: Form, bytes: &[u8]) -> Result<(), Unwritable> {
        let malformed = |_| Unwritable::Malformed;
        match form {
            Form::Timestamp => {
                let instant = prost_types::Timestamp::decode(bytes).map_err(malformed)?;
                self.print_quoted(instant);
            }
            Form::Duration => {
                let span = prost_types::Duration::decode(bytes).map_err(malformed)?;
                self.print_quoted(span);
            }
            _ => {
                let mask = prost_types::FieldMask::decode(bytes).map_err(malformed)?;
                self.string(&mask.paths.join(","));
            }
        }
        Ok(())
    }

    fn wrapper(&mut self, shape: &Shape, bytes: &[u8], depth: usize) -> Result<(), Unwritable> {
        let found = find(shape, bytes)?;
        self.single(&shape.fields[0], &found, depth)
    }

    /// Exactly one kind of value is set; none reads as null.
    fn value(&mut self, shape: &Shape, bytes: &[u8], depth: usize) -> Result<(), Unwritable> {
        if let Some((index, value)) = find(shape, bytes)?.last() {
            return self.scalar(shape.fields[*index].kind, *value, depth);
        }
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    /// A message this gateway does not know, such as a newer service's event, is passed on as base64 rather than losing the stream.
    fn any(&mut self, bytes: &[u8], depth: usize) -> Result<(), Unwritable> {
        let any = prost_types::Any::decode(bytes).map_err(|_| Unwritable::Malformed)?;
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        self.out.extend_from_slice(b"{\"@type\":");
        self.string(&any.type_url);
        match self.shapes.find(name) {
            Some(id) if self.shapes.get(id).form == Form::Object && name != "google.protobuf.Empty" => {
                self.fields(self.shapes.get(id), &any.value, depth + 1, false)?;
            }
            Some(id) => {
                self.out.extend_from_slice(b",\"value\":");
                self.message(id, &any.value, depth + 1)?;
            }
            None => {
                self.out.extend_from_slice(b",\"value\":");
                self.string(&BASE64_STANDARD.encode(&any.value));
            }
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// The message's known fields in the order of the table, unknown ones left out.
fn find<'a>(shape: &Shape, bytes: &'a [u8]) -> Result<Vec<Found<'a>>, Unwritable> {
    let mut found = Vec::with_capacity(shape.fields.len());
    let mut guess = 0usize;
    for field in Fields(bytes) {
        let (number, value) = field?;
        // Fields come in order nearly always, so the next one is at or after the last.
        let ahead = shape.fields.get(guess..).unwrap_or_default();
        let index = match ahead.iter().position(|field| field.number >= number) {
            Some(step) if ahead[step].number == number => Some(guess + step),
            _ => shape.fields.binary_search_by_key(&number, |field| field.number).ok(),
        };
        if let Some(index) = index {
            guess = index;
            found.push((index, value));
        }
    }
    if !found.is_sorted_by_key(|(index, _)| *index) {
        found.sort_by_key(|(index, _)| *index);
    }
    Ok(found)
}

fn bytes_of(value: Raw<'_>) -> Result<&[u8], Unwritable> {
    match value {
        Raw::Bytes(bytes) => Ok(bytes),
        _ => Err(Unwritable::Malformed),
    }
}

fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

#[expect(clippy::cast_possible_wrap, reason = "zigzag maps the upper half to negative numbers")]
fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
