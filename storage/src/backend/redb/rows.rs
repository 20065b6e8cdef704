//! Rows by entity: ranges, activation, the dedupe index, snapshots.

use std::ops::ControlFlow;

use bytes::Bytes;
use rialto_protocol::EntityKey;

use super::blobs::{check_bytes, join, remove};
use super::codec::{Top, corrupt, decode, decode_row, decode_top};
use super::job::{Class, ready};
use super::keys::{self, BlobOwner, section};
use super::kv::{Cells, Engine, Source};
use super::open::RedbStore;
use crate::derive::part;
use crate::entity_rows::{Activation, EntityRows, Position, RowRange, Snapshot};
use crate::layout::blob::split;
use crate::limits::{READ_ROWS_MAX, SNAPSHOTS_KEPT};
use crate::{Pending, Row, RowSender};

/// A row with its body, wherever that is kept.
pub(crate) fn whole_row(source: &impl Source, entity: EntityKey, seq: u64, value: &[u8]) -> Engine<Row> {
    let stored = decode_row(entity, seq, value)?;
    let mut row = stored.row;
    if stored.blob.is_some() {
        row.body = join(source, entity, BlobOwner::Row(seq))?.ok_or_else(|| corrupt("body of a row: it is not there"))?;
    }
    Ok(row)
}

/// One row.
pub(crate) fn row_at(source: &impl Source, entity: EntityKey, seq: u64) -> Engine<Option<Row>> {
    let value = source.get(&keys::row(entity, seq))?;
    value.map(|value| whole_row(source, entity, seq, &value)).transpose()
}

/// The head of one row.
pub(crate) fn top_at(source: &impl Source, entity: EntityKey, seq: u64) -> Engine<Option<Top>> {
    source.with(&keys::row(entity, seq), |value| decode_top(seq, value))
}

/// The newest row's head; `None` when there is no row.
pub(crate) fn top(source: &impl Source, entity: EntityKey) -> Engine<Option<Top>> {
    let mut found = None;
    source.scan(&keys::row(entity, 0), &rows_end(entity), true, &mut |key, value| {
        found = Some(decode_top(keys::last_number(key).unwrap_or(0), value)?);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

fn rows_end(entity: EntityKey) -> Vec<u8> {
    keys::after_prefix(&keys::section_of(entity, section::ROW))
}

/// Rows of a range.
pub(crate) fn range(source: &impl Source, entity: EntityKey, range: RowRange) -> Engine<Vec<Row>> {
    let limit = range.limit.min(READ_ROWS_MAX);
    rows_between(source, entity, range.from, range.to, limit, range.reverse)
}

fn rows_between(source: &impl Source, entity: EntityKey, from: u64, to: u64, limit: usize, reverse: bool) -> Engine<Vec<Row>> {
    let mut rows = Vec::new();
    if limit == 0 || from > to {
        return Ok(rows);
    }
    let end = match to.checked_add(1) {
        Some(end) => keys::row(entity, end),
        None => rows_end(entity),
    };
    source.scan(&keys::row(entity, from), &end, reverse, &mut |key, value| {
        let seq = keys::last_number(key).ok_or_else(|| corrupt("key of a row"))?;
        rows.push(whole_row(source, entity, seq, value)?);
        Ok(if rows.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(rows)
}

/// Looks an id up; the partitions decide how far back an entry counts, as where the index is really cut into them.
pub(crate) fn find(
    source: &impl Source,
    entity: EntityKey,
    sender: &RowSender,
    not_before_ms: Option<u64>,
    part_rows: u64,
) -> Engine<Option<Position>> {
    let key = keys::dedupe(entity, sender.user, &sender.client_id);
    let Some((seq, time_ms)) = source.with(&key, |value| decode::<(u64, u64)>("dedupe entry", value))? else { return Ok(None) };
    let Some(top) = top(source, entity)? else { return Ok(None) };
    let of = part(seq, part_rows);
    let counts = match not_before_ms {
        None => of + 1 >= part(top.seq, part_rows),
        Some(not_before) if time_ms >= not_before => true,
        // Older than wanted, but perhaps in the partition that holds the first row that is not.
        Some(not_before) => {
            let last = (of + 1).saturating_mul(part_rows).min(top.seq);
            top_at(source, entity, last)?.is_some_and(|row| row.time_ms >= not_before) || of == part(top.seq, part_rows)
        }
    };
    Ok(counts.then_some(Position { seq, time_ms }))
}

/// The newest snapshot and the rows behind it.
pub(crate) fn activate(source: &impl Source, entity: EntityKey) -> Engine<Activation> {
    let mut newest = None;
    source.scan(&keys::snapshot(entity, 0), &keys::after_prefix(&keys::section_of(entity, section::SNAPSHOT)), true, &mut |key, _| {
        newest = keys::last_number(key);
        Ok(ControlFlow::Break(()))
    })?;
    let snapshot = match newest {
        None => None,
        Some(seq) => {
            let state = join(source, entity, BlobOwner::Snapshot(seq))?.ok_or_else(|| corrupt("snapshot: it is not there"))?;
            Some(Snapshot { seq, state })
        }
    };
    let from = newest.map_or(1, |seq| seq.saturating_add(1));
    let rows = rows_between(source, entity, from, u64::MAX, usize::MAX, false)?;
    Ok(Activation { snapshot, rows })
}

impl EntityRows for RedbStore {
    fn activate(&self, entity: EntityKey) -> Pending<Activation> {
        self.read("activate an entity", move |view| activate(view, entity))
    }

    fn read(&self, entity: EntityKey, of: RowRange) -> Pending<Vec<Row>> {
        RedbStore::read(self, "read rows", move |view| range(view, entity, of))
    }

    fn find(&self, entity: EntityKey, sender: RowSender, not_before_ms: Option<u64>) -> Pending<Option<Position>> {
        let part_rows = self.shared().options.part_rows;
        self.read("look an id up", move |view| find(view, entity, &sender, not_before_ms, part_rows))
    }

    fn put_snapshot(&self, entity: EntityKey, snapshot: Snapshot) -> Pending<()> {
        let what = "store a snapshot";
        let Snapshot { seq, state } = snapshot;
        if let Err(error) = check_bytes(what, state.len()) {
            return ready(Err(error));
        }
        self.write(what, Class::Grow, state.len(), move |transaction| {
            remove(transaction, entity, BlobOwner::Snapshot(seq))?;
            transaction.batch.put(keys::snapshot(entity, seq), Vec::new());
            put_parts(transaction, entity, seq, &state);
            let mut kept = Vec::new();
            transaction.batch.source().scan_prefix(&keys::section_of(entity, section::SNAPSHOT), &mut |key, _| {
                kept.extend(keys::last_number(key));
                Ok(ControlFlow::Continue(()))
            })?;
            let surplus = kept.len().saturating_sub(SNAPSHOTS_KEPT);
            for old in kept.into_iter().take(surplus) {
                transaction.batch.delete(keys::snapshot(entity, old));
                remove(transaction, entity, BlobOwner::Snapshot(old))?;
            }
            Ok(Ok(()))
        })
    }
}

fn put_parts(transaction: &mut super::job::Transaction<'_>, entity: EntityKey, seq: u64, state: &Bytes) {
    for (key, value) in split(entity, BlobOwner::Snapshot(seq), state) {
        transaction.batch.put(key, value);
    }
}
