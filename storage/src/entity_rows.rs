//! Rows by entity: what activation, history, recovery and deduplication read.

use bytes::Bytes;
use rialto_protocol::EntityKey;

use crate::{Pending, Row, RowSender};

/// A range of one entity's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRange {
    /// First seq, inclusive.
    pub from: u64,
    /// Last seq, inclusive; `u64::MAX` = to the top.
    pub to: u64,
    /// Rows wanted, at most [`crate::limits::READ_ROWS_MAX`].
    pub limit: usize,
    /// Newest first.
    pub reverse: bool,
}

/// A fold of an entity's rows up to and including `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last row folded in.
    pub seq: u64,
    /// The entity's own form of its state.
    pub state: Bytes,
}

/// What an entity is rebuilt from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activation {
    /// The newest snapshot, if any.
    pub snapshot: Option<Snapshot>,
    /// The rows behind it, ascending.
    pub rows: Vec<Row>,
}

/// Where a row with a sender's id stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its seq: of the request's last row.
    pub seq: u64,
    /// Its row time.
    pub time_ms: u64,
}

/// Rows by entity.
///
/// **Guarantees.** A read started after an append was [`crate::shard_log::Outcome::Applied`] sees its rows where consumers are applied on append; elsewhere it sees all rows up to the cursor.
/// **Not guaranteed.** That rows above the cursor are absent. Rows below a document's snapshot may be gone.
pub trait EntityRows: Send + Sync {
    /// The newest snapshot and all rows behind it. Callers keep that bounded by taking snapshots.
    fn activate(&self, entity: EntityKey) -> Pending<Activation>;
    /// A range of rows, large bodies included.
    fn read(&self, entity: EntityKey, range: RowRange) -> Pending<Vec<Row>>;
    /// Looks an id up in the index, partition by partition from the newest back to the one that held the first row not older than `not_before_ms`; with `None` the newest two.
    fn find(&self, entity: EntityKey, sender: RowSender, not_before_ms: Option<u64>) -> Pending<Option<Position>>;
    /// Stores a snapshot and forgets all but the newest [`crate::limits::SNAPSHOTS_KEPT`].
    fn put_snapshot(&self, entity: EntityKey, snapshot: Snapshot) -> Pending<()>;
}
