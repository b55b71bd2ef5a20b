//! Roll-ups of records over those below them: asked for in the transaction of a lower record's change, computed by a job within seconds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result};
use crm_kit_pg::{Tx, db::database_error};
use crm_proto::crm::record::v1::custom_field::{Type, roll_up::Function};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Fields, Values,
    model::{Definition, RollUp},
    value,
};
use crate::{Kind, Record, rows};

/// Kind of the job; its record is the upper one.
pub const JOB: &str = "roll_up";

/// Asks for the roll-ups of records. A second wish before the first is fulfilled is the same one.
pub async fn enqueue(tx: &mut Tx<'_>, now: DateTime<Utc>, record_ids: &[Uuid]) -> Result<()> {
    let tenant = tx.tenant_id();
    sqlx::query!(
        r#"
        INSERT INTO job (tenant_id, id, kind, run_after)
        SELECT $1, a.id, $3, $4 FROM unnest($2::uuid[]) AS a (id) GROUP BY a.id ORDER BY a.id
        ON CONFLICT ON CONSTRAINT job_pkey DO UPDATE SET run_after = LEAST(job.run_after, excluded.run_after), attempts = 0
        "#,
        tenant,
        record_ids,
        JOB,
        now,
    )
    .execute(tx.conn())
    .await
    .map(drop)
    .map_err(database_error)
}

/// Asks for the roll-ups over records that were written, if there are any.
pub async fn follow<'r, R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    records: impl IntoIterator<Item = &'r R>,
) -> Result<()> {
    if !fields.feeds_roll_ups() {
        return Ok(());
    }
    let above: Vec<Uuid> = records.into_iter().filter_map(Record::rolls_up_to).collect();
    if above.is_empty() { Ok(()) } else { enqueue(tx, call.now, &above).await }
}

/// What is known of one field over the records below another. Numbers travel as text, because a sum may have more digits than a NUMBER.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many records there are.
    pub count: i64,
    /// Their sum.
    pub sum: Option<String>,
    /// The least of them.
    pub least: Option<String>,
    /// The greatest of them.
    pub greatest: Option<String>,
}

/// Summaries by upper record and key of the lower ones' field; the key of COUNT is empty.
pub type Summaries = BTreeMap<(Uuid, String), Summary>;

/// Reads what the roll-ups among the `fields` of a kind need for records of it; nothing when there are none.
pub async fn summaries(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (kind, fields): (&Kind, &Fields),
    record_ids: &[Uuid],
) -> Result<Summaries> {
    let keys: Vec<String> =
        fields.of_kind(Type::RollUp).filter_map(rule).map(|roll_up| roll_up.field.clone()).collect();
    let below = fields.kinds().find_map(|below| {
        let parent = below.parent.filter(|parent| parent.collection == kind.collection)?;
        Some((below, parent.column))
    });
    match below {
        Some(below) if !keys.is_empty() && !record_ids.is_empty() => {
            rows::summaries(conn, below, tenant_id, record_ids, &keys).await
        }
        _ => Ok(Summaries::new()),
    }
}

/// Puts the roll-ups of a record among its values.
pub fn put(values: &mut Values, fields: &Fields, record_id: Uuid, summaries: &Summaries) {
    for definition in fields.of_kind(Type::RollUp) {
        let Some(roll_up) = rule(definition) else { continue };
        let summary = summaries.get(&(record_id, roll_up.field.clone())).cloned().unwrap_or_default();
        values.set(&definition.key, result(roll_up.function.0, &summary));
    }
}

fn rule(definition: &Definition) -> Option<&RollUp> {
    definition.roll_up.as_ref().map(|roll_up| &roll_up.0)
}

/// A sum over nothing is 0; a least or greatest of nothing is unset, and so is a number out of the bounds of NUMBER.
fn result(function: Function, summary: &Summary) -> Option<serde_json::Value> {
    let exact = |text: &Option<String>| Decimal::from_str_exact(text.as_deref()?).ok();
    let number = match function {
        Function::Unspecified => None,
        Function::Count => Some(summary.count.into()),
        Function::Sum if summary.sum.is_none() => Some(Decimal::ZERO),
        Function::Sum => exact(&summary.sum),
        Function::Min => exact(&summary.least),
        Function::Max => exact(&summary.greatest),
    };
    value::stored_number(number?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn results_are_exact_and_unset_out_of_bounds() {
        let summary = |sum: Option<&str>| Summary {
            count: 3,
            sum: sum.map(str::to_owned),
            least: sum.map(|_| "-1.50".to_owned()),
            greatest: sum.map(|_| "7".to_owned()),
        };
        for (function, sum, expected) in [
            (Function::Count, None, Some("3")),
            (Function::Sum, None, Some("0")),
            (Function::Sum, Some("12.3400"), Some("12.34")),
            (Function::Sum, Some("1000000000000000000"), None),
            (Function::Sum, Some("9999999999999999999999999999999999"), None),
            (Function::Min, Some("0"), Some("-1.5")),
            (Function::Max, Some("0"), Some("7")),
            (Function::Max, None, None),
        ] {
            assert_eq!(
                result(function, &summary(sum)),
                expected.map(|text| json!(text)),
                "{function:?} {sum:?}"
            );
        }
    }
}
