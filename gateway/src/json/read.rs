//! JSON text to wire bytes.
//!
//! serde_json parses; visitors write the bytes as values arrive. An error travels up through the visitors, each of which adds its step,
//! so the path of the offending field costs nothing unless something is wrong.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::{
    MAX_DEPTH,
    scalar::{Number, put_bool, put_number, put_text},
    shape::{Field, Form, Kind, Label, ShapeId, Shapes},
    text, wire,
};

mod many;
mod open;

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Not JSON.
    Malformed { line: usize, column: usize, problem: String },
    /// JSON that does not fit the message. `path` is empty for the whole text.
    Field { path: String, problem: String },
}

/// Reads one JSON object as the message and returns its wire bytes.
pub fn message(shapes: &Shapes, id: ShapeId, json: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(json.len());
    run(shapes, json, |reader, deserializer| reader.message(id, &mut out).deserialize(deserializer))?;
    Ok(out)
}

/// Reads one JSON value as the field and returns the wire bytes of a message with only this field.
pub fn field(shapes: &Shapes, field: &Field, json: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(json.len());
    run(shapes, json, |reader, deserializer| {
        FieldSeed { reader, field, out: &mut out }.deserialize(deserializer)
    })?;
    Ok(out)
}

type Parser<'a, 'de> = &'a mut serde_json::Deserializer<serde_json::de::SliceRead<'de>>;

fn run<'de>(
    shapes: &Shapes,
    json: &'de [u8],
    read: impl FnOnce(&Reader<'_>, Parser<'_, 'de>) -> Result<(), serde_json::Error>,
) -> Result<(), Refused> {
    if nests_too_deep(json) {
        let problem = format!("objects and lists nest deeper than {MAX_DEPTH} levels");
        return Err(Refused::Field { path: String::new(), problem });
    }
    let reader = Reader { shapes, trail: RefCell::default() };
    let mut parser = serde_json::Deserializer::from_slice(json);
    let outcome = read(&reader, &mut parser).and_then(|()| parser.end());
    outcome.map_err(|error| {
        let text = error.to_string();
        let problem = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]).to_owned();
        if error.is_data() {
            Refused::Field { path: reader.path(), problem }
        } else {
            Refused::Malformed { line: error.line(), column: error.column(), problem }
        }
    })
}

/// Counts brackets outside strings. Broken text may be judged wrongly; the parser refuses it anyway.
fn nests_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in json {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

struct Reader<'a> {
    shapes: &'a Shapes,
    /// Steps to the offending field, innermost first.
    trail: RefCell<Vec<String>>,
}

impl<'a> Reader<'a> {
    fn message<'s>(&'s self, id: ShapeId, out: &'s mut Vec<u8>) -> MessageSeed<'s, 'a> {
        MessageSeed { reader: self, id, out }
    }

    fn step<T, E>(&self, outcome: Result<T, E>, step: impl FnOnce() -> String) -> Result<T, E> {
        if outcome.is_err() {
            self.trail.borrow_mut().push(step());
        }
        outcome
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.trail.borrow().iter().rev() {
            if !path.is_empty() && !step.starts_with('[') {
                path.push('.');
            }
            path.push_str(step);
        }
        path
    }
}

/// Appends the fields of a message.
struct MessageSeed<'s, 'a> {
    reader: &'s Reader<'a>,
    id: ShapeId,
    out: &'s mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let shape = self.reader.shapes.get(self.id);
        match shape.form {
            Form::Object => deserializer.deserialize_any(ObjectVisitor(self)),
            Form::Wrapper => deserializer.deserialize_any(ScalarVisitor {
                reader: self.reader,
                number: 1,
                kind: shape.fields[0].kind,
                out: self.out,
            }),
            Form::Timestamp | Form::Duration | Form::FieldMask => {
                deserializer.deserialize_any(TextVisitor(shape.form, self.out))
            }
            Form::Any => open::any(self.reader, self.out, deserializer),
            Form::Struct => deserializer.deserialize_any(open::StructVisitor(self.out)),
            Form::List => deserializer.deserialize_any(open::ListVisitor(self.out)),
            Form::Value => deserializer.deserialize_any(open::ValueVisitor(self.out)),
        }
    }
}

struct ObjectVisitor<'s, 'a>(MessageSeed<'s, 'a>);

impl<'de> Visitor<'de> for ObjectVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let MessageSeed { reader, id, out } = self.0;
        let shape = reader.shapes.get(id);
        let mut seen = vec![false; shape.fields.len()];
        let mut chosen: Vec<(usize, &str)> = Vec::new();
        while let Some(key) = map.next_key::<Key>()? {
            let key = key.0;
            let Some(index) = shape.position(&key) else {
                return reader.step(Err(Error::custom("there is no such field")), || clip(&key));
            };
            let field = &shape.fields[index];
            if std::mem::replace(&mut seen[index], true) {
                return reader.step(Err(Error::custom("is given twice")), || field.name.clone());
            }
            let before = out.len();
            reader.step(map.next_value_seed(FieldSeed { reader, field, out }), || field.name.clone())?;
            if let (Some(oneof), true) = (field.oneof, out.len() > before) {
                if let Some((_, other)) = chosen.iter().find(|(taken, _)| *taken == oneof) {
                    let problem = format!("excludes `{other}`, which is given too");
                    return reader.step(Err(Error::custom(problem)), || field.name.clone());
                }
                chosen.push((oneof, &field.name));
            }
        }
        Ok(())
    }
}

/// A key without a copy where the text has no escapes is not worth its code: keys are short.
struct Key(String);

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Key)
    }
}

/// Appends a field, whatever its label; nothing for null.
struct FieldSeed<'s, 'a> {
    reader: &'s Reader<'a>,
    field: &'s Field,
    out: &'s mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.visit_none()
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        if let (Kind::Message(id), Label::Single) = (self.field.kind, self.field.label)
            && self.reader.shapes.get(id).form == Form::Value
        {
            wire::put_bytes(self.out, self.field.number, open::NULL);
        }
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.field.label {
            Label::Single => single(&self).deserialize_into(self.out, deserializer),
            Label::List { .. } => deserializer.deserialize_any(many::RepeatedVisitor(self)),
            Label::Map => deserializer.deserialize_any(many::MapVisitor(self)),
        }
    }
}

fn single<'s, 'a>(seed: &FieldSeed<'s, 'a>) -> Single<'s, 'a> {
    Single { reader: seed.reader, number: seed.field.number, kind: seed.field.kind }
}

/// One value of a field.
#[derive(Clone, Copy)]
struct Single<'s, 'a> {
    reader: &'s Reader<'a>,
    number: u32,
    kind: Kind,
}

impl Single<'_, '_> {
    fn deserialize_into<'de, D: Deserializer<'de>>(
        self,
        out: &mut Vec<u8>,
        deserializer: D,
    ) -> Result<(), D::Error> {
        let Self { reader, number, kind } = self;
        let Kind::Message(id) = kind else {
            return deserializer.deserialize_any(ScalarVisitor { reader, number, kind, out });
        };
        let start = wire::open(out, number);
        reader.message(id, out).deserialize(deserializer)?;
        wire::close(out, start);
        Ok(())
    }
}

struct SingleSeed<'s, 'a>(Single<'s, 'a>, &'s mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for SingleSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.deserialize_into(self.1, deserializer)
    }
}

/// A number, a text or a truth value.
struct ScalarVisitor<'s, 'a> {
    reader: &'s Reader<'a>,
    number: u32,
    kind: Kind,
    out: &'s mut Vec<u8>,
}

impl ScalarVisitor<'_, '_> {
    fn number<E: Error>(self, number: Number) -> Result<(), E> {
        put_number(self.out, self.number, self.kind, number, self.reader.shapes).map_err(E::custom)
    }
}

impl Visitor<'_> for ScalarVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Bool => "true or false",
            Kind::String => "text",
            Kind::Bytes => "base64 text",
            Kind::Enum(_) => "the name of a value",
            _ => "a number",
        })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        if self.kind != Kind::Bool {
            return Err(E::invalid_type(serde::de::Unexpected::Bool(value), &self));
        }
        put_bool(self.out, self.number, value);
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(Number::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(Number::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(Number::Real(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        if self.kind == Kind::Bool {
            return Err(E::invalid_type(serde::de::Unexpected::Other("text"), &self));
        }
        put_text(self.out, self.number, self.kind, value, self.reader.shapes).map_err(E::custom)
    }
}

/// Well-known types that JSON writes as text.
struct TextVisitor<'s>(Form, &'s mut Vec<u8>);

impl Visitor<'_> for TextVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let encoded = match self.0 {
            Form::Timestamp => text::timestamp(value),
            Form::Duration => text::duration(value),
            _ => text::field_mask(value),
        };
        self.1.extend(encoded.map_err(E::custom)?);
        Ok(())
    }
}

/// What a message repeats of a hostile key.
fn clip(key: &str) -> String {
    key.get(..key.floor_char_boundary(64)).unwrap_or_default().to_owned()
}
