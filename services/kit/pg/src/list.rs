//! One page of a list as one query: tenant, record scope, recycle bin, filter, search, order and page token together, never a filter
//! after the fetch. This is the only place where SQL is built; it is built from texts of the service and of the compiled filter, and every
//! value is bound.
//!
//! Not here: which columns a list has; its store says so.

use chrono::{DateTime, Utc};
use crm_kit_api::{
    Error, Result,
    filter::{Bind, Filter, Moment},
    order::{Key, KeyKind, Order},
    page::Token,
};
use rust_decimal::Decimal;
use sqlx::{
    Arguments as _, AssertSqlSafe, Encode, FromRow, PgConnection, Postgres, Row as _, Type,
    postgres::{PgArguments, PgRow},
};
use uuid::Uuid;

use crate::db::database_error;

/// Counts are exact up to this many rows.
const COUNT_CAP: i64 = 10_000;

/// What to list.
#[derive(Debug)]
pub struct List<'l> {
    /// Table, which has `tenant_id`, `id`, and, if rows can be deleted, `delete_time`.
    pub table: &'static str,
    /// Columns to select.
    pub columns: &'static str,
    /// Owners whose rows are listed; `None` for all.
    pub owners: Option<&'l [Uuid]>,
    /// Whether rows in the recycle bin are listed too.
    pub show_deleted: bool,
    /// Compiled filter.
    pub filter: &'l Filter,
    /// The instant and day the filter's `now` and `today` stand for.
    pub moment: Moment,
    /// Columns that are searched and the LIKE pattern for each; a row matches when one of them does. Empty means no search.
    pub search: Vec<(&'static str, String)>,
    /// Order of the rows.
    pub order: &'l Order,
    /// The page before.
    pub after: Option<Token>,
    /// Most rows.
    pub limit: usize,
}

/// One page.
#[derive(Debug)]
pub struct Page<R> {
    /// Its rows.
    pub rows: Vec<R>,
    /// Where the next page begins, when there is one.
    pub next: Option<Token>,
}

/// A number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// How many.
    pub rows: i64,
    /// Whether it is the planner's estimate.
    pub estimated: bool,
}

impl List<'_> {
    /// Reads the page.
    pub async fn fetch<R>(&self, conn: &mut PgConnection, tenant_id: Uuid) -> Result<Page<R>>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut sql =
            Builder::new(format!("SELECT {}, {} FROM {} ", self.columns, self.key_columns(), self.table));
        self.conditions(&mut sql, tenant_id)?;
        if let Some(token) = &self.after {
            seek(&mut sql, self.order, token)?;
        }
        sql.push(&self.order_by());
        sql.push_bind(" LIMIT ", i64::try_from(self.limit + 1).unwrap_or(i64::MAX))?;
        let mut found = sql.fetch_all(conn).await?;
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = if more { found.last().map(|row| self.token(row)).transpose()? } else { None };
        let rows = found.iter().map(R::from_row).collect::<Result<_, _>>().map_err(database_error)?;
        Ok(Page { rows, next })
    }

    /// Counts the rows of all pages: exactly up to 10,000, and by the planner's estimate beyond.
    pub async fn count(&self, conn: &mut PgConnection, tenant_id: Uuid) -> Result<Total> {
        let mut sql = Builder::new(format!("SELECT count(*) FROM (SELECT 1 FROM {} ", self.table));
        self.conditions(&mut sql, tenant_id)?;
        sql.push_bind(" LIMIT ", COUNT_CAP + 1)?;
        sql.push(") AS counted");
        let counted = sql.fetch_all(conn).await?;
        let rows: i64 = counted.first().map_or(Ok(0), |row| row.try_get(0)).map_err(database_error)?;
        if rows <= COUNT_CAP {
            return Ok(Total { rows, estimated: false });
        }
        let mut sql = Builder::new(format!("EXPLAIN SELECT 1 FROM {} ", self.table));
        self.conditions(&mut sql, tenant_id)?;
        let plan = sql.fetch_all(conn).await?;
        let line: String =
            plan.first().map_or(Ok(String::new()), |row| row.try_get(0)).map_err(database_error)?;
        let estimate = line.split("rows=").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        Ok(Total { rows: estimate.unwrap_or(0).max(COUNT_CAP + 1), estimated: true })
    }

    fn conditions(&self, sql: &mut Builder, tenant_id: Uuid) -> Result<()> {
        sql.push_bind("WHERE tenant_id = ", tenant_id)?;
        if !self.show_deleted {
            sql.push(" AND delete_time IS NULL");
        }
        if let Some(owners) = self.owners {
            sql.push_bind(" AND owner_id = ANY (", owners.to_vec())?;
            sql.push(")");
        }
        let filter = self.filter.to_sql(sql.next_placeholder(), self.moment);
        if !filter.text.is_empty() {
            sql.push(" AND (");
            sql.push(&filter.text);
            sql.push(")");
            filter.binds.into_iter().try_for_each(|bind| sql.add(bind))?;
        }
        for (index, (column, pattern)) in self.search.iter().enumerate() {
            sql.push(if index == 0 { " AND (" } else { " OR " });
            sql.push_bind(&format!("{column} LIKE "), pattern.clone())?;
        }
        sql.push(if self.search.is_empty() { "" } else { ")" });
        Ok(())
    }

    fn key_columns(&self) -> String {
        let keys = self.order.keys.iter().enumerate();
        let keys = keys.map(|(index, key)| format!("{} AS page_key_{index}", key_text(key)));
        keys.chain(["id AS page_id".to_owned()]).collect::<Vec<_>>().join(", ")
    }

    fn order_by(&self) -> String {
        let direction = |descending| if descending { "DESC" } else { "ASC" };
        let keys = self.order.keys.iter();
        let keys = keys.map(|key| format!("{} {}", key.column.sql, direction(key.descending)));
        let id = format!("id {}", direction(self.order.id_descending()));
        format!(" ORDER BY {}", keys.chain([id]).collect::<Vec<_>>().join(", "))
    }

    fn token(&self, row: &PgRow) -> Result<Token> {
        let keys = (0..self.order.keys.len()).map(|index| row.try_get(format!("page_key_{index}").as_str()));
        Ok(Token {
            keys: keys.collect::<Result<_, _>>().map_err(database_error)?,
            id: row.try_get("page_id").map_err(database_error)?,
        })
    }
}

/// How a key's value is written into a token.
fn key_text(key: &Key) -> String {
    match key.column.kind {
        KeyKind::Timestamp => {
            format!(
                "(CASE WHEN isfinite({0}) THEN (extract(epoch FROM {0}) * 1000000)::bigint::text ELSE {0}::text END)",
                key.column.sql
            )
        }
        KeyKind::Text | KeyKind::Int | KeyKind::Numeric => format!("({})::text", key.column.sql),
    }
}

/// The condition that a row comes after the token's. With one direction throughout it is a row comparison, which an index answers; with mixed
/// directions it is spelled out.
fn seek(sql: &mut Builder, order: &Order, token: &Token) -> Result<()> {
    let mut directions = order.keys.iter().map(|key| key.descending);
    let first = directions.next().unwrap_or(false);
    if directions.all(|descending| descending == first) {
        let columns: Vec<&str> = order.keys.iter().map(|key| key.column.sql.as_ref()).chain(["id"]).collect();
        sql.push(&format!(" AND ({}) {} (", columns.join(", "), if first { "<" } else { ">" }));
        for (key, value) in order.keys.iter().zip(&token.keys) {
            sql.push_key(key, value)?;
            sql.push(", ");
        }
        sql.push_bind("", token.id)?;
        sql.push(")");
        return Ok(());
    }
    sql.push(" AND (");
    for depth in 0..=order.keys.len() {
        sql.push(if depth == 0 { "(" } else { " OR (" });
        for (key, value) in order.keys.iter().zip(&token.keys).take(depth) {
            sql.push(&format!("{} = ", key.column.sql));
            sql.push_key(key, value)?;
            sql.push(" AND ");
        }
        match order.keys.get(depth).zip(token.keys.get(depth)) {
            Some((key, value)) => {
                sql.push(&format!("{} {} ", key.column.sql, if key.descending { "<" } else { ">" }));
                sql.push_key(key, value)?;
            }
            None => sql.push_bind(if order.id_descending() { "id < " } else { "id > " }, token.id)?,
        }
        sql.push(")");
    }
    sql.push(")");
    Ok(())
}

/// SQL text and its arguments.
struct Builder {
    text: String,
    arguments: PgArguments,
}

impl Builder {
    fn new(text: String) -> Self {
        Self { text, arguments: PgArguments::default() }
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn next_placeholder(&self) -> usize {
        self.arguments.len() + 1
    }

    fn push_bind<T>(&mut self, text: &str, value: T) -> Result<()>
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        self.push(text);
        let placeholder = self.next_placeholder();
        self.push(&format!("${placeholder}"));
        self.add_value(value)
    }

    fn push_key(&mut self, key: &Key, value: &str) -> Result<()> {
        let damaged = || Error::bug("a page token passed its checksum with a value of another type");
        match key.column.kind {
            KeyKind::Text => self.push_bind("", value.to_owned()),
            KeyKind::Int => self.push_bind("", value.parse::<i64>().map_err(|_| damaged())?),
            KeyKind::Numeric => self.push_bind("", value.parse::<Decimal>().map_err(|_| damaged())?),
            KeyKind::Timestamp if value.ends_with("infinity") => {
                self.push(&format!(
                    "'{}infinity'::timestamptz",
                    if value.starts_with('-') { "-" } else { "" }
                ));
                Ok(())
            }
            KeyKind::Timestamp => {
                let micros = value.parse().map_err(|_| damaged())?;
                let instant: DateTime<Utc> = DateTime::from_timestamp_micros(micros).ok_or_else(damaged)?;
                self.push_bind("", instant)
            }
        }
    }

    fn add(&mut self, bind: Bind) -> Result<()> {
        match bind {
            Bind::Text(value) => self.add_value(value),
            Bind::TextList(value) => self.add_value(value),
            Bind::Bool(value) => self.add_value(value),
            Bind::Int(value) => self.add_value(value),
            Bind::IntList(value) => self.add_value(value),
            Bind::Numeric(value) => self.add_value(value),
            Bind::NumericList(value) => self.add_value(value),
            Bind::Timestamp(value) => self.add_value(value),
            Bind::TimestampList(value) => self.add_value(value),
            Bind::Date(value) => self.add_value(value),
            Bind::DateList(value) => self.add_value(value),
            Bind::Uuid(value) => self.add_value(value),
            Bind::UuidList(value) => self.add_value(value),
            Bind::Json(value) => self.add_value(value),
            Bind::JsonList(value) => self.add_value(value),
        }
    }

    fn add_value<T>(&mut self, value: T) -> Result<()>
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        self.arguments.add(value).map_err(|error| Error::internal(sqlx::Error::Encode(error)))
    }

    async fn fetch_all(self, conn: &mut PgConnection) -> Result<Vec<PgRow>> {
        sqlx::query_with(AssertSqlSafe(self.text), self.arguments)
            .fetch_all(conn)
            .await
            .map_err(database_error)
    }
}
