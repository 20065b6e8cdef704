//! What the model knows of the store and of the owners, and what a claimant would find.

use std::collections::BTreeMap;

/// Rows of one bucket.
pub(crate) const BUCKET_ROWS: usize = 1;
/// Entities of the shard.
pub(crate) const ENTITIES: u8 = 2;
/// Nobody holds a fresh bucket.
pub(crate) const NOBODY: u8 = 0;

/// The first two messages go to the first entity, the others to the second.
pub(crate) fn entity_of(message: u8) -> u8 {
    (message / 2).min(ENTITIES - 1)
}

/// One row of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Row {
    /// The fence under which it was appended.
    pub(crate) writer: u8,
    pub(crate) seq: u8,
    pub(crate) message: u8,
}

impl Row {
    pub(crate) fn entity(self) -> u8 {
        entity_of(self.message)
    }
}

/// One bucket of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Bucket {
    pub(crate) fence: u8,
    pub(crate) sealed: bool,
    pub(crate) cursor: usize,
    pub(crate) rows: BTreeMap<usize, Row>,
}

/// A write to the store, as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Write {
    /// Replaces the fence if it still is the one seen.
    Claim { bucket: usize, seen: u8, new: u8, cursor: Option<usize> },
    /// Appends a row, or only stores the cursor, if the fence is mine and the cursor does not go back.
    Append { bucket: usize, fence: u8, cursor: usize, wseq: usize, row: Option<Row> },
    /// Ends a bucket if the fence is mine.
    Seal { bucket: usize, fence: u8 },
    /// A plain write of an entity row.
    Consume(Row),
    /// Removes the rows of a sealed bucket.
    Truncate(usize),
}

/// Where an owner is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Reads a bucket's head; `carried` is the cursor of the sealed one before.
    Find { carried: usize },
    /// Claims what it has seen.
    Claim { seen: u8, carried: usize },
    /// Nobody knows what became of the claim.
    ClaimUnknown { carried: usize },
    /// Reads what lies behind the cursor.
    Load,
    /// Takes messages.
    Serve,
    /// Nobody knows what became of the append.
    AppendUnknown,
    /// Seals its bucket.
    Seal,
    /// Nobody knows what became of the seal.
    SealUnknown,
    /// Opens the next bucket.
    Open,
    /// Nobody knows what became of that.
    OpenUnknown,
    /// It knows that it is fenced.
    Fenced,
}

/// One owner. A crash is an owner that never acts again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) phase: Phase,
    /// Of its newest claim.
    pub(crate) fence: u8,
    /// Claims that it has sent.
    pub(crate) claims: u8,
    pub(crate) bucket: usize,
    /// The cursor that is known to be durable.
    pub(crate) cursor: usize,
    /// Every row below is an entity row for sure.
    pub(crate) consumed: usize,
    /// The next place in the log.
    pub(crate) next: usize,
    /// Rows that are not entity rows for sure.
    pub(crate) tail: BTreeMap<usize, Row>,
    /// What is under way: a row, or none, with its cursor.
    pub(crate) flight: Option<(Option<Row>, usize)>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) buckets: Vec<Bucket>,
    /// Entity rows: (entity, seq) → message.
    pub(crate) entity_rows: BTreeMap<(u8, u8), u8>,
    pub(crate) owners: Vec<Owner>,
    /// Writes whose callers gave up and that may still land, sorted.
    pub(crate) late: Vec<Write>,
    /// Where each message was acknowledged.
    pub(crate) acked: BTreeMap<u8, u8>,
    /// What went wrong at once.
    pub(crate) broken: Option<&'static str>,
}

impl State {
    pub(crate) fn new(owners: usize, buckets: usize) -> Self {
        let owner = Owner {
            phase: Phase::Find { carried: 0 },
            fence: NOBODY,
            claims: 0,
            bucket: 0,
            cursor: 0,
            consumed: 0,
            next: 0,
            tail: BTreeMap::new(),
            flight: None,
        };
        Self {
            buckets: vec![Bucket::default(); buckets],
            entity_rows: BTreeMap::new(),
            owners: vec![owner; owners],
            late: Vec::new(),
            acked: BTreeMap::new(),
            broken: None,
        }
    }

    /// The rows of the log from a place on, in buckets up to this one.
    pub(crate) fn log_from(&self, from: usize, bucket: usize) -> BTreeMap<usize, Row> {
        let buckets = self.buckets.iter().take(bucket + 1);
        buckets.flat_map(|bucket| bucket.rows.range(from..)).map(|(wseq, row)| (*wseq, *row)).collect()
    }

    /// The rows of an entity as somebody sees them who has these rows of the log in memory; `None` when two rows stand at one position.
    pub(crate) fn entity(&self, entity: u8, tail: &BTreeMap<usize, Row>) -> Option<BTreeMap<u8, u8>> {
        let stored = self.entity_rows.iter().filter(|((of, _), _)| *of == entity);
        let mut rows: BTreeMap<u8, u8> = stored.map(|((_, seq), message)| (*seq, *message)).collect();
        for row in tail.values().filter(|row| row.entity() == entity) {
            if rows.insert(row.seq, row.message).is_some_and(|before| before != row.message) {
                return None;
            }
        }
        Some(rows)
    }

    /// Notes an acknowledgement.
    pub(crate) fn acknowledge(&mut self, message: u8, seq: u8) {
        if self.acked.insert(message, seq).is_some_and(|before| before != seq) {
            self.broken = Some("one message acknowledged at two positions");
        }
    }

    /// Whether a claimant who came now would find every acknowledged message at its place, positions without holes, and no message twice.
    pub(crate) fn is_whole(&self) -> bool {
        let mut carried = 0;
        let Some(open) = self.buckets.iter().position(|bucket| {
            carried = if bucket.sealed { bucket.cursor } else { carried };
            !bucket.sealed
        }) else {
            return true;
        };
        let bucket = &self.buckets[open];
        let cursor = if bucket.fence == NOBODY { carried } else { bucket.cursor };
        let tail = self.log_from(cursor, open);
        if !is_dense(&tail, cursor) {
            return false;
        }
        (0..ENTITIES).all(|entity| {
            let Some(rows) = self.entity(entity, &tail) else { return false };
            let mut messages: Vec<u8> = rows.values().copied().collect();
            messages.sort_unstable();
            messages.dedup();
            let acked = self.acked.iter().filter(|(message, _)| entity_of(**message) == entity);
            let dense = rows.keys().copied().eq(0..u8::try_from(rows.len()).expect("few rows"));
            dense && messages.len() == rows.len() && acked.into_iter().all(|(message, seq)| rows.get(seq) == Some(message))
        })
    }
}

/// Whether the rows stand at this place and the ones behind it, without a hole.
pub(crate) fn is_dense(rows: &BTreeMap<usize, Row>, from: usize) -> bool {
    rows.keys().copied().eq(from..from + rows.len())
}
