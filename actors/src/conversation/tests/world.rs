use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use rialto_protocol::event::EventTag;
use rialto_protocol::reply::SubscribeResult;
use rialto_protocol::rpc::{
    Appended, Conversation as View, ConversationKind, CreateConversation, Invite, JoinOrLeave, Message, React, Request, SendMessage,
};
use rialto_protocol::{ClientId, ConversationId, ErrorCode, Refusal, UserId};
use rialto_storage::Row;
use rialto_storage::accounts::AccountRole;
use rialto_storage::entity_rows::{Activation, Position, Snapshot};
use rialto_storage::views::{MessageRange, MessageRows, ReadMark};
use uuid::Uuid;

use crate::conversation::Conversation;
use crate::conversation::state::State;
use crate::entity::{Answer, Ask, Caller, EntityEffect, EntityInput, Found, Query, StreamPosition, SubscribeAsk, Tell};
use crate::kernel::{Effects, Machine, Moment};
use crate::reply_to::ReplyTo;

pub(super) const ALICE: UserId = UserId(Uuid::from_u128(1));
pub(super) const BOB: UserId = UserId(Uuid::from_u128(2));
pub(super) const CAROL: UserId = UserId(Uuid::from_u128(3));
pub(super) const DAVE: UserId = UserId(Uuid::from_u128(4));
pub(super) const NOBODY: UserId = UserId(Uuid::from_u128(99));
pub(super) const START_MS: u64 = 1_790_000_000_000;
pub(super) const ROOM: ConversationId = ConversationId(Uuid::from_u128(0xC0));

pub(super) fn id(text: &str) -> ClientId {
    ClientId::new(text).unwrap()
}

/// A UUIDv7 of this date.
pub(super) fn dated(ms: u64, number: u64) -> ClientId {
    let bits = (u128::from(ms) << 80) | (7 << 76) | (2 << 62) | u128::from(number);
    id(&Uuid::from_u128(bits).to_string())
}

/// The machine, the rows as the store will have them, and everything that came out.
pub(super) struct World {
    pub(super) machine: Conversation,
    pub(super) rows: Vec<Row>,
    pub(super) applied: u64,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) marks: BTreeMap<UserId, ReadMark>,
    pub(super) replies: BTreeMap<u64, Result<Answer, Refusal>>,
    pub(super) published: Vec<(u64, Bytes)>,
    pub(super) tells: Vec<(UserId, Tell)>,
    pub(super) unsubscribed: Vec<UserId>,
    pub(super) reads: VecDeque<(u64, Query)>,
    pub(super) num_reads: usize,
    /// The store reads when it is asked, and answers later with what it saw then.
    pub(super) is_store_early: bool,
    early: BTreeMap<u64, Found>,
    pub(super) wake_at_ms: Option<u64>,
    pub(super) is_idle: bool,
    pub(super) now: Moment,
    /// Recoveries asked for: reply and offset.
    pub(super) recoveries: BTreeMap<u64, u64>,
    users: BTreeSet<UserId>,
    next: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            machine: Conversation::new(ROOM),
            rows: Vec::new(),
            applied: 0,
            snapshots: Vec::new(),
            marks: BTreeMap::new(),
            replies: BTreeMap::new(),
            published: Vec::new(),
            tells: Vec::new(),
            unsubscribed: Vec::new(),
            reads: VecDeque::new(),
            num_reads: 0,
            is_store_early: false,
            early: BTreeMap::new(),
            wake_at_ms: None,
            is_idle: false,
            now: Moment { wall_ms: START_MS, mono_ms: 1_000, entropy: 77 },
            recoveries: BTreeMap::new(),
            users: [ALICE, BOB, CAROL, DAVE].into(),
            next: 0,
        };
        world.activate(Activation::default());
        world
    }

    /// A world with a conversation of Alice's that Bob is in.
    pub(super) fn with(kind: ConversationKind) -> Self {
        let mut world = Self::new();
        world.create(ALICE, kind, &[BOB], None).unwrap();
        world
    }

    fn activate(&mut self, activation: Activation) {
        self.input(EntityInput::Activated { generation: Arc::from("g1"), activation, applied: self.applied, mark: None });
    }

    /// The entity leaves memory and comes back; with a snapshot of everything durable, or with all rows.
    pub(super) fn reactivate(&mut self, by_snapshot: bool) {
        let snapshot = if by_snapshot {
            let mut state = None;
            for row in &self.rows[..usize::try_from(self.applied).unwrap()] {
                State::fold(&mut state, row).unwrap();
            }
            state.and_then(|state| state.snapshot())
        } else {
            None
        };
        let seq = snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
        let rows = self.rows.iter().filter(|row| row.seq > seq).cloned().collect();
        self.machine = Conversation::new(ROOM);
        self.reads.clear();
        self.early.clear();
        self.recoveries.clear();
        self.activate(Activation { snapshot, rows });
    }

    pub(super) fn input(&mut self, input: EntityInput) {
        let mut effects = Effects::default();
        self.is_idle = false;
        self.now.entropy += 1;
        self.machine.apply(self.now, input, &mut effects);
        for effect in effects.drain() {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: EntityEffect) {
        match effect {
            EntityEffect::Append(row) => {
                assert_eq!(row.seq, self.rows.len() as u64 + 1, "rows are dense");
                assert!(self.rows.last().is_none_or(|last| last.time_ms <= row.time_ms), "row times never go back");
                self.rows.push(row);
            }
            EntityEffect::Reply { to: ReplyTo::Test(number), answer } => {
                self.check_recovery(number, &answer);
                assert!(self.replies.insert(number, answer).is_none(), "answered twice");
            }
            EntityEffect::Publish { data, offset, .. } => self.published.push((offset, data)),
            EntityEffect::Read { token, query } => {
                self.num_reads += 1;
                if self.is_store_early {
                    let found = self.found(query.clone());
                    self.early.insert(token, found);
                }
                self.reads.push_back((token, query));
            }
            EntityEffect::Tell { user, tell } => self.tells.push((user, tell)),
            EntityEffect::Unsubscribe { user } => self.unsubscribed.push(user),
            EntityEffect::WakeAt { mono_ms } => self.wake_at_ms = Some(mono_ms),
            EntityEffect::Snapshot(snapshot) => self.snapshots.push(snapshot),
            EntityEffect::Idle => self.is_idle = true,
            EntityEffect::Reply { .. } => panic!("an answer to nobody"),
            EntityEffect::Rest(_) => panic!("it has a log"),
        }
    }

    /// A recovered subscription has every row up to the top of this very moment.
    fn check_recovery(&mut self, number: u64, answer: &Result<Answer, Refusal>) {
        let Some(offset) = self.recoveries.remove(&number) else { return };
        let Ok(Answer::Subscribed(result)) = answer else { return };
        if !result.recovered {
            assert!(result.publications.is_empty() && result.offset == self.rows.len() as u64 && result.was_recovering);
            return;
        }
        assert_eq!(result.offset, offset);
        let offsets: Vec<u64> = result.publications.iter().map(|publication| publication.offset).collect();
        assert_eq!(offsets, (offset + 1..=self.rows.len() as u64).collect::<Vec<_>>());
        for publication in &result.publications {
            assert_eq!(publication.data.get().as_bytes(), self.rows[usize::try_from(publication.offset).unwrap() - 1].body);
        }
    }

    pub(super) fn ask(&mut self, user: UserId, ask: Ask) -> u64 {
        self.next += 1;
        let reply = self.next;
        if let Ask::Subscribe(SubscribeAsk { recover: Some(position), .. }) = &ask {
            self.recoveries.insert(reply, position.offset);
        }
        let caller = Caller { user, client: None, role: AccountRole::User, info: None };
        self.input(EntityInput::Asked { caller, ask, reply: ReplyTo::Test(reply) });
        reply
    }

    pub(super) fn begin(&mut self, user: UserId, request: Request) -> u64 {
        self.ask(user, Ask::Request(Box::new(request)))
    }

    /// The store answers one read.
    pub(super) fn answer_read(&mut self) -> bool {
        let Some((token, query)) = self.reads.pop_front() else { return false };
        let found = self.early.remove(&token).unwrap_or_else(|| self.found(query));
        self.input(EntityInput::Answered { token, answer: Ok(found) });
        true
    }

    pub(super) fn make_durable(&mut self, up_to: u64) {
        self.applied = up_to.clamp(self.applied, self.rows.len() as u64);
        self.input(EntityInput::Applied { seq: self.applied });
    }

    /// Everything becomes durable and is answered.
    pub(super) fn quiet(&mut self) {
        loop {
            if self.applied < self.rows.len() as u64 {
                self.make_durable(u64::MAX);
            } else if !self.answer_read() {
                return;
            }
        }
    }

    pub(super) fn request(&mut self, user: UserId, request: Request) -> Result<Answer, Refusal> {
        let reply = self.begin(user, request);
        self.quiet();
        self.replies.remove(&reply).expect("answered")
    }

    fn found(&mut self, query: Query) -> Found {
        let durable = &self.rows[..usize::try_from(self.applied).unwrap()];
        match query {
            Query::Rows(range) => {
                assert!(!range.reverse);
                Found::Rows(durable.iter().filter(|row| (range.from..=range.to).contains(&row.seq)).take(range.limit).cloned().collect())
            }
            Query::Find { sender, not_before_ms } => {
                let fits = |row: &&Row| row.sender == sender && row.remaining == 0 && row.time_ms >= not_before_ms.unwrap_or(0);
                Found::Position(durable.iter().find(fits).map(|row| Position { seq: row.seq, time_ms: row.time_ms }))
            }
            Query::Messages(range) => Found::Messages(messages(durable, range)),
            Query::Users(users) => Found::Users(users.into_iter().filter(|user| self.users.contains(user)).collect()),
            Query::Mark { user, .. } => Found::Mark(self.marks.get(&user).copied().unwrap_or_default()),
            Query::Advance { user, mark, .. } => {
                self.check_mark(user, mark);
                let stands = self.marks.entry(user).or_default();
                if mark.offset > stands.offset {
                    *stands = mark;
                }
                Found::Mark(*stands)
            }
            other => panic!("a conversation does not ask {other:?}"),
        }
    }

    /// Counted by hand.
    fn check_mark(&self, user: UserId, mark: ReadMark) {
        let read = || self.rows.iter().filter(|row| row.seq <= mark.offset && row.event == EventTag::Message);
        assert_eq!(mark.ordinal, read().count() as u64, "messages up to {}", mark.offset);
        assert_eq!(mark.own, read().filter(|row| row.sender.user == user).count() as u64, "own messages up to {}", mark.offset);
    }

    pub(super) fn create(
        &mut self,
        by: UserId,
        kind: ConversationKind,
        members: &[UserId],
        client_id: Option<ClientId>,
    ) -> Result<(View, bool), Refusal> {
        let create = CreateConversation { kind, title: None, members: members.to_vec(), client_id };
        match self.request(by, Request::ConversationCreate(create))? {
            Answer::Conversation { conversation, created } => Ok((*conversation, created)),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn appended(&mut self, user: UserId, request: Request) -> Result<Appended, Refusal> {
        match self.request(user, request)? {
            Answer::Appended(appended) => Ok(appended),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn says(&mut self, user: UserId, client_id: &ClientId, text: &str) -> Result<Appended, Refusal> {
        self.appended(user, send(client_id, text))
    }

    pub(super) fn refused(&mut self, user: UserId, request: Request) -> ErrorCode {
        self.request(user, request).expect_err("refused").code
    }

    pub(super) fn sees(&mut self, user: UserId) -> Result<View, Refusal> {
        match self.request(user, Request::ConversationGet(rialto_protocol::rpc::OneConversation { conversation: ROOM }))? {
            Answer::Conversation { conversation, .. } => Ok(*conversation),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn reads_messages(
        &mut self,
        user: UserId,
        before: Option<u64>,
        after: Option<u64>,
        limit: usize,
    ) -> (Vec<Message>, Option<String>) {
        let list = rialto_protocol::rpc::ListMessages { conversation: ROOM, before, after, limit: Some(limit) };
        match self.request(user, Request::ConversationMessages(list)) {
            Ok(Answer::Messages(page)) => (page.items, page.next),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn subscribes(&mut self, user: UserId, recover: Option<(u64, &str)>, strict: bool) -> Result<SubscribeResult, Refusal> {
        let recover = recover.map(|(offset, epoch)| StreamPosition { offset, epoch: epoch.to_owned() });
        self.subscribes_as(user, SubscribeAsk { recover, strict, ..SubscribeAsk::default() })
    }

    /// As a client that comes back says it.
    pub(super) fn returns(&mut self, user: UserId, offset: u64) -> Result<SubscribeResult, Refusal> {
        let recover = Some(StreamPosition { offset, epoch: String::new() });
        self.subscribes_as(user, SubscribeAsk { recover, long: true, ..SubscribeAsk::default() })
    }

    fn subscribes_as(&mut self, user: UserId, ask: SubscribeAsk) -> Result<SubscribeResult, Refusal> {
        let reply = self.ask(user, Ask::Subscribe(ask));
        self.quiet();
        match self.replies.remove(&reply).expect("answered")? {
            Answer::Subscribed(result) => Ok(*result),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn state(&self) -> &State {
        self.machine.state.as_ref().expect("exists")
    }

    pub(super) fn passes(&mut self, ms: u64) {
        self.now.wall_ms += ms;
        self.now.mono_ms += ms;
    }
}

fn messages(rows: &[Row], range: MessageRange) -> Vec<MessageRows> {
    let in_range =
        |row: &&Row| row.event == EventTag::Message && range.before.is_none_or(|b| row.seq < b) && range.after.is_none_or(|a| row.seq > a);
    let mut heads: Vec<&Row> = rows.iter().filter(in_range).collect();
    if range.after.is_some() {
        heads.truncate(range.limit);
    } else {
        heads.drain(..heads.len().saturating_sub(range.limit));
    }
    let overlay = |seq| rows.iter().filter(|row| row.target == seq).cloned().collect();
    heads.into_iter().map(|row| MessageRows { row: row.clone(), overlay: overlay(row.seq) }).collect()
}

pub(super) fn send(client_id: &ClientId, text: &str) -> Request {
    Request::ConversationSend(SendMessage { conversation: ROOM, client_id: client_id.clone(), text: text.to_owned(), reply_to: None })
}

pub(super) fn reply(client_id: &ClientId, reply_to: u64) -> Request {
    Request::ConversationSend(SendMessage {
        conversation: ROOM,
        client_id: client_id.clone(),
        text: "re".to_owned(),
        reply_to: Some(reply_to),
    })
}

pub(super) fn join_or_leave(client_id: &ClientId) -> JoinOrLeave {
    JoinOrLeave { conversation: ROOM, client_id: client_id.clone() }
}

pub(super) fn invite(client_id: &ClientId, users: &[UserId]) -> Request {
    Request::ConversationInvite(Invite { conversation: ROOM, client_id: client_id.clone(), users: users.to_vec() })
}

pub(super) fn react(client_id: &ClientId, target: u64, emoji: &str) -> React {
    React { conversation: ROOM, client_id: client_id.clone(), target, emoji: emoji.to_owned() }
}
