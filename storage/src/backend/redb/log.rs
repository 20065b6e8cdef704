//! The shard logs: fence and cursor only, for each row is written once, as entity row.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use rialto_protocol::EntityKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::apply;
use super::codec::{self, Top, encode_row};
use super::job::{Class, Closure, Transaction, ready};
use super::keys::{self, BlobOwner};
use super::kv::{Cells, Engine};
use super::open::RedbStore;
use crate::derive::{Derived, derive};
use crate::layout::blob::{BlobParts, split};
use crate::limits::INLINE_BODY_BYTES_MAX;
use crate::shard_log::{Append, BucketHead, Fence, LogShape, Outcome, ShardLog};
use crate::{ErrorKind, Pending, Row, StorageError};

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Statics {
    fence: Option<[u8; 16]>,
    sealed: bool,
    cursor: u64,
}

/// Statics with what only this opening knows.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    statics: Statics,
    /// Claimed since the database was opened: an owner from before must claim and load again, for its last commit may have landed without its knowing.
    claimed: bool,
}

impl Bucket {
    fn belongs_to(&self, fence: Fence) -> bool {
        self.claimed && !self.statics.sealed && self.statics.fence == Some(fence.0.into_bytes())
    }
}

/// The buckets touched since the database was opened.
#[derive(Default)]
pub(crate) struct Logs {
    buckets: HashMap<(u16, u64), Bucket, RandomState>,
}

impl Transaction<'_> {
    fn bucket(&mut self, shard: u16, bucket: u64) -> Engine<Bucket> {
        if let Some(known) = self.logs.buckets.get(&(shard, bucket)) {
            return Ok(*known);
        }
        let stored = self.batch.cell(&keys::log(shard, bucket))?;
        let statics = stored.map(|value| codec::decode("log", &value)).transpose()?.unwrap_or_default();
        let loaded = Bucket { statics, claimed: false };
        self.logs.buckets.insert((shard, bucket), loaded);
        Ok(loaded)
    }

    fn set_bucket(&mut self, shard: u16, bucket: u64, to: Bucket) {
        self.batch.put(keys::log(shard, bucket), codec::encode(&to.statics));
        self.logs.buckets.insert((shard, bucket), to);
    }
}

/// A row with what was worked out before it came to the writer.
struct Prepared {
    row: Row,
    derived: Vec<Derived>,
    /// The body in parts, when it is too large to stand in the row.
    parts: Option<BlobParts>,
}

impl ShardLog for RedbStore {
    fn head(&self, shard: u16, bucket: u64) -> Pending<BucketHead> {
        // Through the writer, behind every append that was queued before: a serial read.
        self.write("read the head of a log", Class::Keep, 0, move |transaction| {
            let statics = transaction.bucket(shard, bucket)?.statics;
            let fence = statics.fence.map(|id| Fence(Uuid::from_bytes(id)));
            Ok(Ok(BucketHead { fence, sealed: statics.sealed, cursor: statics.cursor }))
        })
    }

    fn claim(&self, shard: u16, bucket: u64, seen: Option<Fence>, new: Fence, cursor: u64) -> Pending<Outcome> {
        self.conditional("claim a log", move |transaction| {
            let mut state = transaction.bucket(shard, bucket)?;
            if state.statics.sealed || state.statics.fence != seen.map(|fence| fence.0.into_bytes()) {
                return Ok(Outcome::Fenced);
            }
            if seen.is_none() {
                state.statics.cursor = cursor;
            }
            state.statics.fence = Some(new.0.into_bytes());
            state.claimed = true;
            transaction.set_bucket(shard, bucket, state);
            Ok(Outcome::Applied)
        })
    }

    fn append(&self, shard: u16, append: Append) -> Pending<Outcome> {
        let Append { bucket, fence, first_wseq, rows, .. } = append;
        let prepared = match prepare(rows, self.shared().options.part_rows) {
            Ok(prepared) => prepared,
            Err(error) => return ready(Err(error)),
        };
        let bytes = prepared.iter().map(|prepared| prepared.row.body.len() + 160).sum();
        self.submit(Closure {
            what: "append rows",
            class: Class::Grow,
            bytes,
            rows: prepared.len(),
            run: Some(move |transaction: &mut Transaction<'_>| apply_append(transaction, shard, bucket, fence, first_wseq, prepared)),
            answer: None,
            full: |_| Ok(Outcome::Full),
            done: tokio::sync::oneshot::channel().0,
        })
    }

    fn tail(&self, _shard: u16, _bucket: u64, _from_wseq: u64) -> Pending<Vec<(u64, Fence, Row)>> {
        ready(Ok(Vec::new()))
    }

    fn seal(&self, shard: u16, bucket: u64, fence: Fence) -> Pending<Outcome> {
        self.conditional("seal a log", move |transaction| {
            let mut state = transaction.bucket(shard, bucket)?;
            if !state.belongs_to(fence) {
                return Ok(Outcome::Fenced);
            }
            state.statics.sealed = true;
            transaction.set_bucket(shard, bucket, state);
            Ok(Outcome::Applied)
        })
    }
}

impl RedbStore {
    fn conditional<F>(&self, what: &'static str, run: F) -> Pending<Outcome>
    where
        F: FnOnce(&mut Transaction<'_>) -> Engine<Outcome> + Send + 'static,
    {
        self.submit(Closure {
            what,
            class: Class::Keep,
            bytes: 64,
            rows: 0,
            run: Some(move |transaction: &mut Transaction<'_>| run(transaction).map(Ok)),
            answer: None,
            full: |_| Ok(Outcome::Full),
            done: tokio::sync::oneshot::channel().0,
        })
    }
}

fn limit(cause: impl std::fmt::Display) -> StorageError {
    StorageError::new(ErrorKind::Limit, "append rows", cause)
}

/// Everything that needs no transaction is done on the caller's thread.
fn prepare(rows: Vec<Row>, part_rows: u64) -> Result<Vec<Prepared>, StorageError> {
    LogShape::EMBEDDED.check_append(&rows)?;
    let mut prepared = Vec::with_capacity(rows.len());
    for row in rows {
        let derived = derive(&row, part_rows).map_err(limit)?;
        let parts = (row.body.len() > INLINE_BODY_BYTES_MAX).then(|| split(row.entity, BlobOwner::Row(row.seq), &row.body));
        prepared.push(Prepared { row, derived, parts });
    }
    drop_superseded(&mut prepared);
    Ok(prepared)
}

/// Of several messages of one sender in one append only the last one's count is written: nobody ever sees the others.
fn drop_superseded(rows: &mut [Prepared]) {
    let mut counted = HashSet::with_capacity_and_hasher(rows.len(), RandomState::default());
    for prepared in rows.iter_mut().rev() {
        prepared.derived.retain(|write| match write {
            Derived::Own { conversation, user, .. } => counted.insert((*conversation, *user)),
            _ => true,
        });
    }
}

fn apply_append(
    transaction: &mut Transaction<'_>,
    shard: u16,
    bucket: u64,
    fence: Fence,
    first_wseq: u64,
    rows: Vec<Prepared>,
) -> Engine<Result<Outcome, StorageError>> {
    let mut state = transaction.bucket(shard, bucket)?;
    if !state.belongs_to(fence) {
        return Ok(Ok(Outcome::Fenced));
    }
    match place(transaction, &rows)? {
        Place::Next => {}
        // The same batch again, after an unknown outcome: it stands, once.
        Place::Stands => return Ok(Ok(Outcome::Applied)),
        Place::Wrong(cause) => return Ok(Err(limit(cause))),
    }
    let last_wseq = first_wseq.saturating_add(rows.len() as u64).saturating_sub(1);
    if last_wseq > state.statics.cursor {
        state.statics.cursor = last_wseq;
        transaction.set_bucket(shard, bucket, state);
    }
    for prepared in rows {
        write_row(transaction, prepared)?;
    }
    Ok(Ok(Outcome::Applied))
}

enum Place {
    Next,
    Stands,
    Wrong(String),
}

/// Whether every row is its entity's next one, or every row stands already.
fn place(transaction: &mut Transaction<'_>, rows: &[Prepared]) -> Engine<Place> {
    let mut tops: HashMap<EntityKey, (u64, u64), RandomState> = HashMap::default();
    let mut standing = 0_usize;
    for Prepared { row, .. } in rows {
        let (top, time_ms) = match tops.get(&row.entity) {
            Some(known) => *known,
            None => {
                let top = transaction.top(row.entity)?;
                (top.seq, top.time_ms)
            }
        };
        if row.seq <= top && row.seq > 0 && stands(transaction, row)? {
            standing += 1;
            continue;
        }
        if row.seq != top + 1 {
            return Ok(Place::Wrong(format!("row {} of an entity whose newest is {top}", row.seq)));
        }
        if row.time_ms < time_ms {
            return Ok(Place::Wrong(format!("row {} is dated before the row in front of it", row.seq)));
        }
        tops.insert(row.entity, (row.seq, row.time_ms));
    }
    Ok(match standing {
        0 => Place::Next,
        all if all == rows.len() => Place::Stands,
        _ => Place::Wrong("some of the rows stand already".to_owned()),
    })
}

fn stands(transaction: &Transaction<'_>, row: &Row) -> Engine<bool> {
    let Some(value) = transaction.batch.cell(&keys::row(row.entity, row.seq))? else { return Ok(false) };
    let stored = codec::decode_row(row.entity, row.seq, &value)?.row;
    Ok(stored.sender == row.sender && stored.time_ms == row.time_ms && stored.event == row.event && stored.remaining == row.remaining)
}

/// Writes one row, its body's parts, and all that follows from it.
pub(super) fn write_row_parts(transaction: &mut Transaction<'_>, row: Row, derived: &[Derived], parts: Option<BlobParts>) -> Engine<()> {
    let top = transaction.top(row.entity)?;
    let carry = top.carry.after(derived);
    let message = carry.last_message == row.seq;
    transaction.tops.set(row.entity, Top { seq: row.seq, time_ms: row.time_ms, ordinal: row.ordinal, carry, message });
    transaction.batch.put(keys::row(row.entity, row.seq), encode_row(&row, carry, parts.is_none()));
    for (key, value) in parts.into_iter().flatten() {
        transaction.batch.put(key, value);
    }
    apply::apply(&mut transaction.batch, derived)
}

fn write_row(transaction: &mut Transaction<'_>, prepared: Prepared) -> Engine<()> {
    write_row_parts(transaction, prepared.row, &prepared.derived, prepared.parts)
}
