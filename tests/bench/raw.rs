//! The raw limit: prepared statements over the same socket, as the service's role, with the tenant set once for each connection.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, PgPool, pool::PoolConnection, postgres::Postgres};
use uuid::Uuid;

use crate::{
    load::{self, AsyncWork, Figures},
    rig::{Measured, Rig},
    work,
};

/// Columns of an account, copied from a row that is there, with its keys replaced.
const INSERT: &str = "INSERT INTO account SELECT (jsonb_populate_record(a, jsonb_build_object('id', $1::uuid, 'number', $2::text))).* \
     FROM seed a";

struct Statement<F> {
    conn: Option<PoolConnection<Postgres>>,
    pool: PgPool,
    tenant: Uuid,
    run: F,
}

impl<F> AsyncWork for Statement<F>
where
    F: for<'c> Fn(&'c mut sqlx::PgConnection) -> futures::future::BoxFuture<'c, ()> + Send + Sync + 'static,
{
    async fn once(&mut self) {
        if self.conn.is_none() {
            let mut conn = self.pool.acquire().await.unwrap();
            let sql = format!("SET app.tenant_id = '{}'", self.tenant);
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await.unwrap();
            self.conn = Some(conn);
        }
        (self.run)(self.conn.as_mut().unwrap()).await;
    }
}

/// The rate of a statement of a tenant on one of the services' databases.
pub async fn measure<F>(rig: &Rig, service: &Measured, tenant: Uuid, callers: usize, run: F) -> Figures
where
    F: for<'c> Fn(&'c mut sqlx::PgConnection) -> futures::future::BoxFuture<'c, ()>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let pool = service.raw.clone();
    load::run(callers, rig.server.pid(), move |_| Statement {
        conn: None,
        pool: pool.clone(),
        tenant,
        run: run.clone(),
    })
    .await
}

pub async fn insert(rig: &Rig, callers: usize) -> Figures {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    measure(rig, &rig.customer, rig.tenant(), callers, |conn| {
        Box::pin(async move {
            let number = format!("R{}", NEXT.fetch_add(1, Ordering::Relaxed));
            sqlx::query(INSERT).bind(Uuid::new_v4()).bind(number).execute(conn).await.unwrap();
        })
    })
    .await
}

pub async fn insert_bare(rig: &Rig, callers: usize) -> Figures {
    let tenant = rig.tenant();
    measure(rig, &rig.customer, rig.tenant(), callers, move |conn| {
        Box::pin(async move {
            sqlx::query("INSERT INTO bare (tenant_id, id, name) VALUES ($1, $2, 'a company of some length')")
                .bind(tenant)
                .bind(Uuid::new_v4())
                .execute(conn)
                .await
                .unwrap();
        })
    })
    .await
}

pub async fn get(rig: &Rig, callers: usize) -> Figures {
    let (ids, tenant) = (work::ids(rig).await, rig.tenant());
    measure(rig, &rig.customer, rig.tenant(), callers, move |conn| {
        let id = ids[work::random(ids.len())];
        Box::pin(async move {
            let sql = "SELECT * FROM account WHERE tenant_id = $1 AND id = $2";
            sqlx::query(sql).bind(tenant).bind(id).fetch_one(conn).await.unwrap();
        })
    })
    .await
}

pub async fn page(rig: &Rig, callers: usize) -> Figures {
    let (tenant, owners) = (rig.tenant(), rig.owners[..5].to_vec());
    measure(rig, &rig.customer, rig.tenant(), callers, move |conn| {
        let owners = owners.clone();
        Box::pin(async move {
            let sql = "SELECT * FROM account WHERE tenant_id = $1 AND delete_time IS NULL AND owner_id = ANY ($2) \
                       AND employee_count > $3 ORDER BY display_name, id LIMIT 51";
            let count = i64::try_from(work::random(5000)).unwrap();
            sqlx::query(sql).bind(tenant).bind(owners).bind(count).fetch_all(conn).await.unwrap();
        })
    })
    .await
}

pub async fn update(rig: &Rig, callers: usize) -> Figures {
    let (ids, tenant) = (work::ids(rig).await, rig.tenant());
    measure(rig, &rig.customer, rig.tenant(), callers, move |conn| {
        let id = ids[work::random(ids.len())];
        Box::pin(async move {
            let sql = "UPDATE account SET region = $3, update_time = now() WHERE tenant_id = $1 AND id = $2";
            let region = format!("r{}", work::random(1000));
            sqlx::query(sql).bind(tenant).bind(id).bind(region).execute(conn).await.unwrap();
        })
    })
    .await
}
