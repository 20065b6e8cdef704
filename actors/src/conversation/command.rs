//! Commands: what appends. Each file decides one of them on the state, on the rows in memory and on facts from the store, without side effects.
//!
//! A command that lacks a fact says so ([`Need`]) and is decided anew once the fact is there, so that every decision is made on the state of the moment of the append.

use rialto_protocol::event::{ConversationEvent, EventTag};
use rialto_protocol::rpc::{Appended, Request, Role};
use rialto_protocol::{ClientId, ErrorCode, Refusal, UserId};
use rialto_storage::entity_rows::Position;
use rialto_storage::views::MessageRows;
use rialto_storage::{Row, RowSender};
use smallvec::{SmallVec, smallvec};

use super::message::{BadRow, FoldedMessage, event_of};
use super::permission::{Action, check};
use super::recent::Recent;
use super::seen::Seen;
use super::state::State;

pub(super) mod create;
mod dedupe;
mod delete;
mod edit;
mod invite;
mod join;
mod leave;
mod react;
mod remove;
mod send;
mod set;
mod set_role;

/// What a command comes to.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// These rows are to be appended.
    Append(SmallVec<[ConversationEvent; 1]>),
    /// Nothing has to be appended: what is asked for is so already.
    Stands,
    /// An earlier request with the same id did it.
    Duplicate(Appended),
    /// A creation that meets the conversation that it asks for.
    Exists,
}

impl Step {
    fn one(event: ConversationEvent) -> Self {
        Self::Append(smallvec![event])
    }
}

/// Why a command is not decided.
#[derive(Debug, PartialEq)]
pub(crate) enum Stop {
    /// No.
    Refused(Refusal),
    /// Not yet.
    Needs(Need),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ErrorCode> for Stop {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code.into())
    }
}

impl From<BadRow> for Stop {
    fn from(_: BadRow) -> Self {
        Self::Refused(ErrorCode::Unavailable.into())
    }
}

/// A fact that only the store has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Need {
    /// Does a row with this id stand?
    Find(RowSender, Option<u64>),
    /// The message of this number, with what changed it.
    Message(u64),
    /// Which of these users exist.
    Users(Vec<UserId>),
}

/// What the store has said to one command.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The answer to [`Need::Find`].
    pub(crate) position: Option<Option<Position>>,
    /// The answer to [`Need::Message`].
    pub(crate) message: Option<MessageFact>,
    /// The answer to [`Need::Users`]: of these, those exist.
    pub(crate) users: Option<(Vec<UserId>, Vec<UserId>)>,
}

/// A message as the store had it.
#[derive(Debug)]
pub(crate) struct MessageFact {
    /// The number asked for.
    pub(crate) seq: u64,
    /// The rows, if it is a message.
    pub(crate) rows: Option<MessageRows>,
    /// All rows up to here were visible to the read.
    pub(crate) as_of: u64,
}

/// What a command is decided on.
pub(crate) struct Context<'a> {
    pub(crate) user: UserId,
    /// The row time, should a row be appended now.
    pub(crate) time_ms: u64,
    pub(crate) epoch: &'a str,
    pub(crate) state: &'a State,
    pub(crate) recent: &'a Recent,
    pub(crate) seen: &'a Seen,
    pub(crate) facts: &'a Facts,
}

/// Decides a command on a conversation that exists. A repeated id is answered before anything else is looked at: whoever left, and repeats that, is told that it stands.
pub(crate) fn decide(request: &Request, context: &Context<'_>) -> Result<Step, Stop> {
    if let Request::ConversationCreate(create) = request {
        return create::repeat(create, context);
    }
    let client_id = client_id(request).ok_or(ErrorCode::MethodNotFound)?;
    if let Some(appended) = dedupe::earlier(context, client_id)? {
        return Ok(Step::Duplicate(appended));
    }
    match request {
        Request::ConversationJoin(_) => join::decide(context),
        Request::ConversationLeave(_) => leave::decide(context),
        Request::ConversationInvite(invite) => invite::decide(invite, context),
        Request::ConversationRemove(remove) => remove::decide(remove, context),
        Request::ConversationSetRole(set_role) => set_role::decide(set_role, context),
        Request::ConversationSet(set) => set::decide(set, context),
        Request::ConversationSend(send) => send::decide(send, context),
        Request::ConversationEdit(edit) => edit::decide(edit, context),
        Request::ConversationDelete(delete) => delete::decide(delete, context),
        Request::ConversationReact(react) => react::add(react, context),
        Request::ConversationUnreact(react) => react::take_back(react, context),
        _ => Err(ErrorCode::MethodNotFound.into()),
    }
}

/// The sender's id of a request that appends; `None` for other requests, and for a creation, which has a rule of its own.
pub(crate) fn client_id(request: &Request) -> Option<&ClientId> {
    Some(match request {
        Request::ConversationJoin(body) | Request::ConversationLeave(body) => &body.client_id,
        Request::ConversationInvite(body) => &body.client_id,
        Request::ConversationRemove(body) => &body.client_id,
        Request::ConversationSetRole(body) => &body.client_id,
        Request::ConversationSet(body) => &body.client_id,
        Request::ConversationSend(body) => &body.client_id,
        Request::ConversationEdit(body) => &body.client_id,
        Request::ConversationDelete(body) => &body.client_id,
        Request::ConversationReact(body) | Request::ConversationUnreact(body) => &body.client_id,
        _ => return None,
    })
}

impl Context<'_> {
    /// Checks the permission table for the caller.
    fn permit(&self, action: Action) -> Result<(), ErrorCode> {
        check(action, self.state.kind, self.role())
    }

    fn role(&self) -> Option<Role> {
        self.state.role(self.user)
    }

    /// The message of this number with everything that was said about it, rows that are not durable yet included.
    fn message(&self, seq: u64) -> Result<FoldedMessage, Stop> {
        let none = || Refusal::because(ErrorCode::NotFound, format!("no message at offset {seq}"));
        if seq == 0 || seq > self.state.top {
            return Err(none().into());
        }
        let mut message = if self.recent.reaches(seq) {
            let row = self.recent.get(seq).filter(|row| row.event == EventTag::Message).ok_or_else(none)?;
            FoldedMessage::from_rows(row, &[])?
        } else {
            // Rows behind the read must still be in memory, else a newer edit or reaction could be overlooked.
            let fact = self.facts.message.as_ref().filter(|fact| fact.seq == seq && self.recent.reaches(fact.as_of + 1));
            let fact = fact.ok_or(Stop::Needs(Need::Message(seq)))?;
            let rows = fact.rows.as_ref().ok_or_else(none)?;
            FoldedMessage::from_rows(&rows.row, &rows.overlay)?
        };
        for row in self.recent.since(seq + 1).filter(|row| row.target == seq) {
            message.overlay(row.seq, &event_of(row)?);
        }
        Ok(message)
    }
}

/// Refuses users that do not exist.
fn check_users(facts: &Facts, users: &[UserId]) -> Result<(), Stop> {
    if users.is_empty() {
        return Ok(());
    }
    match &facts.users {
        Some((asked, existing)) if users.iter().all(|user| asked.contains(user)) => {
            match users.iter().find(|user| !existing.contains(user)) {
                Some(user) => Err(Refusal::because(ErrorCode::NotFound, format!("no such user: {user}")).into()),
                None => Ok(()),
            }
        }
        _ => Err(Stop::Needs(Need::Users(users.to_vec()))),
    }
}

/// The answer that a row stands for.
pub(crate) fn appended(row: &Row, epoch: &str, duplicate: bool) -> Appended {
    Appended { offset: row.seq, epoch: epoch.to_owned(), time: row.time_ms, duplicate }
}
