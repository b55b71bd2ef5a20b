//! The SQL of pricing: what products cost, for the lines of all documents at once.

use chrono::NaiveDate;
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use crm_kit_record::Choice;
use crm_proto::crm::sales::v1::price_entry::TierMode;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::price_entry::tier::Tier;

/// What is asked for, one place of each list for each question.
#[derive(Debug, Default)]
pub struct Questions {
    /// The book, or none for the standard book of the currency.
    pub books: Vec<Option<Uuid>>,
    pub currencies: Vec<String>,
    /// None when only the book is asked for.
    pub products: Vec<Option<Uuid>>,
    pub units: Vec<String>,
}

/// What was found for a question.
#[derive(Debug)]
pub struct Found {
    /// Place of the question, from 1.
    pub place: i64,
    pub book_id: Option<Uuid>,
    pub book_currency: Option<String>,
    pub book_holds: Option<bool>,
    pub product_name: Option<String>,
    pub product_unit: Option<String>,
    pub product_tax_rate: Option<String>,
    pub product_retired: Option<bool>,
    pub tier_mode: Option<Choice<TierMode>>,
    pub tiers: Option<Json<Vec<Tier>>>,
}

/// Answers questions, in no particular order.
pub async fn find(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    questions: &Questions,
    day: NaiveDate,
) -> Result<Vec<Found>> {
    sqlx::query_as!(
        Found,
        r#"
        SELECT q.place AS "place!", b.id AS "book_id?", b.currency_code AS "book_currency?",
               NOT b.retired AND COALESCE(b.start_date <= $6, true) AND COALESCE(b.end_date >= $6, true) AS "book_holds?",
               p.display_name AS "product_name?", p.unit AS "product_unit?", p.tax_rate_percent AS "product_tax_rate?",
               p.retired AS "product_retired?", e.tier_mode AS "tier_mode?: _", e.tiers AS "tiers?: _"
        FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[]) WITH ORDINALITY
            AS q (book_id, currency_code, product_id, unit, place)
        LEFT JOIN product p ON p.tenant_id = $1 AND p.id = q.product_id AND p.delete_time IS NULL
        LEFT JOIN price_book b ON b.tenant_id = $1
            AND CASE WHEN q.book_id IS NULL THEN b.is_standard AND b.currency_code = q.currency_code ELSE b.id = q.book_id END
        LEFT JOIN LATERAL (
            SELECT e.tier_mode, e.tiers
            FROM price_entry e
            WHERE e.tenant_id = $1 AND e.price_book_id = b.id AND e.product_id = p.id
              AND e.unit = CASE WHEN q.unit = p.unit THEN '' ELSE q.unit END AND e.delete_time IS NULL
              AND (e.start_date IS NULL OR e.start_date <= $6) AND (e.end_date IS NULL OR e.end_date >= $6)
            ORDER BY e.start_date DESC NULLS LAST
            LIMIT 1
        ) e ON true
        "#,
        tenant_id,
        &questions.books as &[Option<Uuid>],
        &questions.currencies,
        &questions.products as &[Option<Uuid>],
        &questions.units,
        day,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
