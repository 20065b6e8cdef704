//! Bodies of the rpc methods and of their HTTP twins: one definition for both. [`Request::parse`] turns a method name and its JSON into a checked value.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::code::{ErrorCode, Refusal};
use crate::id::{ClientId, ConversationId, UserId};
use crate::limits::METHOD_BYTES_MAX;

/// What a conversation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Exactly two people; one per pair.
    Direct,
    /// By invitation.
    Group,
    /// Anyone may find, read after joining, and join it.
    Public,
}

/// What a member may do. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// Speaks, reads, reacts, invites.
    Member = 1,
    /// Also removes members, deletes messages, changes settings.
    Admin = 2,
    /// Also changes roles.
    Owner = 3,
}

macro_rules! bodies {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident : $type:ty ),* $(,)? } )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            pub struct $name { $( $(#[$field_doc])* pub $field: $type, )* }
        )*
    };
}

pub(crate) mod check;
mod commands;

pub use commands::{BotCommand, Command, CommandOption, OptionKind, SetCommands};

bodies! {
    /// `conversation.create`, `POST /v1/conversations`.
    CreateConversation {
        /// Direct, group or public.
        kind: ConversationKind,
        /// For a group or public conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// First members besides the creator; exactly one for a direct conversation.
        #[serde(default)]
        members: Vec<UserId>,
        /// Makes a repeat of this creation return the first one's conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<ClientId>,
    }
    /// `conversation.list`, `GET /v1/conversations`: most recently active first.
    ListConversations {
        /// Items wanted.
        #[serde(default)]
        limit: Option<usize>,
        /// `next` of the page before.
        #[serde(default)]
        cursor: Option<String>,
    }
    /// A request that names only the conversation: `conversation.get`, `conversation.typing`, `conversation.commands`.
    OneConversation {
        /// Which one.
        conversation: ConversationId,
    }
    /// `conversation.members`.
    ListMembers {
        /// Which one.
        conversation: ConversationId,
        /// Items wanted.
        #[serde(default)]
        limit: Option<usize>,
        /// `next` of the page before.
        #[serde(default)]
        cursor: Option<String>,
    }
    /// `conversation.messages`: ascending; without `before` and `after` the newest page.
    ListMessages {
        /// Which one.
        conversation: ConversationId,
        /// Only offsets below.
        #[serde(default)]
        before: Option<u64>,
        /// Only offsets above.
        #[serde(default)]
        after: Option<u64>,
        /// Items wanted.
        #[serde(default)]
        limit: Option<usize>,
    }
    /// `conversation.browse`: public conversations, most recently active first.
    BrowseConversations {
        /// Only those whose title has this in it, in any case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// Items wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
        /// `next` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    }
    /// `conversation.send`, `publish` on `conversation:<id>`.
    SendMessage {
        /// Which one.
        conversation: ConversationId,
        /// The sender's id of this message.
        client_id: ClientId,
        /// The text: 1 byte to 32 KiB.
        text: String,
        /// Offset of the message that this answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<u64>,
    }
    /// `conversation.edit`: one's own message.
    EditMessage {
        /// Which one.
        conversation: ConversationId,
        /// The sender's id of this edit.
        client_id: ClientId,
        /// Offset of the message.
        target: u64,
        /// The new text.
        text: String,
    }
    /// `conversation.delete`: one's own message, or anyone's for an admin.
    DeleteMessage {
        /// Which one.
        conversation: ConversationId,
        /// The sender's id of this deletion.
        client_id: ClientId,
        /// Offset of the message.
        target: u64,
    }
    /// `conversation.react`, `conversation.unreact`.
    React {
        /// Which one.
        conversation: ConversationId,
        /// The sender's id of this reaction.
        client_id: ClientId,
        /// Offset of the message.
        target: u64,
        /// The emoji: 1 to 64 bytes, no control characters or spaces.
        emoji: String,
    }
    /// `conversation.mark_read`: everything up to `offset`; never moves back.
    MarkRead {
        /// Which one.
        conversation: ConversationId,
        /// The last offset read.
        offset: u64,
    }
    /// `conversation.join`, `conversation.leave`.
    JoinOrLeave {
        /// Which one.
        conversation: ConversationId,
        /// The sender's id of this change.
        client_id: ClientId,
    }
    /// `conversation.invite`: adds members to a group or public conversation.
    Invite {
        /// Which one.
        conversation: ConversationId,
        /// The sender's id of this change.
        client_id: ClientId,
        /// Whom.
        users: Vec<UserId>,
    }
    /// `conversation.remove`.
    RemoveMember {
        /// Which one.
        conversation: ConversationId,
        /// The sender's id of this change.
        client_id: ClientId,
        /// Whom.
        user: UserId,
    }
    /// `conversation.set_role`.
    SetRole {
        /// Which one.
        conversation: ConversationId,
        /// The sender's id of this change.
        client_id: ClientId,
        /// Whose role.
        user: UserId,
        /// The role from now on.
        role: Role,
    }
    /// `conversation.set`: settings; only what is present changes.
    SetSettings {
        /// Which one.
        conversation: ConversationId,
        /// The sender's id of this change.
        client_id: ClientId,
        /// The new title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    }
    /// `user.get`.
    GetUser {
        /// Whom.
        user: UserId,
    }
    /// `user.set`: what people read of oneself.
    SetUser {
        /// 1 to 64 characters.
        display_name: String,
    }
    /// `user.find`.
    FindUser {
        /// The exact user name, in any case.
        username: String,
    }

    /// Answer to everything that appends.
    Appended {
        /// The row's offset: of the last one where a request makes several.
        offset: u64,
        /// The channel's epoch.
        epoch: String,
        /// Row time, milliseconds since 1970.
        time: u64,
        /// True when an earlier request with the same `client_id` made this row.
        duplicate: bool,
    }
    /// One conversation as its caller sees it.
    Conversation {
        /// Its id.
        id: ConversationId,
        /// Direct, group or public.
        kind: ConversationKind,
        /// The title, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// The caller's role; absent for a public conversation that the caller has not joined.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
        /// Members, at most the first 100; `conversation.members` pages all.
        members: Vec<UserId>,
        /// How many members there are.
        member_count: u64,
        /// When it was created, milliseconds since 1970.
        #[serde(default)]
        created: u64,
        /// The channel's epoch.
        epoch: String,
        /// The newest row's offset.
        offset: u64,
        /// Messages of others behind the caller's read marker.
        unread: u64,
        /// The caller's read marker: the last offset read, 0 at first.
        read: u64,
        /// The newest message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Message>,
    }
    /// What anybody may know of a public conversation.
    PublicConversation {
        /// Its id: `conversation.join` takes it.
        id: ConversationId,
        /// The title, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// How many members there are.
        member_count: u64,
        /// When something was last said, milliseconds since 1970.
        active: u64,
    }
    /// One member.
    Member {
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
    }
    /// Answer of `conversation.mark_read`.
    Marked {
        /// The marker now; a later one than asked for when another device was ahead.
        offset: u64,
        /// Messages of others behind it.
        unread: u64,
    }
    /// A message with its edits and reactions folded in.
    Message {
        /// Its row.
        offset: u64,
        /// Who sent it.
        sender: UserId,
        /// The sender's id of it: lets an SDK match its own optimistic copy.
        client_id: ClientId,
        /// The current text; empty when deleted.
        text: String,
        /// When it was sent, milliseconds since 1970.
        time: u64,
        /// True when the text was replaced.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        edited: bool,
        /// True when it was taken back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        deleted: bool,
        /// Offset of the message that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<u64>,
        /// Who reacted with what.
        #[serde(default)]
        reactions: BTreeMap<String, Vec<UserId>>,
    }
    /// A user as others see one.
    Profile {
        /// The id.
        id: UserId,
        /// The unique name; guests and users of other issuers have a made one.
        username: String,
        /// What people read.
        display_name: String,
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Cursor of the page after this one; `null` at the end.
    pub next: Option<String>,
}

/// Every rpc request, checked. As JSON it is its body.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "each is the method of the same name")]
pub enum Request {
    ConversationCreate(CreateConversation),
    ConversationList(ListConversations),
    ConversationBrowse(BrowseConversations),
    ConversationGet(OneConversation),
    ConversationMembers(ListMembers),
    ConversationMessages(ListMessages),
    ConversationJoin(JoinOrLeave),
    ConversationLeave(JoinOrLeave),
    ConversationInvite(Invite),
    ConversationRemove(RemoveMember),
    ConversationSetRole(SetRole),
    ConversationSet(SetSettings),
    ConversationSend(SendMessage),
    ConversationEdit(EditMessage),
    ConversationDelete(DeleteMessage),
    ConversationReact(React),
    ConversationUnreact(React),
    ConversationMarkRead(MarkRead),
    ConversationTyping(OneConversation),
    ConversationCommands(OneConversation),
    BotSetCommands(SetCommands),
    UserMe,
    UserGet(GetUser),
    UserFind(FindUser),
    UserSet(SetUser),
}

impl Request {
    /// Parses and checks a request.
    ///
    /// # Errors
    /// `method not found` for an unknown method; `invalid_argument` or `too_large` for a bad body.
    pub fn parse(method: &str, data: &str) -> Result<Self, Refusal> {
        if method.len() > METHOD_BYTES_MAX {
            return Err(ErrorCode::MethodNotFound.into());
        }
        let request = match method {
            "conversation.create" => Self::ConversationCreate(body(data)?),
            "conversation.list" => Self::ConversationList(body_or_empty(data)?),
            "conversation.browse" => Self::ConversationBrowse(body_or_empty(data)?),
            "conversation.get" => Self::ConversationGet(body(data)?),
            "conversation.members" => Self::ConversationMembers(body(data)?),
            "conversation.messages" => Self::ConversationMessages(body(data)?),
            "conversation.join" => Self::ConversationJoin(body(data)?),
            "conversation.leave" => Self::ConversationLeave(body(data)?),
            "conversation.invite" => Self::ConversationInvite(body(data)?),
            "conversation.remove" => Self::ConversationRemove(body(data)?),
            "conversation.set_role" => Self::ConversationSetRole(body(data)?),
            "conversation.set" => Self::ConversationSet(body(data)?),
            "conversation.send" => Self::ConversationSend(body(data)?),
            "conversation.edit" => Self::ConversationEdit(body(data)?),
            "conversation.delete" => Self::ConversationDelete(body(data)?),
            "conversation.react" => Self::ConversationReact(body(data)?),
            "conversation.unreact" => Self::ConversationUnreact(body(data)?),
            "conversation.mark_read" => Self::ConversationMarkRead(body(data)?),
            "conversation.typing" => Self::ConversationTyping(body(data)?),
            "conversation.commands" => Self::ConversationCommands(body(data)?),
            "bot.set_commands" => Self::BotSetCommands(body(data)?),
            "user.me" => Self::UserMe,
            "user.get" => Self::UserGet(body(data)?),
            "user.find" => Self::UserFind(body(data)?),
            "user.set" => Self::UserSet(body(data)?),
            _ => return Err(ErrorCode::MethodNotFound.into()),
        };
        request.check()?;
        Ok(request)
    }

    /// The name of the method, for scopes, logs and metrics.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::ConversationCreate(_) => "conversation.create",
            Self::ConversationList(_) => "conversation.list",
            Self::ConversationBrowse(_) => "conversation.browse",
            Self::ConversationGet(_) => "conversation.get",
            Self::ConversationMembers(_) => "conversation.members",
            Self::ConversationMessages(_) => "conversation.messages",
            Self::ConversationJoin(_) => "conversation.join",
            Self::ConversationLeave(_) => "conversation.leave",
            Self::ConversationInvite(_) => "conversation.invite",
            Self::ConversationRemove(_) => "conversation.remove",
            Self::ConversationSetRole(_) => "conversation.set_role",
            Self::ConversationSet(_) => "conversation.set",
            Self::ConversationSend(_) => "conversation.send",
            Self::ConversationEdit(_) => "conversation.edit",
            Self::ConversationDelete(_) => "conversation.delete",
            Self::ConversationReact(_) => "conversation.react",
            Self::ConversationUnreact(_) => "conversation.unreact",
            Self::ConversationMarkRead(_) => "conversation.mark_read",
            Self::ConversationTyping(_) => "conversation.typing",
            Self::ConversationCommands(_) => "conversation.commands",
            Self::BotSetCommands(_) => "bot.set_commands",
            Self::UserMe => "user.me",
            Self::UserGet(_) => "user.get",
            Self::UserFind(_) => "user.find",
            Self::UserSet(_) => "user.set",
        }
    }
}

fn body<T: DeserializeOwned>(data: &str) -> Result<T, Refusal> {
    // serde would take an array for a struct.
    if !data.trim_ascii_start().starts_with('{') {
        return Err(Refusal::because(ErrorCode::InvalidArgument, "the body is no JSON object"));
    }
    serde_json::from_str(data).map_err(|error| Refusal::because(ErrorCode::InvalidArgument, sentence(&error)))
}

/// A list without arguments may come without a body.
fn body_or_empty<T: DeserializeOwned>(data: &str) -> Result<T, Refusal> {
    body(if data.is_empty() || data == "null" { "{}" } else { data })
}

/// serde's message without its position, which speaks of bytes that the caller cannot see.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}
