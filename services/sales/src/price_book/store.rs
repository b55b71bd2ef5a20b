//! All SQL of price books.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::PriceBook;
use crate::DOMAIN;

/// Every price book of a tenant, oldest first.
pub async fn all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<PriceBook>> {
    sqlx::query_as!(
        PriceBook,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, currency_code, is_standard, retired, start_date, end_date
        FROM price_book
        WHERE tenant_id = $1
        ORDER BY id
        "#,
        tenant_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// As [`all`], and holds the rows, so that changes of a tenant's price books, of which one is the standard of a currency, follow one another.
pub async fn lock_all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<PriceBook>> {
    sqlx::query!(
        r#"SELECT id FROM price_book WHERE tenant_id = $1 ORDER BY id FOR NO KEY UPDATE"#,
        tenant_id
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(database_error)?;
    // Read after the wait, to see what the one before wrote.
    all(conn, tenant_id).await
}

/// The price book with an id.
pub async fn get(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<PriceBook>> {
    sqlx::query_as!(
        PriceBook,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, currency_code, is_standard, retired, start_date, end_date
        FROM price_book
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Price books after an id, oldest first.
pub async fn page(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    show_retired: bool,
    after: Uuid,
    limit: i64,
) -> Result<Vec<PriceBook>> {
    sqlx::query_as!(
        PriceBook,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, currency_code, is_standard, retired, start_date, end_date
        FROM price_book
        WHERE tenant_id = $1 AND id > $2 AND ($3 OR NOT retired)
        ORDER BY id
        LIMIT $4
        "#,
        tenant_id,
        after,
        show_retired,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Inserts a price book.
pub async fn insert(conn: &mut PgConnection, book: &PriceBook) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO price_book SELECT * FROM jsonb_populate_record(NULL::price_book, $1)"#,
        Json(book) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, |name| name_taken(name, book)))
}

/// Writes a price book over its row, which the transaction holds.
pub async fn update(conn: &mut PgConnection, book: &PriceBook) -> Result<()> {
    let done = sqlx::query!(
        r#"
        UPDATE price_book AS p SET (update_time, revision, display_name, currency_code, is_standard, retired, start_date, end_date)
            = ROW (n.update_time, n.revision, n.display_name, n.currency_code, n.is_standard, n.retired, n.start_date, n.end_date)
        FROM jsonb_populate_record(NULL::price_book, $1) AS n
        WHERE p.tenant_id = n.tenant_id AND p.id = n.id AND p.revision = n.revision - 1
        "#,
        Json(book) as _
    )
    .execute(conn)
    .await
    .map_err(|error| constraint::map(error, |name| name_taken(name, book)))?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::concurrent_change()) }
}

/// The standard book of a currency.
pub async fn standard(conn: &mut PgConnection, tenant_id: Uuid, currency: &str) -> Result<Option<PriceBook>> {
    sqlx::query_as!(
        PriceBook,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, currency_code, is_standard, retired, start_date, end_date
        FROM price_book
        WHERE tenant_id = $1 AND currency_code = $2 AND is_standard
        "#,
        tenant_id,
        currency,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

fn name_taken(constraint: &str, book: &PriceBook) -> Option<Error> {
    (constraint == "price_book_display_name_key").then(|| {
        let message = "another price book has the name";
        Error::new(Code::AlreadyExists, DOMAIN, "PRICE_BOOK_NAME_TAKEN", message)
            .with("display_name", &book.display_name)
    })
}
