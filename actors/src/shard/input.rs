//! All that can happen to a shard.

use rialto_protocol::{EntityKey, UserId};
use rialto_storage::StorageError;
use rialto_storage::entity_rows::Activation;
use rialto_storage::shard_log::Outcome;
use uuid::Uuid;

use super::backlog::Consumer;
use super::log::LogAnswer;
use crate::entity::{Ask, Caller, EntityName, Found, Tell};
use crate::reply_to::ReplyTo;

/// All that can happen to a shard.
#[derive(Debug)]
pub enum ShardInput {
    /// First of all: claim the log. From the shell.
    Start,
    /// Somebody asks an entity. From sessions and HTTP handlers.
    Ask {
        /// Whom.
        entity: EntityName,
        /// On whose behalf.
        caller: Caller,
        /// What.
        ask: Ask,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// A conversation says something to a user. From shards.
    Tell {
        /// To whom.
        user: UserId,
        /// What.
        tell: Tell,
    },
    /// A connection listens no more. From gateways.
    Leave {
        /// To what.
        entity: EntityKey,
        /// Which connection.
        client: Uuid,
    },
    /// The round asked for with [`super::ShardEffect::Gather`] is over, and there is a place for an append.
    Gathered,
    /// The store answers the log's last call.
    Log(LogAnswer),
    /// The store answers a consumer's write.
    Consumed {
        /// Which consumer's.
        consumer: Consumer,
        /// The batch's serial.
        serial: u64,
        /// Whether it is written.
        result: Result<(), StorageError>,
    },
    /// The store answers a truncation.
    Truncated {
        /// Of this bucket.
        bucket: u64,
        /// What became of it.
        outcome: Result<Outcome, StorageError>,
    },
    /// The store answers a load.
    Loaded {
        /// For which entity.
        entity: EntityKey,
        /// Which of its activations.
        activation: u64,
        /// What it is rebuilt from.
        result: Result<Activation, StorageError>,
    },
    /// The store answers an entity's question.
    Answered {
        /// For which entity.
        entity: EntityKey,
        /// Which of its activations.
        activation: u64,
        /// The entity's token.
        token: u64,
        /// The answer.
        answer: Result<Found, StorageError>,
    },
    /// A time asked for has come.
    Woken,
}
