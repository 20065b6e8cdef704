//! A conversation: the machine that orders what its members say and do.
//!
//! Its state is a fold of its rows (`state`). A command is decided on that state (`command`), becomes rows (`append`), and only the shard that hosts the
//! machine knows when these are durable: it holds every output until then. What the state does not hold is asked of the store, by `waiting` commands and by reads (`ask`).

use std::collections::HashMap;
use std::sync::Arc;

use rialto_protocol::rpc::Request;
use rialto_protocol::{ConversationId, ErrorCode, Refusal, UserId};
use rialto_storage::entity_rows::Activation;
use rialto_storage::views::{MessageRange, ReadMark};
use rialto_storage::{ErrorKind, RowSender, StorageError};

use crate::entity::{Answer, EntityEffect, EntityInput, Found, Query};
use crate::kernel::{Effects, Machine, Moment};
use crate::reply_to::ReplyTo;

use ask::Reading;
use command::{Context, Facts, MessageFact, Need, Step, Stop};
pub use limits::ConversationSizes;
use limits::{LOOKUPS_PER_COMMAND_MAX, RETRY_AFTER_MS, SNAPSHOT_BYTES};
use message::BadRow;
use news::News;
use recent::Recent;
use seen::Seen;
use state::State;
use waiting::{Pending, Waiting};

mod append;
mod ask;
mod command;
mod limits;
mod message;
mod news;
mod permission;
mod person;
mod recent;
mod seen;
mod state;
#[cfg(test)]
mod tests;
pub(crate) mod view;
mod waiting;

/// The machine of one conversation. It exists for every id that somebody asks for; `state` says whether the conversation does.
#[derive(Debug)]
pub struct Conversation {
    id: ConversationId,
    sizes: ConversationSizes,
    life: Life,
    generation: Arc<str>,
    /// Empty until the conversation exists.
    epoch: Arc<str>,
    state: Option<State>,
    recent: Recent,
    seen: Seen,
    waiting: Waiting,
    reads: HashMap<u64, Reading>,
    news: News,
    /// Outputs of the rows of this input that come behind their publications.
    after: Vec<EntityEffect>,
    snapshot_seq: u64,
    bytes_since_snapshot: usize,
    next_token: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Not activated yet.
    Asleep,
    Awake,
    /// Its rows do not fold: everything is refused.
    Broken,
}

impl Machine for Conversation {
    type Input = EntityInput;
    type Effect = EntityEffect;

    fn apply(&mut self, now: Moment, input: EntityInput, effects: &mut Effects<EntityEffect>) {
        match input {
            EntityInput::Activated { generation, activation, applied, .. } => {
                self.generation = generation;
                self.activate(now, activation, applied);
            }
            EntityInput::Asked { reply, .. } if self.life != Life::Awake => {
                effects.push(EntityEffect::Reply { to: reply, answer: Err(ErrorCode::Unavailable.into()) });
            }
            EntityInput::Asked { caller, ask, reply } => self.asked(now, caller.user, ask, reply, effects),
            EntityInput::Answered { token, answer } => self.answered(now, token, answer, effects),
            EntityInput::Applied { seq } => self.recent.apply(seq),
            EntityInput::Woken => self.news.woken(),
            EntityInput::Told(_) => {}
        }
        self.settle(now, effects);
    }
}

impl Conversation {
    /// A machine that has seen nothing yet.
    #[must_use]
    pub fn new(id: ConversationId) -> Self {
        Self::with_sizes(id, ConversationSizes::default())
    }

    /// As [`Conversation::new`], with other sizes than the product's.
    #[must_use]
    pub fn with_sizes(id: ConversationId, sizes: ConversationSizes) -> Self {
        Self {
            id,
            sizes,
            life: Life::Asleep,
            generation: Arc::from(""),
            epoch: Arc::from(""),
            state: None,
            recent: Recent::new(1, sizes.recent_rows_max),
            seen: Seen::new(0, None),
            waiting: Waiting::default(),
            reads: HashMap::new(),
            news: News::default(),
            after: Vec::new(),
            snapshot_seq: 0,
            bytes_since_snapshot: 0,
            next_token: 0,
        }
    }

    fn activate(&mut self, now: Moment, activation: Activation, applied: u64) {
        self.life = Life::Awake;
        if let Err(error) = self.load(now, activation, applied) {
            self.break_down(&error);
        }
    }

    fn load(&mut self, now: Moment, activation: Activation, applied: u64) -> Result<(), BadRow> {
        self.state = activation.snapshot.as_ref().map(State::restore).transpose()?;
        let (seq, beyond_ms) = self.state.as_ref().map_or((0, None), |state| (state.top, Some(state.time_ms)));
        self.snapshot_seq = seq;
        self.recent = Recent::new(seq + 1, self.sizes.recent_rows_max);
        self.seen = Seen::new(now.entropy as u64, beyond_ms);
        for row in activation.rows.into_iter().filter(|row| row.seq > seq) {
            State::fold(&mut self.state, &row)?;
            self.seen.insert(&row.sender, row.time_ms);
            self.bytes_since_snapshot += row.body.len();
            self.recent.push(row);
        }
        self.recent.apply(applied);
        if let Some(state) = &self.state {
            self.epoch = Arc::from(view::epoch(&self.generation, state.created_ms));
        }
        Ok(())
    }

    /// A command: decided now, or behind what its user waits for.
    fn command(&mut self, now: Moment, user: UserId, request: Request, reply: ReplyTo, effects: &mut Effects<EntityEffect>) {
        let pending = Pending { request, reply, facts: Facts::default(), num_lookups: 0 };
        if !self.waiting.has_line(user) {
            self.attempt(now, user, pending, effects);
        } else if self.waiting.has_room(user) {
            self.waiting.push_back(user, pending);
        } else {
            effects.push(EntityEffect::Reply { to: pending.reply, answer: Err(overloaded()) });
        }
        self.begin_lookups(effects);
    }

    /// Decides the user's waiting commands in order, up to the first that lacks a fact.
    fn drive(&mut self, now: Moment, user: UserId, effects: &mut Effects<EntityEffect>) {
        while let Some(pending) = self.waiting.pop(user) {
            if !self.attempt(now, user, pending, effects) {
                return;
            }
        }
    }

    /// Decides a command and answers it; false when it lacks a fact and heads its user's line again.
    fn attempt(&mut self, now: Moment, user: UserId, mut pending: Pending, effects: &mut Effects<EntityEffect>) -> bool {
        let answer = match self.decide(now, user, &pending) {
            Err(Stop::Needs(need)) if pending.num_lookups < LOOKUPS_PER_COMMAND_MAX && self.waiting.has_room(user) => {
                pending.num_lookups += 1;
                self.waiting.push_front(user, pending);
                self.waiting.want(user, need);
                return false;
            }
            Err(Stop::Needs(_)) => Err(overloaded()),
            Err(Stop::Refused(refusal)) => Err(refusal),
            Ok(Step::Exists) => {
                self.read(effects, user, pending.reply, |conversation| conversation.get(user));
                return true;
            }
            Ok(step) => self.carry_out(now, user, &pending.request, step, effects),
        };
        effects.push(EntityEffect::Reply { to: pending.reply, answer });
        true
    }

    fn decide(&self, now: Moment, user: UserId, pending: &Pending) -> Result<Step, Stop> {
        if self.life != Life::Awake {
            return Err(ErrorCode::Unavailable.into());
        }
        match (&self.state, &pending.request) {
            (Some(state), request) => command::decide(
                request,
                &Context {
                    user,
                    time_ms: self.row_time(now),
                    epoch: &self.epoch,
                    state,
                    recent: &self.recent,
                    seen: &self.seen,
                    facts: &pending.facts,
                },
            ),
            (None, Request::ConversationCreate(create)) => command::create::first(create, user, &pending.facts),
            (None, _) => Err(ErrorCode::NotFound.into()),
        }
    }

    fn carry_out(
        &mut self,
        now: Moment,
        user: UserId,
        request: &Request,
        step: Step,
        effects: &mut Effects<EntityEffect>,
    ) -> Result<Answer, Refusal> {
        let time_ms = self.row_time(now);
        match (step, request) {
            (Step::Append(events), Request::ConversationCreate(create)) => {
                let client_id = command::create::row_client_id(create, self.id).ok_or(ErrorCode::Internal)?;
                self.append(&RowSender { user, client_id }, time_ms, events, effects)?;
                effects_after(&mut self.after, effects);
                let state = self.state.as_ref().ok_or(ErrorCode::Internal)?;
                let conversation = Box::new(view::of_state(self.id, state, &self.epoch, user, &ReadMark::default()));
                Ok(Answer::Conversation { conversation, created: true })
            }
            (Step::Append(events), request) => {
                let client_id = command::client_id(request).ok_or(ErrorCode::Internal)?.clone();
                let appended = self.append(&RowSender { user, client_id }, time_ms, events, effects);
                effects_after(&mut self.after, effects);
                appended.map(Answer::Appended)
            }
            (Step::Duplicate(appended), _) => Ok(Answer::Appended(appended)),
            // The newest row is where what was asked for is so; nothing was appended for this id, and nothing is remembered.
            (Step::Stands | Step::Exists, _) => {
                let state = self.state.as_ref().ok_or(ErrorCode::NotFound)?;
                Ok(Answer::Appended(rialto_protocol::rpc::Appended {
                    offset: state.top,
                    epoch: self.epoch.to_string(),
                    time: state.time_ms,
                    duplicate: true,
                }))
            }
        }
    }

    /// The time of a row that is appended now: never before the newest row's.
    fn row_time(&self, now: Moment) -> u64 {
        self.state.as_ref().map_or(0, |state| state.time_ms).max(now.wall_ms)
    }

    fn begin_lookups(&mut self, effects: &mut Effects<EntityEffect>) {
        while let Some(need) = self.waiting.begin(self.next_token, self.recent.applied()) {
            let query = match need {
                Need::Find(sender, not_before_ms) => Query::Find { sender, not_before_ms },
                Need::Message(seq) => Query::Messages(MessageRange { before: None, after: Some(seq.saturating_sub(1)), limit: 1 }),
                Need::Users(users) => Query::Users(users),
            };
            effects.push(EntityEffect::Read { token: self.next_token, query });
            self.next_token += 1;
        }
    }

    fn answered(&mut self, now: Moment, token: u64, answer: Result<Found, StorageError>, effects: &mut Effects<EntityEffect>) {
        if let Some(reading) = self.reads.remove(&token) {
            self.resume(reading, answer, effects);
        } else if let Some((user, need, as_of)) = self.waiting.end(token) {
            self.learn(user, need, as_of, answer, effects);
            self.drive(now, user, effects);
            self.begin_lookups(effects);
        }
    }

    /// Gives the head of a line the fact that it waited for, or refuses it.
    fn learn(&mut self, user: UserId, need: Need, as_of: u64, answer: Result<Found, StorageError>, effects: &mut Effects<EntityEffect>) {
        let Some(mut pending) = self.waiting.pop(user) else { return };
        match (need, answer) {
            (Need::Find(..), Ok(Found::Position(position))) => pending.facts.position = Some(position),
            (Need::Users(asked), Ok(Found::Users(existing))) => pending.facts.users = Some((asked, existing)),
            (Need::Message(seq), Ok(Found::Messages(rows))) => {
                let rows = rows.into_iter().next().filter(|rows| rows.row.seq == seq);
                pending.facts.message = Some(MessageFact { seq, rows, as_of });
            }
            (_, answer) => {
                let refusal = answer.err().map_or_else(|| ErrorCode::Unavailable.into(), |error| refusal_of(&error));
                effects.push(EntityEffect::Reply { to: pending.reply, answer: Err(refusal) });
                return;
            }
        }
        self.waiting.push_front(user, pending);
    }

    /// Restores what must hold after every input: news are told or timed, a snapshot is taken when due, and the shard knows whether the machine may go.
    fn settle(&mut self, now: Moment, effects: &mut Effects<EntityEffect>) {
        if let Some(state) = self.state.as_ref().filter(|_| self.life == Life::Awake) {
            self.news.settle(now.mono_ms, self.id, state, effects);
            let rows = state.top - self.snapshot_seq;
            // The state is folded up to the top, so it is a snapshot of durable rows once all are; the shard holds it until then when that never is so under load.
            let is_due = rows >= self.sizes.snapshot_rows || self.bytes_since_snapshot >= SNAPSHOT_BYTES;
            let is_overdue = rows >= 2 * self.sizes.snapshot_rows || self.bytes_since_snapshot >= 2 * SNAPSHOT_BYTES;
            if (is_overdue || is_due && self.recent.applied() == state.top)
                && let Some(snapshot) = state.snapshot()
            {
                self.snapshot_seq = state.top;
                self.bytes_since_snapshot = 0;
                effects.push(EntityEffect::Snapshot(snapshot));
            }
        }
        let is_pending = self.life == Life::Awake && self.news.is_pending();
        if !is_pending && self.waiting.is_empty() && self.reads.is_empty() {
            effects.push(EntityEffect::Idle);
        }
    }
}

fn effects_after(after: &mut Vec<EntityEffect>, effects: &mut Effects<EntityEffect>) {
    for effect in after.drain(..) {
        effects.push(effect);
    }
}

fn overloaded() -> Refusal {
    Refusal::retry(ErrorCode::Overloaded, RETRY_AFTER_MS)
}

/// What a caller is told when the store fails.
pub(crate) fn refusal_of(error: &StorageError) -> Refusal {
    match error.kind {
        ErrorKind::Overloaded => overloaded(),
        ErrorKind::Full => ErrorCode::StorageFull.into(),
        ErrorKind::Unavailable | ErrorKind::Conflict | ErrorKind::Corrupt | ErrorKind::Limit => ErrorCode::Unavailable.into(),
    }
}
