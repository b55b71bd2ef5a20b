//! Field masks of updates: which fields to change, the merge itself, and what changed in the end.
//!
//! Not here: masking of sensitive values, which is [`crate::sensitivity`].

use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, MessageDescriptor, ReflectMessage as _, Value};
use prost_types::FieldMask;

use crate::error::{Error, Result, Violations};

/// Merges `incoming` into `current` under the rules of AIP-134: an absent mask means every populated field of `incoming`, `*` means every
/// field. `fixed` names top-level fields that a caller may send but never changes (the id, the times, the etag); they are left as they are.
///
/// An unknown path is refused by name.
pub fn merge<M: Message + Default>(
    descriptor: &MessageDescriptor,
    current: &M,
    incoming: &M,
    update_mask: Option<&FieldMask>,
    fixed: &[&str],
) -> Result<M> {
    let mut target = dynamic(descriptor, current)?;
    let source = dynamic(descriptor, incoming)?;
    for path in paths(descriptor, &source, update_mask)? {
        let top = path.split('.').next().unwrap_or_default();
        if !fixed.contains(&top) {
            copy(&mut target, &source, &path)?;
        }
    }
    target.transcode_to().map_err(Error::internal)
}

/// Names of the top-level fields in which two messages differ, in the order of the contract.
pub fn changed<M: Message>(descriptor: &MessageDescriptor, before: &M, after: &M) -> Result<Vec<String>> {
    let (before, after) = (dynamic(descriptor, before)?, dynamic(descriptor, after)?);
    let differing = descriptor.fields().filter(|field| before.get_field(field) != after.get_field(field));
    Ok(differing.map(|field| field.name().to_owned()).collect())
}

/// A copy of `message` with only the named top-level fields.
pub fn only<M: Message + Default>(
    descriptor: &MessageDescriptor,
    message: &M,
    fields: &[String],
) -> Result<M> {
    let source = dynamic(descriptor, message)?;
    let mut target = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields().filter(|field| fields.iter().any(|name| name == field.name())) {
        if source.has_field(&field) {
            target.set_field(&field, source.get_field(&field).into_owned());
        }
    }
    target.transcode_to().map_err(Error::internal)
}

fn dynamic<M: Message>(descriptor: &MessageDescriptor, message: &M) -> Result<DynamicMessage> {
    let mut dynamic = DynamicMessage::new(descriptor.clone());
    dynamic.transcode_from(message).map_err(Error::internal)?;
    Ok(dynamic)
}

fn paths(
    descriptor: &MessageDescriptor,
    source: &DynamicMessage,
    update_mask: Option<&FieldMask>,
) -> Result<Vec<String>> {
    let Some(mask) = update_mask.filter(|mask| !mask.paths.is_empty()) else {
        return Ok(source.fields().map(|(field, _)| field.name().to_owned()).collect());
    };
    if mask.paths.iter().any(|path| path == "*") {
        return Ok(descriptor.fields().map(|field| field.name().to_owned()).collect());
    }
    let mut violations = Violations::default();
    for path in &mask.paths {
        if !exists(descriptor, path) {
            violations.add(
                "update_mask",
                "FIELD_UNKNOWN",
                format!("{path} is not a field that can be updated"),
            );
        }
    }
    violations.into_result(mask.paths.clone())
}

fn exists(descriptor: &MessageDescriptor, path: &str) -> bool {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    let Some(field) = descriptor.get_field_by_name(head) else { return false };
    match rest {
        None => true,
        Some(key) if field.is_map() => !key.is_empty() && !key.contains('.'),
        Some(_) if field.is_list() => false,
        Some(rest) => field.kind().as_message().is_some_and(|message| exists(message, rest)),
    }
}

fn copy(target: &mut DynamicMessage, source: &DynamicMessage, path: &str) -> Result<()> {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    let field = source
        .descriptor()
        .get_field_by_name(head)
        .ok_or_else(|| Error::bug(format!("mask path {path} was not checked")))?;
    match rest {
        None if source.has_field(&field) => {
            target.set_field(&field, source.get_field(&field).into_owned());
        }
        None => target.clear_field(&field),
        Some(key) if field.is_map() => copy_entry(target, source, &field, key),
        Some(rest) => {
            let inner = source.get_field(&field);
            if let (Value::Message(to), Some(from)) = (target.get_field_mut(&field), inner.as_message()) {
                copy(to, from, rest)?;
            }
        }
    }
    Ok(())
}

fn copy_entry(target: &mut DynamicMessage, source: &DynamicMessage, field: &FieldDescriptor, key: &str) {
    let key = MapKey::String(key.to_owned());
    let entry = source.get_field(field).as_map().and_then(|map| map.get(&key).cloned());
    if let Some(map) = target.get_field_mut(field).as_map_mut() {
        match entry {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        };
    }
}

#[cfg(test)]
mod tests {
    use crm_proto::google::{rpc::ErrorInfo, r#type::PostalAddress};

    use super::*;

    fn address() -> MessageDescriptor {
        crm_proto::pool().get_message_by_name("google.type.PostalAddress").unwrap()
    }

    fn mask(paths: &[&str]) -> FieldMask {
        FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }
    }

    fn sample() -> PostalAddress {
        PostalAddress { locality: "Shanghai".into(), postal_code: "200000".into(), ..Default::default() }
    }

    #[test]
    fn an_absent_mask_changes_what_is_populated_and_a_star_everything() {
        let incoming = PostalAddress { locality: "Beijing".into(), ..Default::default() };
        let merged = merge(&address(), &sample(), &incoming, None, &[]).unwrap();
        assert_eq!((merged.locality.as_str(), merged.postal_code.as_str()), ("Beijing", "200000"));
        let replaced = merge(&address(), &sample(), &incoming, Some(&mask(&["*"])), &["revision"]).unwrap();
        assert_eq!(replaced.postal_code, "");
    }

    #[test]
    fn a_named_field_that_is_empty_is_cleared() {
        let merged =
            merge(&address(), &sample(), &PostalAddress::default(), Some(&mask(&["locality"])), &[]).unwrap();
        assert_eq!((merged.locality.as_str(), merged.postal_code.as_str()), ("", "200000"));
    }

    #[test]
    fn a_map_entry_is_changed_alone() {
        let descriptor = crm_proto::pool().get_message_by_name("google.rpc.ErrorInfo").unwrap();
        let info = |entries: &[(&str, &str)]| ErrorInfo {
            metadata: entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..Default::default()
        };
        let current = info(&[("a", "1"), ("b", "2")]);
        let merged =
            merge(&descriptor, &current, &info(&[("b", "3")]), Some(&mask(&["metadata.b"])), &[]).unwrap();
        assert_eq!(merged, info(&[("a", "1"), ("b", "3")]));
        let merged = merge(&descriptor, &current, &info(&[]), Some(&mask(&["metadata.a"])), &[]).unwrap();
        assert_eq!(merged, info(&[("b", "2")]));
    }

    #[test]
    fn unknown_paths_are_refused_by_name() {
        let error =
            merge(&address(), &sample(), &sample(), Some(&mask(&["nope", "locality.x"])), &[]).unwrap_err();
        assert_eq!(error.violations().len(), 2);
        assert!(error.violations()[0].message.contains("nope"));
    }
}
