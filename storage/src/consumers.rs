//! What follows a shard log whose appends write the log and nothing else: the owner reads the rows back out of its memory, writes what is derived from them, and moves the
//! log's cursor behind them.

use crate::{Pending, Row};

/// A row that a consumer cannot write, for people: its projections are missing until they are rebuilt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The shard.
    pub shard: u16,
    /// Its place in the shard's log.
    pub wseq: u64,
    /// The row.
    pub row: Row,
    /// What the store said.
    pub cause: String,
}

/// Writes what is derived from log rows, and cuts off the logs' old ends.
///
/// **Guarantees.** Writing a row again, or late, or after its successors, changes nothing: every write carries its row's own place in time. Once a write answers it is durable.
/// **Not guaranteed.** That a failed write left no trace. That rows of one call become visible at one instant.
pub trait Consumers: Send + Sync {
    /// Writes the rows to the entity rows and their ids to the dedupe index. Any entities, in log order.
    fn write_rows(&self, rows: Vec<Row>) -> Pending<()>;
    /// Writes the rows' projections: what [`crate::views::ConversationViews`] reads beside the rows.
    fn project(&self, rows: Vec<Row>) -> Pending<()>;
    /// Notes a row whose projections are given up.
    fn park(&self, parked: Parked) -> Pending<()>;
    /// Removes the rows of a sealed bucket that lies wholly below the durable cursor; the seal stays. Buckets are truncated in order.
    fn truncate(&self, shard: u16, bucket: u64) -> Pending<crate::shard_log::Outcome>;
    /// The first bucket that may have rows. May be stale, that is too low; never too high.
    fn first_bucket(&self, shard: u16) -> Pending<u64>;
}
