//! All that a shard can want.

use std::sync::Arc;

use bytes::Bytes;
use rialto_protocol::{EntityKey, Refusal, UserId};
use rialto_storage::entity_rows::Snapshot;
use smallvec::SmallVec;

use super::backlog::Batch;
use super::log::LogCall;
use crate::entity::{Answer, Query, Tell};
use crate::reply_to::ReplyTo;

/// Gateway threads: a handful per node.
pub type Threads = SmallVec<[u16; 4]>;

/// All that a shard can want.
#[derive(Debug)]
pub enum ShardEffect {
    /// One statement of the log.
    Log(LogCall),
    /// Say [`super::ShardInput::Gathered`] when there is a place for one more append and everything has been taken in that is there to be read.
    Gather,
    /// Give the place back: there is nothing to append any more.
    GiveUpPlace,
    /// Something that a consumer is to write.
    Consume(Batch),
    /// Remove a bucket's rows from the log.
    Truncate {
        /// Which.
        bucket: u64,
    },
    /// How far the log and its consumers are: who reads projections of other shards waits for it.
    Progress {
        /// The highest durable `wseq`.
        applied: u64,
        /// The highest consumed `wseq`.
        consumed: u64,
    },
    /// Load an entity.
    Load {
        /// Which.
        entity: EntityKey,
        /// Repeated in the answer.
        activation: u64,
    },
    /// An entity's question to the store.
    Read {
        /// Whose.
        entity: EntityKey,
        /// Repeated in the answer.
        activation: u64,
        /// Repeated in the answer.
        token: u64,
        /// What.
        query: Query,
    },
    /// Store a snapshot. Nobody waits for it: without it the next load takes longer.
    Snapshot {
        /// Of which entity.
        entity: EntityKey,
        /// The snapshot.
        snapshot: Snapshot,
    },
    /// An answer leaves.
    Reply {
        /// To whom.
        to: ReplyTo,
        /// What.
        answer: Result<Answer, Refusal>,
    },
    /// A publication leaves: one whole WebSocket frame for all.
    Publish {
        /// Threads with listeners.
        threads: Threads,
        /// The channel.
        channel: Arc<str>,
        /// The frame.
        frame: Bytes,
        /// The position; 0 = ephemeral.
        offset: u64,
    },
    /// A join or leave push, for those who want them.
    Presence {
        /// Threads with such listeners.
        threads: Threads,
        /// The channel.
        channel: Arc<str>,
        /// The frame.
        frame: Bytes,
    },
    /// Listeners of a channel may have missed something: they must recover.
    Missed {
        /// Threads with listeners.
        threads: Threads,
        /// The channel.
        channel: Arc<str>,
    },
    /// A user's subscriptions to a channel end.
    Unsubscribe {
        /// Threads where the user listens.
        threads: Threads,
        /// The channel.
        channel: Arc<str>,
        /// Whose.
        user: UserId,
    },
    /// Something for another entity.
    Tell {
        /// To whom.
        user: UserId,
        /// What.
        tell: Tell,
    },
    /// Wake me at this monotonic time or earlier.
    WakeAt {
        /// Monotonic milliseconds.
        mono_ms: u64,
    },
}
