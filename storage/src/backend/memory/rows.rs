//! Rows, snapshots and blobs.

use std::collections::BTreeMap;

use bytes::Bytes;
use rialto_protocol::EntityKey;
use uuid::Uuid;

use super::MemoryStore;
use crate::blobs::Blobs;
use crate::derive::part;
use crate::entity_rows::{Activation, EntityRows, Position, RowRange, Snapshot};
use crate::limits::{BLOB_BYTES_MAX, READ_ROWS_MAX, SNAPSHOTS_KEPT};
use crate::{ErrorKind, Pending, Row, RowSender, StorageError};

fn check(what: &'static str, bytes: usize) -> Result<(), StorageError> {
    if bytes > BLOB_BYTES_MAX { Err(StorageError::new(ErrorKind::Limit, what, "too large")) } else { Ok(()) }
}

/// Searches the partitions from the newest back, one after another.
fn find(rows: &BTreeMap<u64, Row>, sender: &RowSender, not_before_ms: Option<u64>, part_rows: u64) -> Option<Position> {
    let newest = part(*rows.last_key_value()?.0, part_rows);
    let oldest = match not_before_ms {
        None => newest.saturating_sub(1),
        Some(not_before) => rows.values().find(|row| row.time_ms >= not_before).map_or(newest, |row| part(row.seq, part_rows)),
    };
    let in_reach = rows.values().rev().take_while(|row| part(row.seq, part_rows) >= oldest);
    let found = in_reach.filter(|row| row.remaining == 0).find(|row| row.sender == *sender)?;
    Some(Position { seq: found.seq, time_ms: found.time_ms })
}

impl EntityRows for MemoryStore {
    fn activate(&self, entity: EntityKey) -> Pending<Activation> {
        self.now(|state| {
            let newest = state.snapshots.get(&entity).and_then(|all| all.last_key_value());
            let snapshot = newest.map(|(seq, bytes)| Snapshot { seq: *seq, state: bytes.clone() });
            let behind = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
            let rows = state.rows.get(&entity).into_iter().flat_map(|rows| rows.range(behind + 1..)).map(|(_, row)| row.clone()).collect();
            Activation { snapshot, rows }
        })
    }

    fn read(&self, entity: EntityKey, range: RowRange) -> Pending<Vec<Row>> {
        self.now(|state| {
            let all = state.rows.get(&entity).into_iter().flat_map(BTreeMap::values);
            let wanted = all.filter(|row| (range.from..=range.to).contains(&row.seq)).cloned();
            let limit = range.limit.min(READ_ROWS_MAX);
            if range.reverse { wanted.rev().take(limit).collect() } else { wanted.take(limit).collect() }
        })
    }

    fn find(&self, entity: EntityKey, sender: RowSender, not_before_ms: Option<u64>) -> Pending<Option<Position>> {
        let part_rows = self.inner.options.part_rows;
        self.now(|state| find(state.rows.get(&entity)?, &sender, not_before_ms, part_rows))
    }

    fn put_snapshot(&self, entity: EntityKey, snapshot: Snapshot) -> Pending<()> {
        self.try_now(|state| {
            check("store a snapshot", snapshot.state.len())?;
            let kept = state.snapshots.entry(entity).or_default();
            kept.insert(snapshot.seq, snapshot.state);
            while kept.len() > SNAPSHOTS_KEPT {
                kept.pop_first();
            }
            Ok(())
        })
    }
}

impl Blobs for MemoryStore {
    fn put(&self, entity: EntityKey, blob: Uuid, data: Bytes) -> Pending<()> {
        self.try_now(|state| {
            check("store a blob", data.len())?;
            state.blobs.insert((entity, blob), data);
            Ok(())
        })
    }

    fn get(&self, entity: EntityKey, blob: Uuid) -> Pending<Option<Bytes>> {
        self.now(|state| state.blobs.get(&(entity, blob)).cloned())
    }

    fn delete(&self, entity: EntityKey, blob: Uuid) -> Pending<()> {
        self.now(|state| {
            state.blobs.remove(&(entity, blob));
        })
    }
}
