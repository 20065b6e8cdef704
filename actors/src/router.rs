//! Entity → shard → its actor. On one node every shard is here.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rialto_protocol::{Channel, EntityKey, ErrorCode, Refusal, UserId};
use xxhash_rust::xxh3::xxh3_64;

use crate::entity::{Answer, Ask, Caller, EntityName, Tell};
use crate::kernel::{AskError, Full, Handle};
use crate::reply_to::ReplyTo;
use crate::shard::ShardInput;
use crate::shard::state::RETRY_HINT_MS;

/// Shards of a cluster, fixed when its store is created.
pub const SHARDS: u16 = 256;
/// Milliseconds that an HTTP caller waits for an entity. After: `unavailable`, and the request may still be carried out.
pub const ASK_DEADLINE_MS: u64 = 10_000;

/// The shard of an entity.
#[must_use]
pub fn shard_of(entity: EntityKey) -> u16 {
    let mut bytes = [0_u8; 17];
    bytes[0] = entity.kind as u8;
    bytes[1..].copy_from_slice(entity.id.as_bytes());
    u16::try_from(xxh3_64(&bytes) % u64::from(SHARDS)).expect("a remainder of SHARDS fits")
}

/// Finds the actor of any entity. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Router(Arc<OnceLock<Vec<Handle<ShardInput>>>>);

impl Router {
    /// Tells the router where the shards are, in order of number. Only the first call counts.
    pub fn open(&self, shards: Vec<Handle<ShardInput>>) {
        debug_assert_eq!(shards.len(), usize::from(SHARDS), "every shard has an actor");
        if self.0.set(shards).is_err() {
            tracing::error!("router opened twice");
        }
    }

    /// How many inputs wait in each shard's mailbox.
    pub fn mailboxes(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.get().into_iter().flatten().map(Handle::waiting)
    }

    #[expect(clippy::result_large_err, reason = "the input is given back, so that its caller can be answered")]
    fn offer(&self, entity: EntityKey, input: ShardInput) -> Result<(), Full<ShardInput>> {
        match self.shard(entity) {
            Some(shard) => shard.offer(input),
            None => Err(Full::Gone(input)),
        }
    }

    fn shard(&self, entity: EntityKey) -> Option<&Handle<ShardInput>> {
        self.0.get().and_then(|shards| shards.get(usize::from(shard_of(entity))))
    }

    /// Hands a question to an entity; the answer goes to `reply`.
    ///
    /// # Errors
    /// Gives `reply` back with the refusal when the shard cannot take it; nothing happened.
    pub fn ask(&self, entity: EntityName, caller: Caller, ask: Ask, reply: ReplyTo) -> Result<(), (ReplyTo, Refusal)> {
        let key = entity.key;
        self.offer(key, ShardInput::Ask { entity, caller, ask, reply }).map_err(|full| {
            let (input, code) = match full {
                Full::Overloaded(input) => (input, ErrorCode::Overloaded),
                Full::Gone(input) => (input, ErrorCode::Unavailable),
            };
            metrics::counter!("rialto_refusals_total", "reason" => "shard_mailbox_full").increment(1);
            let ShardInput::Ask { reply, .. } = input else { unreachable!("what is given back is what was offered") };
            (reply, Refusal::retry(code, RETRY_HINT_MS))
        })
    }

    /// Asks and waits.
    ///
    /// # Errors
    /// The entity's refusal, `overloaded`, or `unavailable` when no answer came: then it may still be carried out.
    pub async fn request(&self, entity: EntityName, caller: Caller, ask: Ask) -> Result<Answer, Refusal> {
        let Some(shard) = self.shard(entity.key) else { return Err(Refusal::retry(ErrorCode::Unavailable, RETRY_HINT_MS)) };
        let question = |sender| ShardInput::Ask { entity, caller, ask, reply: ReplyTo::Task(sender) };
        match shard.ask(question, Duration::from_millis(ASK_DEADLINE_MS)).await {
            Ok(answer) => answer,
            Err(AskError::Overloaded) => {
                metrics::counter!("rialto_refusals_total", "reason" => "shard_mailbox_full").increment(1);
                Err(Refusal::retry(ErrorCode::Overloaded, RETRY_HINT_MS))
            }
            Err(AskError::Gone | AskError::Deadline) => Err(Refusal::retry(ErrorCode::Unavailable, RETRY_HINT_MS)),
        }
    }

    /// Says something to a user's entity. Lost when the shard is full: lists heal it.
    pub fn tell(&self, user: UserId, tell: Tell) {
        if self.offer(EntityKey::from(user), ShardInput::Tell { user, tell }).is_err() {
            metrics::counter!("rialto_tells_dropped_total").increment(1);
        }
    }

    /// Says that a connection listens no more. False when the mailbox is full: say it again later.
    #[must_use]
    pub fn leave(&self, entity: EntityKey, client: uuid::Uuid) -> bool {
        match self.offer(entity, ShardInput::Leave { entity, client }) {
            Ok(()) | Err(Full::Gone(_)) => true,
            Err(Full::Overloaded(_)) => false,
        }
    }
}

/// The entity behind a channel.
#[must_use]
pub fn entity_of(channel: &Channel) -> EntityName {
    EntityName { key: channel.entity(), channel: channel.name() }
}
