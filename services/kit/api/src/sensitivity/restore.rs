//! The way back: what a caller sent in masked form becomes the real value again before it is stored.

use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};

use super::{Mask, Masks, Sensitivity, class_of, partial};
use crate::error::{Error, Result, Violations};

/// `incoming` with every value that merely repeats what the caller sees masked replaced by the value of `current`.
///
/// A hidden value cannot be repeated, so an empty one keeps the current value. A text with the mask's star that matches no current value is
/// refused (`MASKED_VALUE`): it is the masked form of something else. `field` is the path of the message in the request.
pub fn restore<M: Message + Default>(
    descriptor: &MessageDescriptor,
    field: &str,
    incoming: &M,
    current: &M,
    masks: &Masks,
) -> Result<M> {
    let mut target = DynamicMessage::new(descriptor.clone());
    target.transcode_from(incoming).map_err(Error::internal)?;
    let mut source = DynamicMessage::new(descriptor.clone());
    source.transcode_from(current).map_err(Error::internal)?;
    let mut violations = Violations::default();
    restore_message(field, &mut target, &source, masks, &mut violations);
    violations.into_result(())?;
    target.transcode_to().map_err(Error::internal)
}

fn restore_message(
    path: &str,
    target: &mut DynamicMessage,
    current: &DynamicMessage,
    masks: &Masks,
    violations: &mut Violations,
) {
    for field in target.descriptor().fields() {
        let path = format!("{path}.{}", field.name());
        let class = class_of(&field);
        if class != Sensitivity::Unspecified {
            restore_field(&path, &field, class, target, current, masks, violations);
        } else if let Kind::Message(_) = field.kind() {
            restore_nested(&path, &field, target, current, masks, violations);
        }
    }
}

fn restore_field(
    path: &str,
    field: &FieldDescriptor,
    class: Sensitivity,
    target: &mut DynamicMessage,
    current: &DynamicMessage,
    masks: &Masks,
    violations: &mut Violations,
) {
    let mask = masks.of(class);
    if mask == Mask::None {
        return;
    }
    let is_text = matches!(field.kind(), Kind::String);
    if mask == Mask::Hidden || !is_text {
        if !target.has_field(field) {
            keep(field, target, current);
        }
        return;
    }
    let sent = target.get_field(field).as_str().unwrap_or_default().to_owned();
    let real = current.get_field(field).as_str().unwrap_or_default().to_owned();
    if !real.is_empty() && sent == partial(class, &real) {
        keep(field, target, current);
    } else if sent.contains('*') {
        violations.add(path, "MASKED_VALUE", "is the masked form of another value");
    }
}

fn keep(field: &FieldDescriptor, target: &mut DynamicMessage, current: &DynamicMessage) {
    if current.has_field(field) {
        target.set_field(field, current.get_field(field).into_owned());
    }
}

fn restore_nested(
    path: &str,
    field: &FieldDescriptor,
    target: &mut DynamicMessage,
    current: &DynamicMessage,
    masks: &Masks,
    violations: &mut Violations,
) {
    let real = current.get_field(field).into_owned();
    match (target.get_field_mut(field), &real) {
        (Value::List(items), Value::List(real)) => {
            for (index, item) in items.iter_mut().enumerate() {
                if let Value::Message(item) = item {
                    restore_item(&format!("{path}[{index}]"), item, real, masks, violations);
                }
            }
        }
        (Value::Map(entries), Value::Map(real)) => {
            let mut hidden = Vec::new();
            for (key, value) in real {
                match (entries.get_mut(key), value) {
                    (Some(Value::Message(sent)), Value::Message(value)) => {
                        restore_value(path, sent, value, masks, violations);
                    }
                    (None, Value::Message(message)) if mask_of_value(message, masks) == Mask::Hidden => {
                        hidden.push((key.clone(), value.clone()));
                    }
                    _ => {}
                }
            }
            entries.extend(hidden);
        }
        (Value::Message(item), Value::Message(real)) if current.has_field(field) => {
            restore_message(path, item, real, masks, violations);
        }
        _ => {}
    }
    if !target.has_field(field)
        || target.get_field(field).as_message().is_some_and(|message| message.fields().next().is_none())
    {
        // `get_field_mut` makes an empty message of an unset field; an unset field stays unset.
        if !field.is_list() && !field.is_map() && !current.has_field(field) {
            target.clear_field(field);
        }
    }
}

/// An item of a list stands for the current item whose masked form it repeats, wherever that one stands.
fn restore_item(
    path: &str,
    item: &mut DynamicMessage,
    current: &[Value],
    masks: &Masks,
    violations: &mut Violations,
) {
    for real in current.iter().filter_map(Value::as_message) {
        let mut attempt = item.clone();
        let mut misses = Violations::default();
        restore_message(path, &mut attempt, real, masks, &mut misses);
        if misses.is_empty() && attempt != *item {
            *item = attempt;
            return;
        }
    }
    let nothing = DynamicMessage::new(item.descriptor());
    restore_message(path, item, &nothing, masks, violations);
}

/// A value that states its own class, such as the value of a tenant-made field.
fn restore_value(
    path: &str,
    sent: &mut DynamicMessage,
    real: &DynamicMessage,
    masks: &Masks,
    violations: &mut Violations,
) {
    let mask = mask_of_value(real, masks);
    if mask == Mask::None {
        return;
    }
    let text = |message: &DynamicMessage| {
        message.get_field_by_number(1).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let (sent_text, real_text) = (text(sent), text(real));
    let repeats = mask == Mask::Partial && sent_text == partial(class_of_value(real), &real_text);
    let is_empty = sent.fields().all(|(field, _)| field.containing_oneof().is_none());
    if is_empty || (repeats && !real_text.is_empty()) {
        *sent = real.clone();
    } else if sent_text.contains('*') {
        violations.add(path, "MASKED_VALUE", "is the masked form of another value");
    }
}

fn mask_of_value(message: &DynamicMessage, masks: &Masks) -> Mask {
    masks.of(class_of_value(message))
}

fn class_of_value(message: &DynamicMessage) -> Sensitivity {
    let field = message.descriptor().fields().find(
        |field| matches!(field.kind(), Kind::Enum(kind) if kind.full_name() == "crm.options.v1.Sensitivity"),
    );
    let number = field.and_then(|field| message.get_field(&field).as_enum_number()).unwrap_or(0);
    Sensitivity::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crm_proto::crm::customer::v1::{Contact, ContactPhone};

    use super::*;

    fn contact(phones: &[&str], note: &str) -> Contact {
        Contact {
            phones: phones
                .iter()
                .map(|number| ContactPhone { number: (*number).to_owned(), ..ContactPhone::default() })
                .collect(),
            description: note.to_owned(),
            ..Contact::default()
        }
    }

    fn restored(incoming: &Contact, current: &Contact) -> Result<Contact> {
        let descriptor = crm_proto::pool().get_message_by_name("crm.customer.v1.Contact").unwrap();
        let masks =
            Masks::default().with(Sensitivity::Phone, Mask::Partial).with(Sensitivity::Note, Mask::Hidden);
        restore(&descriptor, "contact", incoming, current, &masks)
    }

    #[test]
    fn masked_values_written_back_leave_the_real_ones() {
        let current = contact(&["+8613812341234", "+14155552671"], "private");
        let seen: Vec<String> =
            current.phones.iter().map(|phone| partial(Sensitivity::Phone, &phone.number)).collect();
        let sent = contact(&[&seen[1], &seen[0], "+442071838750"], "");
        let result = restored(&sent, &current).unwrap();
        assert_eq!(result, contact(&["+14155552671", "+8613812341234", "+442071838750"], "private"));
    }

    #[test]
    fn a_masked_value_of_something_else_is_refused() {
        let error =
            restored(&contact(&["+86138****9999"], ""), &contact(&["+8613812341234"], "")).unwrap_err();
        assert_eq!(error.violations()[0].code, "MASKED_VALUE");
        assert_eq!(error.violations()[0].field, "contact.phones[0].number");
    }
}
