//! The request message of a REST call: body, path and query, joined as wire bytes.
//!
//! Protobuf merges what is appended, so each part is encoded by itself and the parts are put one after the other.

use crate::{
    error::{Failure, Result},
    json::{
        Shapes, read,
        shape::Label,
        text::Path,
        wire::{self, Raw},
    },
    route::{Body, Route},
};

/// Texts of the path variables, in the order of the route's captures.
pub fn captured(route: &Route, path: &str) -> Result<Vec<String>> {
    if route.captures.is_empty() {
        return Ok(Vec::new());
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = match route.template.rfind(':') {
        Some(at) if !route.template[at..].contains(['/', '}']) => {
            &path[..path.len() - (route.template.len() - at)]
        }
        _ => path,
    };
    let segments: Vec<&str> = path.split('/').collect();
    let mut texts = Vec::with_capacity(route.captures.len());
    for capture in &route.captures {
        let end = capture.end.unwrap_or(segments.len()).min(segments.len());
        let mine = segments.get(capture.start..end).unwrap_or_default();
        let decoded: Option<Vec<String>> = mine.iter().map(|part| percent_decode(part, false)).collect();
        let decoded =
            decoded.ok_or_else(|| Failure::field(&capture.path.name, "is not percent-encoded UTF-8"))?;
        texts.push(decoded.join("/"));
    }
    Ok(texts)
}

/// Joins the body with path and query.
pub fn assemble(
    shapes: &Shapes,
    route: &Route,
    captured: &[String],
    query: &str,
    body: &[u8],
) -> Result<Vec<u8>> {
    let mut message = read_body(shapes, route, body)?;
    for (capture, text) in route.captures.iter().zip(captured) {
        put_capture(shapes, &capture.path, text, &mut message)?;
    }
    put_query(shapes, route, query, &mut message)?;
    Ok(message)
}

/// Reads one JSON text as the route's body.
pub fn read_body(shapes: &Shapes, route: &Route, body: &[u8]) -> Result<Vec<u8>> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    match &route.body {
        Body::Whole => Ok(read::message(shapes, route.method.input, body)?),
        Body::Field(field) => read::field(shapes, field, body).map_err(|refused| match refused {
            read::Refused::Field { path, problem } if path.is_empty() => {
                Failure::field(&field.name, &problem)
            }
            read::Refused::Field { path, problem } => {
                Failure::field(&format!("{}.{path}", field.name), &problem)
            }
            malformed @ read::Refused::Malformed { .. } => malformed.into(),
        }),
        Body::None | Body::Raw(_) => Ok(Vec::new()),
    }
}

/// A value in the path wins nothing over one in the body: they must agree.
fn put_capture(shapes: &Shapes, path: &Path, text: &str, message: &mut Vec<u8>) -> Result<()> {
    let mut encoded = Vec::new();
    path.put(&mut encoded, text, shapes).map_err(|problem| Failure::field(&path.name, &problem))?;
    let numbers = path.numbers();
    if let Some(given) = wire::find(message, &numbers)
        && !is_default(given)
        && wire::find(&encoded, &numbers) != Some(given)
    {
        return Err(Failure::field(&path.name, "differs between the path and the body"));
    }
    message.append(&mut encoded);
    Ok(())
}

fn is_default(value: Raw<'_>) -> bool {
    matches!(value, Raw::Varint(0) | Raw::Fixed64(0) | Raw::Fixed32(0) | Raw::Bytes([]))
}

fn put_query(shapes: &Shapes, route: &Route, query: &str, message: &mut Vec<u8>) -> Result<()> {
    let mut given: Vec<String> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = percent_decode(name, true).zip(percent_decode(value, true));
        let Some((name, value)) = decoded else {
            return Err(Failure::field(&clip(name), "is not percent-encoded UTF-8"));
        };
        let Some(path) = Path::resolve(shapes, route.method.input, &name) else {
            return Err(Failure::field(&clip(&name), "is not a query parameter of this call"));
        };
        check_place(route, &path)?;
        if path.field.label == Label::Single {
            if given.contains(&path.name) {
                return Err(Failure::field(&path.name, "is given twice"));
            }
            given.push(path.name.clone());
        }
        path.put(message, &value, shapes).map_err(|problem| Failure::field(&path.name, &problem))?;
    }
    Ok(())
}

/// Each field has one place: path, body or query.
fn check_place(route: &Route, path: &Path) -> Result<()> {
    if route.captures.iter().any(|capture| capture.path.name == path.name) {
        return Err(Failure::field(&path.name, "stands in the path and cannot be a query parameter"));
    }
    let top = path.above.first().copied().unwrap_or(path.field.number);
    match &route.body {
        Body::Whole => Err(Failure::field(&path.name, "belongs in the body, not in the query")),
        Body::Field(field) | Body::Raw(field) if field.number == top => {
            Err(Failure::field(&path.name, "belongs in the body, not in the query"))
        }
        _ => Ok(()),
    }
}

/// Decodes `%41`; with `form`, `+` is a blank. Nothing when the escapes or the UTF-8 are broken.
fn percent_decode(text: &str, form: bool) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let high = char::from(digits[0]).to_digit(16)?;
                let low = char::from(digits[1]).to_digit(16)?;
                out.push(u8::try_from(high * 16 + low).ok()?);
                rest = after;
            }
            b'+' if form => out.push(b' '),
            other => out.push(*other),
        }
    }
    String::from_utf8(out).ok()
}

/// What a message repeats of a hostile name.
fn clip(name: &str) -> String {
    name.get(..name.floor_char_boundary(64)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_decode_and_broken_ones_are_noticed() {
        assert_eq!(percent_decode("a%20b+c", false).as_deref(), Some("a b+c"));
        assert_eq!(percent_decode("a+b%2B", true).as_deref(), Some("a b+"));
        assert_eq!(percent_decode("%E5%AE%A2", true).as_deref(), Some("客"));
        for broken in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decode(broken, true), None, "{broken}");
        }
    }
}
