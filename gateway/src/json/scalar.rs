//! Scalar values from numbers and from text, as wire bytes.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    shape::{Enumeration, Kind, Shapes},
    wire::{put_tag, put_varint},
};

/// A number as JSON gives it.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    Signed(i64),
    Unsigned(u64),
    Real(f64),
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Bytes from base64 in either alphabet, padded or not.
pub fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    engine.decode(text).map_err(|_| "must be base64".to_owned())
}

/// What wire type the kind has outside packed lists.
pub fn wire_type(kind: Kind) -> u8 {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => 1,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => 5,
        Kind::String | Kind::Bytes | Kind::Message(_) => 2,
        _ => 0,
    }
}

/// Appends the field with a number given as JSON number.
pub fn put_number(
    out: &mut Vec<u8>,
    field: u32,
    kind: Kind,
    number: Number,
    shapes: &Shapes,
) -> Result<(), String> {
    let mut value = Vec::with_capacity(10);
    match kind {
        Kind::Double => value.extend(real(number).to_le_bytes()),
        Kind::Float => value.extend(single(real(number))?.to_le_bytes()),
        Kind::Enum(index) => {
            let number = int32(number)?;
            check_enum(shapes.enumeration(index), number)?;
            put_varint(&mut value, signed(i64::from(number)));
        }
        Kind::String => return Err("must be text in quotes".to_owned()),
        Kind::Bool => return Err("must be true or false".to_owned()),
        Kind::Bytes => return Err("must be base64 text".to_owned()),
        Kind::Message(_) => return Err("must be an object".to_owned()),
        _ => put_integer(&mut value, kind, number)?,
    }
    put_tag(out, field, wire_type(kind));
    out.append(&mut value);
    Ok(())
}

/// Appends the field with a value given as text, as JSON strings, query parameters and path segments do.
pub fn put_text(
    out: &mut Vec<u8>,
    field: u32,
    kind: Kind,
    text: &str,
    shapes: &Shapes,
) -> Result<(), String> {
    match kind {
        Kind::String => super::wire::put_bytes(out, field, text.as_bytes()),
        Kind::Bytes => super::wire::put_bytes(out, field, &decode_base64(text)?),
        Kind::Bool => put_bool(out, field, text.parse().map_err(|_| "must be true or false".to_owned())?),
        Kind::Enum(index) => put_enum(out, field, shapes.enumeration(index), text)?,
        Kind::Message(_) => return Err("must be an object".to_owned()),
        _ => put_number(out, field, kind, number(kind, text)?, shapes)?,
    }
    Ok(())
}

pub fn put_bool(out: &mut Vec<u8>, field: u32, value: bool) {
    put_tag(out, field, 0);
    out.push(u8::from(value));
}

fn put_enum(out: &mut Vec<u8>, field: u32, values: &Enumeration, text: &str) -> Result<(), String> {
    let number = match values.number(text) {
        Some(number) => number,
        None => text.parse().map_err(|_| format!("`{}` has no value `{}`", short(values), clip(text)))?,
    };
    check_enum(values, number)?;
    put_tag(out, field, 0);
    put_varint(out, signed(i64::from(number)));
    Ok(())
}

/// A number outside the enum may be a newer client's; a service that has no such value refuses it by its own rule.
fn check_enum(values: &Enumeration, number: i32) -> Result<(), String> {
    if number < 0 && values.name(number).is_none() {
        return Err(format!("`{}` has no value {number}", short(values)));
    }
    Ok(())
}

fn put_integer(out: &mut Vec<u8>, kind: Kind, number: Number) -> Result<(), String> {
    match kind {
        Kind::Int32 => put_varint(out, signed(i64::from(int32(number)?))),
        Kind::Sint32 => put_varint(out, zigzag(i64::from(int32(number)?))),
        Kind::Sfixed32 => out.extend(int32(number)?.to_le_bytes()),
        Kind::Int64 => put_varint(out, signed(int64(number)?)),
        Kind::Sint64 => put_varint(out, zigzag(int64(number)?)),
        Kind::Sfixed64 => out.extend(int64(number)?.to_le_bytes()),
        Kind::Uint32 => put_varint(out, u64::from(uint32(number)?)),
        Kind::Fixed32 => out.extend(uint32(number)?.to_le_bytes()),
        Kind::Uint64 => put_varint(out, uint64(number)?),
        Kind::Fixed64 => out.extend(uint64(number)?.to_le_bytes()),
        _ => return Err("must not be a number".to_owned()),
    }
    Ok(())
}

/// Text as a number: exact for integers, and with the names of what is not finite for reals.
fn number(kind: Kind, text: &str) -> Result<Number, String> {
    if matches!(kind, Kind::Double | Kind::Float) {
        return match text {
            "Infinity" => Ok(Number::Real(f64::INFINITY)),
            "-Infinity" => Ok(Number::Real(f64::NEG_INFINITY)),
            "NaN" => Ok(Number::Real(f64::NAN)),
            _ if text.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) => {
                text.parse().map(Number::Real).map_err(|_| "must be a number".to_owned())
            }
            _ => Err("must be a number".to_owned()),
        };
    }
    let refused = || format!("must be a whole number, not `{}`", clip(text));
    if text.starts_with('+') {
        return Err(refused());
    }
    text.parse().map(Number::Signed).or_else(|_| text.parse().map(Number::Unsigned)).map_err(|_| refused())
}

fn int64(number: Number) -> Result<i64, String> {
    match number {
        Number::Signed(value) => Ok(value),
        Number::Unsigned(value) => i64::try_from(value).map_err(|_| range("int64")),
        Number::Real(value) => {
            let whole = whole(value)?;
            i64::try_from(whole).map_err(|_| range("int64"))
        }
    }
}

fn uint64(number: Number) -> Result<u64, String> {
    match number {
        Number::Signed(value) => u64::try_from(value).map_err(|_| range("uint64")),
        Number::Unsigned(value) => Ok(value),
        Number::Real(value) => u64::try_from(whole(value)?).map_err(|_| range("uint64")),
    }
}

fn int32(number: Number) -> Result<i32, String> {
    i32::try_from(int64(number).map_err(|_| range("int32"))?).map_err(|_| range("int32"))
}

fn uint32(number: Number) -> Result<u32, String> {
    u32::try_from(uint64(number).map_err(|_| range("uint32"))?).map_err(|_| range("uint32"))
}

#[expect(clippy::cast_precision_loss, reason = "a JSON number stands for the nearest double")]
fn real(number: Number) -> f64 {
    match number {
        Number::Signed(value) => value as f64,
        Number::Unsigned(value) => value as f64,
        Number::Real(value) => value,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest float, checked for range")]
fn single(value: f64) -> Result<f32, String> {
    if value.is_finite() && value.abs() > f64::from(f32::MAX) {
        return Err(range("float"));
    }
    Ok(value as f32)
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within range")]
fn whole(value: f64) -> Result<i128, String> {
    if value.fract() != 0.0 || !value.is_finite() || value.abs() > 1e19 {
        return Err("must be a whole number within range".to_owned());
    }
    Ok(value as i128)
}

#[expect(clippy::cast_sign_loss, reason = "the wire writes negative numbers as their two's complement")]
fn signed(value: i64) -> u64 {
    value as u64
}

#[expect(clippy::cast_sign_loss, reason = "zigzag is never negative")]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn range(kind: &str) -> String {
    format!("must fit {kind}")
}

fn short(values: &Enumeration) -> &str {
    values.full_name.rsplit('.').next().unwrap_or_default()
}

/// What a message repeats of hostile text.
fn clip(text: &str) -> &str {
    text.get(..text.floor_char_boundary(64)).unwrap_or_default()
}
