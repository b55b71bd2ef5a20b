//! Accounts between the wire and the table. Reading collects every violation; what it returns is what will be stored.

use crm_kit_api::{Call, Result, etag, money::Money, time};
use crm_proto::crm::customer::v1::{Account as Wire, LifeCycleStage, account::Kind};
use sqlx::types::Json;

use super::model::Account;
use crm_kit_record::{
    Choice,
    address::Address,
    custom_field::{Fields, values::Origin},
    external_id::ExternalId,
    field::Checker,
    field::id_text,
    life::purge_time,
};
use crm_kit_value::{tax_id, tax_id::TaxId, text::is_blank};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &[
    "id",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
    "website_domain",
    "pool_id",
    "claim_time",
    "last_activity_time",
    "last_deal_time",
];

/// Reads an account. `base` keeps what the server sets: the stored account of an update, a fresh one of a creation.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Account) -> Result<Account> {
    let mut check = Checker::new("account", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let (was_stored, owner_before) = (base.custom.origin() == Origin::Stored, base.owner_id);
    let mut account = standard(wire, base, &mut check);
    if was_stored && account.owner_id != owner_before {
        account.claim_time = Some(call.now);
    }
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| account.filter_value(path), moment, &mut check);
    account.custom = Json(custom);
    check.into_violations().into_result(account)
}

fn standard(wire: Wire, base: Account, check: &mut Checker<'_>) -> Account {
    let (kind, level, credit_status) = (wire.kind(), wire.level(), wire.credit_status());
    let stage = wire.life_cycle_stage();
    if is_blank(&wire.display_name) {
        check.refuse("display_name", "REQUIRED", "is required");
    }
    let (website, website_domain) = check.website("website", &wire.website);
    let annual_revenue = amount("annual_revenue", wire.annual_revenue.as_ref(), check);
    let credit_limit = amount("credit_limit", wire.credit_limit.as_ref(), check);
    let number = check.line("number", wire.number, 40);
    let owner_id = check.reference("owner_id", &wire.owner_id).or(base.owner_id);
    if base.pool_id.is_some() && owner_id.is_some() {
        let message = "the account waits in a pool: claim it, or have it assigned";
        check.refuse("owner_id", "IN_POOL", message);
    }
    Account {
        display_name: check.line("display_name", wire.display_name, 200),
        number: if number.is_empty() { base.number } else { number },
        legal_name: check.line("legal_name", wire.legal_name, 200),
        unified_social_credit_code: credit_code(&wire.unified_social_credit_code, check),
        tax_id: check.line("tax_id", wire.tax_id.trim().to_owned(), 40),
        parent_id: check.reference("parent_id", &wire.parent_id),
        kind: Choice(if kind == Kind::Unspecified { Kind::Customer } else { kind }),
        industry: check.line("industry", wire.industry, 100),
        employee_count: wire.employee_count.into(),
        region: check.line("region", wire.region, 100),
        website,
        website_domain,
        phone: check.phone("phone", &wire.phone),
        email: check.email("email", &wire.email),
        billing_address: Address::read_optional("billing_address", wire.billing_address, check).map(Json),
        shipping_address: Address::read_optional("shipping_address", wire.shipping_address, check).map(Json),
        level: Choice(level),
        life_cycle_stage: Choice(if stage == LifeCycleStage::Unspecified {
            LifeCycleStage::Lead
        } else {
            stage
        }),
        source: check.line("source", wire.source, 100),
        annual_revenue: annual_revenue.as_ref().map(|money| money.ten_thousandths),
        annual_revenue_currency: annual_revenue.map(|money| money.currency).unwrap_or_default(),
        credit_status: Choice(credit_status),
        credit_limit: credit_limit.as_ref().map(|money| money.ten_thousandths),
        credit_limit_currency: credit_limit.map(|money| money.currency).unwrap_or_default(),
        owner_id,
        blocked: wire.blocked,
        tags: check.tags("tags", wire.tags),
        description: check.lines("description", wire.description, 20_000),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// A fresh account of the caller, before anything is read into it.
pub fn fresh(call: &Call, number: String) -> Account {
    Account {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        delete_time: None,
        revision: 1,
        number,
        owner_id: Some(call.caller_id()),
        ..Account::default()
    }
}

/// The account on the wire, unmasked.
pub fn to_wire(account: &Account, fields: &Fields) -> Wire {
    let money = |amount: Option<i64>, currency: &str| {
        amount.map(|ten_thousandths| Money { ten_thousandths, currency: currency.to_owned() }.to_wire())
    };
    Wire {
        id: account.id.to_string(),
        create_time: Some(time::timestamp(account.create_time)),
        update_time: Some(time::timestamp(account.update_time)),
        delete_time: account.delete_time.map(time::timestamp),
        purge_time: purge_time(account.delete_time),
        etag: etag::of(account.revision),
        display_name: account.display_name.clone(),
        number: account.number.clone(),
        legal_name: account.legal_name.clone(),
        unified_social_credit_code: account.unified_social_credit_code.clone(),
        tax_id: account.tax_id.clone(),
        parent_id: id_text(account.parent_id),
        kind: account.kind.number(),
        industry: account.industry.clone(),
        employee_count: i32::try_from(account.employee_count).unwrap_or(i32::MAX),
        region: account.region.clone(),
        website: account.website.clone(),
        website_domain: account.website_domain.clone(),
        phone: account.phone.clone(),
        email: account.email.clone(),
        billing_address: account.billing_address.as_ref().map(|address| address.to_wire()),
        shipping_address: account.shipping_address.as_ref().map(|address| address.to_wire()),
        level: account.level.number(),
        life_cycle_stage: account.life_cycle_stage.number(),
        source: account.source.clone(),
        annual_revenue: money(account.annual_revenue, &account.annual_revenue_currency),
        credit_status: account.credit_status.number(),
        credit_limit: money(account.credit_limit, &account.credit_limit_currency),
        owner_id: id_text(account.owner_id),
        pool_id: id_text(account.pool_id),
        claim_time: account.claim_time.map(time::timestamp),
        last_activity_time: account.last_activity_time.map(time::timestamp),
        last_deal_time: account.last_deal_time.map(time::timestamp),
        blocked: account.blocked,
        tags: account.tags.clone(),
        description: account.description.clone(),
        external_ids: account.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&account.custom),
    }
}

fn credit_code(text: &str, check: &mut Checker<'_>) -> String {
    if text.is_empty() {
        return String::new();
    }
    match TaxId::parse(tax_id::Kind::CnUscc, text) {
        Ok(code) => code.as_str().to_owned(),
        Err(error) => {
            check.refuse("unified_social_credit_code", error.reason(), error.to_string());
            String::new()
        }
    }
}

fn amount(
    field: &str,
    wire: Option<&crm_proto::google::r#type::Money>,
    check: &mut Checker<'_>,
) -> Option<Money> {
    let path = check.at(field);
    let money = Money::from_wire(&path, wire?, check.violations())?;
    if money.ten_thousandths < 0 {
        check.refuse(field, "NEGATIVE", "must not be negative");
    }
    Some(money)
}
