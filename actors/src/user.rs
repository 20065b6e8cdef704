//! A user: the inbox `user:<id>`, a stream in memory, and the list of the user's conversations.
//!
//! Conversations tell it what is new ([`Tell`]); it turns that into inbox events, at most one per conversation and second, with the unread count that the read marker gives.

use std::sync::Arc;

use rialto_protocol::rpc::Request;
use rialto_protocol::{ConversationId, ErrorCode, Refusal, UserId};
use rialto_storage::StorageError;
use rialto_storage::views::{ListPosition, Summary, Whose};

use crate::conversation::refusal_of;
use crate::entities::memory_stream::{Keep, MemoryStream};
use crate::entity::{Answer, Ask, Caller, EntityEffect, EntityInput, Found, Query, Tell};
use crate::kernel::{Effects, Machine, Moment};
use crate::reply_to::ReplyTo;

use inbox::Inbox;

mod inbox;
mod list;
#[cfg(test)]
mod tests;

/// Events that an inbox keeps for recovery.
const INBOX_EVENTS_MAX: usize = 100;
/// Bytes of events that an inbox keeps: some forty with a usual last message. Each member of a room has a copy of its own, so that large messages, which the
/// room's log has anyway, are not kept; whoever misses such an event loads the list.
const INBOX_BYTES_MAX: usize = 16 * 1024;
/// Milliseconds that an event is kept: a client notices a dead connection within 35 s. Whoever comes back later loads the list, one request, and most users'
/// inboxes need no memory.
const INBOX_TTL_MS: u64 = 45_000;
/// Reads under way at once. Above: `overloaded`, and news are dropped (the next ones heal).
const READS_MAX: usize = 1_024;

const KEEP: Keep = Keep { publications: INBOX_EVENTS_MAX, bytes: INBOX_BYTES_MAX, ttl_ms: INBOX_TTL_MS };

/// The machine of one user.
#[derive(Debug)]
pub struct User {
    id: UserId,
    generation: Arc<str>,
    /// `None` before the first input.
    stream: Option<MemoryStream>,
    inbox: Inbox,
    /// Questions to the store, by token.
    reads: Vec<(u64, Reading)>,
    next_token: u64,
    /// The standing wish to be woken; `u64::MAX` is none.
    wake_at_ms: u64,
}

#[derive(Debug)]
enum Reading {
    List(ReplyTo),
    Public(ReplyTo),
    Mark(ConversationId),
}

/// The answer to a look at a list.
fn listed(found: Result<Found, StorageError>, answer: impl FnOnce(&[(ListPosition, Summary)], bool) -> Answer) -> Result<Answer, Refusal> {
    match found {
        Ok(Found::List(entries, has_more)) => Ok(answer(&entries, has_more)),
        Ok(_) => Err(ErrorCode::Unavailable.into()),
        Err(error) => Err(refusal_of(&error)),
    }
}

impl Machine for User {
    type Input = EntityInput;
    type Effect = EntityEffect;

    fn apply(&mut self, now: Moment, input: EntityInput, effects: &mut Effects<EntityEffect>) {
        if let EntityInput::Activated { mark: Some(mark), .. } = &input {
            self.stream = Some(MemoryStream::resumed(*mark));
        }
        self.stream.get_or_insert_with(|| MemoryStream::new(now.entropy)).expire(now.mono_ms);
        match input {
            EntityInput::Activated { generation, .. } => self.generation = generation,
            EntityInput::Asked { caller, ask, reply } => self.asked(&caller, ask, reply, effects),
            EntityInput::Told(tell) => self.told(now, tell, effects),
            EntityInput::Answered { token, answer } => self.answered(token, answer, effects),
            EntityInput::Woken => self.wake_at_ms = u64::MAX,
            EntityInput::Applied { .. } => {}
        }
        self.settle(now, effects);
    }
}

impl User {
    /// A machine that has seen nothing yet.
    #[must_use]
    pub fn new(id: UserId) -> Self {
        Self {
            id,
            generation: Arc::from(""),
            stream: None,
            inbox: Inbox::default(),
            reads: Vec::new(),
            next_token: 0,
            wake_at_ms: u64::MAX,
        }
    }

    fn asked(&mut self, caller: &Caller, ask: Ask, reply: ReplyTo, effects: &mut Effects<EntityEffect>) {
        let answer = match ask {
            Ask::Request(request) => match self.listed(caller, &request) {
                Ok(query) => {
                    let is_public = matches!(query, Query::List { whose: Whose::Public { .. }, .. });
                    self.read(query, if is_public { Reading::Public(reply) } else { Reading::List(reply) }, effects);
                    return;
                }
                Err(refusal) => Err(refusal),
            },
            ask => self.listener(caller, ask),
        };
        effects.push(EntityEffect::Reply { to: reply, answer });
    }

    fn listed(&self, caller: &Caller, request: &Request) -> Result<Query, Refusal> {
        if caller.user != self.id || self.id.0.is_nil() {
            return Err(ErrorCode::Forbidden.into());
        }
        if self.reads.len() >= READS_MAX {
            return Err(ErrorCode::Overloaded.into());
        }
        match request {
            Request::ConversationList(list) => list::query(self.id, list),
            Request::ConversationBrowse(browse) => list::public(browse),
            _ => Err(ErrorCode::MethodNotFound.into()),
        }
    }

    /// An inbox is its owner's alone, and only conversations write into it.
    fn listener(&mut self, caller: &Caller, ask: Ask) -> Result<Answer, Refusal> {
        if caller.user != self.id || self.id.0.is_nil() {
            return Err(ErrorCode::PermissionDenied.into());
        }
        let stream = self.stream.as_ref().ok_or(ErrorCode::Unavailable)?;
        match ask {
            Ask::Subscribe(subscribe) => {
                self.inbox.forget_marks();
                stream.subscribe(&subscribe).map(|result| Answer::Subscribed(Box::new(result)))
            }
            Ask::History(history) => stream.history(&history).map(Answer::History),
            Ask::Presence => Ok(Answer::Allowed),
            Ask::Publish { .. } => Err(ErrorCode::PermissionDenied.into()),
            Ask::Request(_) | Ask::Among(_) => Err(ErrorCode::MethodNotFound.into()),
        }
    }

    fn told(&mut self, now: Moment, tell: Tell, effects: &mut Effects<EntityEffect>) {
        let wanted = self.inbox.told(now.mono_ms, tell);
        if let Some(conversation) = wanted.filter(|_| self.reads.len() < READS_MAX) {
            self.read(Query::Mark { user: self.id, conversation }, Reading::Mark(conversation), effects);
        } else if let Some(conversation) = wanted {
            self.inbox.mark_failed(conversation);
        }
    }

    fn read(&mut self, query: Query, reading: Reading, effects: &mut Effects<EntityEffect>) {
        effects.push(EntityEffect::Read { token: self.next_token, query });
        self.reads.push((self.next_token, reading));
        self.next_token += 1;
    }

    fn answered(&mut self, token: u64, answer: Result<Found, StorageError>, effects: &mut Effects<EntityEffect>) {
        let at = self.reads.iter().position(|(asked, _)| *asked == token);
        let reading = at.map(|at| self.reads.swap_remove(at).1);
        if self.reads.is_empty() {
            self.reads = Vec::new();
        }
        match (reading, answer) {
            (Some(Reading::List(reply)), answer) => {
                let answer = listed(answer, |entries, more| Answer::Conversations(list::page(entries, more, &self.generation)));
                effects.push(EntityEffect::Reply { to: reply, answer });
            }
            (Some(Reading::Public(reply)), answer) => {
                let answer = listed(answer, |entries, more| Answer::PublicConversations(list::public_page(entries, more)));
                effects.push(EntityEffect::Reply { to: reply, answer });
            }
            (Some(Reading::Mark(conversation)), Ok(Found::Mark(mark))) => self.inbox.mark_found(conversation, mark),
            (Some(Reading::Mark(conversation)), _) => self.inbox.mark_failed(conversation),
            (None, _) => {}
        }
    }

    /// Says what is due, asks to be woken for the rest, and may leave memory once nothing could be recovered from it.
    fn settle(&mut self, now: Moment, effects: &mut Effects<EntityEffect>) {
        let Some(stream) = &mut self.stream else { return };
        for (text, data) in self.inbox.due(now.mono_ms) {
            let offset = stream.push(now.mono_ms, KEEP, data, None);
            effects.push(EntityEffect::Publish { data: text, offset, info: None });
        }
        let wake_at_ms = [stream.next_expiry_ms(), self.inbox.next_due_ms()].into_iter().flatten().min();
        match wake_at_ms {
            None if self.reads.is_empty() => effects.push(EntityEffect::Rest(stream.mark())),
            Some(mono_ms) if self.wake_at_ms > mono_ms => {
                self.wake_at_ms = mono_ms;
                effects.push(EntityEffect::WakeAt { mono_ms });
            }
            _ => {}
        }
    }
}
