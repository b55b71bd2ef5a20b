//! All SQL of receivables.

use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::ageing::{Figures, Question};

/// What is open, for the records of `owners`: by account and currency after a place, or by currency alone. Planned for its values, by which the
/// groups by account come in the order of the indexes.
pub async fn figures(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (owners, question): (Option<&[Uuid]>, &Question),
    by_account: bool,
    after: Option<(Uuid, &str)>,
    limit: Option<i64>,
) -> Result<Vec<Figures>> {
    let (after_account, after_currency) = after.unzip();
    sqlx::query_as!(
        Figures,
        r#"
        SELECT CASE WHEN $9::boolean THEN account_id END AS account_id,
               CASE WHEN $9 THEN max(account_name) ELSE '' END AS "account_name!", amount_currency AS "currency!",
               count(*) FILTER (WHERE NOT paid) AS "plans!",
               ARRAY[
                   COALESCE(sum(open) FILTER (WHERE NOT paid AND range = 0), 0),
                   COALESCE(sum(open) FILTER (WHERE NOT paid AND range = 1), 0),
                   COALESCE(sum(open) FILTER (WHERE NOT paid AND range = 2), 0),
                   COALESCE(sum(open) FILTER (WHERE NOT paid AND range = 3), 0),
                   COALESCE(sum(open) FILTER (WHERE NOT paid AND range = 4), 0),
                   COALESCE(sum(open) FILTER (WHERE NOT paid AND range = 5), 0),
                   COALESCE(sum(open) FILTER (WHERE NOT paid AND range = 6), 0),
                   COALESCE(sum(open) FILTER (WHERE NOT paid AND range = 7), 0)
               ] AS "open!: Vec<Decimal>",
               count(*) FILTER (WHERE paid) AS "receipts!",
               COALESCE(sum(open) FILTER (WHERE paid), 0) AS "unallocated!"
        FROM (
            SELECT account_id, amount_currency, account_name, open, paid, width_bucket($2::date - due_date, $3::int[]) AS range
            FROM receivable
            WHERE tenant_id = $1 AND counted AND delete_time IS NULL
              AND ($4::uuid[] IS NULL OR owner_id = ANY ($4)) AND ($5::uuid[] IS NULL OR owner_id = ANY ($5))
              AND ($6::uuid[] IS NULL OR account_id = ANY ($6)) AND ($7::text = '' OR amount_currency = $7)
              AND ($8::uuid IS NULL OR account_id >= $8) AND ($8 IS NULL OR (account_id, amount_currency) > ($8, $10::text))
        ) AS found
        GROUP BY CASE WHEN $9 THEN account_id END, amount_currency
        ORDER BY CASE WHEN $9 THEN account_id END, amount_currency
        LIMIT $11
        "#,
        tenant_id,
        question.day,
        &question.thresholds(),
        owners,
        question.owner_ids.as_deref(),
        question.account_ids.as_deref(),
        question.currency,
        after_account,
        by_account,
        after_currency,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
