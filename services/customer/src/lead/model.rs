//! What a lead is, as stored, and what follows from its fields.

use chrono::{DateTime, Utc};
use crm_kit_api::{
    filter::Value,
    sensitivity::{Sensitivity, partial},
};
use crm_proto::crm::customer::v1::lead::{Rating, Status};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::status;
use crm_kit_record::{
    Choice, address::Address, custom_field::Values, external_id::ExternalId, search::doubled,
};
use crm_kit_value::{
    name::{person, search::person_search_text, search::search_text},
    phone,
    text::is_blank,
};

/// A row of `lead`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Lead {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub family_name: String,
    pub given_name: String,
    pub salutation: String,
    pub job_title: String,
    pub department: String,
    pub company_name: String,
    pub industry: String,
    pub employee_count: i64,
    pub region: String,
    pub website: String,
    pub phone: String,
    pub email: String,
    pub address: Option<Json<Address>>,
    pub source: String,
    pub channel: String,
    pub campaign_id: Option<Uuid>,
    pub utm: Json<Utm>,
    pub score: i32,
    pub rating: Choice<Rating>,
    pub status: Choice<Status>,
    pub status_reason: String,
    pub status_time: DateTime<Utc>,
    pub owner_id: Option<Uuid>,
    pub pool_id: Option<Uuid>,
    pub claim_time: Option<DateTime<Utc>>,
    pub last_activity_time: Option<DateTime<Utc>>,
    pub duplicate_of_id: Option<Uuid>,
    pub converted_account_id: Option<Uuid>,
    pub converted_contact_id: Option<Uuid>,
    pub converted_opportunity_id: Option<Uuid>,
    pub convert_time: Option<DateTime<Utc>>,
    /// The conversion that is under way or took place.
    pub conversion_id: Option<Uuid>,
    pub tags: Vec<String>,
    pub description: String,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
}

/// What the address of a page said that the lead came by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utm {
    pub source: String,
    pub medium: String,
    pub campaign: String,
    pub term: String,
    pub content: String,
}

/// A row of `lead_status_change`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusChange {
    pub tenant_id: Uuid,
    pub lead_id: Uuid,
    /// The revision of the lead that the change made.
    pub revision: i64,
    /// Counts the steps of one write.
    pub step: i32,
    pub change_time: DateTime<Utc>,
    pub from_status: Choice<Status>,
    pub to_status: Choice<Status>,
    pub actor_id: Uuid,
    pub reason: String,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    lead: &'a Lead,
    search_name: String,
    search_phone: String,
    search_email: String,
}

impl Lead {
    /// The name that the other fields make.
    pub fn composed_name(&self) -> String {
        let person = person::display(&self.family_name, &self.given_name);
        if !is_blank(&person) {
            person
        } else if !is_blank(&self.company_name) {
            self.company_name.clone()
        } else if !self.email.is_empty() {
            // Masked, because names are shown to callers who may not see addresses and numbers.
            partial(Sensitivity::Email, &self.email)
        } else {
            partial(Sensitivity::Phone, &self.phone)
        }
    }

    /// Gives the lead to an owner, who is to work on it; one that nobody works on any more stays as it is.
    pub fn give(&mut self, owner_id: Uuid, now: DateTime<Utc>) {
        self.owner_id = Some(owner_id);
        self.pool_id = None;
        self.claim_time = Some(now);
        if status::is_open(self.status.0) || self.status.0 == Status::Recycled {
            self.enter(Status::Assigned, String::new(), now);
        }
    }

    /// Puts the lead into a status that it may go to.
    pub fn enter(&mut self, status: Status, reason: String, now: DateTime<Utc>) {
        if self.status.0 != status {
            self.status = Choice(status);
            self.status_time = now;
            self.status_reason = reason;
        }
        if status != Status::Duplicate {
            self.duplicate_of_id = None;
        }
    }

    /// The changes of status between a lead as it was and as it is; `was` is `None` for a lead that came in.
    pub fn status_changes(&self, was: Option<&Self>, actor_id: Uuid) -> Vec<StatusChange> {
        let mut from = was.map_or(Status::Unspecified, |was| was.status.0);
        let steps = match from {
            Status::Unspecified => vec![self.status.0],
            from => status::steps(from, self.status.0).unwrap_or_else(|| vec![self.status.0]),
        };
        let last = steps.len();
        let changes = (1..).zip(steps).map(|(step, to)| {
            let is_last = usize::try_from(step).is_ok_and(|step| step == last);
            let change = StatusChange {
                tenant_id: self.tenant_id,
                lead_id: self.id,
                revision: self.revision,
                step,
                change_time: self.update_time,
                from_status: Choice(from),
                to_status: Choice(to),
                actor_id,
                reason: if is_last { self.status_reason.clone() } else { String::new() },
            };
            from = to;
            change
        });
        changes.collect()
    }

    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        Stored {
            lead: self,
            search_name: doubled(&self.searched_name()),
            search_phone: phone::digits(&self.phone),
            search_email: self.email.to_lowercase(),
        }
    }

    /// The name and the company, and family and given name in either order. A name that is made of an address or a number is not searched.
    fn searched_name(&self) -> String {
        let known = !self.family_name.is_empty()
            || !self.given_name.is_empty()
            || !self.company_name.is_empty()
            || self.display_name != self.composed_name();
        let name = if known { self.display_name.as_str() } else { "" };
        let whole = search_text(&[name, &self.company_name]);
        let parts = person_search_text(&self.family_name, &self.given_name);
        if whole == parts || parts.is_empty() { whole } else { format!("{parts} {whole}") }
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "display_name" => Value::Text(self.display_name.as_str().into()),
            "family_name" => Value::Text(self.family_name.as_str().into()),
            "given_name" => Value::Text(self.given_name.as_str().into()),
            "salutation" => Value::Text(self.salutation.as_str().into()),
            "job_title" => Value::Text(self.job_title.as_str().into()),
            "department" => Value::Text(self.department.as_str().into()),
            "company_name" => Value::Text(self.company_name.as_str().into()),
            "industry" => Value::Text(self.industry.as_str().into()),
            "employee_count" => Value::Int(self.employee_count),
            "region" => Value::Text(self.region.as_str().into()),
            "website" => Value::Text(self.website.as_str().into()),
            "phone" => Value::Text(self.phone.as_str().into()),
            "email" => Value::Text(self.email.as_str().into()),
            "source" => Value::Text(self.source.as_str().into()),
            "channel" => Value::Text(self.channel.as_str().into()),
            "score" => Value::Int(self.score.into()),
            "rating" => Value::Enum(self.rating.number()),
            "status" => Value::Enum(self.status.number()),
            "status_time" => Value::Timestamp(self.status_time),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            "description" => Value::Text(self.description.as_str().into()),
            _ => self.filter_value_that_may_miss(path),
        }
    }

    fn filter_value_that_may_miss(&self, path: &str) -> Value<'_> {
        let id = |id: Option<Uuid>| id.map_or(Value::Null, Value::Uuid);
        let time = |time: Option<DateTime<Utc>>| time.map_or(Value::Null, Value::Timestamp);
        match path {
            "campaign_id" => id(self.campaign_id),
            "owner_id" => id(self.owner_id),
            "pool_id" => id(self.pool_id),
            "duplicate_of_id" => id(self.duplicate_of_id),
            "converted_account_id" => id(self.converted_account_id),
            "converted_contact_id" => id(self.converted_contact_id),
            "converted_opportunity_id" => id(self.converted_opportunity_id),
            "conversion_id" => id(self.conversion_id),
            "claim_time" => time(self.claim_time),
            "last_activity_time" => time(self.last_activity_time),
            "convert_time" => time(self.convert_time),
            _ => match path.split_once('.') {
                Some(("address", part)) => Address::filter_value(self.address.as_deref(), part),
                Some(("utm", part)) => Value::Text(self.utm.part(part).into()),
                _ => Value::Null,
            },
        }
    }
}

impl Utm {
    fn part(&self, part: &str) -> &str {
        match part {
            "source" => &self.source,
            "medium" => &self.medium,
            "campaign" => &self.campaign,
            "term" => &self.term,
            _ => &self.content,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_what_is_known_and_betrays_no_number() {
        let known = |family: &str, given: &str, company: &str, email: &str, phone: &str| {
            let text = str::to_owned;
            Lead {
                family_name: text(family),
                given_name: text(given),
                company_name: text(company),
                email: text(email),
                phone: text(phone),
                ..Lead::default()
            }
        };
        let table = [
            (known("张", "三", "Acme", "a@b.cn", "+8613812341234"), "张三"),
            (known("", "", "Acme", "a@b.cn", "+8613812341234"), "Acme"),
            (known("", "", "", "zhang@b.cn", "+8613812341234"), "z***@b.cn"),
            (known("", "", "", "", "+8613812341234"), "+86138****1234"),
        ];
        for (lead, wanted) in table {
            assert_eq!(lead.composed_name(), wanted);
        }
        let mut unnamed = known("", "", "", "", "+8613812341234");
        unnamed.display_name = unnamed.composed_name();
        assert_eq!(unnamed.searched_name(), "");
    }

    #[test]
    fn a_lead_that_comes_back_to_an_owner_leaves_two_changes() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let was = Lead { status: Choice(Status::Recycled), revision: 3, ..Lead::default() };
        let mut lead = Lead { revision: 4, ..was.clone() };
        lead.give(Uuid::from_u128(1), now);
        assert_eq!((lead.status.0, lead.claim_time), (Status::Assigned, Some(now)));
        let changes = lead.status_changes(Some(&was), Uuid::nil());
        let steps: Vec<_> = changes.iter().map(|change| (change.from_status.0, change.to_status.0)).collect();
        assert_eq!(steps, [(Status::Recycled, Status::New), (Status::New, Status::Assigned)]);
        assert_eq!(lead.status_changes(Some(&lead.clone()), Uuid::nil()), []);
    }
}
