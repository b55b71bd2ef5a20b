//! Path templates of `google.api.http`: `/v1/accounts/{account.id}:undelete`, `/v1/{name=shelves/*/books/**}`.

/// A template taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub segments: Vec<Segment>,
    pub variables: Vec<Variable>,
    /// What follows the last `:`; empty when there is none.
    pub verb: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    Literal(String),
    /// `*`: one segment.
    One,
    /// `**`: all further segments, also none.
    Rest,
}

/// A variable and the segments it captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub field: String,
    pub start: usize,
    /// `None` when it ends in `**`.
    pub end: Option<usize>,
}

/// Reads a template; the error says what is wrong with it.
pub fn parse(text: &str) -> Result<Template, String> {
    let refused = |why: &str| format!("path template `{text}`: {why}");
    let rest = text.strip_prefix('/').ok_or_else(|| refused("must begin with `/`"))?;
    let (path, verb) = split_verb(rest);
    let mut template = Template { segments: Vec::new(), variables: Vec::new(), verb: verb.to_owned() };
    let mut rest = path;
    while !rest.is_empty() {
        rest = if let Some(inner) = rest.strip_prefix('{') {
            let (variable, after) = inner.split_once('}').ok_or_else(|| refused("has an open `{`"))?;
            template.variable(variable).map_err(refused)?;
            after
        } else {
            let end = rest.find('/').unwrap_or(rest.len());
            template.segments.push(segment(&rest[..end]).map_err(refused)?);
            &rest[end..]
        };
        rest = match rest.strip_prefix('/') {
            Some("") => return Err(refused("ends in `/`")),
            Some(after) => after,
            None if rest.is_empty() => rest,
            None => return Err(refused("has text after `}`")),
        };
    }
    let last = template.segments.len().saturating_sub(1);
    if template.segments.iter().take(last).any(|segment| *segment == Segment::Rest) {
        return Err(refused("may have `**` at the end only"));
    }
    Ok(template)
}

/// Splits the custom verb off the last segment.
pub fn split_verb(path: &str) -> (&str, &str) {
    let last = path.rfind(['/', '}']).map_or(0, |at| at + 1);
    match path[last..].rfind(':') {
        Some(at) => (&path[..last + at], &path[last + at + 1..]),
        None => (path, ""),
    }
}

impl Template {
    fn variable(&mut self, text: &str) -> Result<(), &'static str> {
        let (field, pattern) = text.split_once('=').unwrap_or((text, "*"));
        let start = self.segments.len();
        for part in pattern.split('/') {
            self.segments.push(segment(part)?);
        }
        let open = self.segments.last() == Some(&Segment::Rest);
        let end = (!open).then_some(self.segments.len());
        self.variables.push(Variable { field: field.to_owned(), start, end });
        Ok(())
    }
}

fn segment(text: &str) -> Result<Segment, &'static str> {
    match text {
        "" => Err("has an empty segment"),
        "*" => Ok(Segment::One),
        "**" => Ok(Segment::Rest),
        _ if text.contains(['{', '}', '*']) => Err("has a malformed segment"),
        _ => Ok(Segment::Literal(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_knows_the_segments_it_captures() {
        let template = parse("/v1/{name=shelves/*/books/*}/pages/{page.number}:print").unwrap();
        assert_eq!(template.verb, "print");
        assert_eq!(template.segments.len(), 7);
        assert_eq!(template.variables[0], Variable { field: "name".into(), start: 1, end: Some(5) });
        assert_eq!(template.variables[1], Variable { field: "page.number".into(), start: 6, end: Some(7) });
    }

    #[test]
    fn a_verb_may_follow_a_literal() {
        let template = parse("/v1/accounts:batchGet").unwrap();
        assert_eq!((template.segments.len(), template.verb.as_str()), (2, "batchGet"));
        assert_eq!(parse("/v1/{path=files/**}").unwrap().variables[0].end, None);
    }

    #[test]
    fn broken_templates_are_refused() {
        for text in
            ["v1", "/v1/", "/v1/{id", "/v1/{id}x", "/v1/**/x", "/v1//x", "/v1/a*", "/v1/{id}/{a=**}/b"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
