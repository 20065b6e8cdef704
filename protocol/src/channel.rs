//! The channel grammar: entity channels have a reserved prefix and a UUID; every other name is a free topic.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::id::{ConversationId, EntityKey, EntityKind, UserId};
use crate::limits::CHANNEL_BYTES_MAX;

/// Prefixes that no topic may have, those of kinds to come included.
pub const RESERVED_PREFIXES: [&str; 5] = ["conversation:", "user:", "document:", "listing:", "order:"];

/// Bytes of an entity channel's name at most: the longest prefix and a UUID.
const NAME_BYTES_MAX: usize = "conversation:".len() + 36;

/// A parsed channel name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `conversation:<id>`, log-backed.
    Conversation(ConversationId),
    /// `user:<id>`, the inbox of one user.
    User(UserId),
    /// Any name without a reserved prefix.
    Topic(Box<str>),
}

/// Why a name is no channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChannel {
    /// Empty, longer than [`CHANNEL_BYTES_MAX`], or with a control character.
    #[error("a channel name has 1 to 255 bytes and no control characters")]
    Malformed,
    /// A reserved prefix with an unknown kind or an id that is no UUID in hyphenated lower case.
    #[error("no such channel")]
    Unknown,
}

impl Channel {
    /// Parses a channel name.
    ///
    /// # Errors
    /// See [`InvalidChannel`].
    pub fn parse(name: &str) -> Result<Self, InvalidChannel> {
        if name.is_empty() || name.len() > CHANNEL_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(InvalidChannel::Malformed);
        }
        if let Some(id) = name.strip_prefix("conversation:") {
            return canonical(id).map(|id| Self::Conversation(ConversationId(id)));
        }
        if let Some(id) = name.strip_prefix("user:") {
            return canonical(id).map(|id| Self::User(UserId(id)));
        }
        if RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(InvalidChannel::Unknown);
        }
        Ok(Self::Topic(name.into()))
    }

    /// The channel's name.
    #[must_use]
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::Conversation(id) => named("conversation:", id.0),
            Self::User(id) => named("user:", id.0),
            Self::Topic(name) => name.as_ref().into(),
        }
    }

    /// The entity that owns the channel.
    #[must_use]
    pub fn entity(&self) -> EntityKey {
        match self {
            Self::Conversation(id) => (*id).into(),
            Self::User(id) => (*id).into(),
            Self::Topic(name) => EntityKey { kind: EntityKind::Topic, id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()) },
        }
    }
}

/// Requests come with ids, listeners with names: this is done for each, so it is done in place.
fn named(prefix: &str, id: Uuid) -> Arc<str> {
    let mut buffer = [0_u8; NAME_BYTES_MAX];
    buffer[..prefix.len()].copy_from_slice(prefix.as_bytes());
    let end = prefix.len() + id.as_hyphenated().encode_lower(&mut buffer[prefix.len()..]).len();
    std::str::from_utf8(&buffer[..end]).expect("prefixes and ids are ASCII").into()
}

/// One id has one name: upper case, braces and missing hyphens would make second names for one channel.
fn canonical(text: &str) -> Result<Uuid, InvalidChannel> {
    let id = Uuid::try_parse(text).map_err(|_| InvalidChannel::Unknown)?;
    let mut buffer = Uuid::encode_buffer();
    if id.as_hyphenated().encode_lower(&mut buffer) == text { Ok(id) } else { Err(InvalidChannel::Unknown) }
}

impl fmt::Display for Channel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation(id) => write!(out, "conversation:{id}"),
            Self::User(id) => write!(out, "user:{id}"),
            Self::Topic(name) => out.write_str(name),
        }
    }
}
