//! What a write of records means beyond their rows: references that must exist, unique values that move, roll-ups that are due. Costs no statement
//! for fields that have none of these.

use crm_kit_api::{Call, Error, Result, error::Violations};
use crm_kit_pg::{Tx, db::database_error};
use crm_proto::crm::customer::v1::custom_field::Type;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Fields, Values,
    model::Definition,
    roll_up,
    standard::USERS,
    unique::{self, Claims},
    value,
};
use crate::record::slice::Record;

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
        let (id, before) = (record.head().id, was.get(index).map(Record::custom));
        for definition in fields.definitions().filter(|definition| definition.is_unique) {
            let old = before.and_then(|before| held(definition, before));
            let new = held(definition, record.custom());
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

fn claims<R: Record>(fields: &Fields, records: &[R]) -> Claims {
    let mut claims = Claims::default();
    for definition in fields.definitions().filter(|definition| definition.is_unique) {
        for record in records {
            claims.extend(definition, held(definition, record.custom()), record.head().id);
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
        unique::claim(tx.conn(), tenant, (collection, R::KIND.field), fields, claimed).await?;
    }
    Ok(())
}

/// Checks that the records that new references name are live and within the caller's scope. Users belong to the platform; their ids are taken
/// as they are.
async fn check_references<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    records: &[R],
    was: &[R],
) -> Result<()> {
    let mut wanted: Vec<(&Definition, Uuid)> = Vec::new();
    let references = fields.of_kind(Type::Reference);
    for definition in references.filter(|definition| definition.reference_collection != USERS) {
        for (index, record) in records.iter().enumerate() {
            let target = |values: &Values| values.get(&definition.key).and_then(value::id);
            let (old, new) = (was.get(index).and_then(|was| target(was.custom())), target(record.custom()));
            wanted.extend(new.filter(|new| Some(*new) != old).map(|new| (definition, new)));
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let (collections, ids): (Vec<String>, Vec<Uuid>) =
        wanted.iter().map(|(definition, id)| (definition.reference_collection.clone(), *id)).unzip();
    let (tenant, owners) = (tx.tenant_id(), call.access.scope.owners());
    let missing = missing(tx.conn(), tenant, (&collections, &ids), owners).await?;
    let mut violations = Violations::default();
    for (definition, id) in &wanted {
        let is_missing = |(collection, missing): &(String, Uuid)| {
            *collection == definition.reference_collection && missing == id
        };
        if missing.iter().any(is_missing) {
            let place = format!("{}.{}", R::KIND.field, definition.path());
            let message = format!("names no record of {}", definition.reference_collection);
            violations.add(place, "REFERENCE_NOT_FOUND", message);
        }
    }
    violations.into_result(())
}

/// Those of the records named that are not live, or not within the scope of `owners`.
async fn missing(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (collections, ids): (&[String], &[Uuid]),
    owners: Option<&[Uuid]>,
) -> Result<Vec<(String, Uuid)>, Error> {
    let rows = sqlx::query!(
        r#"
        SELECT DISTINCT w.collection AS "collection!", w.id AS "id!"
        FROM unnest($2::text[], $3::uuid[]) AS w (collection, id)
        LEFT JOIN account a ON w.collection = 'accounts' AND a.tenant_id = $1 AND a.id = w.id
            AND a.delete_time IS NULL AND ($4::uuid[] IS NULL OR a.owner_id = ANY ($4))
        LEFT JOIN contact c ON w.collection = 'contacts' AND c.tenant_id = $1 AND c.id = w.id
            AND c.delete_time IS NULL AND ($4::uuid[] IS NULL OR c.owner_id = ANY ($4))
        WHERE a.id IS NULL AND c.id IS NULL
        "#,
        tenant_id,
        collections,
        ids,
        owners,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.collection, row.id)).collect())
}
