//! Who works below whom, from the people directory: lines of report as they are now.

use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use uuid::Uuid;

/// Somebody below a person, under one of those who report to that person directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// Who it is.
    pub id: Uuid,
    /// The person's name.
    pub display_name: String,
    /// Who reports directly and stands above, or is, this person.
    pub top_id: Uuid,
}

/// Everybody below a person, whom none of them is, in no particular order. Lines of report that run in a circle end where they meet themselves.
pub async fn below(conn: &mut PgConnection, tenant_id: Uuid, user_id: Uuid) -> Result<Vec<Below>> {
    sqlx::query_as!(
        Below,
        r#"
        WITH RECURSIVE line AS (
            SELECT id, id AS top_id FROM colleague WHERE tenant_id = $1 AND superior_id = $2 AND id <> $2
            UNION
            SELECT c.id, line.top_id FROM line JOIN colleague c ON c.tenant_id = $1 AND c.superior_id = line.id
            WHERE c.id <> $2
        )
        SELECT line.id AS "id!", c.display_name, line.top_id AS "top_id!"
        FROM line JOIN colleague c ON c.tenant_id = $1 AND c.id = line.id
        "#,
        tenant_id,
        user_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// A person's name, and whether `above` stands above it; `None` for nobody known.
pub async fn person(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    user_id: Uuid,
    above: Uuid,
) -> Result<Option<(String, bool)>> {
    let found = sqlx::query!(
        r#"
        WITH RECURSIVE line AS (
            SELECT superior_id AS id FROM colleague WHERE tenant_id = $1 AND id = $2
            UNION
            SELECT c.superior_id FROM line JOIN colleague c ON c.tenant_id = $1 AND c.id = line.id
        )
        SELECT display_name, EXISTS (SELECT 1 FROM line WHERE id = $3) AS "is_below!"
        FROM colleague WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        user_id,
        above,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    Ok(found.map(|found| (found.display_name, found.is_below)))
}

/// People of departments, those who answer for them (`leaders`, in the order of `department_ids`), and everybody below any of them: pairs of the
/// department's place and the person, each once.
pub async fn members(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    department_ids: &[Uuid],
    leaders: &[Uuid],
) -> Result<Vec<(i64, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        WITH RECURSIVE team AS (
            SELECT place, department_id, leader_id
            FROM unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY AS t (department_id, leader_id, place)
        ), line AS (
            SELECT team.place, c.id FROM team
            JOIN colleague c ON c.tenant_id = $1 AND team.department_id = ANY (c.department_ids)
            UNION
            SELECT place, leader_id FROM team
            UNION
            SELECT line.place, c.id FROM line JOIN colleague c ON c.tenant_id = $1 AND c.superior_id = line.id
        )
        SELECT place AS "place!", id AS "id!" FROM line
        "#,
        tenant_id,
        department_ids,
        leaders,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.place - 1, row.id)).collect())
}
