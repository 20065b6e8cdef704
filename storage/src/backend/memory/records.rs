//! Small records.

use std::ops::Bound;

use bytes::Bytes;
use uuid::Uuid;

use super::MemoryStore;
use super::accounts::check;
use crate::Pending;
use crate::records::{Record, RecordKey, RecordTable, Records};

impl Records for MemoryStore {
    fn get(&self, key: RecordKey) -> Pending<Option<Record>> {
        self.now(|state| state.records.get(&key).cloned())
    }

    fn put(&self, key: RecordKey, seen: u64, data: Bytes) -> Pending<bool> {
        self.try_now(|state| {
            check("store a record", data.len())?;
            let stands = state.records.get(&key).map_or(0, |record| record.version);
            if stands == seen {
                state.records.insert(key, Record { version: seen + 1, data });
            }
            Ok(stands == seen)
        })
    }

    fn remove(&self, key: RecordKey, seen: u64) -> Pending<bool> {
        self.now(|state| {
            let stands = state.records.get(&key).is_some_and(|record| record.version == seen);
            if stands {
                state.records.remove(&key);
            }
            stands
        })
    }

    fn list(&self, table: RecordTable, part: Uuid, after: Option<Uuid>, limit: usize) -> Pending<Vec<(Uuid, Record)>> {
        let key = |id| RecordKey { table, part, id };
        let from = after.map_or_else(|| Bound::Included(key(Uuid::nil())), |after| Bound::Excluded(key(after)));
        self.now(|state| {
            let range = state.records.range((from, Bound::Included(key(Uuid::max()))));
            range.take(limit).map(|(key, record)| (key.id, record.clone())).collect()
        })
    }
}
