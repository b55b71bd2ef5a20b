//! Human numbers such as `A000001`, given in blocks.
//!
//! A process takes a block of a tenant's series in a transaction of its own and hands numbers out from memory, so that creates do not queue for
//! one row. Numbers of a block that is not used up are lost: the series ascends but has gaps, which documents numbered by law may not have.

use std::{collections::HashMap, sync::Arc};

use crm_kit_api::{Error, Result};
use crm_kit_pg::Db;
use parking_lot::Mutex;
use uuid::Uuid;

/// Numbers in one block.
const BLOCK: i64 = 200;

/// The block of one tenant's series. Whoever fetches one holds it meanwhile, for others of the series need the very block that is being fetched;
/// other series and other tenants do not wait.
type Series = Arc<tokio::sync::Mutex<Block>>;

/// Gives numbers of one series.
#[derive(Clone, Debug)]
pub struct Numbers {
    db: Db,
    series: Arc<Mutex<HashMap<(Uuid, String), Series>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    next: i64,
    end: i64,
}

/// Consecutive numbers that were taken of a series.
#[derive(Clone, Debug)]
pub struct Taken {
    series: String,
    first: i64,
    count: i64,
}

impl Taken {
    /// The first of them.
    pub fn first(&self) -> i64 {
        self.first
    }
}

impl Numbers {
    /// Numbers kept in `db`.
    pub fn new(db: Db) -> Self {
        Self { db, series: Arc::default() }
    }

    /// `count` consecutive numbers of a tenant's series.
    pub async fn take(&self, tenant_id: Uuid, series: &str, count: usize) -> Result<Taken> {
        let count = i64::try_from(count).map_err(Error::internal)?;
        let held = self.series(tenant_id, series);
        let mut block = held.lock().await;
        if block.end - block.next < count {
            *block = self.fetch(tenant_id, series, count.max(BLOCK)).await?;
        }
        let first = block.next;
        block.next += count;
        Ok(Taken { series: series.to_owned(), first, count })
    }

    /// Takes back numbers that nothing was written with, unless others of the series were taken since: those are lost.
    pub async fn give_back(&self, tenant_id: Uuid, taken: &Taken) {
        let held = self.series(tenant_id, &taken.series);
        let mut block = held.lock().await;
        if block.next == taken.first + taken.count {
            block.next = taken.first;
        }
    }

    fn series(&self, tenant_id: Uuid, series: &str) -> Series {
        Arc::clone(self.series.lock().entry((tenant_id, series.to_owned())).or_default())
    }

    async fn fetch(&self, tenant_id: Uuid, series: &str, size: i64) -> Result<Block> {
        let end = self
            .db
            .for_tenant(tenant_id, |tx| {
                Box::pin(async move {
                    sqlx::query_scalar!(
                        r#"
                        INSERT INTO number_series (tenant_id, name, next) VALUES ($1, $2, $3::bigint + 1)
                        ON CONFLICT ON CONSTRAINT number_series_pkey DO UPDATE SET next = number_series.next + $3::bigint
                        RETURNING next
                        "#,
                        tenant_id,
                        series,
                        size,
                    )
                    .fetch_one(tx.conn())
                    .await
                    .map_err(crm_kit_pg::db::database_error)
                })
            })
            .await?;
        Ok(Block { next: end - size, end })
    }
}
