//! Rows that are durable in the log but not yet consumed: not yet in the entity rows, or not yet projected. Pure: it says what to write next.
//!
//! Two consumers read the backlog, each at its own pace and one batch at a time; the log's cursor is that of the slower one. An entity row is written until it
//! is written. A projection that cannot be written, though the store works, is parked and passed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rialto_protocol::EntityKey;
use rialto_storage::{ErrorKind, Row, StorageError};

/// Rows not consumed. Above: intake answers `overloaded`.
pub const LAG_ROWS_MAX: usize = 8_192;
/// Bytes of bodies not consumed. Above: as [`LAG_ROWS_MAX`].
pub const LAG_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of bodies not consumed in all shards of a node together. Above: every shard's intake answers `overloaded`, so that a slow store does not fill the node's memory.
pub const LAG_NODE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Milliseconds that a row waits to be consumed, counted from the takeover at the earliest. Above: as [`LAG_ROWS_MAX`].
pub const LAG_MS_MAX: u64 = 5_000;
/// Rows that a consumer writes at once.
pub const CONSUME_ROWS_MAX: usize = 256;
/// Bytes of bodies that a consumer writes at once, the last row excepted.
pub const CONSUME_BYTES_MAX: usize = 256 * 1024;
/// Times that one row's projections are tried before they are parked.
pub const PROJECT_ATTEMPTS_MAX: u32 = 3;
/// Milliseconds before a failed write is tried again; doubles up to [`CONSUME_RETRY_MS_MAX`].
pub const CONSUME_RETRY_MS_MIN: u64 = 20;
/// Milliseconds between tries at most.
pub const CONSUME_RETRY_MS_MAX: u64 = 2_000;

/// Who reads the backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// Entity rows and dedupe index.
    Rows,
    /// Projections.
    Projections,
}

/// Something to write.
#[derive(Clone, Debug)]
pub struct Batch {
    /// For whom.
    pub consumer: Consumer,
    /// Repeated in the answer.
    pub serial: u64,
    /// What.
    pub work: Work,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub enum Work {
    /// [`rialto_storage::consumers::Consumers::write_rows`] or [`rialto_storage::consumers::Consumers::project`].
    Write(Vec<Row>),
    /// [`rialto_storage::consumers::Consumers::park`].
    Park {
        /// The row's place in the log.
        wseq: u64,
        /// The row.
        row: Box<Row>,
        /// What the store said.
        cause: String,
    },
}

/// Bytes of bodies that wait in all shards of a node; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct NodeLag(Arc<AtomicUsize>);

impl NodeLag {
    /// Whether no shard of the node may take more in.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= LAG_NODE_BYTES_MAX
    }
}

/// One shard's part of it, given back when the shard is dropped.
#[derive(Debug, Default)]
struct Share {
    node: NodeLag,
    bytes: usize,
}

impl Share {
    fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.node.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.node.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[derive(Debug)]
struct Held {
    row: Row,
    since_ms: u64,
}

/// Where one consumer stands.
#[derive(Debug, Default)]
struct Place {
    /// Everything up to here is written.
    passed: u64,
    /// The last row of the batch that is being written, and its serial.
    flight: Option<(u64, u64)>,
    /// Failed tries of the next batch.
    failures: u32,
    /// The next row is written alone, to find out whether it is the one that fails.
    alone: bool,
    /// The next row is given up, for this reason.
    parking: Option<String>,
    retry_at_ms: u64,
}

/// The rows between the cursor and the log's durable end.
#[derive(Debug, Default)]
pub struct Backlog {
    rows: VecDeque<Held>,
    /// `wseq` in front of the first row: everything up to here is consumed.
    base: u64,
    bytes: Share,
    /// `wseq` of each entity's newest row here.
    newest: HashMap<EntityKey, u64>,
    places: [Place; 2],
    serials: u64,
}

impl Backlog {
    /// One that counts its bytes together with those of the node's other shards.
    #[must_use]
    pub fn sharing(node: NodeLag) -> Self {
        Self { bytes: Share { node, bytes: 0 }, ..Self::default() }
    }

    /// Begins anew behind a claim: everything up to `cursor` is consumed, `tail` follows it.
    pub fn begin(&mut self, cursor: u64, tail: Vec<Row>, mono_ms: u64) {
        let place = || Place { passed: cursor, ..Place::default() };
        let places = [place(), place()];
        *self = Self { base: cursor, places, serials: self.serials, ..Self::sharing(self.bytes.node.clone()) };
        for row in tail {
            self.push(row, mono_ms);
        }
    }

    /// The log's next row is durable.
    pub fn push(&mut self, row: Row, mono_ms: u64) {
        self.bytes.add(row.body.len());
        let wseq = self.base + self.rows.len() as u64 + 1;
        self.newest.insert(row.entity, wseq);
        self.rows.push_back(Held { row, since_ms: mono_ms });
    }

    /// Everything up to here is consumed.
    #[must_use]
    pub fn consumed(&self) -> u64 {
        self.base
    }

    /// `wseq` of the entity's newest row here, if it has one.
    #[must_use]
    pub fn newest_of(&self, entity: EntityKey) -> Option<u64> {
        self.newest.get(&entity).copied()
    }

    /// The entity's rows here, in order.
    pub fn rows_of(&self, entity: EntityKey) -> impl Iterator<Item = &Row> {
        let wanted = if self.newest.contains_key(&entity) { self.rows.len() } else { 0 };
        self.rows.iter().take(wanted).map(|held| &held.row).filter(move |row| row.entity == entity)
    }

    /// Whether it is so far behind that no more may come in.
    #[must_use]
    pub fn lags(&self, mono_ms: u64) -> bool {
        self.rows.len() >= LAG_ROWS_MAX
            || self.bytes.bytes >= LAG_BYTES_MAX
            || self.bytes.node.is_full()
            || self.rows.front().is_some_and(|held| mono_ms.saturating_sub(held.since_ms) > LAG_MS_MAX)
    }

    /// When a failed write is to be tried again.
    #[must_use]
    pub fn retry_due_ms(&self) -> Option<u64> {
        let waits = |place: &&Place| place.failures > 0 && place.flight.is_none() && place.passed < self.top();
        self.places.iter().filter(waits).map(|place| place.retry_at_ms).min()
    }

    fn top(&self) -> u64 {
        self.base + self.rows.len() as u64
    }

    /// What a consumer is to write now.
    pub fn next(&mut self, consumer: Consumer, mono_ms: u64) -> Option<Batch> {
        let (base, top, serial) = (self.base, self.top(), self.serials + 1);
        let place = &mut self.places[consumer as usize];
        if place.flight.is_some() || place.passed >= top || place.failures > 0 && mono_ms < place.retry_at_ms {
            return None;
        }
        let ahead = usize::try_from(place.passed - base).unwrap_or(usize::MAX);
        let rows = self.rows.iter().skip(ahead).map(|held| &held.row);
        let work = match &place.parking {
            Some(cause) => {
                let row = Box::new(rows.take(1).next()?.clone());
                Work::Park { wseq: place.passed + 1, row, cause: cause.clone() }
            }
            None => Work::Write(take_batch(rows, if place.alone { 1 } else { CONSUME_ROWS_MAX })),
        };
        let count = if let Work::Write(rows) = &work { rows.len() as u64 } else { 1 };
        place.flight = Some((place.passed + count, serial));
        self.serials = serial;
        Some(Batch { consumer, serial, work })
    }

    /// The store's answer to a batch. Answers whether the cursor may move.
    pub fn answered(&mut self, consumer: Consumer, serial: u64, result: Result<(), StorageError>, mono_ms: u64) -> bool {
        let place = &mut self.places[consumer as usize];
        let Some((last, _)) = place.flight.take_if(|(_, of)| *of == serial) else { return false };
        match result {
            Ok(()) => {
                *place = Place { passed: last, ..Place::default() };
                self.pass()
            }
            Err(error) => {
                place.failed(consumer, &error, mono_ms);
                false
            }
        }
    }

    /// Lets go of the rows that both have passed.
    fn pass(&mut self) -> bool {
        let passed = self.places.iter().map(|place| place.passed).min().unwrap_or(self.base);
        let before = self.base;
        while self.base < passed {
            let Some(held) = self.rows.pop_front() else { break };
            self.base += 1;
            self.bytes.give_back(held.row.body.len());
            if self.newest.get(&held.row.entity) == Some(&self.base) {
                self.newest.remove(&held.row.entity);
            }
        }
        self.base > before
    }
}

impl Place {
    fn failed(&mut self, consumer: Consumer, error: &StorageError, mono_ms: u64) {
        self.failures += 1;
        let pause = CONSUME_RETRY_MS_MIN << (self.failures - 1).min(16);
        self.retry_at_ms = mono_ms + pause.min(CONSUME_RETRY_MS_MAX);
        // A store that cannot answer says nothing about a row.
        let poison = matches!(error.kind, ErrorKind::Limit | ErrorKind::Corrupt | ErrorKind::Conflict);
        if !poison || consumer == Consumer::Rows {
            return;
        }
        if !std::mem::replace(&mut self.alone, true) {
            self.failures = 1;
        } else if self.failures >= PROJECT_ATTEMPTS_MAX {
            self.parking = Some(error.to_string());
        }
    }
}

fn take_batch<'a>(rows: impl Iterator<Item = &'a Row>, rows_max: usize) -> Vec<Row> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for row in rows.take(rows_max) {
        bytes += row.body.len();
        batch.push(row.clone());
        if bytes >= CONSUME_BYTES_MAX {
            break;
        }
    }
    batch
}

#[cfg(test)]
mod tests;
