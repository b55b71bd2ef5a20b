//! All SQL of tenants. Every session may read them; only the tenant of the transaction can be written.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{State, Tenant};
use crate::{paging::Paging, reason};

/// One tenant.
pub async fn find(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Option<Tenant>> {
    Ok(select(conn, Some(tenant_id), None, None, 1).await?.pop())
}

/// The tenant of a slug.
pub async fn find_by_slug(conn: &mut PgConnection, slug: &str) -> Result<Option<Tenant>> {
    Ok(select(conn, None, Some(slug), None, 1).await?.pop())
}

/// One page of tenants.
pub async fn page(conn: &mut PgConnection, paging: &Paging) -> Result<Vec<Tenant>> {
    select(conn, None, None, paging.after, paging.rows()).await
}

async fn select(
    conn: &mut PgConnection,
    tenant_id: Option<Uuid>,
    slug: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Tenant>> {
    sqlx::query_as!(
        Tenant,
        r#"
        SELECT tenant_id AS id, create_time, update_time, revision, slug, display_name, region_code, time_zone, currency_code, language_code,
               state AS "state: State"
        FROM tenant
        WHERE ($1::uuid IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR slug = $2) AND ($3::uuid IS NULL OR tenant_id > $3)
        ORDER BY tenant_id LIMIT $4
        "#,
        tenant_id,
        slug,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Holds the tenant's row until the end of the transaction. Changes of its trees take turns by it.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid) -> Result<()> {
    sqlx::query_scalar!(r#"SELECT tenant_id FROM tenant WHERE tenant_id = $1 FOR NO KEY UPDATE"#, tenant_id)
        .fetch_optional(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Adds a tenant.
pub async fn insert(conn: &mut PgConnection, tenant: &Tenant) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO tenant (tenant_id, create_time, update_time, revision, slug, display_name, region_code, time_zone, currency_code,
                            language_code, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        "#,
        tenant.id,
        tenant.create_time,
        tenant.update_time,
        tenant.revision,
        tenant.slug,
        tenant.display_name,
        tenant.region_code,
        tenant.time_zone,
        tenant.currency_code,
        tenant.language_code,
        tenant.state as State,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, tenant))
}

fn violated(error: sqlx::Error, tenant: &Tenant) -> Error {
    // A tenant whose slug is taken is created under the id of its holder, see `ops::create`.
    let taken = |name: &str| matches!(name, "tenant_slug_key" | "tenant_pkey");
    constraint::map(error, |name| taken(name).then(|| reason::slug_taken(&tenant.slug)))
}

/// Writes a tenant's values.
pub async fn update(conn: &mut PgConnection, tenant: &Tenant) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE tenant
        SET update_time = $2, revision = $3, display_name = $4, region_code = $5, time_zone = $6, currency_code = $7, language_code = $8,
            state = $9
        WHERE tenant_id = $1
        "#,
        tenant.id,
        tenant.update_time,
        tenant.revision,
        tenant.display_name,
        tenant.region_code,
        tenant.time_zone,
        tenant.currency_code,
        tenant.language_code,
        tenant.state as State,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Ids of all tenants.
pub async fn ids(conn: &mut PgConnection) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(r#"SELECT tenant_id FROM tenant ORDER BY tenant_id"#)
        .fetch_all(conn)
        .await
        .map_err(database_error)
}
