//! What a handler knows of the row that it was called for, and what it can do about it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rialto_protocol::event::{ConversationEvent, MessageSent};
use rialto_protocol::rpc::{Appended, EditMessage, Profile, React, SendMessage};
use rialto_protocol::{ClientId, ConversationId, UserId};

use super::again::until_done;
use super::limits::ACTIONS_MAX;
use crate::client::Client;
use crate::error::Error;

/// What every id that a bot makes begins with; other bots do not answer to these unless they want to.
pub const BOT_ID_PREFIX: &str = "bot-";

/// One row of a conversation, as a follower hands it on.
pub(crate) struct Row {
    pub(crate) client: Client,
    pub(crate) me: Arc<Profile>,
    pub(crate) conversation: ConversationId,
    pub(crate) offset: u64,
    pub(crate) event: ConversationEvent,
}

/// What a handler knows of the row that it was called for, and what it can do about it. Clones are the same.
///
/// What it does is done once: the id of each action is made of the row, the handler and its number, so a handler that is run again after a crash repeats
/// the same actions under the same ids, and the server knows them. That needs a handler that does the same things in the same order.
#[derive(Clone)]
pub struct Context {
    row: Arc<Row>,
    handler: usize,
    actions: Arc<AtomicU32>,
    state: Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>,
}

impl Context {
    pub(crate) fn new(row: Row, handler: usize) -> Self {
        Self { row: Arc::new(row), handler, actions: Arc::default(), state: Arc::default() }
    }

    /// The same row for another handler.
    pub(crate) fn of(&self, handler: usize) -> Self {
        Self { handler, actions: Arc::default(), ..self.clone() }
    }

    /// The bot's client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.row.client
    }

    /// Who the bot is.
    #[must_use]
    pub fn me(&self) -> &Profile {
        &self.row.me
    }

    /// Where it happened.
    #[must_use]
    pub fn conversation(&self) -> ConversationId {
        self.row.conversation
    }

    /// The row.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.row.offset
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &ConversationEvent {
        &self.row.event
    }

    /// Who did it.
    #[must_use]
    pub fn sender(&self) -> UserId {
        actor_of(self.event())
    }

    /// The message, if the row is one.
    #[must_use]
    pub fn message(&self) -> Option<&MessageSent> {
        match self.event() {
            ConversationEvent::Message(message) => Some(message),
            _ => None,
        }
    }

    /// What was said; empty when the row is no message.
    #[must_use]
    pub fn text(&self) -> &str {
        self.message().map_or("", |message| &message.text)
    }

    /// For middleware: remembers what it found out about this row, one value of each type.
    pub fn insert<T: Send + 'static>(&self, value: T) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).insert(TypeId::of::<T>(), Box::new(value));
    }

    /// What middleware found out about this row.
    #[must_use]
    pub fn get<T: Clone + 'static>(&self) -> Option<T> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref()).cloned()
    }

    /// Says something in the conversation. Returns when it stands.
    ///
    /// # Errors
    /// See [`Context::act`].
    pub async fn say(&self, text: impl Into<String>) -> Result<Appended, Error> {
        self.send(text.into(), None).await
    }

    /// Answers the row.
    ///
    /// # Errors
    /// See [`Context::act`].
    pub async fn reply(&self, text: impl Into<String>) -> Result<Appended, Error> {
        self.send(text.into(), Some(self.offset())).await
    }

    /// Reacts to the row.
    ///
    /// # Errors
    /// See [`Context::act`].
    pub async fn react(&self, emoji: impl Into<String>) -> Result<Appended, Error> {
        self.react_to(self.offset(), emoji).await
    }

    /// Reacts to the message at offset `target`.
    ///
    /// # Errors
    /// See [`Context::act`].
    pub async fn react_to(&self, target: u64, emoji: impl Into<String>) -> Result<Appended, Error> {
        let (emoji, conversation) = (emoji.into(), self.conversation());
        let react = |client_id| React { conversation, client_id, target, emoji: emoji.clone() };
        self.act(|client_id| self.append("conversation.react", react(client_id))).await
    }

    /// Replaces the text of one of the bot's own messages.
    ///
    /// # Errors
    /// See [`Context::act`].
    pub async fn edit(&self, target: u64, text: impl Into<String>) -> Result<Appended, Error> {
        let (text, conversation) = (text.into(), self.conversation());
        let edit = |client_id| EditMessage { conversation, client_id, target, text: text.clone() };
        self.act(|client_id| self.append("conversation.edit", edit(client_id))).await
    }

    /// Shows that the bot is at it. Worth nothing later, so nothing is said when it does not work.
    pub async fn typing(&self) {
        if let Err(error) = self.client().typing(self.conversation()).await {
            tracing::debug!(%error, "typing is not shown");
        }
    }

    /// Anything else that appends: done once, and as often as it takes. `make` gets the id to use.
    ///
    /// # Errors
    /// See [`Error`], but none that may pass: those are waited out. [`Error::Misuse`] above [`ACTIONS_MAX`].
    pub async fn act<T, Attempt>(&self, make: impl Fn(ClientId) -> Attempt) -> Result<T, Error>
    where
        Attempt: Future<Output = Result<T, Error>>,
    {
        let number = self.actions.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if number > ACTIONS_MAX {
            return Err(Error::Misuse(format!("more than {ACTIONS_MAX} actions for one row")));
        }
        let id = format!("{BOT_ID_PREFIX}{}-{}-{}.{number}", self.conversation(), self.offset(), self.handler);
        let id = ClientId::new(&id).map_err(|error| Error::Misuse(error.to_string()))?;
        until_done(|| make(id.clone())).await
    }

    async fn send(&self, text: String, reply_to: Option<u64>) -> Result<Appended, Error> {
        let conversation = self.conversation();
        let send = |client_id| SendMessage { conversation, client_id, text: text.clone(), reply_to };
        self.act(|client_id| self.append("conversation.send", send(client_id))).await
    }

    async fn append<B: serde::Serialize>(&self, method: &str, body: B) -> Result<Appended, Error> {
        self.client().rpc_idempotent(method, &body).await
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = out.debug_struct("Context");
        shown
            .field("conversation", &self.row.conversation)
            .field("offset", &self.row.offset)
            .field("handler", &self.handler)
            .finish_non_exhaustive()
    }
}

/// Who did what an event tells.
#[must_use]
pub fn actor_of(event: &ConversationEvent) -> UserId {
    match event {
        ConversationEvent::Message(message) => message.sender,
        ConversationEvent::ReactionAdded(reaction) | ConversationEvent::ReactionRemoved(reaction) => reaction.user,
        ConversationEvent::Typing(typing) => typing.user,
        ConversationEvent::ConversationCreated(created) => created.by,
        ConversationEvent::MessageEdited(edited) => edited.by,
        ConversationEvent::MessageDeleted(deleted) => deleted.by,
        ConversationEvent::MemberJoined(membership)
        | ConversationEvent::MemberLeft(membership)
        | ConversationEvent::MemberRemoved(membership)
        | ConversationEvent::RoleChanged(membership) => membership.by,
        ConversationEvent::SettingsChanged(changed) => changed.by,
    }
}
