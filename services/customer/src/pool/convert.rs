//! Pools between the wire and the table. Reading collects every violation.

use crm_kit_api::{Call, Result, error::Violations, etag, filter::Schema, id, time};
use crm_kit_value::text::{Lines, check};
use crm_proto::crm::customer::v1::{
    Pool as Wire, RecycleRule as WireRule, recycle_rule::HeldFrom as WireHeldFrom,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    model::{HeldFrom, Pool, RecycleRule},
    rule,
};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "etag"];

/// Most records that one run takes back, when the pool does not say.
const RECYCLE_LIMIT: i32 = 500;

/// Reads a pool. `base` is the stored one of an update, or [`fresh`]; `kind` is the schema of the records it holds, and what of them is in work.
pub fn read(call: &Call, wire: Wire, base: Pool, kind: (&Schema, &str)) -> Result<Pool> {
    let mut violations = Violations::default();
    if wire.display_name.trim().is_empty() {
        violations.add("pool.display_name", "REQUIRED", "is required");
    } else if let Err(error) = check(&wire.display_name, Lines::Single, 100) {
        violations.add("pool.display_name", error.reason(), error.to_string());
    }
    if wire.collection.is_empty() {
        violations.add("pool.collection", "REQUIRED", "is required");
    } else if !base.collection.is_empty() && base.collection != wire.collection {
        violations.add("pool.collection", "FIXED", "cannot be changed");
    }
    let mut ids = |field: &str, texts: &[String]| -> Vec<Uuid> {
        let mut found: Vec<Uuid> = texts.iter().filter_map(|text| Uuid::try_parse(text).ok()).collect();
        if found.len() < texts.len() {
            violations.add(format!("pool.{field}"), "ID_INVALID", "holds what is not an id");
        }
        found.sort_unstable();
        found.dedup();
        found
    };
    let pool = Pool {
        user_ids: ids("user_ids", &wire.user_ids),
        department_ids: ids("department_ids", &wire.department_ids),
        role_ids: ids("role_ids", &wire.role_ids),
        admin_ids: ids("admin_ids", &wire.admin_ids),
        recycle_rules: Json(wire.recycle_rules.iter().map(read_rule).collect()),
        display_name: wire.display_name,
        collection: wire.collection,
        is_default: wire.default,
        daily_claim_limit: wire.daily_claim_limit,
        holding_limit: wire.holding_limit,
        holding_exempt: wire.holding_exempt,
        cool_down_days: wire.cool_down_days,
        protection_days: wire.protection_days,
        freeze_days: wire.freeze_days,
        recycle_paused: wire.recycle_paused,
        recycle_limit: if wire.recycle_limit == 0 { RECYCLE_LIMIT } else { wire.recycle_limit },
        ..base
    };
    rule::check(call, &pool, kind, &mut violations);
    violations.into_result(pool)
}

fn read_rule(wire: &WireRule) -> RecycleRule {
    RecycleRule {
        key: wire.key.clone(),
        condition: wire.condition.clone(),
        not_followed_days: wire.not_followed_days,
        held_days: wire.held_days,
        held_from: match wire.held_from() {
            WireHeldFrom::Created => HeldFrom::Created,
            WireHeldFrom::Claimed => HeldFrom::Claimed,
            WireHeldFrom::Unspecified | WireHeldFrom::ClaimedOrCreated => HeldFrom::ClaimedOrCreated,
        },
    }
}

/// A pool of the caller before anything is read into it.
pub fn fresh(call: &Call) -> Pool {
    Pool {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        ..Pool::default()
    }
}

/// The pool on the wire.
pub fn to_wire(pool: &Pool) -> Wire {
    let ids = |ids: &[Uuid]| ids.iter().map(Uuid::to_string).collect();
    Wire {
        id: pool.id.to_string(),
        create_time: Some(time::timestamp(pool.create_time)),
        update_time: Some(time::timestamp(pool.update_time)),
        etag: etag::of(pool.revision),
        display_name: pool.display_name.clone(),
        collection: pool.collection.clone(),
        default: pool.is_default,
        user_ids: ids(&pool.user_ids),
        department_ids: ids(&pool.department_ids),
        role_ids: ids(&pool.role_ids),
        admin_ids: ids(&pool.admin_ids),
        daily_claim_limit: pool.daily_claim_limit,
        holding_limit: pool.holding_limit,
        holding_exempt: pool.holding_exempt.clone(),
        cool_down_days: pool.cool_down_days,
        protection_days: pool.protection_days,
        freeze_days: pool.freeze_days,
        recycle_rules: pool.recycle_rules.iter().map(rule_to_wire).collect(),
        recycle_paused: pool.recycle_paused,
        recycle_limit: pool.recycle_limit,
    }
}

fn rule_to_wire(rule: &RecycleRule) -> WireRule {
    let held_from = match rule.held_from {
        HeldFrom::Created => WireHeldFrom::Created,
        HeldFrom::Claimed => WireHeldFrom::Claimed,
        HeldFrom::ClaimedOrCreated => WireHeldFrom::ClaimedOrCreated,
    };
    WireRule {
        key: rule.key.clone(),
        condition: rule.condition.clone(),
        not_followed_days: rule.not_followed_days,
        held_days: rule.held_days,
        held_from: held_from.into(),
    }
}

/// Ids of a batch, in which none may stand twice.
pub fn record_ids(texts: &[String]) -> Result<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = format!("record_ids[{index}]");
        let id = id::parse(&field, text)?;
        if ids.contains(&id) {
            return Err(crm_kit_api::Error::invalid_field(field, "REPEATED", "stands twice in the batch"));
        }
        ids.push(id);
    }
    Ok(ids)
}
