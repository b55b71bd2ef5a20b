//! Interactions between the wire and the table. Reading collects every violation; what it returns is what will be stored.

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Call, Result, etag, time};
use crm_kit_record::{
    Choice,
    custom_field::{Fields, values::Origin},
    external_id::ExternalId,
    field::{Checker, id_text},
    life::purge_time,
};
use crm_kit_value::text::is_blank;
use crm_proto::crm::customer::v1::{Interaction as Wire, Participant, interaction::Kind};
use sqlx::types::Json;

use super::model::{Interaction, Person};
use crate::activity::about::{About, Link};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "delete_time", "purge_time", "etag"];

/// How far the clocks of callers may be ahead.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// Reads an interaction. `base` keeps what the server sets: the stored one of an update, a fresh one of a creation.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Interaction) -> Result<Interaction> {
    let mut check = Checker::new("interaction", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let mut interaction = standard(call, wire, base, &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| interaction.filter_value(path), moment, &mut check);
    interaction.custom = Json(custom);
    check.into_violations().into_result(interaction)
}

fn standard(call: &Call, wire: Wire, base: Interaction, check: &mut Checker<'_>) -> Interaction {
    if is_blank(&wire.display_name) {
        check.refuse("display_name", "REQUIRED", "is required");
    }
    let (kind, direction) = (wire.kind(), wire.direction());
    if kind == Kind::Unspecified {
        check.refuse("kind", "REQUIRED", "is required");
    }
    let start_time = start(call, &wire, base.start_time, check);
    let references = [&wire.account_id, &wire.contact_id, &wire.lead_id, &wire.opportunity_id];
    let about = About::read(references.map(String::as_str), wire.links, check);
    // What it was about may have been purged.
    let is_orphan = base.custom.origin() == Origin::Stored && base.about().is_empty();
    if about.is_empty() && !is_orphan {
        let message =
            "an interaction is about an account, a contact, a lead, an opportunity or another record";
        check.refuse("account_id", "ABOUT_NOTHING", message);
    }
    Interaction {
        display_name: check.line("display_name", wire.display_name, 200),
        kind: Choice(kind),
        direction: Choice(direction),
        start_time,
        duration_seconds: wire.duration_seconds.into(),
        participants: Json(people("participants", wire.participants, check)),
        outcome: check.line("outcome", wire.outcome, 200),
        description: check.lines("description", wire.description, 20_000),
        account_id: about.account_id,
        contact_id: about.contact_id,
        lead_id: about.lead_id,
        opportunity_id: about.opportunity_id,
        links: Json(about.links),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

fn start(call: &Call, wire: &Wire, before: DateTime<Utc>, check: &mut Checker<'_>) -> DateTime<Utc> {
    let path = check.at("start_time");
    let stated = wire.start_time.as_ref().and_then(|stated| time::instant(&path, stated, check.violations()));
    let start = stated.unwrap_or(before);
    if start > call.now + AHEAD {
        check.refuse("start_time", "IN_FUTURE", "lies in the future; plan what is to come as a task");
    }
    start
}

fn people(field: &str, wire: Vec<Participant>, check: &mut Checker<'_>) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::with_capacity(wire.len());
    for (index, participant) in wire.into_iter().enumerate() {
        let place = |part: &str| format!("{field}[{index}].{part}");
        let person = Person {
            user_id: check.reference(&place("user_id"), &participant.user_id),
            contact_id: check.reference(&place("contact_id"), &participant.contact_id),
            display_name: check.line(&place("display_name"), participant.display_name, 200),
        };
        if person.user_id.is_some() && person.contact_id.is_some() {
            check.refuse(
                &place("contact_id"),
                "BOTH_SET",
                "stands beside a colleague; one person is one of the two",
            );
        }
        let is_known = person.user_id.is_some() || person.contact_id.is_some();
        if !is_known && is_blank(&person.display_name) {
            check.refuse(
                &place("display_name"),
                "REQUIRED",
                "is required of somebody who is neither colleague nor contact",
            );
        }
        let repeats =
            |other: &Person| (other.user_id, other.contact_id) == (person.user_id, person.contact_id);
        if is_known && people.iter().any(repeats) {
            check.refuse(&format!("{field}[{index}]"), "REPEATED", "stands twice");
        }
        people.push(person);
    }
    people
}

/// A fresh interaction of the caller, before anything is read into it.
pub fn fresh(call: &Call) -> Interaction {
    Interaction {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        start_time: call.now,
        owner_id: call.caller_id(),
        ..Interaction::default()
    }
}

/// The interaction on the wire, unmasked.
pub fn to_wire(interaction: &Interaction, fields: &Fields) -> Wire {
    Wire {
        id: interaction.id.to_string(),
        create_time: Some(time::timestamp(interaction.create_time)),
        update_time: Some(time::timestamp(interaction.update_time)),
        delete_time: interaction.delete_time.map(time::timestamp),
        purge_time: purge_time(interaction.delete_time),
        etag: etag::of(interaction.revision),
        display_name: interaction.display_name.clone(),
        kind: interaction.kind.number(),
        direction: interaction.direction.number(),
        start_time: Some(time::timestamp(interaction.start_time)),
        duration_seconds: i32::try_from(interaction.duration_seconds).unwrap_or(i32::MAX),
        participants: interaction.participants.iter().map(person_to_wire).collect(),
        outcome: interaction.outcome.clone(),
        description: interaction.description.clone(),
        account_id: id_text(interaction.account_id),
        contact_id: id_text(interaction.contact_id),
        lead_id: id_text(interaction.lead_id),
        opportunity_id: id_text(interaction.opportunity_id),
        links: interaction.links.iter().map(Link::to_wire).collect(),
        owner_id: interaction.owner_id.to_string(),
        tags: interaction.tags.clone(),
        external_ids: interaction.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&interaction.custom),
    }
}

fn person_to_wire(person: &Person) -> Participant {
    Participant {
        user_id: id_text(person.user_id),
        contact_id: id_text(person.contact_id),
        display_name: person.display_name.clone(),
    }
}
