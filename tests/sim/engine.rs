//! The simulated store. One copy of the truth: whatever the network does to a statement, here it is carried out in one piece or not at all.
//!
//! In the embedded shape an append writes the entity rows itself; in the shape of CQL it writes log rows, and consumers write the entity rows.

use std::collections::BTreeMap;

use bytes::Bytes;
use rialto_actors::entity::{Found, Query};
use rialto_actors::shard::log::{LogAnswer, LogCall};
use rialto_protocol::event::EventTag;
use rialto_protocol::{ConversationId, EntityKey, UserId};
use rialto_storage::derive::{Derived, derive, part};
use rialto_storage::entity_rows::{Activation, Position, RowRange, Snapshot};
use rialto_storage::limits::{READ_ROWS_MAX, SNAPSHOTS_KEPT};
use rialto_storage::shard_log::{Append, BucketHead, Fence, LogShape, Outcome};
use rialto_storage::views::{MessageRange, MessageRows, ReadMark};
use rialto_storage::{ErrorKind, Row, RowSender, StorageError};

use crate::rules::Rule;

/// One bucket of one shard's log.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) head: BucketHead,
    pub(crate) rows: BTreeMap<u64, (Fence, Row)>,
}

/// The store.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) shape: LogShape,
    part_rows: u64,
    pub(crate) buckets: BTreeMap<(u16, u64), Bucket>,
    pub(crate) rows: BTreeMap<EntityKey, BTreeMap<u64, Row>>,
    index: BTreeMap<(EntityKey, UserId, String), (u64, Position)>,
    snapshots: BTreeMap<EntityKey, BTreeMap<u64, Bytes>>,
    marks: BTreeMap<(UserId, ConversationId), ReadMark>,
    /// Rows whose projections are written.
    projected: BTreeMap<EntityKey, BTreeMap<u64, Row>>,
    /// The first bucket of each shard that may have rows.
    first: BTreeMap<u16, u64>,
    /// Entity rows by the time at which they were written first: a crash of an engine that does not sync before it answers loses the newest.
    journal: Vec<(u64, EntityKey, u64)>,
    off: Option<Rule>,
    /// Two different rows that were written to one position of an entity.
    pub(crate) overwritten: Vec<(EntityKey, u64)>,
}

impl Engine {
    pub(crate) fn new(shape: LogShape, part_rows: u64, off: Option<Rule>) -> Self {
        Self {
            shape,
            part_rows,
            buckets: BTreeMap::new(),
            rows: BTreeMap::new(),
            index: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            marks: BTreeMap::new(),
            projected: BTreeMap::new(),
            first: BTreeMap::new(),
            journal: Vec::new(),
            off,
            overwritten: Vec::new(),
        }
    }

    fn bucket(&mut self, shard: u16, bucket: u64) -> &mut Bucket {
        self.buckets.entry((shard, bucket)).or_default()
    }

    /// Carries out one statement of a log.
    pub(crate) fn log(&mut self, shard: u16, call: LogCall) -> LogAnswer {
        match call {
            LogCall::First => LogAnswer::First(Ok(self.first.get(&shard).copied().unwrap_or_default())),
            LogCall::Head { bucket } => LogAnswer::Head(Ok(self.bucket(shard, bucket).head.clone())),
            LogCall::Claim { bucket, seen, new, cursor } => LogAnswer::Outcome(Ok(self.claim(shard, bucket, seen, new, cursor))),
            LogCall::Tail { bucket, from_wseq } => {
                let rows = self.bucket(shard, bucket).rows.range(from_wseq..);
                LogAnswer::Tail(Ok(rows.map(|(wseq, (fence, row))| (*wseq, *fence, row.clone())).collect()))
            }
            LogCall::Append(append) => LogAnswer::Outcome(self.append(shard, append)),
            LogCall::Seal { bucket, fence } => {
                let head = &mut self.bucket(shard, bucket).head;
                if head.sealed || head.fence != Some(fence) {
                    return LogAnswer::Outcome(Ok(Outcome::Fenced));
                }
                head.sealed = true;
                LogAnswer::Outcome(Ok(Outcome::Applied))
            }
            LogCall::RetryAt { .. } => unreachable!("a shard keeps its timers to itself"),
        }
    }

    fn claim(&mut self, shard: u16, bucket: u64, seen: Option<Fence>, new: Fence, cursor: u64) -> Outcome {
        let off = self.off;
        let head = &mut self.bucket(shard, bucket).head;
        if head.sealed || head.fence != seen {
            return Outcome::Fenced;
        }
        if seen.is_none() || off == Some(Rule::ClaimLeavesTheCursor) {
            head.cursor = cursor;
        }
        head.fence = Some(new);
        Outcome::Applied
    }

    fn append(&mut self, shard: u16, append: Append) -> Result<Outcome, StorageError> {
        let may_go_back = self.off == Some(Rule::CursorNeverGoesBack);
        let head = &self.bucket(shard, append.bucket).head;
        if head.sealed || head.fence != Some(append.fence) || head.cursor > append.cursor && !may_go_back {
            return Ok(Outcome::Fenced);
        }
        if self.shape.consumed_on_append && !append.rows.is_empty() && append.rows.iter().all(|row| self.stands(row)) {
            return Ok(Outcome::Applied);
        }
        self.bucket(shard, append.bucket).head.cursor = append.cursor;
        for (wseq, row) in (append.first_wseq..).zip(append.rows) {
            if self.shape.consumed_on_append {
                self.consume(0, row);
            } else {
                self.bucket(shard, append.bucket).rows.insert(wseq, (append.fence, row));
            }
        }
        Ok(Outcome::Applied)
    }

    fn stands(&self, row: &Row) -> bool {
        self.rows.get(&row.entity).and_then(|rows| rows.get(&row.seq)) == Some(row)
    }

    /// Removes the rows of a sealed bucket.
    pub(crate) fn truncate(&mut self, shard: u16, bucket: u64) -> Outcome {
        if !self.bucket(shard, bucket).head.sealed {
            return Outcome::Fenced;
        }
        self.bucket(shard, bucket).rows.clear();
        let first = self.first.entry(shard).or_default();
        *first = (bucket + 1).max(*first);
        if self.off == Some(Rule::SealStays) {
            self.buckets.remove(&(shard, bucket));
            self.first.remove(&shard);
        }
        Outcome::Applied
    }

    /// Writes a row's projections.
    pub(crate) fn project(&mut self, row: Row) {
        self.projected.entry(row.entity).or_default().insert(row.seq, row);
    }

    /// Forgets the entity rows that were written since then; how many.
    pub(crate) fn lose_since(&mut self, since_ms: u64) -> u64 {
        let mut num_lost = 0;
        while let Some((_, entity, seq)) = self.journal.pop_if(|(at_ms, _, _)| *at_ms >= since_ms) {
            let lost = self.rows.get_mut(&entity).and_then(|rows| rows.remove(&seq));
            if let Some(row) = lost {
                num_lost += 1;
                self.index.remove(&(entity, row.sender.user, row.sender.client_id.as_str().to_owned()));
            }
        }
        num_lost
    }

    /// Writes a row and its place in the index.
    pub(crate) fn consume(&mut self, now_ms: u64, row: Row) {
        for derived in derive(&row, self.part_rows).unwrap_or_default() {
            if let Derived::Dedupe { entity, part, sender, position } = derived {
                self.index.insert((entity, sender.user, sender.client_id.as_str().to_owned()), (part, position));
            }
        }
        let (entity, seq) = (row.entity, row.seq);
        if self.shape.consumed_on_append {
            self.project(row.clone());
        }
        let before = self.rows.entry(entity).or_default().insert(seq, row.clone());
        if before.is_none() {
            self.journal.push((now_ms, entity, seq));
        }
        if before.is_some_and(|before| before != row) {
            self.overwritten.push((entity, seq));
        }
    }

    /// What an entity is rebuilt from.
    pub(crate) fn activate(&self, entity: EntityKey) -> Activation {
        let newest = self.snapshots.get(&entity).and_then(|all| all.last_key_value());
        let snapshot = newest.map(|(seq, state)| Snapshot { seq: *seq, state: state.clone() });
        let from = snapshot.as_ref().map_or(1, |snapshot| snapshot.seq + 1);
        let rows = self.rows.get(&entity).into_iter().flat_map(|rows| rows.range(from..)).map(|(_, row)| row.clone()).collect();
        Activation { snapshot, rows }
    }

    pub(crate) fn put_snapshot(&mut self, entity: EntityKey, snapshot: Snapshot) {
        let kept = self.snapshots.entry(entity).or_default();
        kept.insert(snapshot.seq, snapshot.state);
        while kept.len() > SNAPSHOTS_KEPT {
            kept.pop_first();
        }
    }

    /// Answers an entity's question.
    pub(crate) fn read(&mut self, entity: EntityKey, query: Query) -> Result<Found, StorageError> {
        Ok(match query {
            Query::Rows(range) => Found::Rows(self.range(entity, range)),
            Query::Find { sender, not_before_ms } => Found::Position(self.find(entity, &sender, not_before_ms)),
            Query::Messages(range) => Found::Messages(self.messages(entity, range)),
            Query::Users(users) => Found::Users(users),
            Query::Mark { user, conversation } => Found::Mark(self.marks.get(&(user, conversation)).copied().unwrap_or_default()),
            Query::Advance { user, conversation, mark } => {
                let stands = self.marks.entry((user, conversation)).or_default();
                if mark.offset > stands.offset {
                    *stands = mark;
                }
                Found::Mark(*stands)
            }
            Query::List { .. } => return Err(StorageError::new(ErrorKind::Unavailable, "list", "not simulated")),
        })
    }

    fn range(&self, entity: EntityKey, range: RowRange) -> Vec<Row> {
        let Some(rows) = self.rows.get(&entity).filter(|_| range.from <= range.to) else { return Vec::new() };
        let wanted = rows.range(range.from..=range.to).map(|(_, row)| row.clone());
        let limit = range.limit.min(READ_ROWS_MAX);
        if range.reverse { wanted.rev().take(limit).collect() } else { wanted.take(limit).collect() }
    }

    /// Looks into the partitions from the newest back to the one with the first row that is not too old.
    fn find(&self, entity: EntityKey, sender: &RowSender, not_before_ms: Option<u64>) -> Option<Position> {
        let rows = self.rows.get(&entity)?;
        let newest = part(*rows.last_key_value()?.0, self.part_rows);
        let oldest = match not_before_ms {
            None => newest.saturating_sub(1),
            Some(not_before) => rows.values().find(|row| row.time_ms >= not_before).map_or(newest, |row| part(row.seq, self.part_rows)),
        };
        let (part, position) = self.index.get(&(entity, sender.user, sender.client_id.as_str().to_owned()))?;
        (*part >= oldest).then_some(*position)
    }

    fn messages(&self, entity: EntityKey, range: MessageRange) -> Vec<MessageRows> {
        let Some(rows) = self.rows.get(&entity) else { return Vec::new() };
        let (after, before) = (range.after.unwrap_or(0), range.before.unwrap_or(u64::MAX));
        let wanted = rows.values().filter(|row| row.event == EventTag::Message && row.seq > after && row.seq < before);
        let limit = range.limit.min(READ_ROWS_MAX);
        let mut found: Vec<&Row> = if range.after.is_some() { wanted.take(limit).collect() } else { wanted.rev().take(limit).collect() };
        found.sort_by_key(|row| row.seq);
        let projected = || self.projected.get(&entity).into_iter().flat_map(BTreeMap::values);
        let overlay = |seq| projected().filter(|row| row.target == seq).cloned().collect();
        found.into_iter().map(|row| MessageRows { row: row.clone(), overlay: overlay(row.seq) }).collect()
    }
}
