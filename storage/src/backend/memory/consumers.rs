//! Plain idempotent writes: what a store does whose appends write the log only.

use super::{ConsumerVerdict, ConsumerWrite, Entities, MemoryStore, PoisonError, State};
use crate::consumers::{Consumers, Parked};
use crate::shard_log::Outcome;
use crate::{Pending, Row, StorageError};

impl MemoryStore {
    fn consume(&self, write: ConsumerWrite<'_>, table: impl FnOnce(&mut State) -> &mut Entities) -> Pending<()> {
        let policy = self.inner.consumer_policy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let verdict = policy.map_or(ConsumerVerdict::Apply, |policy| policy(write));
        let (ConsumerWrite::Rows(rows) | ConsumerWrite::Projections(rows)) = write;
        self.try_now(|state| {
            if !matches!(verdict, ConsumerVerdict::Fail(_)) {
                insert(table(state), rows);
            }
            match verdict {
                ConsumerVerdict::Apply => Ok(()),
                ConsumerVerdict::FailApplied(kind) | ConsumerVerdict::Fail(kind) => {
                    Err(StorageError::new(kind, "write what follows from rows", "the test said so"))
                }
            }
        })
    }
}

fn insert(table: &mut Entities, rows: &[Row]) {
    for row in rows {
        table.entry(row.entity).or_default().insert(row.seq, row.clone());
    }
}

impl Consumers for MemoryStore {
    fn write_rows(&self, rows: Vec<Row>) -> Pending<()> {
        self.consume(ConsumerWrite::Rows(&rows), |state| &mut state.rows)
    }

    fn project(&self, rows: Vec<Row>) -> Pending<()> {
        self.consume(ConsumerWrite::Projections(&rows), |state| &mut state.projected)
    }

    fn park(&self, parked: Parked) -> Pending<()> {
        self.now(|state| state.parked.push(parked))
    }

    fn truncate(&self, shard: u16, bucket: u64) -> Pending<Outcome> {
        self.now(|state| {
            if !state.heads.get(&(shard, bucket)).is_some_and(|head| head.sealed) {
                return Outcome::Fenced;
            }
            state.log_rows.remove(&(shard, bucket));
            let first = state.first_buckets.entry(shard).or_default();
            *first = (bucket + 1).max(*first);
            Outcome::Applied
        })
    }

    fn first_bucket(&self, shard: u16) -> Pending<u64> {
        self.now(|state| state.first_buckets.get(&shard).copied().unwrap_or_default())
    }
}
