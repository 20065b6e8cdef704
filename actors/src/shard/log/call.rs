//! What the log wants sent, what the store says, what that means.

use rialto_storage::shard_log::{Append, BucketHead, Fence, Outcome};
use rialto_storage::{Row, StorageError};

/// What the log wants sent.
#[derive(Clone, Debug)]
pub enum LogCall {
    /// [`rialto_storage::consumers::Consumers::first_bucket`].
    First,
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
    /// Call [`super::Log::retry`] at this monotonic time.
    RetryAt {
        /// Monotonic milliseconds.
        mono_ms: u64,
    },
}

/// What the store said.
#[derive(Debug)]
pub enum LogAnswer {
    /// To `First`.
    First(Result<u64, StorageError>),
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
        /// Everything up to here is consumed.
        cursor: u64,
        /// The rows behind it: durable, but perhaps not yet in the entity rows.
        tail: Vec<Row>,
    },
    /// These rows are durable.
    Applied {
        /// The highest durable `wseq`.
        wseq: u64,
        /// The rows, in order.
        rows: Vec<Row>,
    },
    /// The shard is still mine.
    Confirmed,
    /// There was no room for these rows; everything queued is given up with them.
    Full,
    /// Somebody else owns the shard: drop all state, refuse everybody, claim anew after a pause.
    Fenced,
    /// What was begun cannot be brought to an end: drop all state, refuse everybody, claim anew.
    Dropped,
}
