//! JSON whose shape the contract leaves open: `Any`, `Struct`, `ListValue` and `Value`.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{Form, Reader, wire};

/// A `google.protobuf.Value` that is null.
pub(super) const NULL: &[u8] = &[0x08, 0x00];

/// Appends an `Any` with the message that `@type` names, which may stand anywhere in the object.
pub(super) fn any<'de, D: Deserializer<'de>>(
    reader: &Reader<'_>,
    out: &mut Vec<u8>,
    deserializer: D,
) -> Result<(), D::Error> {
    let Value::Object(mut object) = serde::Deserialize::deserialize(deserializer)? else {
        return Err(Error::custom("must be an object with `@type`"));
    };
    if object.is_empty() {
        return Ok(());
    }
    let Some(Value::String(type_url)) = object.remove("@type") else {
        return reader.step(Err(Error::custom("names the message and is missing")), || "@type".to_owned());
    };
    let name = type_url.rsplit('/').next().unwrap_or_default();
    let Some(id) = reader.shapes.find(name).filter(|_| type_url.contains('/')) else {
        return reader.step(Err(Error::custom("names no known message")), || "@type".to_owned());
    };
    let content = if reader.shapes.get(id).form == Form::Object && name != "google.protobuf.Empty" {
        Value::Object(object)
    } else {
        object.remove("value").unwrap_or_else(|| Value::Object(serde_json::Map::new()))
    };
    let mut inner = Vec::new();
    reader.message(id, &mut inner).deserialize(content).map_err(Error::custom)?;
    wire::put_bytes(out, 1, type_url.as_bytes());
    wire::put_bytes(out, 2, &inner);
    Ok(())
}

pub(super) struct StructVisitor<'s>(pub(super) &'s mut Vec<u8>);

impl<'de> Visitor<'de> for StructVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let entry = wire::open(self.0, 1);
            wire::put_bytes(self.0, 1, key.as_bytes());
            map.next_value_seed(ValueSeed(self.0, 2))?;
            wire::close(self.0, entry);
        }
        Ok(())
    }
}

pub(super) struct ListVisitor<'s>(pub(super) &'s mut Vec<u8>);

impl<'de> Visitor<'de> for ListVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(ValueSeed(self.0, 1))?.is_some() {}
        Ok(())
    }
}

/// Appends a `Value` as the field with the number.
struct ValueSeed<'s>(&'s mut Vec<u8>, u32);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let start = wire::open(self.0, self.1);
        deserializer.deserialize_any(ValueVisitor(self.0))?;
        wire::close(self.0, start);
        Ok(())
    }
}

pub(super) struct ValueVisitor<'s>(pub(super) &'s mut Vec<u8>);

impl<'de> Visitor<'de> for ValueVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.extend_from_slice(NULL);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        wire::put_tag(self.0, 4, 0);
        self.0.push(u8::from(value));
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a JSON number stands for the nearest double")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "a JSON number stands for the nearest double")]
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        wire::put_tag(self.0, 2, 1);
        self.0.extend(value.to_le_bytes());
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        wire::put_bytes(self.0, 3, value.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        let start = wire::open(self.0, 6);
        ListVisitor(&mut *self.0).visit_seq(seq)?;
        wire::close(self.0, start);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let start = wire::open(self.0, 5);
        StructVisitor(&mut *self.0).visit_map(map)?;
        wire::close(self.0, start);
        Ok(())
    }
}
