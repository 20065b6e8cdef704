//! A shard, the in-memory store and a very small entity, driven without threads.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use rialto_protocol::command::History;
use rialto_protocol::event::ConversationEvent;
use rialto_protocol::rpc::{Request, SendMessage};
use rialto_protocol::{Channel, ClientId, ConversationId, ErrorCode, UserId};
use rialto_storage::accounts::AccountRole;
use rialto_storage::backend::memory::{MemoryOptions, MemoryStore, Verdict};
use rialto_storage::consumers::Parked;
use rialto_storage::{Row, Store};
use uuid::Uuid;

use super::tape::Tapes;
use crate::entity::{Answer, Ask, Caller, EntityName, SubscribeAsk, Tell};
use crate::gateway::SessionId;
use crate::kernel::Moment;
use crate::kernel::test_loop::TestLoop;
use crate::reply_to::{CommandAddress, Listener, ReplyTo, SessionReply, Then};
use crate::router::entity_of;
use crate::shard::backlog::{Batch, Consumer, Work};
use crate::shard::log::{LogAnswer, LogCall};
use crate::shard::perform::read;
use crate::shard::{Shard, ShardConfig, ShardEffect, ShardInput};

/// An answer in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Offset(u64),
    Top(u64),
    Refused(ErrorCode),
}

pub(super) struct World {
    shard: TestLoop<Shard>,
    memory: MemoryStore,
    store: Store,
    inputs: VecDeque<ShardInput>,
    held: Option<VecDeque<LogCall>>,
    held_batches: Option<VecDeque<Batch>>,
    held_tails: Option<Vec<ShardInput>>,
    answers: Vec<(u64, Said)>,
    waiting: HashMap<u64, tokio::sync::oneshot::Receiver<Result<Answer, rialto_protocol::Refusal>>>,
    verdicts: Arc<Mutex<VecDeque<Verdict>>>,
    appends: usize,
    activations: Rc<RefCell<HashMap<EntityName, usize>>>,
    wake_ms: Option<u64>,
}

impl World {
    pub(super) fn start() -> Self {
        Self::start_with(ShardConfig::default())
    }

    pub(super) fn start_with(config: ShardConfig) -> Self {
        Self::on(MemoryStore::new(MemoryOptions::default()), config)
    }

    /// A log that is cut into buckets of so many rows.
    pub(super) fn with_buckets(bucket_rows: u64) -> Self {
        Self::on(MemoryStore::new(MemoryOptions { bucket_rows, ..MemoryOptions::default() }), ShardConfig::default())
    }

    /// A log that others may own too: appends write the log only, consumers the rest.
    pub(super) fn shared(bucket_rows: u64) -> Self {
        let options = MemoryOptions { bucket_rows, consumed_on_append: false, ..MemoryOptions::default() };
        Self::on(MemoryStore::new(options), ShardConfig { reclaim_ms: 5_000, ..ShardConfig::default() })
    }

    /// A new owner of the same store, while the old one does not know.
    pub(super) fn rival(&self) -> Self {
        Self::on(self.memory.clone(), ShardConfig::default())
    }

    fn on(memory: MemoryStore, config: ShardConfig) -> Self {
        let verdicts: Arc<Mutex<VecDeque<Verdict>>> = Arc::default();
        let asked = Arc::clone(&verdicts);
        memory.set_policy(move |_, _| asked.lock().unwrap().pop_front().unwrap_or(Verdict::Apply));
        let store = memory.store();
        let activations: Rc<RefCell<HashMap<EntityName, usize>>> = Rc::default();
        let factory = Rc::new(Tapes::new(Rc::clone(&activations)));
        let shard = Shard::new(config, store.log_shape, Arc::clone(&store.generation), factory);
        // Another fence than any other owner's: the entropy counts the owners.
        static OWNERS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(7);
        let entropy = u128::from(OWNERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let now = Moment { wall_ms: 1_790_000_000_000, mono_ms: 0, entropy };
        let mut world = Self {
            shard: TestLoop::new(shard, now),
            memory,
            store,
            inputs: VecDeque::from([ShardInput::Start]),
            held: None,
            held_batches: None,
            held_tails: None,
            answers: Vec::new(),
            waiting: HashMap::new(),
            verdicts,
            appends: 0,
            activations,
            wake_ms: None,
        };
        world.run();
        world
    }

    pub(super) fn say(&mut self, reply: u64, room: &str, text: &str) {
        self.note(reply, room, message(reply, room, text));
        self.run();
    }

    /// Messages that come in one round of the thread's work.
    pub(super) fn say_together(&mut self, replies: std::ops::Range<u64>, room: &str) {
        for reply in replies {
            self.note(reply, room, message(reply, room, "text"));
        }
        self.run();
    }

    pub(super) fn ask_position(&mut self, reply: u64, room: &str) {
        self.ask(reply, room, Ask::Presence);
    }

    /// Asks the store how many rows the room has.
    pub(super) fn ask_history(&mut self, reply: u64, room: &str) {
        self.ask(reply, room, Ask::History(History { channel: String::new(), limit: 0, since: None, reverse: false }));
    }

    fn ask(&mut self, reply: u64, room: &str, ask: Ask) {
        self.note(reply, room, ask);
        self.run();
    }

    fn note(&mut self, reply: u64, room: &str, ask: Ask) {
        let entity = entity_of(&Channel::Conversation(room_id(room)));
        let caller = Caller { user: UserId(Uuid::from_u128(1)), client: None, role: AccountRole::User, info: None };
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.waiting.insert(reply, receiver);
        self.inputs.push_back(ShardInput::Ask { entity, caller, ask, reply: ReplyTo::Task(sender) });
    }

    /// A connection listens to its user's inbox; what it is told.
    pub(super) fn listens(&mut self, user: UserId, connection: u32) -> Result<(), ErrorCode> {
        self.listens_to(&Channel::User(user), user, connection)
    }

    fn listens_to(&mut self, channel: &Channel, user: UserId, connection: u32) -> Result<(), ErrorCode> {
        let entity = entity_of(channel);
        let caller = Caller { user, client: Some(Uuid::from_u128(connection.into())), role: AccountRole::User, info: None };
        let client = Uuid::from_u128(connection.into());
        let listener = Listener { client, user, thread: 0, join_leave: false, infos: None };
        let address = CommandAddress { thread: 0, session: SessionId { index: connection, generation: 0 }, command: 1 };
        let then = Then::listen(entity.clone(), listener);
        let reply = ReplyTo::Session(SessionReply { address, then });
        let ask = Ask::Subscribe(SubscribeAsk::default());
        let effects = self.shard.input(ShardInput::Ask { entity, caller, ask, reply });
        let answers = effects.into_iter().filter_map(|effect| match effect {
            ShardEffect::Reply { answer, .. } => Some(answer.map(|_| ()).map_err(|refusal| refusal.code)),
            _ => None,
        });
        answers.last().expect("answered at once")
    }

    /// Somebody listens to a topic, which then panics; the channels whose listeners are told to recover.
    pub(super) fn topic_panics(&mut self, topic: &str) -> Vec<String> {
        let channel = Channel::Topic(topic.into());
        let user = UserId(Uuid::from_u128(1));
        self.listens_to(&channel, user, 1).expect("a listener");
        let (conversation, client_id) = (room_id(topic), ClientId::new("c").unwrap());
        let request = Request::ConversationSend(SendMessage { conversation, client_id, text: "poison".into(), reply_to: None });
        let caller = Caller { user, client: None, role: AccountRole::User, info: None };
        let (entity, ask) = (entity_of(&channel), Ask::Request(Box::new(request)));
        let effects = self.shard.input(ShardInput::Ask { entity, caller, ask, reply: ReplyTo::Test(1) });
        let missed = effects.into_iter().filter_map(|effect| match effect {
            ShardEffect::Missed { channel, threads } => Some((channel, threads)),
            _ => None,
        });
        missed.inspect(|(_, threads)| assert_eq!(threads.as_slice(), [0])).map(|(channel, _)| channel.to_string()).collect()
    }

    /// A conversation tells a user something; the offsets of what the inbox publishes.
    pub(super) fn tell(&mut self, user: UserId, tell: Tell) -> Vec<u64> {
        let effects = self.shard.input(ShardInput::Tell { user, tell });
        let mut published = Vec::new();
        for effect in effects {
            match effect {
                ShardEffect::Publish { offset, .. } => published.push(offset),
                other => self.perform(other),
            }
        }
        published
    }

    pub(super) fn hold_appends(&mut self) {
        self.held = Some(VecDeque::new());
    }

    /// Lets the append that is held reach the store; false when none is.
    pub(super) fn release_append(&mut self) -> bool {
        let Some(call) = self.held.as_mut().and_then(VecDeque::pop_front) else { return false };
        self.append(call);
        self.run();
        true
    }

    /// Consumers' batches wait from now on.
    pub(super) fn hold_consumers(&mut self) {
        self.held_batches = Some(VecDeque::new());
    }

    /// Consumers' batches wait no more.
    pub(super) fn release_consumers(&mut self) {
        for batch in self.held_batches.take().unwrap_or_default() {
            self.consume(batch);
        }
        self.run();
    }

    /// What the log's rows are is read from now on, but the answers wait.
    pub(super) fn hold_tails(&mut self) {
        self.held_tails = Some(Vec::new());
    }

    /// The answers come, and wait no more.
    pub(super) fn release_tails(&mut self) {
        self.inputs.extend(self.held_tails.take().unwrap_or_default());
        self.run();
    }

    pub(super) fn memory(&self) -> &MemoryStore {
        &self.memory
    }

    pub(super) fn next_append(&mut self, verdict: Verdict) {
        self.verdicts.lock().unwrap().push_back(verdict);
    }

    pub(super) fn advance(&mut self, ms: u64) {
        self.shard.advance(ms);
        self.wake();
    }

    /// Lets time pass until nothing is due any more, for at most a virtual minute.
    pub(super) fn settle(&mut self) {
        for _ in 0..60 {
            self.advance(1_000);
        }
    }

    fn wake(&mut self) {
        if self.wake_ms.is_some_and(|at| at <= self.shard.now().mono_ms) {
            self.wake_ms = None;
            self.inputs.push_back(ShardInput::Woken);
        }
        self.run();
    }

    /// The answers since the last look, in the order in which they left.
    pub(super) fn answers(&mut self) -> Vec<(u64, Said)> {
        std::mem::take(&mut self.answers)
    }

    pub(super) fn appends(&self) -> usize {
        self.appends
    }

    pub(super) fn live(&self) -> usize {
        self.shard.machine.entities()
    }

    pub(super) fn activations(&self, room: &str) -> usize {
        let name = entity_of(&Channel::Conversation(room_id(room)));
        self.activations.borrow().get(&name).copied().unwrap_or(0)
    }

    pub(super) fn stored(&self, room: &str) -> Vec<String> {
        let rows = self.memory.rows_of(room_id(room).into());
        let dense = rows.iter().zip(1..).all(|(row, seq)| row.seq == seq);
        assert!(dense, "rows of {room} are not dense");
        rows.iter().map(text_of).collect()
    }

    fn run(&mut self) {
        while let Some(input) = self.inputs.pop_front() {
            for effect in self.shard.input(input) {
                self.perform(effect);
            }
        }
    }

    fn perform(&mut self, effect: ShardEffect) {
        match effect {
            ShardEffect::Log(call @ LogCall::Append(_)) => match &mut self.held {
                Some(held) => held.push_back(call),
                None => self.append(call),
            },
            ShardEffect::Log(call) => self.log(call),
            ShardEffect::GiveUpPlace => {}
            ShardEffect::Gather => self.inputs.push_back(ShardInput::Gathered),
            ShardEffect::Consume(batch) => self.consume(batch),
            ShardEffect::Truncate { bucket } => {
                let outcome = ready(self.store.consumers.as_ref().unwrap().truncate(0, bucket));
                self.inputs.push_back(ShardInput::Truncated { bucket, outcome });
            }
            ShardEffect::Load { entity, activation } => {
                let result = ready(self.store.rows.activate(entity));
                self.inputs.push_back(ShardInput::Loaded { entity, activation, result });
            }
            ShardEffect::Read { entity, activation, token, query } => {
                let answer = ready(read(&self.store, entity, query));
                self.inputs.push_back(ShardInput::Answered { entity, activation, token, answer });
            }
            ShardEffect::Reply { to: ReplyTo::Task(sender), answer } => self.answered(sender, answer),
            ShardEffect::WakeAt { mono_ms } => self.wake_ms = Some(self.wake_ms.map_or(mono_ms, |at| at.min(mono_ms))),
            _ => {}
        }
        self.crashed_without_answer();
    }

    fn consume(&mut self, batch: Batch) {
        if let Some(held) = &mut self.held_batches {
            return held.push_back(batch);
        }
        let consumers = self.store.consumers.as_ref().unwrap();
        let Batch { consumer, serial, work } = batch;
        let result = ready(match (work, consumer) {
            (Work::Write(rows), Consumer::Rows) => consumers.write_rows(rows),
            (Work::Write(rows), Consumer::Projections) => consumers.project(rows),
            (Work::Park { wseq, row, cause }, _) => consumers.park(Parked { shard: 0, wseq, row: *row, cause }),
        });
        self.inputs.push_back(ShardInput::Consumed { consumer, serial, result });
    }

    fn append(&mut self, call: LogCall) {
        self.appends += 1;
        self.log(call);
    }

    fn log(&mut self, call: LogCall) {
        let log = &self.store.log;
        let answer = match call {
            LogCall::First => LogAnswer::First(ready(self.store.consumers.as_ref().unwrap().first_bucket(0))),
            LogCall::Head { bucket } => LogAnswer::Head(ready(log.head(0, bucket))),
            LogCall::Claim { bucket, seen, new, cursor } => LogAnswer::Outcome(ready(log.claim(0, bucket, seen, new, cursor))),
            LogCall::Tail { bucket, from_wseq } => LogAnswer::Tail(ready(log.tail(0, bucket, from_wseq))),
            LogCall::Append(append) => LogAnswer::Outcome(ready(log.append(0, append))),
            LogCall::Seal { bucket, fence } => LogAnswer::Outcome(ready(log.seal(0, bucket, fence))),
            LogCall::RetryAt { .. } => unreachable!("the shard keeps this for itself"),
        };
        match (&mut self.held_tails, answer) {
            (Some(held), answer @ LogAnswer::Tail(_)) => held.push(ShardInput::Log(answer)),
            (_, answer) => self.inputs.push_back(ShardInput::Log(answer)),
        }
    }

    fn answered(
        &mut self,
        sender: tokio::sync::oneshot::Sender<Result<Answer, rialto_protocol::Refusal>>,
        answer: Result<Answer, rialto_protocol::Refusal>,
    ) {
        sender.send(answer).expect("the world waits");
        let mut done = Vec::new();
        for (reply, receiver) in &mut self.waiting {
            if let Ok(answer) = receiver.try_recv() {
                done.push((*reply, said(&answer)));
            }
        }
        for (reply, said) in done {
            self.waiting.remove(&reply);
            self.answers.push((reply, said));
        }
    }

    /// A task whose question went down with a crash sees its channel closed, which callers take for `unavailable`.
    fn crashed_without_answer(&mut self) {
        let gone: Vec<u64> = self
            .waiting
            .iter_mut()
            .filter_map(|(reply, receiver)| {
                matches!(receiver.try_recv(), Err(tokio::sync::oneshot::error::TryRecvError::Closed)).then_some(*reply)
            })
            .collect();
        for reply in gone {
            self.waiting.remove(&reply);
            self.answers.push((reply, Said::Refused(ErrorCode::Unavailable)));
        }
    }
}

fn said(answer: &Result<Answer, rialto_protocol::Refusal>) -> Said {
    match answer {
        Ok(Answer::Appended(appended)) if appended.time == 0 => Said::Top(appended.offset),
        Ok(Answer::Appended(appended)) => Said::Offset(appended.offset),
        Ok(other) => panic!("unexpected answer {other:?}"),
        Err(refusal) => Said::Refused(refusal.code),
    }
}

fn ready<T>(pending: impl Future<Output = T>) -> T {
    pending.now_or_never().expect("the in-memory store answers at once")
}

fn message(number: u64, room: &str, text: &str) -> Ask {
    let client_id = ClientId::new(&format!("c{number}")).unwrap();
    Ask::Request(Box::new(Request::ConversationSend(SendMessage {
        conversation: room_id(room),
        client_id,
        text: text.into(),
        reply_to: None,
    })))
}

fn room_id(room: &str) -> ConversationId {
    ConversationId(Uuid::new_v5(&Uuid::NAMESPACE_OID, room.as_bytes()))
}

fn text_of(row: &Row) -> String {
    match serde_json::from_slice(&row.body).unwrap() {
        ConversationEvent::Message(message) => message.text,
        other => panic!("unexpected event {other:?}"),
    }
}
