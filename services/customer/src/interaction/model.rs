//! What an interaction is, as stored.

use chrono::{DateTime, Utc};
use crm_kit_api::filter::Value;
use crm_kit_record::{
    Choice, custom_field::Values, external_id::ExternalId, recycle_bin::Gone, search::doubled,
};
use crm_kit_value::name::search::search_text;
use crm_proto::crm::customer::v1::interaction::{Direction, Kind};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    activity::{
        about::{About, Link, Reference},
        store::Entry,
    },
    contact,
};

/// A row of `interaction`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Interaction {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub kind: Choice<Kind>,
    pub direction: Choice<Direction>,
    pub start_time: DateTime<Utc>,
    pub duration_seconds: i64,
    pub participants: Json<Vec<Person>>,
    pub outcome: String,
    pub description: String,
    pub account_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub lead_id: Option<Uuid>,
    pub opportunity_id: Option<Uuid>,
    pub links: Json<Vec<Link>>,
    pub owner_id: Uuid,
    pub tags: Vec<String>,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
}

/// Somebody who took part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub user_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub display_name: String,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    interaction: &'a Interaction,
    search_name: String,
}

impl Person {
    /// Forgets contacts that are about to go; whether somebody is left who can be named.
    fn forget(&mut self, gone: &[Uuid]) -> bool {
        self.contact_id = self.contact_id.filter(|id| !gone.contains(id));
        self.user_id.is_some() || self.contact_id.is_some() || !self.display_name.is_empty()
    }
}

/// Lets people who are contacts that go be `into`, who took part once.
fn meet(people: &mut Vec<Person>, gone: &[Uuid], into: Uuid) {
    let goes = |person: &Person| person.contact_id.is_some_and(|id| gone.contains(&id));
    if !people.iter().any(goes) {
        return;
    }
    let mut seen = false;
    people.retain_mut(|person| {
        if goes(person) {
            person.contact_id = Some(into);
        }
        person.contact_id != Some(into) || !std::mem::replace(&mut seen, true)
    });
}

impl Interaction {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        Stored { interaction: self, search_name: doubled(&search_text(&[&self.display_name])) }
    }

    /// Its place in the time line.
    pub fn entry(&self) -> Entry {
        Entry {
            id: self.id,
            time: self.start_time,
            owner_id: self.owner_id,
            account_id: self.account_id,
            contact_id: self.contact_id,
            live: self.delete_time.is_none(),
        }
    }

    /// The contacts that were met, and when.
    pub fn met(&self) -> impl Iterator<Item = (Uuid, DateTime<Utc>)> {
        let present = self.participants.iter().filter_map(|person| person.contact_id);
        self.contact_id.into_iter().chain(present).map(|id| (id, self.start_time))
    }

    /// What it is about.
    pub fn about(&self) -> About {
        About {
            account_id: self.account_id,
            contact_id: self.contact_id,
            lead_id: self.lead_id,
            opportunity_id: self.opportunity_id,
            links: self.links.0.clone(),
        }
    }

    /// Forgets what it was about, for references to records that are about to go.
    pub fn forget(&mut self, gone: Gone<'_>) {
        let mut about = self.about();
        about.forget(gone);
        self.turn(about);
        if gone.collection == contact::COLLECTION {
            self.participants.0.retain_mut(|person| person.forget(gone.ids));
        }
    }

    /// Lets it be about what took the place of records that go.
    pub fn repoint(&mut self, gone: Gone<'_>, into: Uuid) {
        let mut about = self.about();
        about.repoint(gone, into);
        self.turn(about);
        if gone.collection == contact::COLLECTION {
            meet(&mut self.participants.0, gone.ids, into);
        }
    }

    /// Lets it be about other records of this service.
    fn turn(&mut self, about: About) {
        (self.account_id, self.contact_id, self.lead_id) =
            (about.account_id, about.contact_id, about.lead_id);
        self.links = Json(about.links);
    }

    /// References to records of this service.
    pub fn references(&self) -> Vec<Reference> {
        let mut references = self.about().references(self.id, "interaction");
        let people = self.participants.iter().enumerate();
        references.extend(people.filter_map(|(index, person)| {
            Some(Reference {
                from: self.id,
                collection: contact::COLLECTION.to_owned(),
                id: person.contact_id?,
                field: format!("interaction.participants[{index}].contact_id"),
            })
        }));
        references
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        let id = |id: Option<Uuid>| id.map_or(Value::Null, Value::Uuid);
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "display_name" => Value::Text(self.display_name.as_str().into()),
            "kind" => Value::Enum(self.kind.number()),
            "direction" => Value::Enum(self.direction.number()),
            "start_time" => Value::Timestamp(self.start_time),
            "duration_seconds" => Value::Int(self.duration_seconds),
            "outcome" => Value::Text(self.outcome.as_str().into()),
            "description" => Value::Text(self.description.as_str().into()),
            "account_id" => id(self.account_id),
            "contact_id" => id(self.contact_id),
            "lead_id" => id(self.lead_id),
            "opportunity_id" => id(self.opportunity_id),
            "owner_id" => Value::Uuid(self.owner_id),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            _ => Value::Null,
        }
    }
}
