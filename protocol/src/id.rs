//! Identities. Each role has a type of its own, so that a user's id cannot stand where a conversation's belongs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::limits::CLIENT_ID_BYTES_MAX;

macro_rules! uuid_role {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(out)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    };
}

uuid_role!(
    /// A person or a bot: UUIDv7 for our own accounts, UUIDv5 of issuer and subject for those of other issuers.
    UserId
);
uuid_role!(
    /// A conversation: UUIDv7, or UUIDv5 where it is derived (a direct pair; a creation with a `client_id`), so that creating twice meets the same entity.
    ConversationId
);

impl UserId {
    /// The id of a user that another issuer names: UUIDv5 in the URL namespace of `issuer + "\n" + subject`.
    #[must_use]
    pub fn of_issuer(issuer: &str, subject: &str) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{issuer}\n{subject}").as_bytes()))
    }
}

impl ConversationId {
    /// The one direct conversation of a pair, whichever of the two creates it.
    #[must_use]
    pub fn direct(one: UserId, other: UserId) -> Self {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("rialto:direct\n{low}\n{high}").as_bytes()))
    }

    /// The conversation that `creator` makes with this `client_id`: a repeated creation leads to the same entity.
    #[must_use]
    pub fn created_with(creator: UserId, client_id: &ClientId) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("rialto:conversation\n{creator}\n{}", client_id.as_str()).as_bytes()))
    }
}

/// Which kind of actor an entity is. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum EntityKind {
    /// A conversation: log-backed.
    Conversation = 1,
    /// A user's inbox, conversation list and read markers.
    User = 2,
    /// A free pub/sub channel: in memory only.
    Topic = 3,
}

/// Names one entity. A topic's id is the UUIDv5 of its channel name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityKey {
    /// Its kind.
    pub kind: EntityKind,
    /// Its id within the kind.
    pub id: Uuid,
}

impl From<ConversationId> for EntityKey {
    fn from(id: ConversationId) -> Self {
        Self { kind: EntityKind::Conversation, id: id.0 }
    }
}

impl From<UserId> for EntityKey {
    fn from(id: UserId) -> Self {
        Self { kind: EntityKind::User, id: id.0 }
    }
}

/// The sender's own id of an append: 1–64 visible ASCII characters. The same id by the same sender in the same entity is one append, however often it is sent.
///
/// It is shared, because a message's id stands in its row, in its event, in memory and on the way to the store at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

/// Why a text is no [`ClientId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("client_id must be 1 to 64 visible ASCII characters")]
pub struct InvalidClientId;

impl ClientId {
    /// Checks and takes the text.
    ///
    /// # Errors
    /// Fails when it is empty, longer than [`CLIENT_ID_BYTES_MAX`] or has a character outside `!`..=`~`.
    pub fn new(text: &str) -> Result<Self, InvalidClientId> {
        // Not `all`: without a way out early this is a handful of vector operations.
        let is_visible = || text.bytes().fold(true, |visible, byte| visible & byte.is_ascii_graphic());
        let fits = !text.is_empty() && text.len() <= CLIENT_ID_BYTES_MAX && is_visible();
        if fits { Ok(Self(text.into())) } else { Err(InvalidClientId) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Milliseconds since 1970 that the id carries when it is a UUIDv7, else `None`.
    #[must_use]
    pub fn dated_ms(&self) -> Option<u64> {
        let id = Uuid::try_parse(&self.0).ok()?;
        if id.get_version_num() != 7 {
            return None;
        }
        let (seconds, nanos) = id.get_timestamp()?.to_unix();
        Some(seconds * 1000 + u64::from(nanos) / 1_000_000)
    }
}

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ClientIdVisitor)
    }
}

/// Checks the text where it stands: a copy is made of good ones only.
struct ClientIdVisitor;

impl de::Visitor<'_> for ClientIdVisitor {
    type Value = ClientId;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ClientId, E> {
        ClientId::new(text).map_err(E::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ClientId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClientId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "minLength": 1, "maxLength": CLIENT_ID_BYTES_MAX, "pattern": "^[!-~]+$"})
    }
}
