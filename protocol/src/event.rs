//! What a publication's `data` says: one event, tagged by `type`. A log-backed event is stored as exactly the bytes that clients see.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{ClientId, ConversationId, UserId};
use crate::json::put_text;
use crate::rpc::{ConversationKind, Message, Role};

/// An event of `conversation:<id>`. Each but [`Typing`] is a row of the log; its `offset` is the row's number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ConversationEvent {
    /// The first row.
    ConversationCreated(ConversationCreated),
    /// Somebody said something.
    Message(MessageSent),
    /// A text was replaced.
    MessageEdited(MessageEdited),
    /// A message was taken back.
    MessageDeleted(MessageDeleted),
    /// A reaction was added.
    ReactionAdded(Reaction),
    /// A reaction was taken back.
    ReactionRemoved(Reaction),
    /// Somebody came.
    MemberJoined(Membership),
    /// Somebody left.
    MemberLeft(Membership),
    /// Somebody was removed.
    MemberRemoved(Membership),
    /// A role changed.
    RoleChanged(Membership),
    /// Title or other settings changed.
    SettingsChanged(SettingsChanged),
    /// Somebody is typing: never stored, no offset.
    Typing(Typing),
}

/// Body of `conversation_created`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConversationCreated {
    /// Direct, group or public.
    pub kind: ConversationKind,
    /// The title, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// All first members, the creator included and first.
    pub members: Vec<UserId>,
    /// The creator, who owns a group or public conversation.
    pub by: UserId,
}

/// Body of `message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageSent {
    /// Who sent it.
    pub sender: UserId,
    /// The sender's id of it.
    pub client_id: ClientId,
    /// The text.
    pub text: String,
    /// When the server took it, milliseconds since 1970.
    pub time: u64,
    /// The offset of the message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
}

/// Bytes of a message's event beside its text, with a `client_id` of the usual length.
const MESSAGE_BYTES: usize = 192;

impl MessageSent {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(MESSAGE_BYTES + self.text.len());
        out.extend_from_slice(b"{\"type\":\"message\",\"sender\":\"");
        out.extend_from_slice(self.sender.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
        out.extend_from_slice(b"\",\"client_id\":");
        put_text(out, self.client_id.as_str());
        out.extend_from_slice(b",\"text\":");
        put_text(out, &self.text);
        out.extend_from_slice(b",\"time\":");
        put(out, &self.time);
        if let Some(reply_to) = self.reply_to {
            out.extend_from_slice(b",\"reply_to\":");
            put(out, &reply_to);
        }
        out.push(b'}');
    }
}

fn put<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("these types have string keys and no failing serialiser");
}

/// Body of `message_edited`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageEdited {
    /// The offset of the message.
    pub target: u64,
    /// The new text.
    pub text: String,
    /// Who edited it.
    pub by: UserId,
}

/// Body of `message_deleted`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageDeleted {
    /// The offset of the message.
    pub target: u64,
    /// Who deleted it.
    pub by: UserId,
}

/// Body of `reaction_added` and `reaction_removed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reaction {
    /// The offset of the message.
    pub target: u64,
    /// The emoji.
    pub emoji: String,
    /// Whose reaction it is.
    pub user: UserId,
}

/// Body of `member_joined`, `member_left`, `member_removed` and `role_changed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Membership {
    /// Whose membership changed.
    pub user: UserId,
    /// The role from now on, for a join or a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Who did it.
    pub by: UserId,
}

/// Body of `settings_changed`: only what changed is present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SettingsChanged {
    /// The new title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who did it.
    pub by: UserId,
}

/// Body of `typing`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Typing {
    /// Who is typing.
    pub user: UserId,
    /// Until when this holds unless renewed, milliseconds since 1970.
    pub until: u64,
}

/// An event of the inbox `user:<id>`. Its stream lives in memory: `recovered: false` means load the list again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InboxEvent {
    /// There is something new in a conversation of mine.
    ConversationChanged(ConversationChanged),
    /// I am in a conversation from now on.
    ConversationAdded(ConversationNamed),
    /// I am no longer in it.
    ConversationRemoved(ConversationNamed),
    /// I read up to here, on some device.
    Read(ReadUpTo),
}

/// Body of `conversation_changed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConversationChanged {
    /// Which one.
    pub conversation: ConversationId,
    /// Its last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Message>,
    /// Messages of others that I have not read.
    pub unread: u64,
}

/// Body of `conversation_added` and `conversation_removed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConversationNamed {
    /// Which one.
    pub conversation: ConversationId,
}

/// Body of `read`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadUpTo {
    /// Which one.
    pub conversation: ConversationId,
    /// The last offset read.
    pub offset: u64,
}

/// What an event is, as rows and indexes store it. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the tag of the event of the same name")]
pub enum EventTag {
    ConversationCreated = 1,
    Message = 2,
    MessageEdited = 3,
    MessageDeleted = 4,
    ReactionAdded = 5,
    ReactionRemoved = 6,
    MemberJoined = 7,
    MemberLeft = 8,
    MemberRemoved = 9,
    RoleChanged = 10,
    SettingsChanged = 11,
}

impl EventTag {
    /// The tag that is stored as this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::ConversationCreated,
            2 => Self::Message,
            3 => Self::MessageEdited,
            4 => Self::MessageDeleted,
            5 => Self::ReactionAdded,
            6 => Self::ReactionRemoved,
            7 => Self::MemberJoined,
            8 => Self::MemberLeft,
            9 => Self::MemberRemoved,
            10 => Self::RoleChanged,
            11 => Self::SettingsChanged,
            _ => return None,
        })
    }

    /// The event's `type`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ConversationCreated => "conversation_created",
            Self::Message => "message",
            Self::MessageEdited => "message_edited",
            Self::MessageDeleted => "message_deleted",
            Self::ReactionAdded => "reaction_added",
            Self::ReactionRemoved => "reaction_removed",
            Self::MemberJoined => "member_joined",
            Self::MemberLeft => "member_left",
            Self::MemberRemoved => "member_removed",
            Self::RoleChanged => "role_changed",
            Self::SettingsChanged => "settings_changed",
        }
    }
}

impl ConversationEvent {
    /// The event as rows and clients have it: JSON text.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            // Nearly all events are messages: the same text as the derived form, at a quarter of its cost.
            Self::Message(sent) => sent.write(&mut out),
            event => put(&mut out, event),
        }
        out
    }

    /// The stored tag; `None` for what is never stored.
    #[must_use]
    pub const fn tag(&self) -> Option<EventTag> {
        Some(match self {
            Self::ConversationCreated(_) => EventTag::ConversationCreated,
            Self::Message(_) => EventTag::Message,
            Self::MessageEdited(_) => EventTag::MessageEdited,
            Self::MessageDeleted(_) => EventTag::MessageDeleted,
            Self::ReactionAdded(_) => EventTag::ReactionAdded,
            Self::ReactionRemoved(_) => EventTag::ReactionRemoved,
            Self::MemberJoined(_) => EventTag::MemberJoined,
            Self::MemberLeft(_) => EventTag::MemberLeft,
            Self::MemberRemoved(_) => EventTag::MemberRemoved,
            Self::RoleChanged(_) => EventTag::RoleChanged,
            Self::SettingsChanged(_) => EventTag::SettingsChanged,
            Self::Typing(_) => return None,
        })
    }

    /// The message that the event is about, if it is about one.
    #[must_use]
    pub const fn target(&self) -> Option<u64> {
        match self {
            Self::MessageEdited(MessageEdited { target, .. })
            | Self::MessageDeleted(MessageDeleted { target, .. })
            | Self::ReactionAdded(Reaction { target, .. })
            | Self::ReactionRemoved(Reaction { target, .. }) => Some(*target),
            _ => None,
        }
    }
}
