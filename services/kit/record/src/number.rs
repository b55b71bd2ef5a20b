//! Human numbers such as `A000001`, given in blocks.
//!
//! A process takes a block of a tenant's series in a transaction of its own and hands numbers out from memory, so that creates do not queue for
//! one row. Numbers of a block that is not used up are lost: the series ascends but has gaps, which only invoices may not have.

use std::{collections::HashMap, sync::Arc};

use crm_kit_api::{Error, Result};
use crm_kit_pg::Db;
use tokio::sync::Mutex;
use uuid::Uuid;

/// Numbers in one block.
const BLOCK: i64 = 200;

/// Gives numbers of one series.
#[derive(Clone, Debug)]
pub struct Numbers {
    db: Db,
    blocks: Arc<Mutex<HashMap<(Uuid, String), Block>>>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    next: i64,
    end: i64,
}

impl Numbers {
    /// Numbers kept in `db`.
    pub fn new(db: Db) -> Self {
        Self { db, blocks: Arc::default() }
    }

    /// The first of `count` consecutive numbers of a tenant's series.
    pub async fn take(&self, tenant_id: Uuid, series: &str, count: usize) -> Result<i64> {
        let count = i64::try_from(count).map_err(Error::internal)?;
        let key = (tenant_id, series.to_owned());
        // Held across the statement on purpose: others of the series need the very block that is being fetched.
        let mut blocks = self.blocks.lock().await;
        let known = blocks.get(&key).copied().filter(|block| block.end - block.next >= count);
        let block = match known {
            Some(block) => block,
            None => self.fetch(tenant_id, series, count.max(BLOCK)).await?,
        };
        blocks.insert(key, Block { next: block.next + count, end: block.end });
        Ok(block.next)
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
