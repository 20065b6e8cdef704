//! Everything that is asked and appends nothing. A read that needs the store is put aside under a token; its answer is combined with the rows in memory at the moment of answering.

use rialto_protocol::reply::{Publication, RawJson};
use rialto_protocol::rpc::Request;
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::{Row, StorageError};
use serde_json::value::RawValue;

use super::command::client_id;
use super::limits::READS_MAX;
use super::message::BadRow;
use super::permission::{Action, check};
use super::state::State;
use super::{Conversation, Life, overloaded, refusal_of};
use crate::entity::{Answer, Ask, EntityEffect, Found, Query};
use crate::kernel::{Effects, Moment};
use crate::reply_to::ReplyTo;

mod get;
mod history;
mod mark_read;
mod members;
mod messages;
mod subscribe;
mod typing;

/// How far a read has come.
pub(super) enum Progress {
    /// It is answered.
    Done(Answer),
    /// It needs this.
    Reads(Query, Task),
}

/// A read that waits for the store.
#[derive(Debug)]
pub(super) struct Reading {
    user: UserId,
    reply: ReplyTo,
    task: Task,
}

/// What is read, and what is known of it so far.
#[derive(Debug)]
pub(super) enum Task {
    Get,
    Messages(messages::Page),
    Subscribe(subscribe::Recovery),
    History(history::Part),
    FindMark(mark_read::Search),
    Advance,
}

impl Conversation {
    pub(super) fn asked(&mut self, now: Moment, user: UserId, ask: Ask, reply: ReplyTo, effects: &mut Effects<EntityEffect>) {
        let is_request = matches!(ask, Ask::Request(_));
        if user.0.is_nil() {
            let code = if is_request { ErrorCode::Forbidden } else { ErrorCode::PermissionDenied };
            effects.push(EntityEffect::Reply { to: reply, answer: Err(code.into()) });
            return;
        }
        match ask {
            Ask::Request(request) if client_id(&request).is_some() || matches!(*request, Request::ConversationCreate(_)) => {
                self.command(now, user, *request, reply, effects);
            }
            Ask::Request(request) => self.requested(now, user, *request, reply, effects),
            Ask::Subscribe(ask) => self.read(effects, user, reply, |conversation| conversation.subscribe(user, &ask)),
            Ask::History(history) => self.read(effects, user, reply, |conversation| conversation.history(user, &history)),
            Ask::Presence => self.read(effects, user, reply, |conversation| {
                conversation.listener(user)?;
                Ok(Progress::Done(Answer::Allowed))
            }),
            Ask::Among(users) => self.read(effects, user, reply, |conversation| {
                let state = conversation.permitted(Action::Read, user)?;
                let members = users.iter().copied().filter(|user| state.role(*user).is_some());
                Ok(Progress::Done(Answer::Users(members.collect())))
            }),
            // The session turns a publication into `conversation.send`.
            Ask::Publish { .. } => effects.push(EntityEffect::Reply { to: reply, answer: Err(ErrorCode::NotAvailable.into()) }),
        }
    }

    fn requested(&mut self, now: Moment, user: UserId, request: Request, reply: ReplyTo, effects: &mut Effects<EntityEffect>) {
        if matches!(request, Request::ConversationTyping(_)) {
            let answer = self.typing(now, user, effects);
            effects.push(EntityEffect::Reply { to: reply, answer });
            return;
        }
        self.read(effects, user, reply, |conversation| match request {
            Request::ConversationGet(_) => conversation.get(user),
            Request::ConversationMembers(list) => conversation.members(user, &list),
            Request::ConversationMessages(list) => conversation.messages(user, &list),
            Request::ConversationMarkRead(mark) => conversation.mark_read(user, &mark),
            _ => Err(ErrorCode::MethodNotFound.into()),
        });
    }

    /// Begins a read: answers it, or puts it aside.
    pub(super) fn read(
        &mut self,
        effects: &mut Effects<EntityEffect>,
        user: UserId,
        reply: ReplyTo,
        begin: impl FnOnce(&Self) -> Result<Progress, Refusal>,
    ) {
        let progress = begin(self);
        self.progress(user, reply, progress, effects);
    }

    /// Goes on with a read that the store has answered.
    pub(super) fn resume(&mut self, reading: Reading, answer: Result<Found, StorageError>, effects: &mut Effects<EntityEffect>) {
        let Reading { user, reply, task } = reading;
        let progress = match answer {
            Err(error) => Err(refusal_of(&error)),
            Ok(_) if self.life != Life::Awake => Err(ErrorCode::Unavailable.into()),
            Ok(found) => self.go_on(user, task, found, effects),
        };
        self.progress(user, reply, progress, effects);
    }

    fn go_on(&self, user: UserId, task: Task, found: Found, effects: &mut Effects<EntityEffect>) -> Result<Progress, Refusal> {
        match (task, found) {
            (Task::Get, Found::Mark(mark)) => self.got(user, &mark),
            (Task::Messages(page), Found::Messages(rows)) => page.finish(rows),
            (Task::Subscribe(recovery), Found::Rows(rows)) => self.recover_further(user, recovery, rows),
            (Task::History(part), Found::Rows(rows)) => part.finish(&rows),
            (Task::FindMark(search), Found::Rows(rows)) => self.search_mark(user, search, &rows),
            (Task::Advance, Found::Mark(mark)) => self.marked(user, mark, effects),
            _ => Err(ErrorCode::Unavailable.into()),
        }
    }

    fn progress(&mut self, user: UserId, reply: ReplyTo, progress: Result<Progress, Refusal>, effects: &mut Effects<EntityEffect>) {
        let answer = match progress {
            Ok(Progress::Reads(query, task)) if self.reads.len() < READS_MAX => {
                effects.push(EntityEffect::Read { token: self.next_token, query });
                self.reads.insert(self.next_token, Reading { user, reply, task });
                self.next_token += 1;
                return;
            }
            Ok(Progress::Reads(..)) => Err(overloaded()),
            Ok(Progress::Done(answer)) => Ok(answer),
            Err(refusal) => Err(refusal),
        };
        effects.push(EntityEffect::Reply { to: reply, answer });
    }

    /// The state, if the user may do this.
    fn permitted(&self, action: Action, user: UserId) -> Result<&State, Refusal> {
        let state = self.state.as_ref().ok_or(ErrorCode::NotFound)?;
        check(action, state.kind, state.role(user))?;
        Ok(state)
    }

    /// The state, if the user may listen. Others are told the same whether the conversation exists or not.
    fn listener(&self, user: UserId) -> Result<&State, Refusal> {
        self.permitted(Action::Read, user).map_err(|_| ErrorCode::PermissionDenied.into())
    }
}

/// A row as a publication.
fn publication(row: &Row) -> Result<Publication, BadRow> {
    let bad = |what| BadRow { seq: row.seq, what };
    let text = String::from_utf8(row.body.to_vec()).map_err(|_| bad("body is no UTF-8"))?;
    let data = RawValue::from_string(text).map_err(|_| bad("body is no JSON"))?;
    Ok(Publication { data: RawJson::new(data), info: None, offset: row.seq })
}

fn publications<'a>(rows: impl Iterator<Item = &'a Row>) -> Result<Vec<Publication>, Refusal> {
    rows.map(publication).collect::<Result<_, _>>().map_err(|_| ErrorCode::Unavailable.into())
}

/// The limit of a page: what was asked for within bounds.
fn page_limit(asked: Option<usize>) -> usize {
    use rialto_protocol::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
    asked.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX)
}
