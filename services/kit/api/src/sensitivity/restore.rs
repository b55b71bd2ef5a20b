//! The way back: what a caller sent in masked form becomes the real value again before it is stored.

use std::collections::HashMap;

use prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};

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
    let mut restorer = Restorer { masks, violations: Violations::default() };
    restorer.message(field, &mut target, &source);
    restorer.violations.into_result(())?;
    target.transcode_to().map_err(Error::internal)
}

/// One pass over a message and what it was.
struct Restorer<'m> {
    masks: &'m Masks,
    violations: Violations,
}

impl Restorer<'_> {
    fn message(&mut self, path: &str, target: &mut DynamicMessage, current: &DynamicMessage) {
        for field in target.descriptor().fields() {
            let path = format!("{path}.{}", field.name());
            let class = class_of(&field);
            if class != Sensitivity::Unspecified {
                self.field(&path, &field, target, current);
            } else if let Kind::Message(_) = field.kind() {
                self.nested(&path, &field, target, current);
            }
        }
    }

    fn field(
        &mut self,
        path: &str,
        field: &FieldDescriptor,
        target: &mut DynamicMessage,
        current: &DynamicMessage,
    ) {
        let class = class_of(field);
        let mask = self.masks.of(class);
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
        if sent == real {
            return;
        }
        if !real.is_empty() && sent == partial(class, &real) {
            keep(field, target, current);
        } else if sent.contains('*') {
            self.refuse(path);
        }
    }

    fn nested(
        &mut self,
        path: &str,
        field: &FieldDescriptor,
        target: &mut DynamicMessage,
        current: &DynamicMessage,
    ) {
        let real = current.get_field(field).into_owned();
        if !target.has_field(field) && !field.is_map() {
            return;
        }
        match (target.get_field_mut(field), &real) {
            (Value::List(items), Value::List(real)) => self.list(path, items, real),
            (Value::Map(entries), Value::Map(real)) => self.map(path, entries, real),
            (Value::Message(item), Value::Message(real)) => self.message(path, item, real),
            _ => {}
        }
    }

    /// An item of a list stands for the current item whose masked form it repeats, wherever that one stands; each current item is stood for
    /// once.
    fn list(&mut self, path: &str, items: &mut [Value], current: &[Value]) {
        let mut left: Vec<&DynamicMessage> = current.iter().filter_map(Value::as_message).collect();
        for (index, item) in items.iter_mut().enumerate() {
            let Value::Message(item) = item else { continue };
            let path = format!("{path}[{index}]");
            // First the item that is the same, or looks the same to the caller; then one that only its masked values tell.
            let same = left.iter().position(|real| **real == *item || self.seen(real) == *item);
            let found = same.map(|place| (place, left[place].clone())).or_else(|| {
                left.iter().enumerate().find_map(|(place, real)| Some((place, self.stands_for(item, real)?)))
            });
            if let Some((place, restored)) = found {
                *item = restored;
                left.remove(place);
            } else {
                self.message(&path, item, &DynamicMessage::new(item.descriptor()));
            }
        }
    }

    /// An item as the caller sees it.
    fn seen(&self, real: &DynamicMessage) -> DynamicMessage {
        let mut seen = real.clone();
        for field in real.descriptor().fields() {
            let class = class_of(&field);
            match (self.masks.of(class), real.get_field(&field).as_str()) {
                (Mask::None, _) => {}
                (Mask::Partial, Some(text)) => seen.set_field(&field, Value::String(partial(class, text))),
                (Mask::Partial | Mask::Hidden, _) => seen.clear_field(&field),
            }
        }
        seen
    }

    /// The item with the values of `real`, if it repeats what the caller sees of them.
    fn stands_for(&self, item: &DynamicMessage, real: &DynamicMessage) -> Option<DynamicMessage> {
        let mut attempt = item.clone();
        let mut trial = Restorer { masks: self.masks, violations: Violations::default() };
        trial.message("", &mut attempt, real);
        (trial.violations.is_empty() && attempt != *item).then_some(attempt)
    }

    fn map(&mut self, path: &str, entries: &mut HashMap<MapKey, Value>, current: &HashMap<MapKey, Value>) {
        for (key, value) in current {
            let Value::Message(real) = value else { continue };
            match entries.get_mut(key) {
                Some(Value::Message(sent)) => {
                    let name = key.as_str().unwrap_or_default();
                    self.value(&format!("{path}.{name}"), sent, real);
                }
                None if self.mask_of_value(real) == Mask::Hidden => {
                    entries.insert(key.clone(), value.clone());
                }
                _ => {}
            }
        }
    }

    /// A value that states its own class, such as the value of a tenant-made field.
    fn value(&mut self, path: &str, sent: &mut DynamicMessage, real: &DynamicMessage) {
        let mask = self.mask_of_value(real);
        if mask == Mask::None {
            return;
        }
        let (sent_text, real_text) = (text_of(sent), text_of(real));
        if sent == real {
            return;
        }
        let repeats = mask == Mask::Partial && sent_text == partial(class_of_value(real), &real_text);
        let is_empty = sent.fields().all(|(field, _)| field.containing_oneof().is_none());
        if is_empty || (repeats && !real_text.is_empty()) {
            *sent = real.clone();
        } else if sent_text.contains('*') {
            self.refuse(path);
        }
    }

    fn mask_of_value(&self, message: &DynamicMessage) -> Mask {
        self.masks.of(class_of_value(message))
    }

    fn refuse(&mut self, path: &str) {
        self.violations.add(path, "MASKED_VALUE", "is the masked form of another value");
    }
}

fn keep(field: &FieldDescriptor, target: &mut DynamicMessage, current: &DynamicMessage) {
    if current.has_field(field) {
        target.set_field(field, current.get_field(field).into_owned());
    }
}

fn text_of(message: &DynamicMessage) -> String {
    message.get_field_by_number(1).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
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
        let twins = contact(&["+8613812341234", "+8613899991234"], "");
        let twin = partial(Sensitivity::Phone, "+8613812341234");
        assert_eq!(restored(&contact(&[&twin, &twin], ""), &twins).unwrap(), twins);
        let sent = contact(&[&seen[1], &seen[0], "+442071838750"], "");
        let result = restored(&sent, &current).unwrap();
        assert_eq!(result, contact(&["+14155552671", "+8613812341234", "+442071838750"], "private"));
    }

    #[test]
    fn of_hidden_items_the_one_that_looks_the_same_is_meant() {
        let phone = |number: &str, kind: i32| ContactPhone {
            number: number.to_owned(),
            kind,
            ..ContactPhone::default()
        };
        let current = Contact {
            phones: vec![phone("+8613812341234", 3), phone("+14155552671", 1)],
            ..Contact::default()
        };
        let sent = Contact { phones: vec![phone("", 1)], ..Contact::default() };
        let descriptor = crm_proto::message("crm.customer.v1.Contact");
        let masks = Masks::default().with(Sensitivity::Phone, Mask::Hidden);
        let result = restore(&descriptor, "contact", &sent, &current, &masks).unwrap();
        assert_eq!(result.phones, [phone("+14155552671", 1)]);
    }

    #[test]
    fn a_real_value_with_a_star_is_no_mask() {
        let current = contact(&["12**34"], "");
        assert_eq!(restored(&current, &current).unwrap(), current);
    }

    #[test]
    fn a_masked_value_of_something_else_is_refused() {
        let error =
            restored(&contact(&["+86138****9999"], ""), &contact(&["+8613812341234"], "")).unwrap_err();
        assert_eq!(error.violations()[0].code, "MASKED_VALUE");
        assert_eq!(error.violations()[0].field, "contact.phones[0].number");
    }
}
