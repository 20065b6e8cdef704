//! Small records.

use std::ops::ControlFlow;

use bytes::Bytes;
use uuid::Uuid;

use super::accounts::check;
use super::codec::{decode, encode};
use super::job::{Class, ready};
use super::keys;
use super::kv::{Cells, Engine, Source};
use super::open::RedbStore;
use crate::Pending;
use crate::records::{Record, RecordKey, RecordTable, Records};

/// Takes a stored record apart.
pub(super) fn read(value: &[u8]) -> Engine<Record> {
    let (version, data): (u64, Vec<u8>) = decode("record", value)?;
    Ok(Record { version, data: data.into() })
}

impl Records for RedbStore {
    fn get(&self, key: RecordKey) -> Pending<Option<Record>> {
        self.read("read a record", move |view| view.with(&keys::record(key), read))
    }

    fn put(&self, key: RecordKey, seen: u64, data: Bytes) -> Pending<bool> {
        let what = "store a record";
        if let Err(error) = check(what, data.len()) {
            return ready(Err(error));
        }
        self.write(what, Class::Grow, data.len(), move |transaction| {
            let cell = keys::record(key);
            let stored = transaction.batch.cell(&cell)?;
            let stands = stored.map(|value| read(&value)).transpose()?.map_or(0, |record| record.version);
            if stands == seen {
                transaction.batch.put(cell, encode(&(seen + 1, data.as_ref())));
            }
            Ok(Ok(stands == seen))
        })
    }

    fn remove(&self, key: RecordKey, seen: u64) -> Pending<bool> {
        self.write("remove a record", Class::Keep, 64, move |transaction| {
            let cell = keys::record(key);
            let stored = transaction.batch.cell(&cell)?;
            let stands = stored.map(|value| read(&value)).transpose()?.is_some_and(|record| record.version == seen);
            if stands {
                transaction.batch.delete(cell);
            }
            Ok(Ok(stands))
        })
    }

    fn list(&self, table: RecordTable, part: Uuid, after: Option<Uuid>, limit: usize) -> Pending<Vec<(Uuid, Record)>> {
        self.read("list records", move |view| {
            let prefix = keys::records(table, part);
            let mut from = keys::record(RecordKey { table, part, id: after.unwrap_or_default() });
            if after.is_some() {
                from = keys::after_prefix(&from);
            }
            let mut found = Vec::new();
            view.scan(&from, &keys::after_prefix(&prefix), false, &mut |key, value| {
                if found.len() >= limit {
                    return Ok(ControlFlow::Break(()));
                }
                if let Some(id) = keys::last_id(key) {
                    found.push((id, read(value)?));
                }
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(found)
        })
    }
}
