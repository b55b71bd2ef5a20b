//! Users that records name: the owner, and those in the tenant's own fields. Whoever a record names anew is a live user of the tenant; whoever it has
//! it keeps, also after being disabled.

use crm_kit_api::{Call, Result};
use crm_kit_pg::people::Standing;
use crm_proto::crm::record::v1::custom_field::Type;
use prost::{Message as _, Name as _};
use prost_reflect::{DynamicMessage, MapKey};
use uuid::Uuid;

use crate::{
    Record, Slice,
    custom_field::{Fields, link::USERS, model::Definition, value},
};

impl<R: Record> Slice<R> {
    /// Makes sure, before the transaction, that the people directory knows the users that requests name as text. What is no id is refused later.
    pub(crate) async fn meet<'w>(
        &self,
        call: &Call,
        fields: &Fields,
        sent: impl Iterator<Item = &'w R::Wire>,
    ) -> Result<()> {
        let users: Vec<Uuid> = sent.flat_map(|wire| named::<R>(fields, wire)).collect();
        self.people.meet(call, users).await
    }
}

/// The users a request names.
pub(crate) fn named<R: Record>(fields: &Fields, wire: &R::Wire) -> Vec<Uuid> {
    let owner = Uuid::try_parse(R::sent(wire).owner_id).ok();
    owner.into_iter().chain(in_own_fields::<R>(fields, wire)).collect()
}

/// The users in a request's values of the tenant's own fields. A tenant without such fields pays nothing.
fn in_own_fields<R: Record>(fields: &Fields, wire: &R::Wire) -> Vec<Uuid> {
    let mut definitions = references(fields).peekable();
    if definitions.peek().is_none() {
        return Vec::new();
    }
    let message = crm_proto::message(&R::Wire::full_name());
    let Ok(record) = DynamicMessage::decode(message, wire.encode_to_vec().as_slice()) else {
        return Vec::new();
    };
    let custom = record.get_field_by_name("custom");
    let Some(values) = custom.as_ref().and_then(|custom| custom.as_map()) else { return Vec::new() };
    let users = definitions.filter_map(|definition| {
        let value = values.get(&MapKey::String(definition.key.clone()))?.as_message()?;
        Uuid::try_parse(value.get_field_by_name("reference_id")?.as_str()?).ok()
    });
    users.collect()
}

/// The tenant's own fields that hold users.
fn references(fields: &Fields) -> impl Iterator<Item = &Definition> {
    fields.of_kind(Type::Reference).filter(|definition| definition.reference_collection == USERS)
}

/// The users that a record names and did not name before, each with the path of its field.
pub(crate) fn new_users<R: Record>(
    fields: &Fields,
    record: &R,
    was: Option<&R>,
) -> impl Iterator<Item = (String, Uuid)> {
    let owner =
        record.head().owner_id.filter(|owner| was.and_then(|was| was.head().owner_id) != Some(*owner));
    let held = |record: &R, key: &str| record.head().custom.get(key).and_then(value::id);
    let referred = references(fields).filter_map(move |definition| {
        let before = was.and_then(|was| held(was, &definition.key));
        let now = held(record, &definition.key).filter(|user| Some(*user) != before)?;
        Some((definition.path(), now))
    });
    owner.map(|owner| ("owner_id".to_owned(), owner)).into_iter().chain(referred)
}

/// Fails with `INVALID_ARGUMENT / FIELD_INVALID` for a new user who is none of the tenant (`USER_UNKNOWN`) or not live (`USER_DISABLED`).
pub(crate) fn check<R: Record>(
    standing: &Standing,
    call: &Call,
    fields: &Fields,
    record: &R,
    was: Option<&R>,
) -> Result<()> {
    new_users(fields, record, was)
        .try_for_each(|(path, user)| standing.check(call, &format!("{}.{path}", R::KIND.field), user))
}
