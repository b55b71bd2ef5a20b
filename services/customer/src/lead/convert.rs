//! Leads between the wire and the table. Reading collects every violation; what it returns is what will be stored.

use crm_kit_api::{Call, Error, Result, etag, time};
use crm_proto::crm::customer::v1::{
    Lead as Wire, LeadStatusChange as WireChange, Utm as WireUtm, lead::Status,
};
use sqlx::types::Json;
use tonic::Code;

use super::model::{Lead, StatusChange, Utm};
use crate::DOMAIN;
use crm_kit_record::{
    Choice, address::Address, custom_field::Fields, external_id::ExternalId, field::Checker, field::id_text,
    life::purge_time,
};
use crm_kit_value::text::is_blank;

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &[
    "id",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
    "status",
    "status_reason",
    "status_time",
    "pool_id",
    "claim_time",
    "last_activity_time",
    "duplicate_of_id",
    "converted_account_id",
    "converted_contact_id",
    "converted_opportunity_id",
    "convert_time",
    "conversion_id",
];

/// Reads a lead. `base` keeps what the server sets: the stored lead of an update, a fresh one of a creation.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Lead) -> Result<Lead> {
    may_change(&base)?;
    let mut check = Checker::new("lead", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let mut lead = standard(wire, base.clone(), &mut check);
    own(call, &mut lead, &base, &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| lead.filter_value(path), moment, &mut check);
    lead.custom = Json(custom);
    check.into_violations().into_result(lead)
}

fn standard(wire: Wire, base: Lead, check: &mut Checker<'_>) -> Lead {
    let rating = wire.rating();
    let follows = is_blank(&wire.display_name)
        || (wire.display_name == base.display_name && base.display_name == base.composed_name());
    let mut lead = Lead {
        family_name: check.line("family_name", wire.family_name, 100),
        given_name: check.line("given_name", wire.given_name, 100),
        salutation: check.line("salutation", wire.salutation, 40),
        job_title: check.line("job_title", wire.job_title, 200),
        department: check.line("department", wire.department, 200),
        company_name: check.line("company_name", wire.company_name, 200),
        industry: check.line("industry", wire.industry, 100),
        employee_count: wire.employee_count.into(),
        region: check.line("region", wire.region, 100),
        website: check.website("website", &wire.website).0,
        address: Address::read_optional("address", wire.address, check).map(Json),
        source: check.line("source", wire.source, 100),
        channel: check.line("channel", wire.channel, 100),
        campaign_id: check.reference("campaign_id", &wire.campaign_id),
        utm: Json(utm(wire.utm.unwrap_or_default(), check)),
        score: wire.score,
        rating: Choice(rating),
        owner_id: check.reference("owner_id", &wire.owner_id).or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        description: check.lines("description", wire.description, 20_000),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    };
    if is_blank(&wire.phone) && is_blank(&wire.email) {
        check.refuse("phone", "REQUIRED", "is required when there is no e-mail address");
    }
    lead.phone = check.phone("phone", &wire.phone);
    lead.email = check.email("email", &wire.email);
    let display_name = if follows { lead.composed_name() } else { wire.display_name };
    lead.display_name = check.line("display_name", display_name, 200);
    lead
}

/// What a new owner means. One that is named for a new lead is asked to work on it.
fn own(call: &Call, lead: &mut Lead, base: &Lead, check: &mut Checker<'_>) {
    let Some(owner_id) = lead.owner_id.filter(|owner| Some(*owner) != base.owner_id) else { return };
    if base.pool_id.is_some() {
        let message = "the lead waits in a pool: claim it, or have it assigned";
        check.refuse("owner_id", "IN_POOL", message);
        return;
    }
    lead.give(owner_id, call.now);
}

fn utm(wire: WireUtm, check: &mut Checker<'_>) -> Utm {
    Utm {
        source: check.line("utm.source", wire.source, 200),
        medium: check.line("utm.medium", wire.medium, 200),
        campaign: check.line("utm.campaign", wire.campaign, 200),
        term: check.line("utm.term", wire.term, 200),
        content: check.line("utm.content", wire.content, 200),
    }
}

/// A fresh lead of the caller, before anything is read into it. It has no owner yet.
pub fn fresh(call: &Call) -> Lead {
    Lead {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        status: Choice(Status::New),
        status_time: call.now,
        ..Lead::default()
    }
}

/// The lead on the wire, unmasked.
pub fn to_wire(lead: &Lead, fields: &Fields) -> Wire {
    Wire {
        id: lead.id.to_string(),
        create_time: Some(time::timestamp(lead.create_time)),
        update_time: Some(time::timestamp(lead.update_time)),
        delete_time: lead.delete_time.map(time::timestamp),
        purge_time: purge_time(lead.delete_time),
        etag: etag::of(lead.revision),
        display_name: lead.display_name.clone(),
        family_name: lead.family_name.clone(),
        given_name: lead.given_name.clone(),
        salutation: lead.salutation.clone(),
        job_title: lead.job_title.clone(),
        department: lead.department.clone(),
        company_name: lead.company_name.clone(),
        industry: lead.industry.clone(),
        employee_count: i32::try_from(lead.employee_count).unwrap_or(i32::MAX),
        region: lead.region.clone(),
        website: lead.website.clone(),
        phone: lead.phone.clone(),
        email: lead.email.clone(),
        address: lead.address.as_ref().map(|address| address.to_wire()),
        source: lead.source.clone(),
        channel: lead.channel.clone(),
        campaign_id: id_text(lead.campaign_id),
        utm: utm_to_wire(&lead.utm),
        score: lead.score,
        rating: lead.rating.number(),
        status: lead.status.number(),
        status_reason: lead.status_reason.clone(),
        status_time: Some(time::timestamp(lead.status_time)),
        owner_id: id_text(lead.owner_id),
        pool_id: id_text(lead.pool_id),
        claim_time: lead.claim_time.map(time::timestamp),
        last_activity_time: lead.last_activity_time.map(time::timestamp),
        duplicate_of_id: id_text(lead.duplicate_of_id),
        converted_account_id: id_text(lead.converted_account_id),
        converted_contact_id: id_text(lead.converted_contact_id),
        converted_opportunity_id: id_text(lead.converted_opportunity_id),
        convert_time: lead.convert_time.map(time::timestamp),
        conversion_id: id_text(lead.conversion_id),
        tags: lead.tags.clone(),
        description: lead.description.clone(),
        external_ids: lead.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&lead.custom),
    }
}

fn utm_to_wire(utm: &Utm) -> Option<WireUtm> {
    (*utm != Utm::default()).then(|| WireUtm {
        source: utm.source.clone(),
        medium: utm.medium.clone(),
        campaign: utm.campaign.clone(),
        term: utm.term.clone(),
        content: utm.content.clone(),
    })
}

/// A change of status on the wire.
pub fn change_to_wire(change: &StatusChange) -> WireChange {
    WireChange {
        change_time: Some(time::timestamp(change.change_time)),
        from_status: change.from_status.number(),
        to_status: change.to_status.number(),
        actor_id: change.actor_id.to_string(),
        reason: change.reason.clone(),
    }
}

/// Whether anything but conversion may change the lead: `FAILED_PRECONDITION / LEAD_STATE` for one that is converted, `.. / LEAD_CONVERTING` for one that
/// is on its way there.
pub fn may_change(lead: &Lead) -> Result<()> {
    if lead.status.0 == Status::Converted {
        return Err(state_forbids(lead));
    }
    let Some(conversion_id) = lead.conversion_id else { return Ok(()) };
    let message = "a conversion of the lead is under way; it can be changed when that has ended";
    Err(Error::new(Code::FailedPrecondition, DOMAIN, "LEAD_CONVERTING", message)
        .with("id", lead.id)
        .with("conversion_id", conversion_id))
}

/// `FAILED_PRECONDITION / LEAD_STATE`.
pub fn state_forbids(lead: &Lead) -> Error {
    let status = lead.status.0.as_str_name();
    let message = format!("the lead's status is {status}, which does not allow this");
    Error::new(Code::FailedPrecondition, DOMAIN, "LEAD_STATE", message)
        .with("id", lead.id)
        .with("status", status)
}
