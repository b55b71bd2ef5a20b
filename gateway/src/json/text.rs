//! Values from text: query parameters and path segments.

use prost::Message as _;

use super::{
    scalar::put_text,
    shape::{Field, Form, Kind, Label, Shapes},
    wire,
};

/// A field below a message, found once by its dotted name.
#[derive(Debug, Clone)]
pub struct Path {
    /// Numbers of the messages' fields above the field, outermost first.
    pub above: Vec<u32>,
    pub field: Field,
    /// The dotted name in proto spelling.
    pub name: String,
}

impl Path {
    /// Finds the dotted name below the message. Every part but the last must be a single message.
    pub fn resolve(shapes: &Shapes, message: usize, dotted: &str) -> Option<Self> {
        let mut above = Vec::new();
        let mut name = String::new();
        let mut at = message;
        let mut parts = dotted.split('.').peekable();
        while let Some(part) = parts.next() {
            let field = shapes.get(at).field(part)?;
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&field.name);
            if parts.peek().is_none() {
                return Some(Self { above, field: field.clone(), name });
            }
            let (Kind::Message(next), Label::Single) = (field.kind, field.label) else { return None };
            if shapes.get(next).form != Form::Object {
                return None;
            }
            above.push(field.number);
            at = next;
        }
        None
    }

    /// Numbers of all fields from the top to this one.
    pub fn numbers(&self) -> Vec<u32> {
        self.above.iter().copied().chain([self.field.number]).collect()
    }

    /// Appends the value to an encoded message.
    pub fn put(&self, out: &mut Vec<u8>, text: &str, shapes: &Shapes) -> Result<(), String> {
        if self.above.is_empty() {
            return put_value(out, &self.field, text, shapes);
        }
        let mut inner = Vec::new();
        put_value(&mut inner, &self.field, text, shapes)?;
        out.append(&mut wire::nest(&self.above, inner));
        Ok(())
    }
}

/// Appends one value of the field, which may be a well-known type that has a text form.
pub fn put_value(out: &mut Vec<u8>, field: &Field, text: &str, shapes: &Shapes) -> Result<(), String> {
    if field.label == Label::Map {
        return Err("is a map and cannot be given here; send it in the body".to_owned());
    }
    let Kind::Message(id) = field.kind else {
        return put_text(out, field.number, field.kind, text, shapes);
    };
    let shape = shapes.get(id);
    let inner = match shape.form {
        Form::Timestamp => timestamp(text)?,
        Form::Duration => duration(text)?,
        Form::FieldMask => field_mask(text)?,
        Form::Wrapper => {
            let mut inner = Vec::new();
            put_text(&mut inner, 1, shape.fields[0].kind, text, shapes)?;
            inner
        }
        _ => return Err("is an object; give its fields as `name.field`".to_owned()),
    };
    wire::put_bytes(out, field.number, &inner);
    Ok(())
}

pub fn timestamp(text: &str) -> Result<Vec<u8>, String> {
    let refused = || "must be an instant as RFC 3339 writes it, for example 2026-01-31T08:00:00Z".to_owned();
    // prost-types is more generous than RFC 3339: it takes a date alone, and blanks.
    if text.len() < 20 || !text.is_ascii() || !matches!(text.as_bytes()[10], b'T' | b't') {
        return Err(refused());
    }
    let instant: prost_types::Timestamp = text.parse().map_err(|_| refused())?;
    if !(-62_135_596_800..=253_402_300_799).contains(&instant.seconds) {
        return Err("must lie between the years 1 and 9999".to_owned());
    }
    Ok(instant.encode_to_vec())
}

pub fn duration(text: &str) -> Result<Vec<u8>, String> {
    let refused = || "must be seconds with an `s`, for example 1.5s".to_owned();
    let span: prost_types::Duration =
        text.ends_with('s').then(|| text.parse().ok()).flatten().ok_or_else(refused)?;
    if span.seconds.unsigned_abs() > 315_576_000_000 {
        return Err("must be at most 10,000 years".to_owned());
    }
    Ok(span.encode_to_vec())
}

/// Paths separated by commas, in proto spelling or lowerCamelCase.
pub fn field_mask(text: &str) -> Result<Vec<u8>, String> {
    let mut inner = Vec::new();
    for path in text.split(',').map(str::trim).filter(|path| !path.is_empty()) {
        let known =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '*' | '`' | '-');
        if !path.chars().all(known) {
            return Err("must be field paths separated by commas".to_owned());
        }
        wire::put_bytes(&mut inner, 1, snake_case(path).as_bytes());
    }
    Ok(inner)
}

fn snake_case(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 4);
    for letter in path.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
