//! How long a conversation with very many rows takes to come into memory, and its store to open.
//!
//! ```text
//! activate [ROWS]     1,000,000 unless told; the store lies in the temporary folder and is removed
//! ```
#![expect(clippy::print_stdout, reason = "a measurement prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use rialto_actors::entities::Entities;
use rialto_actors::entity::{Answer, Ask, Caller, EntityName, SubscribeAsk};
use rialto_actors::kernel::{Clock, Effects, Machine};
use rialto_actors::reply_to::ReplyTo;
use rialto_actors::router::{entity_of, shard_of};
use rialto_actors::shard::log::{LogAnswer, LogCall};
use rialto_actors::shard::perform::read;
use rialto_actors::shard::{Shard, ShardConfig, ShardEffect, ShardInput};
use rialto_protocol::rpc::{ConversationKind, CreateConversation, Request, SendMessage};
use rialto_protocol::{Channel, ClientId, ConversationId, Refusal, UserId};
use rialto_storage::Store;
use rialto_storage::accounts::AccountRole;
use rialto_storage::backend::redb::{RedbOptions, RedbStore};
use tokio::sync::oneshot;
use uuid::{NoContext, Timestamp, Uuid};

const ROOM: ConversationId = ConversationId(Uuid::from_u128(7));
const ALICE: UserId = UserId(Uuid::from_u128(1));
/// Messages that are asked for before the log is let go on: so that batches are full.
const AT_ONCE: u64 = 4_096;
/// Activations measured.
const ROUNDS: usize = 10;

fn main() {
    let rows = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let began = Instant::now();
        fill(folder.path(), rows).await;
        println!("{rows} rows written in {:.1} s", began.elapsed().as_secs_f64());
        for round in 1..=ROUNDS {
            let began = Instant::now();
            let redb = open(folder.path());
            let opened = began.elapsed();
            let mut owner = Owner::new(redb.store());
            owner.run(ShardInput::Start).await;
            let claimed = began.elapsed();
            let top = owner.ask(Ask::Subscribe(SubscribeAsk::default())).await.expect("it may listen");
            let active = began.elapsed();
            assert!(matches!(top, Answer::Subscribed(result) if result.offset == rows + 1), "all rows are there");
            let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
            let (open, claim, activate) = (ms(opened), ms(claimed - opened), ms(active - claimed));
            println!("round {round}: store open {open:.1} ms, shard claimed {claim:.1} ms, conversation active {activate:.1} ms");
            redb.close();
        }
    });
}

fn open(folder: &Path) -> RedbStore {
    let options = RedbOptions { free_bytes_min: 0, ..RedbOptions::default() };
    RedbStore::open(folder, options, |cause| panic!("the store failed: {cause}")).expect("the store opens")
}

async fn fill(folder: &Path, rows: u64) {
    let redb = open(folder);
    let mut owner = Owner::new(redb.store());
    owner.run(ShardInput::Start).await;
    let create = CreateConversation { kind: ConversationKind::Group, title: None, members: Vec::new(), client_id: None };
    owner.ask(Ask::Request(Box::new(Request::ConversationCreate(create)))).await.expect("created");
    let mut said = 0;
    while said < rows {
        let mut answers = Vec::new();
        for _ in 0..AT_ONCE.min(rows - said) {
            said += 1;
            answers.push(owner.offer(say(said)));
            owner.settle_reads().await;
        }
        owner.settle().await;
        for answer in answers {
            answer.await.expect("answered").expect("said");
        }
    }
    redb.close();
}

fn say(number: u64) -> Ask {
    let id = Uuid::new_v7(Timestamp::now(NoContext));
    let client_id = ClientId::new(&id.to_string()).expect("a uuid is a client id");
    let text = format!("message {number} of a conversation in which very much has been said");
    Ask::Request(Box::new(Request::ConversationSend(SendMessage { conversation: ROOM, client_id, text, reply_to: None })))
}

/// The shard's machine, and its effects one after the other.
struct Owner {
    shard: Shard,
    store: Store,
    clock: Clock,
    number: u16,
    todo: VecDeque<ShardEffect>,
}

impl Owner {
    fn new(store: Store) -> Self {
        let shard = Shard::new(ShardConfig::default(), store.log_shape, Arc::clone(&store.generation), Rc::new(Entities));
        Self { shard, store, clock: Clock::new(Clock::process_start()), number: shard_of(ROOM.into()), todo: VecDeque::new() }
    }

    fn input(&mut self, input: ShardInput) {
        let mut effects = Effects::default();
        self.shard.apply(self.clock.now(), input, &mut effects);
        self.todo.extend(effects.drain());
    }

    fn offer(&mut self, ask: Ask) -> oneshot::Receiver<Result<Answer, Refusal>> {
        let (sender, receiver) = oneshot::channel();
        let EntityName { key, channel } = entity_of(&Channel::Conversation(ROOM));
        let caller = Caller { user: ALICE, client: None, role: AccountRole::User, info: None };
        self.input(ShardInput::Ask { entity: EntityName { key, channel }, caller, ask, reply: ReplyTo::Task(sender) });
        receiver
    }

    async fn ask(&mut self, ask: Ask) -> Result<Answer, Refusal> {
        let answer = self.offer(ask);
        self.settle().await;
        answer.await.expect("answered")
    }

    async fn run(&mut self, input: ShardInput) {
        self.input(input);
        self.settle().await;
    }

    /// Lets reads go on, so that nobody waits for them in line, and nothing else.
    async fn settle_reads(&mut self) {
        let is_read = |effect: &ShardEffect| matches!(effect, ShardEffect::Read { .. });
        if self.todo.iter().any(is_read) {
            let (reads, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.todo).into_iter().partition(is_read);
            self.todo = reads;
            self.settle().await;
            self.todo.extend(rest);
        }
    }

    async fn settle(&mut self) {
        while let Some(effect) = self.todo.pop_front() {
            match effect {
                ShardEffect::Log(call) => {
                    let answer = self.log(call).await;
                    self.input(ShardInput::Log(answer));
                }
                ShardEffect::GiveUpPlace => {}
                ShardEffect::Gather => self.input(ShardInput::Gathered),
                ShardEffect::Load { entity, activation } => {
                    let result = self.store.rows.activate(entity).await;
                    self.input(ShardInput::Loaded { entity, activation, result });
                }
                ShardEffect::Read { entity, activation, token, query } => {
                    let answer = read(&self.store, entity, query).await;
                    self.input(ShardInput::Answered { entity, activation, token, answer });
                }
                ShardEffect::Snapshot { entity, snapshot } => self.store.rows.put_snapshot(entity, snapshot).await.expect("stored"),
                ShardEffect::Reply { to: ReplyTo::Task(waiting), answer } => drop(waiting.send(answer)),
                _ => {}
            }
        }
    }

    async fn log(&self, call: LogCall) -> LogAnswer {
        let (log, shard) = (&self.store.log, self.number);
        match call {
            LogCall::Head { bucket } => LogAnswer::Head(log.head(shard, bucket).await),
            LogCall::Claim { bucket, seen, new, cursor } => LogAnswer::Outcome(log.claim(shard, bucket, seen, new, cursor).await),
            LogCall::Tail { bucket, from_wseq } => LogAnswer::Tail(log.tail(shard, bucket, from_wseq).await),
            LogCall::Append(append) => LogAnswer::Outcome(log.append(shard, append).await),
            LogCall::Seal { bucket, fence } => LogAnswer::Outcome(log.seal(shard, bucket, fence).await),
            LogCall::First | LogCall::RetryAt { .. } => unreachable!("not in the embedded store"),
        }
    }
}
