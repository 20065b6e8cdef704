//! The shard log as its owner sees it: claim, append one batch at a time, roll, resolve what is unknown. Pure: it says what to send next, the shard
//! machine turns that into effects. The rules are those of the protocol L on shard logs: a claim swaps the fence; nothing is sent before
//! the last outcome is resolved; an unknown outcome is neither success nor failure; a sealed bucket stays sealed; the cursor rides in the next append and
//! never passes what is consumed; who has not heard of its fence for a while asks before it answers.

mod append;
mod call;
mod claim;
mod confirm;
mod roll;
mod truncation;

use std::collections::VecDeque;

use rialto_protocol::EntityKey;
use rialto_storage::Row;
use rialto_storage::shard_log::{Append, Fence, LogShape};
use uuid::Uuid;

pub use append::APPEND_ATTEMPTS_MAX;
pub use call::{LogAnswer, LogCall, LogNews};
pub use confirm::SURE_MS;
pub use truncation::{TRUNCATE_AFTER_MS, Truncation};

/// Milliseconds before a failed claim or read of the log is tried again; doubles up to [`RETRY_MS_MAX`].
pub const RETRY_MS_MIN: u64 = 50;
/// Milliseconds between tries at most.
pub const RETRY_MS_MAX: u64 = 2_000;
/// Milliseconds after which a cursor that no row has taken along is stored by an append without rows.
pub const CURSOR_FLUSH_MS: u64 = 5_000;

/// What follows from an answer: what it means, and what to send next.
type Step = (LogNews, Option<LogCall>);

#[derive(Debug)]
enum Phase {
    /// Not mine.
    Unclaimed,
    /// Asking where the log begins.
    Seeking,
    /// Reading a bucket's head before claiming it; `carried` is the cursor of the sealed one before.
    Finding { bucket: u64, carried: u64 },
    /// Claiming.
    Claiming { bucket: u64, seen: Option<Fence>, carried: u64 },
    /// A claim's outcome is unknown: reading the head to learn it.
    ClaimUnknown { bucket: u64, carried: u64 },
    /// Reading the rows behind the cursor, bucket by bucket.
    Loading { bucket: u64, rows: Vec<Row> },
    /// Mine.
    Ready,
    /// A seal is under way; then the next bucket is opened.
    Sealing { bucket: u64 },
    /// A seal's outcome is unknown: reading the head to learn it.
    SealUnknown { bucket: u64 },
    /// The sealed bucket's successor is being claimed under my fence; it takes this cursor along.
    Opening { bucket: u64, cursor: u64 },
    /// That claim's outcome is unknown: reading the head to learn it.
    OpenUnknown { bucket: u64 },
}

#[derive(Debug)]
struct Flight {
    append: Append,
    /// Bytes of its bodies: asked for with every input of the shard.
    bytes: usize,
    attempts: u32,
    /// Its outcome is unknown and is being read.
    resolving: bool,
    /// The serial read found my fence in place, and this cursor.
    found: Option<u64>,
}

/// The owner's side of one shard's log.
#[derive(Debug)]
pub struct Log {
    shape: LogShape,
    phase: Phase,
    fence: Fence,
    /// The next claim's fence is made of it.
    entropy: u128,
    bucket: u64,
    /// The first bucket that may have rows.
    first_bucket: u64,
    /// The stored cursor, as far as it is known.
    cursor: u64,
    /// Everything up to here is consumed: what the next append may store as cursor.
    consumed: u64,
    /// The highest `wseq` given to a row: durable, in flight or queued.
    top: u64,
    /// The highest durable `wseq`.
    applied: u64,
    flight: Option<Flight>,
    queue: VecDeque<Row>,
    queue_bytes: usize,
    retry_ms: u64,
    waiting: bool,
    /// A read of the fence is under way only to be sure of it.
    confirming: bool,
    /// Monotonic time at which the call under way was sent.
    sent_ms: u64,
    /// Monotonic time at which the newest call was sent whose answer showed that the shard is mine; none since its tail was read.
    confirmed_ms: Option<u64>,
    /// Monotonic time of the last append.
    appended_ms: u64,
}

impl Log {
    /// A log that is not claimed.
    #[must_use]
    pub fn new(shape: LogShape) -> Self {
        Self {
            shape,
            phase: Phase::Unclaimed,
            fence: Fence(Uuid::nil()),
            entropy: 0,
            bucket: 0,
            first_bucket: 0,
            cursor: 0,
            consumed: 0,
            top: 0,
            applied: 0,
            flight: None,
            queue: VecDeque::new(),
            queue_bytes: 0,
            retry_ms: RETRY_MS_MIN,
            waiting: false,
            confirming: false,
            sent_ms: 0,
            confirmed_ms: None,
            appended_ms: 0,
        }
    }

    /// How the backend cuts its logs.
    #[must_use]
    pub fn shape(&self) -> LogShape {
        self.shape
    }

    /// Whether the shard is mine and rows are taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        use Phase::{OpenUnknown, Opening, Ready, SealUnknown, Sealing};
        matches!(self.phase, Ready | Sealing { .. } | SealUnknown { .. } | Opening { .. } | OpenUnknown { .. })
    }

    /// The `wseq` that an output decided now waits for.
    #[must_use]
    pub fn top(&self) -> u64 {
        self.top
    }

    /// The highest durable `wseq`.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// The cursor that is known to be stored: everything up to here can be read elsewhere, whatever happens to this process.
    #[must_use]
    pub fn durable_cursor(&self) -> u64 {
        self.cursor
    }

    /// The first bucket that may have rows, as the claim found it.
    #[must_use]
    pub fn first_bucket(&self) -> u64 {
        self.first_bucket
    }

    /// Whether an append is under way, and whether its outcome is unknown and being read.
    #[must_use]
    pub fn append_under_way(&self) -> Option<bool> {
        self.flight.as_ref().map(|flight| flight.resolving)
    }

    /// Rows queued or in flight.
    #[must_use]
    pub fn waiting_rows(&self) -> usize {
        self.queue.len() + self.flight.as_ref().map_or(0, |flight| flight.append.rows.len())
    }

    /// Bytes of bodies queued or in flight.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.queue_bytes + self.flight.as_ref().map_or(0, |flight| flight.bytes)
    }

    /// Rows of one entity that are not durable yet, in order.
    pub fn waiting_of(&self, entity: EntityKey) -> impl Iterator<Item = &Row> {
        let flying = self.flight.iter().flat_map(|flight| flight.append.rows.iter());
        flying.chain(self.queue.iter()).filter(move |row| row.entity == entity)
    }

    /// Queues a row; its `wseq` is the answer.
    pub fn push(&mut self, row: Row) -> u64 {
        self.top += 1;
        self.queue_bytes += row.body.len();
        self.queue.push_back(row);
        self.top
    }

    /// Everything up to `wseq` is consumed. The next append says so to the store.
    pub fn consumed(&mut self, wseq: u64) {
        debug_assert!(wseq <= self.applied, "only what is durable is consumed");
        self.consumed = self.consumed.max(wseq);
    }

    /// When an append without rows is due, to store a cursor that no row has taken along; `None` when nothing is to be stored.
    #[must_use]
    pub fn cursor_due_ms(&self) -> Option<u64> {
        let stale = !self.shape.consumed_on_append && self.consumed > self.cursor;
        (stale && self.is_idle()).then_some(self.appended_ms + CURSOR_FLUSH_MS)
    }

    fn is_idle(&self) -> bool {
        self.may_call() && self.queue.is_empty()
    }

    fn may_call(&self) -> bool {
        matches!(self.phase, Phase::Ready) && self.flight.is_none() && !self.confirming
    }

    /// Rows that wait for nothing but being sent.
    #[must_use]
    pub fn rows_to_send(&self) -> usize {
        if self.may_call() { self.queue.len() } else { 0 }
    }

    /// Whether the rows that wait are all that one append takes.
    #[must_use]
    pub fn fills_append(&self) -> bool {
        self.queue.len() >= self.shape.append_rows_max() || self.queue_bytes >= self.shape.append_bytes_max()
    }

    /// The next thing to send, if the last is resolved and there is something.
    pub fn next_call(&mut self, mono_ms: u64) -> Option<LogCall> {
        if !self.may_call() {
            return None;
        }
        if self.queue.is_empty() {
            let due = self.cursor_due_ms().is_some_and(|at| at <= mono_ms);
            return due.then(|| self.fly(Vec::new(), 0, mono_ms));
        }
        let first_wseq = self.applied + 1;
        if self.bucket_of(first_wseq) != self.bucket {
            return Some(self.seal(mono_ms));
        }
        let (rows, bytes) = self.take_batch(first_wseq);
        Some(self.fly(rows, bytes, mono_ms))
    }

    fn fly(&mut self, rows: Vec<Row>, bytes: usize, mono_ms: u64) -> LogCall {
        let first_wseq = self.applied + 1;
        let last = self.applied + rows.len() as u64;
        let cursor = if self.shape.consumed_on_append { last } else { self.consumed };
        let append = Append { bucket: self.bucket, fence: self.fence, cursor, first_wseq, rows };
        self.flight = Some(Flight { append: append.clone(), bytes, attempts: 1, resolving: false, found: None });
        (self.sent_ms, self.appended_ms) = (mono_ms, mono_ms);
        LogCall::Append(append)
    }

    fn bucket_of(&self, wseq: u64) -> u64 {
        (wseq - 1) / self.shape.bucket_rows
    }

    fn take_batch(&mut self, first_wseq: u64) -> (Vec<Row>, usize) {
        let room = usize::try_from(self.shape.bucket_rows - (first_wseq - 1) % self.shape.bucket_rows).unwrap_or(usize::MAX);
        let (mut rows, mut bytes) = (Vec::with_capacity(self.queue.len().min(self.shape.append_rows_max())), 0);
        while rows.len() < self.shape.append_rows_max().min(room) && bytes < self.shape.append_bytes_max() {
            let Some(row) = self.queue.pop_front() else { break };
            bytes += row.body.len();
            rows.push(row);
        }
        self.queue_bytes -= bytes;
        (rows, bytes)
    }

    /// Takes the store's answer to the last call.
    pub fn answered(&mut self, answer: LogAnswer, mono_ms: u64) -> (LogNews, Option<LogCall>) {
        let (news, call) = self.step(answer, mono_ms);
        if call.as_ref().is_some_and(|call| !matches!(call, LogCall::RetryAt { .. })) {
            self.sent_ms = mono_ms;
        }
        (news, call)
    }

    fn step(&mut self, answer: LogAnswer, mono_ms: u64) -> Step {
        match (&mut self.phase, answer) {
            (Phase::Seeking, LogAnswer::First(first)) => self.sought(first, mono_ms),
            (&mut Phase::Finding { bucket, carried }, LogAnswer::Head(head)) => self.found(bucket, carried, head, mono_ms),
            (&mut Phase::ClaimUnknown { bucket, carried }, LogAnswer::Head(head)) => self.claim_resolved(bucket, carried, head, mono_ms),
            (&mut Phase::Claiming { bucket, seen, carried }, LogAnswer::Outcome(outcome)) => {
                self.claimed(bucket, seen, carried, outcome, mono_ms)
            }
            (Phase::Loading { .. }, LogAnswer::Head(head)) => self.loaded_by_head(head, mono_ms),
            (Phase::Loading { .. }, LogAnswer::Tail(tail)) => self.loaded_by_tail(tail, mono_ms),
            (&mut Phase::Sealing { bucket }, LogAnswer::Outcome(outcome)) => self.sealed(bucket, outcome, mono_ms),
            (&mut Phase::SealUnknown { bucket }, LogAnswer::Head(head)) => self.seal_resolved(bucket, head, mono_ms),
            (&mut Phase::Opening { bucket, cursor }, LogAnswer::Outcome(outcome)) => self.opened(bucket, cursor, outcome, mono_ms),
            (&mut Phase::OpenUnknown { bucket }, LogAnswer::Head(head)) => self.open_resolved(bucket, head, mono_ms),
            (Phase::Ready, LogAnswer::Outcome(outcome)) => self.appended(outcome),
            (Phase::Ready, LogAnswer::Head(head)) if self.confirming => self.fence_read(head, mono_ms),
            (Phase::Ready, LogAnswer::Head(head)) => self.resolved_by_head(head, mono_ms),
            (Phase::Ready, LogAnswer::Tail(tail)) => self.resolved_by_tail(tail, mono_ms),
            _ => (LogNews::Nothing, None),
        }
    }

    /// A time asked for by [`LogCall::RetryAt`] has come.
    pub fn retry(&mut self, mono_ms: u64) -> Option<LogCall> {
        if !std::mem::take(&mut self.waiting) {
            return None;
        }
        let call = match &self.phase {
            Phase::Seeking => Some(LogCall::First),
            Phase::Finding { bucket, .. }
            | Phase::ClaimUnknown { bucket, .. }
            | Phase::SealUnknown { bucket }
            | Phase::OpenUnknown { bucket } => Some(LogCall::Head { bucket: *bucket }),
            Phase::Loading { bucket, rows } => Some(self.load_call(*bucket, rows.len())),
            Phase::Ready if self.confirming => Some(LogCall::Head { bucket: self.bucket }),
            Phase::Ready => self.flight.as_ref().map(|flight| LogCall::Head { bucket: flight.append.bucket }),
            Phase::Claiming { .. } | Phase::Sealing { .. } | Phase::Opening { .. } | Phase::Unclaimed => None,
        };
        self.sent_ms = mono_ms;
        call
    }

    fn later(&mut self, mono_ms: u64) -> Step {
        let at = mono_ms + self.retry_ms;
        self.retry_ms = (self.retry_ms * 2).min(RETRY_MS_MAX);
        self.waiting = true;
        (LogNews::Nothing, Some(LogCall::RetryAt { mono_ms: at }))
    }

    fn own_fence_seen(&mut self) {
        self.confirmed_ms = self.confirmed_ms.max(Some(self.sent_ms));
        self.retry_ms = RETRY_MS_MIN;
    }
}

#[cfg(test)]
mod tests;
