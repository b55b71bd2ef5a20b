//! The protobuf wire format, as little of it as transcoding needs.

use super::shape::Kind;

/// One value as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The bytes are not a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a protobuf message")]
pub struct Malformed;

/// Walks over the fields of one encoded message.
#[derive(Debug, Clone)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Raw<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let item = self.read();
        if item.is_err() {
            self.0 = &[];
        }
        Some(item)
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Result<(u32, Raw<'a>), Malformed> {
        let tag = varint(&mut self.0)?;
        let number = u32::try_from(tag >> 3).map_err(|_| Malformed)?;
        let value = match tag & 7 {
            0 => Raw::Varint(varint(&mut self.0)?),
            1 => Raw::Fixed64(u64::from_le_bytes(fixed(&mut self.0)?)),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).map_err(|_| Malformed)?;
                let (value, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
                self.0 = rest;
                Raw::Bytes(value)
            }
            5 => Raw::Fixed32(u32::from_le_bytes(fixed(&mut self.0)?)),
            _ => return Err(Malformed),
        };
        Ok((number, value))
    }
}

/// Reads one value of the kind from a packed list.
pub fn packed<'a>(kind: Kind, buffer: &mut &'a [u8]) -> Result<Raw<'a>, Malformed> {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Ok(Raw::Fixed64(u64::from_le_bytes(fixed(buffer)?))),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Ok(Raw::Fixed32(u32::from_le_bytes(fixed(buffer)?))),
        Kind::String | Kind::Bytes | Kind::Message(_) => Err(Malformed),
        _ => varint(buffer).map(Raw::Varint),
    }
}

/// The last value found at the path of field numbers.
pub fn find<'a>(message: &'a [u8], path: &[u32]) -> Option<Raw<'a>> {
    let (first, rest) = path.split_first()?;
    let mut found = None;
    for (number, value) in Fields(message).filter_map(Result::ok) {
        if number != *first {
            continue;
        }
        match value {
            Raw::Bytes(inner) if !rest.is_empty() => found = find(inner, rest).or(found),
            _ if rest.is_empty() => found = Some(value),
            _ => {}
        }
    }
    found
}

/// Wraps an encoded value of the last field of the path in the fields above it, outermost first.
pub fn nest(path: &[u32], mut inner: Vec<u8>) -> Vec<u8> {
    for number in path.iter().rev() {
        let mut outer = Vec::with_capacity(inner.len() + 8);
        put_bytes(&mut outer, *number, &inner);
        inner = outer;
    }
    inner
}

pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

pub fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u8) {
    put_varint(out, u64::from(number) << 3 | u64::from(wire_type));
}

pub fn put_bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_tag(out, number, 2);
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Opens a length-delimited field whose length is not known yet; [`close`] takes what this returns.
pub fn open(out: &mut Vec<u8>, number: u32) -> usize {
    put_tag(out, number, 2);
    out.push(0);
    out.len()
}

/// Writes the length of what was appended since [`open`].
pub fn close(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    if let (Ok(short), true) = (u8::try_from(length), length < 0x80) {
        out[start - 1] = short;
        return;
    }
    let mut prefix = Vec::with_capacity(5);
    put_varint(&mut prefix, length as u64);
    out.splice(start - 1..start, prefix);
}

fn varint(buffer: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0u64;
    for (index, byte) in buffer.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *buffer = &buffer[index + 1..];
            return Ok(value);
        }
    }
    Err(Malformed)
}

fn fixed<const N: usize>(buffer: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (value, rest) = buffer.split_first_chunk::<N>().ok_or(Malformed)?;
    *buffer = rest;
    Ok(*value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_field_gets_its_length_after_the_fact() {
        let mut out = Vec::new();
        let start = open(&mut out, 3);
        out.extend(std::iter::repeat_n(7, 300));
        close(&mut out, start);
        let fields: Vec<_> = Fields(&out).collect::<Result<_, _>>().unwrap();
        assert_eq!(fields, [(3, Raw::Bytes(&[7; 300]))]);
    }

    #[test]
    fn the_last_value_at_a_path_counts() {
        let mut inner = Vec::new();
        put_bytes(&mut inner, 1, b"first");
        put_bytes(&mut inner, 1, b"second");
        let message = nest(&[5], inner);
        assert_eq!(find(&message, &[5, 1]), Some(Raw::Bytes(b"second")));
        assert_eq!(find(&message, &[5, 2]), None);
    }

    #[test]
    fn damaged_bytes_are_an_error_and_end_the_walk() {
        assert_eq!(Fields(&[0x0a, 0x05, 0x01]).collect::<Vec<_>>(), [Err(Malformed)]);
        assert_eq!(Fields(&[0xff; 12]).collect::<Vec<_>>(), [Err(Malformed)]);
    }
}
