//! What a write of records means beyond their rows: references that must exist, unique values that move, roll-ups that are due. Costs no statement
//! for fields that have none of these.

use crm_kit_api::{Call, Result, error::Violations};
use crm_kit_pg::Tx;
use crm_proto::crm::record::v1::custom_field::Type;
use uuid::Uuid;

use super::{
    Fields, Values,
    model::Definition,
    roll_up,
    unique::{self, Claims},
    value,
};
use crate::{Record, rows};

/// Name of the users' collection, which the platform owns.
pub const USERS: &str = "users";

/// After records were written; `was` are the same records before, and empty for new ones.
pub async fn written<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    records: &[R],
    was: &[R],
) -> Result<()> {
    check_references(tx, call, fields, records, was).await?;
    let (mut freed, mut claimed) = (Claims::default(), Claims::default());
    for (index, record) in records.iter().enumerate() {
        let (id, before) = (record.head().id, was.get(index).map(|was| was.head().custom));
        for definition in fields.definitions().filter(|definition| definition.is_unique) {
            let old = before.and_then(|before| held(definition, before));
            let new = held(definition, record.head().custom);
            if old != new {
                freed.extend(definition, old, id);
                claimed.extend(definition, new, id);
            }
        }
    }
    exchange::<R>(tx, fields, &freed, &claimed).await?;
    roll_up::follow(tx, call, fields, records.iter().chain(was)).await
}

/// After records went to the recycle bin.
pub async fn deleted<R: Record>(tx: &mut Tx<'_>, call: &Call, fields: &Fields, records: &[R]) -> Result<()> {
    exchange::<R>(tx, fields, &claims(fields, records), &Claims::default()).await?;
    roll_up::follow(tx, call, fields, records).await
}

/// After a record came back from the recycle bin.
pub async fn undeleted<R: Record>(tx: &mut Tx<'_>, call: &Call, fields: &Fields, record: &R) -> Result<()> {
    let records = std::slice::from_ref(record);
    exchange::<R>(tx, fields, &Claims::default(), &claims(fields, records)).await?;
    roll_up::follow(tx, call, fields, records).await?;
    if fields.of_kind(Type::RollUp).next().is_some() {
        roll_up::enqueue(tx, call.now, &[record.head().id]).await?;
    }
    Ok(())
}

/// Takes the unique values of records that hold none.
pub async fn reclaimed<R: Record>(tx: &mut Tx<'_>, fields: &Fields, records: &[R]) -> Result<()> {
    exchange::<R>(tx, fields, &Claims::default(), &claims(fields, records)).await
}

fn claims<R: Record>(fields: &Fields, records: &[R]) -> Claims {
    let mut claims = Claims::default();
    for definition in fields.definitions().filter(|definition| definition.is_unique) {
        for record in records {
            claims.extend(definition, held(definition, record.head().custom), record.head().id);
        }
    }
    claims
}

fn held(definition: &Definition, values: &Values) -> Option<String> {
    value::unique_key(definition, values.get(&definition.key)?)
}

/// Frees before it claims, so that records of one write may exchange their values.
async fn exchange<R: Record>(
    tx: &mut Tx<'_>,
    fields: &Fields,
    freed: &Claims,
    claimed: &Claims,
) -> Result<()> {
    let (tenant, collection) = (tx.tenant_id(), R::KIND.collection);
    if !freed.is_empty() {
        unique::release(tx.conn(), tenant, collection, freed).await?;
    }
    if !claimed.is_empty() {
        unique::claim(tx.conn(), tenant, R::KIND, fields, claimed).await?;
    }
    Ok(())
}

/// Checks that the records that new references name are live and within the caller's scope. Users belong to the platform and are
/// checked with the owners.
async fn check_references<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    records: &[R],
    was: &[R],
) -> Result<()> {
    let mut wanted: Vec<(Uuid, &Definition, Uuid)> = Vec::new();
    let references = fields.of_kind(Type::Reference);
    for definition in references.filter(|definition| definition.reference_collection != USERS) {
        for (index, record) in records.iter().enumerate() {
            let target = |values: &Values| values.get(&definition.key).and_then(value::id);
            let (old, new) =
                (was.get(index).and_then(|was| target(was.head().custom)), target(record.head().custom));
            let new = new.filter(|new| Some(*new) != old);
            wanted.extend(new.map(|new| (record.head().id, definition, new)));
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant_id();
    let mut faults: Vec<(Uuid, &Definition)> = Vec::new();
    for kind in fields.kinds() {
        let of_kind = |definition: &Definition| definition.reference_collection == kind.collection;
        let of_kind = wanted.iter().filter(|(_, definition, _)| of_kind(definition));
        let ids: Vec<Uuid> = of_kind.clone().map(|(.., id)| *id).collect();
        if ids.is_empty() {
            continue;
        }
        let gone = rows::missing(tx.conn(), kind, tenant, &ids, kind.owners(call)).await?;
        let without = of_kind.filter(|(.., id)| gone.contains(id));
        faults.extend(without.map(|(record_id, definition, _)| (*record_id, *definition)));
    }
    // Those of one record: a batch names one item.
    let Some((record_id, _)) = faults.first().copied() else { return Ok(()) };
    let mut violations = Violations::default();
    for (_, definition) in faults.iter().filter(|(id, _)| *id == record_id) {
        let place = format!("{}.{}", R::KIND.field, definition.path());
        let message = format!("names no record of {}", definition.reference_collection);
        violations.add(place, "REFERENCE_NOT_FOUND", message);
    }
    violations.into_result(()).map_err(|error| error.about(record_id))
}
