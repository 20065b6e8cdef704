//! Every kind of entity that a shard can host, and what they share.

use rialto_protocol::{ConversationId, EntityKind, UserId};

use crate::conversation::Conversation;
use crate::entity::{EntityFactory, EntityMachine, EntityName};
use crate::topic::Topic;
use crate::user::User;

pub(crate) mod memory_stream;
pub(crate) mod window;

/// The product's factory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entities;

impl EntityFactory for Entities {
    fn create(&self, entity: &EntityName) -> Box<EntityMachine> {
        match entity.key.kind {
            EntityKind::Conversation => Box::new(Conversation::new(ConversationId(entity.key.id))),
            EntityKind::User => Box::new(User::new(UserId(entity.key.id))),
            EntityKind::Topic => Box::new(Topic::default()),
        }
    }
}
