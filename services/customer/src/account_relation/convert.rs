//! Relations between the wire and the table.

use crm_kit_api::{Call, Result, etag, time};
use crm_kit_record::{Choice, field::Checker};
use crm_kit_value::text::is_blank;
use crm_proto::crm::customer::v1::{AccountRelation as Wire, RelatedAccount, account_relation::Kind};
use uuid::Uuid;

use super::model::{Related, Relation};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "etag", "creator_id"];

/// Reads a relation, collecting every violation. `base` keeps what the server sets, and of a stored one what is fixed.
pub fn read(call: &Call, wire: Wire, base: Relation) -> Result<Relation> {
    let mut check = Checker::new("account_relation", &call.access.tenant.region_code);
    let kind = wire.kind();
    if kind == Kind::Unspecified {
        check.refuse("kind", "REQUIRED", "is required");
    }
    let [from, to] = [("from_account_id", &wire.from_account_id), ("to_account_id", &wire.to_account_id)]
        .map(|(field, text)| {
            if is_blank(text) {
                check.refuse(field, "REQUIRED", "is required");
            }
            check.reference(field, text)
        });
    if from.is_some() && from == to {
        check.refuse("to_account_id", "SELF_RELATION", "is the account itself");
    }
    if kind == Kind::Family {
        for (field, name) in [("forward_name", &wire.forward_name), ("reverse_name", &wire.reverse_name)] {
            if is_blank(name) {
                check.refuse(field, "REQUIRED", "is required of a family relation");
            }
        }
    }
    let mut days = [("start_date", &wire.start_date), ("end_date", &wire.end_date)].map(|(field, day)| {
        let path = check.at(field);
        day.as_ref().and_then(|day| time::naive_date(&path, day, check.violations()))
    });
    if let [Some(start), Some(end)] = days
        && start > end
    {
        check.refuse("end_date", "BEFORE_START", "lies before the first day");
        days = [None; 2];
    }
    let relation = Relation {
        from_account_id: from.unwrap_or_default(),
        to_account_id: to.unwrap_or_default(),
        kind: Choice(kind),
        forward_name: check.line("forward_name", wire.forward_name, 100),
        reverse_name: check.line("reverse_name", wire.reverse_name, 100),
        start_date: days[0],
        end_date: days[1],
        note: check.lines("note", wire.note, 2000),
        ..base.clone()
    };
    if base.revision > 0 {
        keep(&base, &relation, &mut check);
    }
    check.into_violations().into_result(relation)
}

/// What is fixed at creation.
fn keep(was: &Relation, relation: &Relation, check: &mut Checker<'_>) {
    let fixed = [
        ("from_account_id", relation.from_account_id == was.from_account_id),
        ("to_account_id", relation.to_account_id == was.to_account_id),
        ("kind", relation.kind == was.kind),
    ];
    for (field, _) in fixed.into_iter().filter(|(_, same)| !same) {
        check.refuse(field, "IMMUTABLE", "is fixed at creation");
    }
}

/// A relation before anything is read into it.
pub fn fresh(call: &Call) -> Relation {
    Relation {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        creator_id: call.caller_id(),
        ..Relation::default()
    }
}

/// The relation on the wire.
pub fn to_wire(relation: &Relation) -> Wire {
    Wire {
        id: relation.id.to_string(),
        create_time: Some(time::timestamp(relation.create_time)),
        update_time: Some(time::timestamp(relation.update_time)),
        etag: etag::of(relation.revision),
        from_account_id: relation.from_account_id.to_string(),
        to_account_id: relation.to_account_id.to_string(),
        kind: relation.kind.number(),
        forward_name: relation.forward_name.clone(),
        reverse_name: relation.reverse_name.clone(),
        start_date: relation.start_date.map(time::date),
        end_date: relation.end_date.map(time::date),
        note: relation.note.clone(),
        creator_id: relation.creator_id.to_string(),
    }
}

/// The relation as `account_id` sees it, in the tenant's language.
pub fn related(call: &Call, account_id: Uuid, related: &Related) -> RelatedAccount {
    let Related { relation, other_id, other_name } = related;
    let reversed = relation.to_account_id == account_id;
    let [forward, reverse] = relation.names(&call.access.tenant.language_code);
    RelatedAccount {
        relation: Some(to_wire(relation)),
        reversed,
        name: if reversed { forward } else { reverse },
        account_id: other_id.to_string(),
        display_name: other_name.clone(),
    }
}
