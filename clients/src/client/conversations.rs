//! Conversations and users: one method for each rpc, typed by the protocol crate.

use rialto_protocol::rpc::{
    self as protocol, Appended, BotCommand, BrowseConversations, Conversation, CreateConversation, DeleteMessage, EditMessage, FindUser,
    GetUser, Invite, JoinOrLeave, ListConversations, ListMembers, ListMessages, MarkRead, Marked, Member, Message, OneConversation, Page,
    Profile, PublicConversation, React, RemoveMember, Role, SendMessage, SetCommands, SetRole, SetSettings, SetUser,
};
use rialto_protocol::{ClientId, ConversationId, UserId};
use serde::Serialize;

use super::Client;
use crate::connection::Retry;
use crate::error::Error;

/// All these fail as [`Error`] says. Those that append wait for the durable acknowledgement and repeat themselves with the same id until it comes.
impl Client {
    /// Says something.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send(&self, conversation: ConversationId, text: impl Into<String>) -> Result<Appended, Error> {
        let text = text.into();
        self.append("conversation.send", |client_id| SendMessage { conversation, client_id, text, reply_to: None }).await
    }

    /// Says something in answer to the message at offset `to`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn reply(&self, conversation: ConversationId, to: u64, text: impl Into<String>) -> Result<Appended, Error> {
        let text = text.into();
        self.append("conversation.send", |client_id| SendMessage { conversation, client_id, text, reply_to: Some(to) }).await
    }

    /// Says something under an id that the caller made: saying it again after a restart of the caller is still one message.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send_message(&self, message: &SendMessage) -> Result<Appended, Error> {
        self.rpc_idempotent("conversation.send", message).await
    }

    /// Replaces the text of one's own message.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn edit(&self, conversation: ConversationId, target: u64, text: impl Into<String>) -> Result<Appended, Error> {
        let text = text.into();
        self.append("conversation.edit", |client_id| EditMessage { conversation, client_id, target, text }).await
    }

    /// Takes a message back.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(&self, conversation: ConversationId, target: u64) -> Result<Appended, Error> {
        self.append("conversation.delete", |client_id| DeleteMessage { conversation, client_id, target }).await
    }

    /// Adds a reaction.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn react(&self, conversation: ConversationId, target: u64, emoji: impl Into<String>) -> Result<Appended, Error> {
        let emoji = emoji.into();
        self.append("conversation.react", |client_id| React { conversation, client_id, target, emoji }).await
    }

    /// Takes a reaction back.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn unreact(&self, conversation: ConversationId, target: u64, emoji: impl Into<String>) -> Result<Appended, Error> {
        let emoji = emoji.into();
        self.append("conversation.unreact", |client_id| React { conversation, client_id, target, emoji }).await
    }

    /// Joins a public conversation.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn join(&self, conversation: ConversationId) -> Result<Appended, Error> {
        self.append("conversation.join", |client_id| JoinOrLeave { conversation, client_id }).await
    }

    /// Leaves a conversation.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn leave(&self, conversation: ConversationId) -> Result<Appended, Error> {
        self.append("conversation.leave", |client_id| JoinOrLeave { conversation, client_id }).await
    }

    /// Adds members.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn invite(&self, conversation: ConversationId, users: Vec<UserId>) -> Result<Appended, Error> {
        self.append("conversation.invite", |client_id| Invite { conversation, client_id, users }).await
    }

    /// Removes a member.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn remove(&self, conversation: ConversationId, user: UserId) -> Result<Appended, Error> {
        self.append("conversation.remove", |client_id| RemoveMember { conversation, client_id, user }).await
    }

    /// Changes a member's role.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_role(&self, conversation: ConversationId, user: UserId, role: Role) -> Result<Appended, Error> {
        self.append("conversation.set_role", |client_id| SetRole { conversation, client_id, user, role }).await
    }

    /// Changes the title.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_title(&self, conversation: ConversationId, title: impl Into<String>) -> Result<Appended, Error> {
        let title = Some(title.into());
        self.append("conversation.set", |client_id| SetSettings { conversation, client_id, title }).await
    }

    /// Creates a conversation. An id is made when the caller gives none, so that a repeat meets the same conversation.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create(&self, mut create: CreateConversation) -> Result<Conversation, Error> {
        let place = self.place()?;
        if create.client_id.is_none() {
            create.client_id = Some(self.new_client_id().await?);
        }
        self.rpc_with(place, "conversation.create", &create, Retry::Safe).await
    }

    /// One page of the caller's conversations, most recently active first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list(&self, page: ListPage) -> Result<Page<Conversation>, Error> {
        self.rpc_idempotent("conversation.list", &ListConversations { limit: page.limit, cursor: page.cursor }).await
    }

    /// All of the caller's conversations, page by page.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list_all(&self) -> Result<Vec<Conversation>, Error> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.list(ListPage { limit: None, cursor }).await?;
            all.extend(page.items);
            if page.next.is_none() {
                return Ok(all);
            }
            cursor = page.next;
        }
    }

    /// One conversation.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn conversation(&self, conversation: ConversationId) -> Result<Conversation, Error> {
        self.rpc_idempotent("conversation.get", &OneConversation { conversation }).await
    }

    /// One page of a conversation's members.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn members(&self, conversation: ConversationId, page: ListPage) -> Result<Page<Member>, Error> {
        self.rpc_idempotent("conversation.members", &ListMembers { conversation, limit: page.limit, cursor: page.cursor }).await
    }

    /// Slash commands of the bots in a conversation, in order of name.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn commands(&self, conversation: ConversationId) -> Result<Page<protocol::Command>, Error> {
        self.rpc_idempotent("conversation.commands", &OneConversation { conversation }).await
    }

    /// Replaces one's own slash commands: bots only.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_commands(&self, commands: Vec<BotCommand>) -> Result<(), Error> {
        let _nothing: serde_json::Value = self.rpc_idempotent("bot.set_commands", &SetCommands { commands }).await?;
        Ok(())
    }

    /// One page of messages with edits and reactions folded in, ascending.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn messages(&self, list: &ListMessages) -> Result<Page<Message>, Error> {
        self.rpc_idempotent("conversation.messages", list).await
    }

    /// Moves the caller's read marker on.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn mark_read(&self, conversation: ConversationId, offset: u64) -> Result<Marked, Error> {
        self.rpc_idempotent("conversation.mark_read", &MarkRead { conversation, offset }).await
    }

    /// Shows the others that the caller is typing. Worth nothing later: fails at once without a connection.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn typing(&self, conversation: ConversationId) -> Result<(), Error> {
        let place = self.place()?;
        let _: serde::de::IgnoredAny =
            self.rpc_with(place, "conversation.typing", &OneConversation { conversation }, Retry::Ephemeral).await?;
        Ok(())
    }

    /// The caller.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn me(&self) -> Result<Profile, Error> {
        self.rpc_idempotent("user.me", &serde_json::Map::new()).await
    }

    /// A user by id.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn user(&self, user: UserId) -> Result<Profile, Error> {
        self.rpc_idempotent("user.get", &GetUser { user }).await
    }

    /// Changes what people read of oneself.
    ///
    /// # Errors
    /// See [`Error`]; `invalid_argument` for a bad name.
    pub async fn set_profile(&self, display_name: impl Into<String>) -> Result<Profile, Error> {
        self.rpc_idempotent("user.set", &SetUser { display_name: display_name.into() }).await
    }

    /// Public conversations, most recently active first; a `title` leaves those that have it in theirs, in any case.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn browse(&self, browse: BrowseConversations) -> Result<Page<PublicConversation>, Error> {
        self.rpc_idempotent("conversation.browse", &browse).await
    }

    /// A user by exact name.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn find_user(&self, username: impl Into<String>) -> Result<Profile, Error> {
        self.rpc_idempotent("user.find", &FindUser { username: username.into() }).await
    }

    async fn append<B: Serialize>(&self, method: &str, body: impl FnOnce(ClientId) -> B) -> Result<Appended, Error> {
        let place = self.place()?;
        let client_id = self.new_client_id().await?;
        self.rpc_with(place, method, &body(client_id), Retry::Safe).await
    }
}

/// Which page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Items wanted; the server's default when `None`.
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}
