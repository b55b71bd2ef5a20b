//! The pass over encoded messages.

use std::collections::HashMap;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

use super::{Mask, Masks, Sensitivity, class_of, partial};
use crate::error::{Error, Result};

/// Nested messages are followed this deep; deeper ones cannot be made from the contract.
const MAX_DEPTH: u32 = 32;

/// Masks messages of every type of the contract. Made once at start.
#[derive(Debug)]
pub struct Masker {
    plans: HashMap<String, Plan>,
}

/// What to do with the fields of one message type. Fields without an entry are copied.
#[derive(Debug, Default)]
struct Plan {
    fields: HashMap<u32, Step>,
    /// Number of the field that states the class of its siblings.
    self_describing: Option<u32>,
}

#[derive(Debug, Clone)]
enum Step {
    Text(Sensitivity),
    Opaque(Sensitivity),
    Message(String),
    Any,
}

impl Masker {
    /// Reads the plans from the descriptors.
    pub fn new(pool: &DescriptorPool) -> Self {
        let mut plans: HashMap<String, Plan> =
            pool.all_messages().map(|message| (message.full_name().to_owned(), plan(&message))).collect();
        prune(&mut plans);
        Self { plans }
    }

    /// Whether messages of a type can hold anything to mask.
    pub fn concerns(&self, type_name: &str) -> bool {
        self.plans.contains_key(type_name)
    }

    /// The message as a caller with `masks` sees it.
    pub fn apply(&self, type_name: &str, message: &Bytes, masks: &Masks) -> Result<Bytes> {
        match self.plans.get(type_name) {
            Some(plan) if masks.any() => {
                let mut out = BytesMut::with_capacity(message.len());
                let walk = Walk { plans: &self.plans, masks };
                walk.message(plan, message.clone(), &mut out, MAX_DEPTH).map_err(Error::internal)?;
                Ok(out.freeze())
            }
            _ => Ok(message.clone()),
        }
    }
}

/// One pass for one caller.
struct Walk<'w> {
    plans: &'w HashMap<String, Plan>,
    masks: &'w Masks,
}

impl Walk<'_> {
    fn message(
        &self,
        plan: &Plan,
        mut message: Bytes,
        out: &mut BytesMut,
        depth: u32,
    ) -> Result<(), Malformed> {
        if depth == 0 {
            return Err(Malformed);
        }
        let own_class =
            plan.self_describing.map(|number| stated_class(number, message.clone())).transpose()?;
        while message.has_remaining() {
            let whole = message.clone();
            let (number, wire_type) = decode_key(&mut message).map_err(|_| Malformed)?;
            let step = plan
                .fields
                .get(&number)
                .cloned()
                .or_else(|| sibling_step(plan, own_class, number, wire_type));
            let Some(step) = step else {
                skip_field(wire_type, number, &mut message, DecodeContext::default())
                    .map_err(|_| Malformed)?;
                out.put_slice(&whole[..whole.len() - message.len()]);
                continue;
            };
            let value = take(wire_type, number, &mut message)?;
            let as_it_is = &whole[..whole.len() - message.len()];
            match self.value(&step, value, depth)? {
                Seen::AsItIs => out.put_slice(as_it_is),
                Seen::Hidden => {}
                Seen::Changed(value) => {
                    encode_key(number, WireType::LengthDelimited, out);
                    encode_varint(value.len() as u64, out);
                    out.put_slice(&value);
                }
            }
        }
        Ok(())
    }

    /// A field's value as the caller sees it.
    fn value(&self, step: &Step, value: Bytes, depth: u32) -> Result<Seen, Malformed> {
        match step {
            Step::Text(class) | Step::Opaque(class) if self.masks.of(*class) == Mask::None => {
                Ok(Seen::AsItIs)
            }
            Step::Text(class) if self.masks.of(*class) == Mask::Partial => {
                let text = std::str::from_utf8(&value).map_err(|_| Malformed)?;
                Ok(Seen::Changed(partial(*class, text).into()))
            }
            Step::Text(_) | Step::Opaque(_) => Ok(Seen::Hidden),
            Step::Message(name) => {
                let Some(plan) = self.plans.get(name) else { return Ok(Seen::AsItIs) };
                let mut inner = BytesMut::with_capacity(value.len());
                self.message(plan, value, &mut inner, depth - 1)?;
                Ok(Seen::Changed(inner.freeze()))
            }
            Step::Any => self.any(value, depth - 1).map(Seen::Changed),
        }
    }

    /// A `google.protobuf.Any`, by the plan of what it holds.
    fn any(&self, any: Bytes, depth: u32) -> Result<Bytes, Malformed> {
        let mut message = <prost_types::Any as prost::Message>::decode(any).map_err(|_| Malformed)?;
        let name = message.type_url.rsplit('/').next().unwrap_or_default();
        if let Some(plan) = self.plans.get(name) {
            let mut inner = BytesMut::new();
            self.message(plan, Bytes::from(std::mem::take(&mut message.value)), &mut inner, depth)?;
            message.value = inner.to_vec();
        }
        Ok(prost::Message::encode_to_vec(&message).into())
    }
}

/// What a caller sees of a value.
enum Seen {
    AsItIs,
    Hidden,
    Changed(Bytes),
}

/// The step for a field whose class is stated by its sibling.
fn sibling_step(plan: &Plan, class: Option<Sensitivity>, number: u32, wire_type: WireType) -> Option<Step> {
    let class = class.filter(|class| *class != Sensitivity::Unspecified)?;
    if plan.self_describing == Some(number) {
        return None;
    }
    // Field 1 of a self-describing message is its text; everything else has no partial form.
    Some(if number == 1 && wire_type == WireType::LengthDelimited {
        Step::Text(class)
    } else {
        Step::Opaque(class)
    })
}

fn stated_class(number: u32, mut message: Bytes) -> Result<Sensitivity, Malformed> {
    let mut class = Sensitivity::Unspecified;
    while message.has_remaining() {
        let (field, wire_type) = decode_key(&mut message).map_err(|_| Malformed)?;
        if field == number && wire_type == WireType::Varint {
            let value = decode_varint(&mut message).map_err(|_| Malformed)?;
            class = i32::try_from(value)
                .ok()
                .and_then(|value| Sensitivity::try_from(value).ok())
                .unwrap_or_default();
        } else {
            skip_field(wire_type, field, &mut message, DecodeContext::default()).map_err(|_| Malformed)?;
        }
    }
    Ok(class)
}

/// The bytes of a field's value, without key and length.
fn take(wire_type: WireType, number: u32, message: &mut Bytes) -> Result<Bytes, Malformed> {
    if wire_type == WireType::LengthDelimited {
        let length = decode_varint(message).map_err(|_| Malformed)?;
        let length =
            usize::try_from(length).ok().filter(|length| *length <= message.len()).ok_or(Malformed)?;
        return Ok(message.split_to(length));
    }
    let before = message.clone();
    skip_field(wire_type, number, message, DecodeContext::default()).map_err(|_| Malformed)?;
    Ok(before.slice(..before.len() - message.len()))
}

fn plan(message: &MessageDescriptor) -> Plan {
    let mut plan = Plan::default();
    for field in message.fields() {
        let class = class_of(&field);
        let step = match field.kind() {
            Kind::String if class != Sensitivity::Unspecified => Step::Text(class),
            _ if class != Sensitivity::Unspecified => Step::Opaque(class),
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Any" => Step::Any,
            Kind::Message(inner) => Step::Message(inner.full_name().to_owned()),
            Kind::Enum(kind) if kind.full_name() == "crm.options.v1.Sensitivity" && is_value(message) => {
                plan.self_describing = Some(field.number());
                continue;
            }
            _ => continue,
        };
        plan.fields.insert(field.number(), step);
    }
    if plan.self_describing.is_some() {
        plan.fields.clear();
    }
    plan
}

/// Whether the message is a value that states its own class: a oneof beside the class, and nothing else.
fn is_value(message: &MessageDescriptor) -> bool {
    let beside = message.fields().filter(|field| field.containing_oneof().is_none()).count();
    beside == 1 && message.oneofs().any(|oneof| !oneof.is_synthetic())
}

/// Drops steps into messages that hold nothing to mask, and then the empty plans, so that most messages are not walked at all.
fn prune(plans: &mut HashMap<String, Plan>) {
    loop {
        let idle: Vec<String> = plans
            .iter()
            .filter(|(_, plan)| plan.fields.is_empty() && plan.self_describing.is_none())
            .map(|(name, _)| name.clone())
            .collect();
        let recursive_only = idle.is_empty();
        for name in &idle {
            plans.remove(name);
        }
        let known: std::collections::HashSet<String> = plans.keys().cloned().collect();
        for plan in plans.values_mut() {
            plan.fields.retain(|_, step| !matches!(step, Step::Message(name) if !known.contains(name)));
        }
        if recursive_only {
            return;
        }
    }
}

/// Bytes that are not a message of the type they claim to be.
#[derive(Debug)]
struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a response does not decode as its own type")
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use crm_proto::crm::{
        customer::v1::{Account, AccountCreated},
        event::v1::{Event, SubscribeResponse},
        record::v1::{CustomValue, custom_value::Value},
    };
    use prost::Message as _;

    use super::*;

    fn account() -> Account {
        let secret =
            CustomValue { sensitivity: Sensitivity::Note.into(), value: Some(Value::Text("secret".into())) };
        let open = CustomValue { sensitivity: 0, value: Some(Value::Text("open".into())) };
        Account {
            display_name: "Acme".into(),
            phone: "+8613812341234".into(),
            description: "private".into(),
            billing_address: Some(crm_proto::google::r#type::PostalAddress::default()),
            custom: [("a".to_owned(), secret), ("b".to_owned(), open)].into(),
            ..Account::default()
        }
    }

    fn masked<M: prost::Message + Default>(type_name: &str, message: &M, masks: Masks) -> M {
        let masker = Masker::new(crm_proto::pool());
        assert!(masker.concerns(type_name));
        M::decode(masker.apply(type_name, &message.encode_to_vec().into(), &masks).unwrap()).unwrap()
    }

    fn masks() -> Masks {
        Masks::default()
            .with(Sensitivity::Phone, Mask::Partial)
            .with(Sensitivity::Note, Mask::Hidden)
            .with(Sensitivity::Address, Mask::Partial)
    }

    #[test]
    fn every_class_is_masked_wherever_it_stands() {
        let seen = masked("crm.customer.v1.Account", &account(), masks());
        assert_eq!(seen.display_name, "Acme");
        assert!(seen.phone.contains("****") && seen.phone.ends_with("1234"), "{}", seen.phone);
        assert_eq!((seen.description.as_str(), seen.billing_address), ("", None));
        assert_eq!(seen.custom["a"].value, None);
        assert_eq!(seen.custom["b"], account().custom["b"]);
    }

    #[test]
    fn payloads_of_events_are_masked_too() {
        let payload = prost_types::Any {
            type_url: "type.googleapis.com/crm.customer.v1.AccountCreated".into(),
            value: AccountCreated { account: Some(account()) }.encode_to_vec(),
        };
        let response = SubscribeResponse {
            events: vec![Event { payload: Some(payload), ..Event::default() }],
            ..SubscribeResponse::default()
        };
        let seen = masked("crm.event.v1.SubscribeResponse", &response, masks());
        let payload = seen.events[0].payload.clone().unwrap();
        let created = AccountCreated::decode(payload.value.as_slice()).unwrap();
        assert!(created.account.unwrap().phone.contains("****"));
    }

    #[test]
    fn without_masks_nothing_changes() {
        assert_eq!(masked("crm.customer.v1.Account", &account(), Masks::default()), account());
        let classes_not_in_use = Masks::default().with(Sensitivity::Financial, Mask::Hidden);
        assert_eq!(masked("crm.customer.v1.Account", &account(), classes_not_in_use), account());
    }

    #[test]
    fn messages_without_sensitive_fields_are_not_walked() {
        assert!(!Masker::new(crm_proto::pool()).concerns("crm.record.v1.ExternalId"));
    }
}
