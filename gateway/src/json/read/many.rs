//! Lists and maps.

use std::{collections::HashSet, fmt};

use serde::de::{Error, MapAccess, SeqAccess, Visitor};

use super::{FieldSeed, Key, Kind, Single, SingleSeed, clip, put_text, single, wire};

pub(super) struct RepeatedVisitor<'s, 'a>(pub(super) FieldSeed<'s, 'a>);

impl<'de> Visitor<'de> for RepeatedVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let element = single(&self.0);
        let mut index = 0usize;
        loop {
            let next = seq.next_element_seed(SingleSeed(element, self.0.out));
            if self.0.reader.step(next, || format!("[{index}]"))?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }
}

pub(super) struct MapVisitor<'s, 'a>(pub(super) FieldSeed<'s, 'a>);

impl<'de> Visitor<'de> for MapVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let FieldSeed { reader, field, out } = self.0;
        let Kind::Message(entry) = field.kind else { return Err(Error::custom("is not a map")) };
        let [key_field, value_field] = reader.shapes.get(entry).fields.as_slice() else {
            return Err(Error::custom("is not a map"));
        };
        let value = Single { reader, number: 2, kind: value_field.kind };
        let mut seen = HashSet::new();
        while let Some(Key(key)) = map.next_key()? {
            let start = wire::open(out, field.number);
            let put = put_text(out, 1, key_field.kind, &key, reader.shapes).map_err(Error::custom);
            reader.step(put, || clip(&key))?;
            reader.step(map.next_value_seed(SingleSeed(value, out)), || clip(&key))?;
            wire::close(out, start);
            if let Some(twice) = seen.replace(key) {
                return reader.step(Err(Error::custom("is given twice")), || clip(&twice));
            }
        }
        Ok(())
    }
}
