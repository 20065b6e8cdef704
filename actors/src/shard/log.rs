//! The shard log as its owner sees it: claim, append one batch at a time, roll, resolve what is unknown. Pure: it says what to send next, the shard
//! machine turns that into effects. The rules are those of the protocol L on shard logs: a claim swaps the fence; nothing is sent before
//! the last outcome is resolved; an unknown outcome is neither success nor failure; a sealed bucket stays sealed.

use std::collections::VecDeque;

use rialto_storage::limits::{APPEND_BYTES_MAX, APPEND_ROWS_MAX};
use rialto_storage::shard_log::{Append, BucketHead, Fence, LogShape, Outcome};
use rialto_storage::{Row, StorageError};
use uuid::Uuid;

use rialto_protocol::EntityKey;

/// Times that one batch is sent before the shard gives it up and claims anew.
pub const APPEND_ATTEMPTS_MAX: u32 = 10;
/// Milliseconds before a failed claim or read of the log is tried again; doubles up to [`RETRY_MS_MAX`].
pub const RETRY_MS_MIN: u64 = 50;
/// Milliseconds between tries at most.
pub const RETRY_MS_MAX: u64 = 2_000;

/// What the log wants sent.
#[derive(Clone, Debug)]
pub enum LogCall {
    /// [`rialto_storage::shard_log::ShardLog::head`].
    Head {
        /// Of this bucket.
        bucket: u64,
    },
    /// [`rialto_storage::shard_log::ShardLog::claim`].
    Claim {
        /// This bucket.
        bucket: u64,
        /// The fence seen.
        seen: Option<Fence>,
        /// Mine from now on.
        new: Fence,
        /// For a fresh bucket.
        cursor: u64,
    },
    /// [`rialto_storage::shard_log::ShardLog::tail`].
    Tail {
        /// Of this bucket.
        bucket: u64,
        /// From here.
        from_wseq: u64,
    },
    /// [`rialto_storage::shard_log::ShardLog::append`].
    Append(Append),
    /// [`rialto_storage::shard_log::ShardLog::seal`].
    Seal {
        /// This bucket.
        bucket: u64,
        /// Mine.
        fence: Fence,
    },
    /// Call [`Log::retry`] at this monotonic time.
    RetryAt {
        /// Monotonic milliseconds.
        mono_ms: u64,
    },
}

/// What the store said.
#[derive(Debug)]
pub enum LogAnswer {
    /// To `Head`.
    Head(Result<BucketHead, StorageError>),
    /// To `Claim`, `Append` and `Seal`.
    Outcome(Result<Outcome, StorageError>),
    /// To `Tail`.
    Tail(Result<Vec<(u64, Fence, Row)>, StorageError>),
}

/// What an answer means for the shard.
#[derive(Debug, PartialEq, Eq)]
pub enum LogNews {
    /// Nothing yet.
    Nothing,
    /// The shard is mine: serve.
    Ready {
        /// Rows that are durable but not yet in the entity rows.
        tail: Vec<Row>,
    },
    /// These rows are durable.
    Applied {
        /// The highest durable `wseq`.
        wseq: u64,
        /// The rows, in order.
        rows: Vec<Row>,
    },
    /// There was no room for these rows; everything queued is given up with them.
    Full,
    /// The shard is lost, or its batch cannot be brought to an end: drop all state, refuse everybody, claim anew.
    Lost,
}

#[derive(Debug)]
enum Phase {
    /// Not mine.
    Unclaimed,
    /// Reading a bucket's head before claiming it; `carried` is the cursor of the sealed one before.
    Finding { bucket: u64, carried: u64 },
    /// Claiming.
    Claiming { bucket: u64, seen: Option<Fence>, carried: u64 },
    /// A claim's outcome is unknown: reading the head to learn it.
    ClaimUnknown { bucket: u64, carried: u64 },
    /// Reading the rows behind the cursor.
    Loading { bucket: u64 },
    /// Mine.
    Ready,
    /// A seal is under way; then the next bucket is claimed as mine.
    Sealing { bucket: u64 },
}

#[derive(Debug)]
struct Flight {
    append: Append,
    /// Bytes of its bodies: asked for with every input of the shard.
    bytes: usize,
    attempts: u32,
    /// Its outcome is unknown and is being read.
    resolving: bool,
    /// The serial read found my fence in place.
    fence_stands: bool,
}

/// The owner's side of one shard's log.
#[derive(Debug)]
pub struct Log {
    shape: LogShape,
    phase: Phase,
    fence: Fence,
    bucket: u64,
    cursor: u64,
    /// The highest `wseq` given to a row: durable, in flight or queued.
    top: u64,
    /// The highest durable `wseq`.
    applied: u64,
    flight: Option<Flight>,
    queue: VecDeque<Row>,
    queue_bytes: usize,
    retry_ms: u64,
    waiting: bool,
}

impl Log {
    /// A log that is not claimed.
    #[must_use]
    pub fn new(shape: LogShape) -> Self {
        Self {
            shape,
            phase: Phase::Unclaimed,
            fence: Fence(Uuid::nil()),
            bucket: 0,
            cursor: 0,
            top: 0,
            applied: 0,
            flight: None,
            queue: VecDeque::new(),
            queue_bytes: 0,
            retry_ms: RETRY_MS_MIN,
            waiting: false,
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
        matches!(self.phase, Phase::Ready | Phase::Sealing { .. })
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

    /// Begins to claim the shard. `entropy` makes the fence: unique per claim.
    pub fn claim(&mut self, entropy: u128) -> LogCall {
        *self = Self { fence: Fence(uuid::Builder::from_random_bytes(entropy.to_be_bytes()).into_uuid()), ..Self::new(self.shape) };
        self.find(0, 0)
    }

    fn find(&mut self, bucket: u64, carried: u64) -> LogCall {
        self.phase = Phase::Finding { bucket, carried };
        LogCall::Head { bucket }
    }

    /// Queues a row; its `wseq` is the answer.
    pub fn push(&mut self, row: Row) -> u64 {
        self.top += 1;
        self.queue_bytes += row.body.len();
        self.queue.push_back(row);
        self.top
    }

    /// The next thing to send, if the last is resolved and there is something.
    pub fn next_call(&mut self) -> Option<LogCall> {
        if !matches!(self.phase, Phase::Ready) || self.flight.is_some() || self.queue.is_empty() {
            return None;
        }
        let first_wseq = self.applied + 1;
        let bucket = self.bucket_of(first_wseq);
        if bucket != self.bucket {
            self.phase = Phase::Sealing { bucket: self.bucket };
            return Some(LogCall::Seal { bucket: self.bucket, fence: self.fence });
        }
        let (rows, bytes) = self.take_batch(first_wseq);
        let last = first_wseq + rows.len() as u64 - 1;
        let cursor = if self.shape.consumed_on_append { last } else { self.cursor };
        let append = Append { bucket, fence: self.fence, cursor, first_wseq, rows };
        self.flight = Some(Flight { append: append.clone(), bytes, attempts: 1, resolving: false, fence_stands: false });
        Some(LogCall::Append(append))
    }

    fn bucket_of(&self, wseq: u64) -> u64 {
        (wseq - 1) / self.shape.bucket_rows
    }

    fn take_batch(&mut self, first_wseq: u64) -> (Vec<Row>, usize) {
        let room = usize::try_from(self.shape.bucket_rows - (first_wseq - 1) % self.shape.bucket_rows).unwrap_or(usize::MAX);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < APPEND_ROWS_MAX.min(room) && bytes < APPEND_BYTES_MAX {
            let Some(row) = self.queue.pop_front() else { break };
            bytes += row.body.len();
            rows.push(row);
        }
        self.queue_bytes -= bytes;
        (rows, bytes)
    }

    /// Takes the store's answer to the last call.
    pub fn answered(&mut self, answer: LogAnswer, mono_ms: u64) -> (LogNews, Option<LogCall>) {
        match (&self.phase, answer) {
            (&Phase::Finding { bucket, carried }, LogAnswer::Head(head)) => self.found(bucket, carried, head, mono_ms),
            (&Phase::ClaimUnknown { bucket, carried }, LogAnswer::Head(head)) => self.claim_resolved(bucket, carried, head, mono_ms),
            (&Phase::Claiming { bucket, seen, carried }, LogAnswer::Outcome(outcome)) => {
                self.claimed(bucket, seen, carried, outcome, mono_ms)
            }
            (Phase::Loading { .. }, LogAnswer::Head(head)) => self.loaded_by_head(head, mono_ms),
            (Phase::Loading { .. }, LogAnswer::Tail(tail)) => self.loaded_by_tail(tail, mono_ms),
            (&Phase::Sealing { bucket }, LogAnswer::Outcome(outcome)) => self.sealed(bucket, outcome, mono_ms),
            (Phase::Ready, LogAnswer::Outcome(outcome)) => self.appended(outcome),
            (Phase::Ready, LogAnswer::Head(head)) => self.resolved_by_head(head, mono_ms),
            (Phase::Ready, LogAnswer::Tail(tail)) => self.resolved_by_tail(tail, mono_ms),
            _ => (LogNews::Nothing, None),
        }
    }

    /// A time asked for by [`LogCall::RetryAt`] has come.
    pub fn retry(&mut self) -> Option<LogCall> {
        if !std::mem::take(&mut self.waiting) {
            return None;
        }
        match self.phase {
            Phase::Finding { bucket, .. } | Phase::ClaimUnknown { bucket, .. } => Some(LogCall::Head { bucket }),
            Phase::Loading { bucket } => Some(self.load_call(bucket)),
            Phase::Sealing { bucket } => Some(LogCall::Seal { bucket, fence: self.fence }),
            Phase::Ready => self.flight.as_ref().map(|flight| LogCall::Head { bucket: flight.append.bucket }),
            Phase::Claiming { .. } | Phase::Unclaimed => None,
        }
    }

    fn later(&mut self, mono_ms: u64) -> (LogNews, Option<LogCall>) {
        let at = mono_ms + self.retry_ms;
        self.retry_ms = (self.retry_ms * 2).min(RETRY_MS_MAX);
        self.waiting = true;
        (LogNews::Nothing, Some(LogCall::RetryAt { mono_ms: at }))
    }

    fn found(&mut self, bucket: u64, carried: u64, head: Result<BucketHead, StorageError>, mono_ms: u64) -> (LogNews, Option<LogCall>) {
        let Ok(head) = head else { return self.later(mono_ms) };
        if head.sealed {
            return (LogNews::Nothing, Some(self.find(bucket + 1, head.cursor.max(carried))));
        }
        self.cursor = if head.fence.is_some() { head.cursor } else { carried };
        self.phase = Phase::Claiming { bucket, seen: head.fence, carried };
        (LogNews::Nothing, Some(LogCall::Claim { bucket, seen: head.fence, new: self.fence, cursor: carried }))
    }

    fn claimed(
        &mut self,
        bucket: u64,
        seen: Option<Fence>,
        carried: u64,
        outcome: Result<Outcome, StorageError>,
        mono_ms: u64,
    ) -> (LogNews, Option<LogCall>) {
        match outcome {
            Ok(Outcome::Applied) => self.load(bucket, seen.is_none().then_some(carried)),
            Ok(Outcome::Fenced) => (LogNews::Nothing, Some(self.find(bucket, carried))),
            Ok(Outcome::Full) => {
                self.phase = Phase::Finding { bucket, carried };
                self.later(mono_ms)
            }
            Ok(Outcome::Unknown) | Err(_) => {
                self.phase = Phase::ClaimUnknown { bucket, carried };
                self.later(mono_ms)
            }
        }
    }

    fn claim_resolved(
        &mut self,
        bucket: u64,
        carried: u64,
        head: Result<BucketHead, StorageError>,
        mono_ms: u64,
    ) -> (LogNews, Option<LogCall>) {
        let Ok(head) = head else { return self.later(mono_ms) };
        if head.fence == Some(self.fence) && !head.sealed {
            return self.load(bucket, Some(head.cursor));
        }
        self.found(bucket, carried, Ok(head), mono_ms)
    }

    /// The claim stands: read what lies behind the cursor. Nobody else can append from here on, but the old owner may have done so between the head's read and the claim;
    /// where the cursor is always at the end a second look at the head shows it, elsewhere the tail does.
    fn load(&mut self, bucket: u64, cursor: Option<u64>) -> (LogNews, Option<LogCall>) {
        self.bucket = bucket;
        self.cursor = cursor.unwrap_or(self.cursor);
        self.phase = Phase::Loading { bucket };
        (LogNews::Nothing, Some(self.load_call(bucket)))
    }

    fn load_call(&self, bucket: u64) -> LogCall {
        if self.shape.consumed_on_append { LogCall::Head { bucket } } else { LogCall::Tail { bucket, from_wseq: self.cursor + 1 } }
    }

    fn loaded_by_head(&mut self, head: Result<BucketHead, StorageError>, mono_ms: u64) -> (LogNews, Option<LogCall>) {
        let Ok(head) = head else { return self.later(mono_ms) };
        if head.fence != Some(self.fence) {
            return (LogNews::Lost, None);
        }
        self.cursor = head.cursor;
        (self.serve(head.cursor, Vec::new()), None)
    }

    fn loaded_by_tail(&mut self, tail: Result<Vec<(u64, Fence, Row)>, StorageError>, mono_ms: u64) -> (LogNews, Option<LogCall>) {
        let Ok(tail) = tail else { return self.later(mono_ms) };
        let dense = tail.iter().zip(self.cursor + 1..).all(|((wseq, _, _), wanted)| *wseq == wanted);
        if !dense {
            // A hole: somebody claimed after me and wrote or truncated.
            return (LogNews::Lost, None);
        }
        let top = self.cursor + tail.len() as u64;
        (self.serve(top, tail.into_iter().map(|(_, _, row)| row).collect()), None)
    }

    fn serve(&mut self, top: u64, tail: Vec<Row>) -> LogNews {
        // After a roll rows may be queued already: they keep their places behind the top.
        let queued = self.queue.len() as u64;
        self.applied = top;
        self.top = top + queued;
        self.retry_ms = RETRY_MS_MIN;
        self.phase = Phase::Ready;
        LogNews::Ready { tail }
    }

    fn sealed(&mut self, bucket: u64, outcome: Result<Outcome, StorageError>, mono_ms: u64) -> (LogNews, Option<LogCall>) {
        match outcome {
            Ok(Outcome::Applied) => (LogNews::Nothing, Some(self.open_next(bucket))),
            Ok(Outcome::Fenced) => (LogNews::Lost, None),
            // Sealing is idempotent under my fence; an unknown one is repeated, and a late copy of it changes nothing.
            Ok(Outcome::Unknown | Outcome::Full) | Err(_) => self.later(mono_ms),
        }
    }

    fn open_next(&mut self, bucket: u64) -> LogCall {
        self.bucket = bucket + 1;
        self.phase = Phase::Claiming { bucket: bucket + 1, seen: None, carried: self.cursor };
        LogCall::Claim { bucket: bucket + 1, seen: None, new: self.fence, cursor: self.cursor }
    }

    fn appended(&mut self, outcome: Result<Outcome, StorageError>) -> (LogNews, Option<LogCall>) {
        let Some(flight) = &mut self.flight else { return (LogNews::Nothing, None) };
        match outcome {
            Ok(Outcome::Applied) => (self.land(), None),
            Ok(Outcome::Fenced) => (LogNews::Lost, None),
            Ok(Outcome::Full) => (self.give_up(), None),
            Ok(Outcome::Unknown) => {
                flight.resolving = true;
                let bucket = flight.append.bucket;
                (LogNews::Nothing, Some(LogCall::Head { bucket }))
            }
            Err(error) => match error.kind {
                rialto_storage::ErrorKind::Full => (self.give_up(), None),
                rialto_storage::ErrorKind::Limit | rialto_storage::ErrorKind::Corrupt => (LogNews::Lost, None),
                _ => {
                    flight.resolving = true;
                    let bucket = flight.append.bucket;
                    (LogNews::Nothing, Some(LogCall::Head { bucket }))
                }
            },
        }
    }

    fn land(&mut self) -> LogNews {
        let Some(flight) = self.flight.take() else { return LogNews::Nothing };
        self.applied = flight.append.first_wseq + flight.append.rows.len() as u64 - 1;
        self.cursor = self.cursor.max(flight.append.cursor);
        self.retry_ms = RETRY_MS_MIN;
        LogNews::Applied { wseq: self.applied, rows: flight.append.rows }
    }

    fn give_up(&mut self) -> LogNews {
        self.flight = None;
        self.queue.clear();
        self.queue_bytes = 0;
        self.top = self.applied;
        LogNews::Full
    }

    /// The serial read after an unknown append: whose fence, and did the batch land?
    fn resolved_by_head(&mut self, head: Result<BucketHead, StorageError>, mono_ms: u64) -> (LogNews, Option<LogCall>) {
        let fence = self.fence;
        let Some(flight) = self.flight.as_mut().filter(|flight| flight.resolving) else { return (LogNews::Nothing, None) };
        let Ok(head) = head else { return self.later(mono_ms) };
        flight.fence_stands = head.fence == Some(fence) && !head.sealed;
        let (bucket, first, last) = (flight.append.bucket, flight.append.first_wseq, flight.append.cursor);
        match (self.shape.consumed_on_append, flight.fence_stands) {
            (false, _) => (LogNews::Nothing, Some(LogCall::Tail { bucket, from_wseq: first })),
            (true, false) => (LogNews::Lost, None),
            (true, true) if head.cursor >= last => (self.land(), None),
            (true, true) => self.repeat(),
        }
    }

    fn resolved_by_tail(&mut self, tail: Result<Vec<(u64, Fence, Row)>, StorageError>, mono_ms: u64) -> (LogNews, Option<LogCall>) {
        let fence = self.fence;
        let Some(flight) = self.flight.as_ref().filter(|flight| flight.resolving) else { return (LogNews::Nothing, None) };
        let Ok(tail) = tail else { return self.later(mono_ms) };
        let mine = tail.iter().take_while(|(_, writer, _)| *writer == fence).count();
        if mine >= flight.append.rows.len() {
            return (self.land(), None);
        }
        if tail.is_empty() && flight.fence_stands { self.repeat() } else { (LogNews::Lost, None) }
    }

    /// Certainly not applied so far: the identical batch again, so that a late copy of the first changes nothing.
    fn repeat(&mut self) -> (LogNews, Option<LogCall>) {
        let Some(flight) = &mut self.flight else { return (LogNews::Nothing, None) };
        if flight.attempts >= APPEND_ATTEMPTS_MAX {
            return (LogNews::Lost, None);
        }
        flight.attempts += 1;
        flight.resolving = false;
        (LogNews::Nothing, Some(LogCall::Append(flight.append.clone())))
    }
}
