//! Roll-ups of accounts over their contacts: asked for in the transaction of a contact's change, computed by a job within seconds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result};
use crm_kit_pg::{Tx, db::database_error};
use crm_proto::crm::customer::v1::custom_field::{Type, roll_up::Function};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Fields, Values,
    model::{Definition, RollUp},
    value,
};
use crate::record::slice::Record;

/// Kind of the job; its record is the account.
pub const JOB: &str = "roll_up";

/// Asks for the roll-ups of accounts. A second wish before the first is fulfilled is the same one.
pub async fn enqueue(tx: &mut Tx<'_>, now: DateTime<Utc>, account_ids: &[Uuid]) -> Result<()> {
    let tenant = tx.tenant_id();
    sqlx::query!(
        r#"
        INSERT INTO job (tenant_id, id, kind, run_after)
        SELECT $1, a.id, $3, $4 FROM unnest($2::uuid[]) AS a (id) GROUP BY a.id ORDER BY a.id
        ON CONFLICT ON CONSTRAINT job_pkey DO UPDATE SET run_after = LEAST(job.run_after, excluded.run_after), attempts = 0
        "#,
        tenant,
        account_ids,
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
    let accounts: Vec<Uuid> = records.into_iter().filter_map(Record::rolls_up_to).collect();
    if accounts.is_empty() { Ok(()) } else { enqueue(tx, call.now, &accounts).await }
}

/// What is known of one field over the contacts of one account. Numbers travel as text, because a sum may have more digits than a NUMBER.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    count: i64,
    sum: Option<String>,
    least: Option<String>,
    greatest: Option<String>,
}

/// Summaries by account and key of the contacts' field; the key of COUNT is empty.
pub type Summaries = BTreeMap<(Uuid, String), Summary>;

/// Reads what the roll-ups among `fields` need for accounts; nothing when there are none.
pub async fn summaries(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    fields: &Fields,
    account_ids: &[Uuid],
) -> Result<Summaries> {
    let keys: Vec<String> =
        fields.of_kind(Type::RollUp).filter_map(rule).map(|roll_up| roll_up.field.clone()).collect();
    if keys.is_empty() || account_ids.is_empty() {
        return Ok(Summaries::new());
    }
    let rows = sqlx::query!(
        r#"
        SELECT c.account_id AS "account_id!", w.key AS "key!", count(*) AS "count!",
               sum(n.number)::text AS sum, min(n.number)::text AS least, max(n.number)::text AS greatest
        FROM contact c
        CROSS JOIN (SELECT DISTINCT unnest($3::text[]) AS key) AS w
        CROSS JOIN LATERAL (
            SELECT CASE WHEN c.custom->>w.key ~ '^-?[0-9]{1,18}([.][0-9]{1,10})?$' THEN (c.custom->>w.key)::numeric END AS number
        ) AS n
        WHERE c.tenant_id = $1 AND c.account_id = ANY ($2) AND c.delete_time IS NULL
        GROUP BY c.account_id, w.key
        "#,
        tenant_id,
        account_ids,
        &keys,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    let summaries = rows.into_iter().map(|row| {
        let summary = Summary { count: row.count, sum: row.sum, least: row.least, greatest: row.greatest };
        ((row.account_id, row.key), summary)
    });
    Ok(summaries.collect())
}

/// Puts the roll-ups of an account among its values.
pub fn put(values: &mut Values, fields: &Fields, account_id: Uuid, summaries: &Summaries) {
    for definition in fields.of_kind(Type::RollUp) {
        let Some(roll_up) = rule(definition) else { continue };
        let summary = summaries.get(&(account_id, roll_up.field.clone())).cloned().unwrap_or_default();
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
