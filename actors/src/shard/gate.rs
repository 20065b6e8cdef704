//! The output gate: what was decided while rows were not durable leaves when they are, in the order decided, or not at all.

use std::collections::VecDeque;

use bytes::Bytes;
use rialto_protocol::reply::ClientInfo;
use rialto_protocol::{EntityKey, Refusal, UserId};
use rialto_storage::entity_rows::Snapshot;

use crate::entity::{Answer, Tell};
use crate::reply_to::ReplyTo;

/// Something that leaves the shard.
#[derive(Debug)]
pub enum Output {
    /// An answer.
    Reply {
        /// By which entity.
        entity: EntityKey,
        /// To whom.
        to: ReplyTo,
        /// What.
        answer: Result<Answer, Refusal>,
    },
    /// An event.
    Publish {
        /// On which entity's channel.
        entity: EntityKey,
        /// JSON text.
        data: Bytes,
        /// Its position.
        offset: u64,
        /// Its publisher.
        info: Option<Box<ClientInfo>>,
    },
    /// Something for another entity.
    Tell {
        /// To whom.
        user: UserId,
        /// What.
        tell: Tell,
    },
    /// The end of a user's subscriptions.
    Unsubscribe {
        /// To which entity's channel.
        entity: EntityKey,
        /// Whose.
        user: UserId,
    },
    /// A snapshot.
    Snapshot {
        /// Of which entity.
        entity: EntityKey,
        /// The snapshot.
        snapshot: Snapshot,
    },
}

/// Holds outputs until the `wseq` that each was decided at is durable.
#[derive(Debug, Default)]
pub struct Gate(VecDeque<(u64, Output)>);

impl Gate {
    /// Holds an output decided while rows up to `wseq` were queued. `wseq` never decreases between calls.
    pub fn hold(&mut self, wseq: u64, output: Output) {
        debug_assert!(self.0.back().is_none_or(|(last, _)| *last <= wseq), "outputs are decided in order");
        self.0.push_back((wseq, output));
    }

    /// Takes the next output that may leave now that rows up to `applied` are durable.
    pub fn release(&mut self, applied: u64) -> Option<Output> {
        if self.is_due(applied) { self.0.pop_front().map(|(_, output)| output) } else { None }
    }

    /// Whether an output may leave now that rows up to `applied` are durable.
    #[must_use]
    pub fn is_due(&self, applied: u64) -> bool {
        self.0.front().is_some_and(|(wseq, _)| *wseq <= applied)
    }

    /// Takes everything: the rows will not become durable here.
    pub fn give_up(&mut self) -> impl Iterator<Item = Output> {
        std::mem::take(&mut self.0).into_iter().map(|(_, output)| output)
    }

    /// Gives back the memory that a burst has taken.
    pub fn rest(&mut self) {
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }

    /// Outputs held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
