//! Human numbers such as `A000001`, given in blocks.
//!
//! A process takes a block of a tenant's series in a transaction of its own and hands numbers out from memory, so that creates do not queue for
//! one row. Numbers of a block that is not used up are lost: the series ascends but has gaps, which documents numbered by law may not have.
//!
//! Records also come with numbers of their own, from another system or by hand. Those that look like numbers of the series are passed, so that
//! it goes on after them.

use std::{collections::HashMap, sync::Arc};

use crm_kit_api::{Error, Result};
use crm_kit_pg::Db;
use parking_lot::Mutex;
use uuid::Uuid;

/// Numbers in one block.
const BLOCK: i64 = 200;
/// How often a write is tried with other numbers when records have those that it drew.
pub const ATTEMPTS: usize = 3;
/// Numbers from here on are no numbers of a series when a record brings them: a slip of the keyboard shall not make all that follow longer.
const LIMIT: i64 = 1_000_000_000;

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

/// The number as it is written: the prefix and at least six digits.
pub fn written(prefix: &str, number: i64) -> String {
    format!("{prefix}{number:06}")
}

/// The place in its series of a number that a record brings; `None` when the series would not write it so.
pub fn placed(prefix: &str, text: &str) -> Option<i64> {
    let number = text.strip_prefix(prefix)?.parse().ok().filter(|number| (1..LIMIT).contains(number))?;
    (written(prefix, number) == text).then_some(number)
}

impl Taken {
    /// Name of the series.
    pub fn series(&self) -> &str {
        &self.series
    }

    /// How many they are.
    pub fn count(&self) -> i64 {
        self.count
    }

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
            *block = self.fetch(tenant_id, series, count.max(BLOCK), 1).await?;
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

    /// Has the series go on after `last`, which a record has or is about to have. Costs a statement only when it lies beyond the block at hand.
    pub async fn pass(&self, tenant_id: Uuid, series: &str, last: i64) -> Result<()> {
        let held = self.series(tenant_id, series);
        let mut block = held.lock().await;
        if last >= block.end {
            *block = self.fetch(tenant_id, series, BLOCK, last + 1).await?;
        }
        block.next = block.next.max(last + 1);
        Ok(())
    }

    fn series(&self, tenant_id: Uuid, series: &str) -> Series {
        Arc::clone(self.series.lock().entry((tenant_id, series.to_owned())).or_default())
    }

    /// A block of `size` numbers, none below `floor`.
    async fn fetch(&self, tenant_id: Uuid, series: &str, size: i64, floor: i64) -> Result<Block> {
        let end = self
            .db
            .for_tenant(tenant_id, |tx| {
                Box::pin(async move {
                    sqlx::query_scalar!(
                        r#"
                        INSERT INTO number_series (tenant_id, name, next) VALUES ($1, $2, $4::bigint + $3::bigint)
                        ON CONFLICT ON CONSTRAINT number_series_pkey
                            DO UPDATE SET next = GREATEST(number_series.next, $4::bigint) + $3::bigint
                        RETURNING next
                        "#,
                        tenant_id,
                        series,
                        size,
                        floor,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_series_would_write_has_a_place_in_it() {
        for number in [1, 999_999, 1_000_000, LIMIT - 1] {
            assert_eq!(placed("A", &written("A", number)), Some(number));
        }
        for text in
            ["", "A", "A000000", "A00001", "A0000001", "A+00001", "B000001", "A000001x", "A1000000000"]
        {
            assert_eq!(placed("A", text), None, "{text}");
        }
    }
}
