//! Products between the wire and the table. Reading collects every violation.

use crm_kit_api::{Call, Result, etag, time};
use crm_kit_record::{custom_field::Fields, external_id::ExternalId, field::Checker, life::purge_time};
use crm_kit_value::text::is_blank;
use crm_proto::crm::sales::v1::Product as Wire;
use sqlx::types::Json;

use super::model::Product;
use crate::decimal;

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "delete_time", "purge_time", "etag"];

/// Reads a product. `base` keeps what the server sets.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Product) -> Result<Product> {
    let mut check = Checker::new("product", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let mut product = standard(wire, base, &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| product.filter_value(path), moment, &mut check);
    product.custom = Json(custom);
    check.into_violations().into_result(product)
}

fn standard(wire: Wire, base: Product, check: &mut Checker<'_>) -> Product {
    if is_blank(&wire.display_name) {
        check.refuse("display_name", "REQUIRED", "is required");
    }
    if !wire.tax_rate_percent.is_empty() && decimal::read(&wire.tax_rate_percent, 4).is_none() {
        check.refuse(
            "tax_rate_percent",
            "NUMBER_INVALID",
            "is not a decimal number with at most four decimals",
        );
    }
    let number = check.line("number", wire.number, 40);
    Product {
        display_name: check.line("display_name", wire.display_name, 200),
        number: if number.is_empty() { base.number } else { number },
        family: check.line("family", wire.family, 100),
        unit: check.line("unit", wire.unit, 40),
        tax_rate_percent: wire.tax_rate_percent,
        retired: wire.retired,
        description: check.lines("description", wire.description, 20_000),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// A fresh product of the caller, before anything is read into it.
pub fn fresh(call: &Call, number: String) -> Product {
    Product {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        number,
        owner_id: call.caller_id(),
        ..Product::default()
    }
}

/// The product on the wire.
pub fn to_wire(product: &Product, fields: &Fields) -> Wire {
    Wire {
        id: product.id.to_string(),
        create_time: Some(time::timestamp(product.create_time)),
        update_time: Some(time::timestamp(product.update_time)),
        delete_time: product.delete_time.map(time::timestamp),
        purge_time: purge_time(product.delete_time),
        etag: etag::of(product.revision),
        display_name: product.display_name.clone(),
        number: product.number.clone(),
        family: product.family.clone(),
        unit: product.unit.clone(),
        tax_rate_percent: product.tax_rate_percent.clone(),
        retired: product.retired,
        description: product.description.clone(),
        owner_id: product.owner_id.to_string(),
        tags: product.tags.clone(),
        external_ids: product.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&product.custom),
    }
}
