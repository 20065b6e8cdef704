//! Rows by entity: ranges over partitions, activation, the dedupe index, snapshots.

use rialto_protocol::EntityKey;
use uuid::Uuid;

use super::blobs;
use super::codec::{content_id, decode_row};
use super::core::{Core, corrupt, limit};
use super::open::CqlStore;
use super::value::{Values, big, count, entity, id, text, unsigned};
use crate::derive::part;
use crate::entity_rows::{Activation, EntityRows, Position, RowRange, Snapshot};
use crate::limits::{BLOB_BYTES_MAX, READ_ROWS_MAX, SNAPSHOTS_KEPT};
use crate::{Pending, Row, RowSender, StorageError};

fn of(of: EntityKey) -> Values {
    entity(of).into()
}

/// The newest part that has rows.
pub(super) async fn newest_part(core: &Core, entity: EntityKey) -> Result<Option<u64>, StorageError> {
    let found: Option<(i64,)> = core.first("read an entity's parts", &core.statements.part_newest, of(entity)).await?;
    Ok(found.map(|(part,)| unsigned(part)))
}

/// Rows of a part as they are stored.
pub(super) async fn stored_rows(core: &Core, entity: EntityKey, part: u64, range: RowRange) -> Result<Vec<(i64, Vec<u8>)>, StorageError> {
    let statement = if range.reverse { &core.statements.rows_down } else { &core.statements.rows_up };
    let mut values = of(entity);
    values.extend([big(part), big(range.from), big(range.to), count(range.limit)]);
    core.select("read rows", statement, values).await
}

async fn rows_of_part(core: &Core, entity: EntityKey, part: u64, range: RowRange) -> Result<Vec<Row>, StorageError> {
    let found = stored_rows(core, entity, part, range).await?;
    let mut rows = Vec::with_capacity(found.len());
    for (seq, data) in found {
        let (row, blob) = decode_row(entity, unsigned(seq), &data)?;
        rows.push(blobs::with_body(core, row, blob).await?);
    }
    Ok(rows)
}

/// Rows of a range, part by part. `limit` is the caller's, whatever one read returns at most.
pub(super) async fn range(core: &Core, entity: EntityKey, range: RowRange) -> Result<Vec<Row>, StorageError> {
    let mut rows = Vec::new();
    if range.limit == 0 || range.from > range.to {
        return Ok(rows);
    }
    let part_rows = core.options.part_rows;
    let (lowest, mut highest) = (part(range.from, part_rows), part(range.to, part_rows));
    let mut at = lowest;
    if range.reverse {
        let Some(newest) = newest_part(core, entity).await? else { return Ok(rows) };
        highest = highest.min(newest);
        at = highest;
    }
    while (lowest..=highest).contains(&at) && rows.len() < range.limit {
        let limit = (range.limit - rows.len()).min(READ_ROWS_MAX);
        let (from, to) = match rows.last().map(|row: &Row| row.seq) {
            None => (range.from, range.to),
            Some(seq) if range.reverse => (range.from, seq - 1),
            Some(seq) => (seq + 1, range.to),
        };
        let found = rows_of_part(core, entity, at, RowRange { from, to, limit, reverse: range.reverse }).await?;
        let whole = found.len() < limit;
        let ends_part = found.last().is_some_and(|row| row.seq.is_multiple_of(part_rows));
        rows.extend(found);
        match (whole, range.reverse) {
            (true, true) if at == 0 => break,
            (true, true) => at -= 1,
            // A part that is not full is the newest one.
            (true, false) if !ends_part => break,
            (true, false) => at += 1,
            (false, false) if ends_part => at += 1,
            (false, _) => {}
        }
    }
    Ok(rows)
}

/// The snapshots of an entity, newest first, each with its blob.
pub(super) async fn snapshots(core: &Core, entity: EntityKey) -> Result<Vec<(i64, Uuid)>, StorageError> {
    core.select("read snapshots", &core.statements.snapshots, of(entity)).await
}

async fn newest_snapshot(core: &Core, entity: EntityKey) -> Result<Option<Snapshot>, StorageError> {
    let Some((seq, blob)) = snapshots(core, entity).await?.into_iter().next() else { return Ok(None) };
    let state = blobs::get(core, entity, blob).await?.ok_or_else(|| corrupt("read a snapshot", "it is not there"))?;
    Ok(Some(Snapshot { seq: unsigned(seq), state }))
}

async fn activate(core: &Core, entity: EntityKey) -> Result<Activation, StorageError> {
    let snapshot = newest_snapshot(core, entity).await?;
    let from = snapshot.as_ref().map_or(1, |snapshot| snapshot.seq.saturating_add(1));
    let rows = range(core, entity, RowRange { from, to: u64::MAX, limit: usize::MAX, reverse: false }).await?;
    Ok(Activation { snapshot, rows })
}

/// The oldest part to be looked in: the one that holds the first row that is not older.
async fn oldest_part(core: &Core, entity: EntityKey, newest: u64, not_before_ms: Option<u64>) -> Result<u64, StorageError> {
    let Some(not_before_ms) = not_before_ms else { return Ok(newest.saturating_sub(1)) };
    let parts: Vec<(i64, i64)> = core.select_all("read an entity's parts", &core.statements.parts, of(entity)).await?;
    let mut oldest = newest;
    for (part, began_ms) in parts.into_iter().map(|(part, began)| (unsigned(part), unsigned(began))) {
        if began_ms >= not_before_ms {
            oldest = part;
            continue;
        }
        let mut values = of(entity);
        values.push(big(part));
        let last: Option<(i64,)> = core.first("read a part's last row", &core.statements.row_last_ts, values).await?;
        if last.is_some_and(|(last,)| unsigned(last) >= not_before_ms) {
            oldest = part;
        }
        break;
    }
    Ok(oldest.min(newest))
}

async fn find(core: &Core, entity: EntityKey, sender: RowSender, not_before_ms: Option<u64>) -> Result<Option<Position>, StorageError> {
    let Some(newest) = newest_part(core, entity).await? else { return Ok(None) };
    let oldest = oldest_part(core, entity, newest, not_before_ms).await?;
    for part in (oldest..=newest).rev() {
        let mut values = of(entity);
        values.extend([big(part), id(sender.user.0), text(sender.client_id.as_str())]);
        let found: Option<(i64, i64)> = core.first("look an id up", &core.statements.dedupe_get, values).await?;
        if let Some((seq, time_ms)) = found {
            return Ok(Some(Position { seq: unsigned(seq), time_ms: unsigned(time_ms) }));
        }
    }
    Ok(None)
}

/// Stores a snapshot and forgets the oldest.
pub(super) async fn put_snapshot(core: &Core, entity: EntityKey, snapshot: Snapshot) -> Result<(), StorageError> {
    let what = "store a snapshot";
    if snapshot.state.len() > BLOB_BYTES_MAX {
        return Err(limit(what, "too large"));
    }
    let blob = content_id(entity, snapshot.seq, &snapshot.state);
    blobs::put(core, entity, blob, &snapshot.state).await?;
    let mut values = of(entity);
    values.extend([big(snapshot.seq), id(blob)]);
    core.write(what, &core.statements.snapshot_put, values).await?;
    for (seq, blob) in snapshots(core, entity).await?.into_iter().skip(SNAPSHOTS_KEPT) {
        let mut values = of(entity);
        values.push(big(unsigned(seq)));
        core.write(what, &core.statements.snapshot_cut, values).await?;
        blobs::delete(core, entity, blob).await?;
    }
    Ok(())
}

/// One row, when it is there.
pub(super) async fn row_at(core: &Core, entity: EntityKey, seq: u64) -> Result<Option<Row>, StorageError> {
    let one = RowRange { from: seq, to: seq, limit: 1, reverse: false };
    Ok(range(core, entity, one).await?.pop())
}

impl EntityRows for CqlStore {
    fn activate(&self, entity: EntityKey) -> Pending<Activation> {
        self.run(move |core| async move { activate(&core, entity).await })
    }

    fn read(&self, entity: EntityKey, wanted: RowRange) -> Pending<Vec<Row>> {
        let wanted = RowRange { limit: wanted.limit.min(READ_ROWS_MAX), ..wanted };
        self.run(move |core| async move { range(&core, entity, wanted).await })
    }

    fn find(&self, entity: EntityKey, sender: RowSender, not_before_ms: Option<u64>) -> Pending<Option<Position>> {
        self.run(move |core| async move { find(&core, entity, sender, not_before_ms).await })
    }

    fn put_snapshot(&self, entity: EntityKey, snapshot: Snapshot) -> Pending<()> {
        self.run(move |core| async move { put_snapshot(&core, entity, snapshot).await })
    }
}
