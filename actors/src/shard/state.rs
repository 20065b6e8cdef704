//! The shard machine: what each input means. Activation and supervision of entities are in `activate`, the way of their effects out in `carry`.

mod activate;
mod carry;
mod consume;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use rialto_protocol::limits::CONNECTIONS_PER_USER_MAX;
use rialto_protocol::{EntityKey, EntityKind, ErrorCode, Refusal, UserId};
use rialto_storage::Row;
use rialto_storage::shard_log::LogShape;
use uuid::Uuid;

use super::backlog::{Backlog, NodeLag};
use super::channels::Channels;
use super::effect::ShardEffect;
use super::entity_map::EntityMap;
use super::gate::{Gate, Output};
use super::gather::{Gather, Verdict};
use super::input::ShardInput;
use super::log::{Log, LogAnswer, LogCall, LogNews, TRUNCATE_AFTER_MS, Truncation};
use super::meters::Meters;
use super::slot::{Body, Slot};
use crate::entity::{Ask, Caller, EntityEffect, EntityFactory, EntityInput, EntityName, Tell};
use crate::kernel::{Effects, Machine, Moment};
use crate::reply_to::{CommandAddress, ReplyTo};
use consume::HeldRead;

pub use consume::READS_HELD_MAX;

/// Inputs that wait while the shard is claimed. Above: `unavailable`.
pub const WAITING_FOR_CLAIM_MAX: usize = 1024;
/// Milliseconds that an input waits for the claim. After: `unavailable`.
pub const WAIT_FOR_CLAIM_MS: u64 = 2_000;
/// Rows that wait for the log. Above: asks of log-backed entities are refused with `overloaded`.
pub const ROWS_WAITING_MAX: usize = 8_192;
/// Bytes of rows that wait for the log. Above: as [`ROWS_WAITING_MAX`].
pub const BYTES_WAITING_MAX: usize = 8 * 1024 * 1024;
/// Outputs held at the gate. Above: as [`ROWS_WAITING_MAX`].
pub const OUTPUTS_HELD_MAX: usize = 65_536;
/// Milliseconds after which a caller may try again when something is full.
pub const RETRY_HINT_MS: u32 = 500;
/// Milliseconds between looks for entities that may leave memory.
pub const SWEEP_MS: u64 = 5_000;

/// Milliseconds for which a shard is left to whoever took it, where somebody else can.
pub const RECLAIM_MS: u64 = 5_000;

/// What the operator decides about shards.
#[derive(Clone, Copy, Debug)]
pub struct ShardConfig {
    /// Milliseconds without input after which an idle entity leaves memory, and with it the newest rows that it holds, up to 256 KiB.
    pub entity_idle_ms: u64,
    /// Entities in memory per shard above which idle ones leave at once.
    pub entities_live_max: usize,
    /// Connections of one user.
    pub connections_per_user_max: usize,
    /// Milliseconds after the loss of the fence before the shard is claimed again.
    pub reclaim_ms: u64,
    /// Milliseconds for which a bucket of the log must have been wholly below the stored cursor before its rows are removed.
    pub truncate_after_ms: u64,
}

impl Default for ShardConfig {
    fn default() -> Self {
        Self {
            entity_idle_ms: 10_000,
            entities_live_max: 128,
            connections_per_user_max: CONNECTIONS_PER_USER_MAX,
            reclaim_ms: 0,
            truncate_after_ms: TRUNCATE_AFTER_MS,
        }
    }
}

/// The machine of one shard.
pub struct Shard {
    config: ShardConfig,
    generation: Arc<str>,
    factory: Rc<dyn EntityFactory>,
    log: Log,
    gather: Gather,
    /// Rows that are durable but not yet consumed.
    backlog: Backlog,
    truncation: Truncation,
    reads_held: BTreeMap<(u64, u64), HeldRead>,
    reads_held_ever: u64,
    progress: (u64, u64),
    /// Monotonic time of the present input.
    mono_ms: u64,
    gate: Gate,
    slots: EntityMap<Box<Slot>>,
    channels: Channels,
    /// Inputs that wait for the claim.
    waiting: VecDeque<ShardInput>,
    waiting_since_ms: u64,
    claim_at_ms: Option<u64>,
    log_retry_ms: Option<u64>,
    wakes: BinaryHeap<Reverse<(u64, EntityKey)>>,
    sweep_ms: u64,
    activations: u64,
    /// Effects of one entity input: kept to reuse its memory.
    scratch: Effects<EntityEffect>,
    meters: Meters,
}

impl Shard {
    /// A shard that has claimed nothing yet.
    pub fn new(config: ShardConfig, shape: LogShape, generation: Arc<str>, factory: Rc<dyn EntityFactory>) -> Self {
        Self {
            config,
            generation,
            factory,
            log: Log::new(shape),
            gather: Gather::default(),
            backlog: Backlog::default(),
            truncation: Truncation::default(),
            reads_held: BTreeMap::new(),
            reads_held_ever: 0,
            progress: (0, 0),
            mono_ms: 0,
            gate: Gate::default(),
            slots: EntityMap::default(),
            channels: Channels::default(),
            waiting: VecDeque::new(),
            waiting_since_ms: 0,
            claim_at_ms: None,
            log_retry_ms: None,
            wakes: BinaryHeap::new(),
            sweep_ms: SWEEP_MS,
            activations: 0,
            scratch: Effects::default(),
            meters: Meters::default(),
        }
    }

    /// The same, which counts what it has not consumed together with the node's other shards.
    #[must_use]
    pub fn sharing(mut self, lag: NodeLag) -> Self {
        self.backlog = Backlog::sharing(lag);
        self
    }

    /// Entities in memory.
    #[must_use]
    pub fn entities(&self) -> usize {
        self.slots.len()
    }

    fn claim(&mut self, now: Moment, out: &mut Effects<ShardEffect>) {
        self.claim_at_ms = None;
        let call = self.log.claim(now.entropy, now.mono_ms);
        self.call_log(call, out);
    }

    fn call_log(&mut self, call: LogCall, out: &mut Effects<ShardEffect>) {
        match call {
            LogCall::RetryAt { mono_ms } => self.log_retry_ms = Some(mono_ms),
            call => out.push(ShardEffect::Log(call)),
        }
    }

    fn log_answered(&mut self, now: Moment, answer: LogAnswer, out: &mut Effects<ShardEffect>) {
        let append = self.log.append_under_way();
        if let (Some(false), LogAnswer::Outcome(outcome)) = (append, &answer) {
            self.meters.appends.count(outcome);
        }
        let (news, call) = self.log.answered(answer, now.mono_ms);
        if append == Some(true) && matches!(news, LogNews::Applied { .. }) {
            self.meters.appends.resolved.increment(1);
        }
        if let Some(call) = call {
            self.call_log(call, out);
        }
        match news {
            LogNews::Nothing => {}
            LogNews::Ready { cursor, tail } => {
                self.begin_consuming(cursor, tail);
                for input in std::mem::take(&mut self.waiting) {
                    self.take(now, input, out);
                }
            }
            LogNews::Applied { rows, .. } => self.applied(now, rows, out),
            LogNews::Confirmed => self.release(out),
            LogNews::Full => self.full(out),
            LogNews::Fenced => self.fenced(now, out),
            LogNews::Dropped => self.dropped(now, out),
        }
    }

    /// Lets every output leave whose rows are durable.
    fn release(&mut self, out: &mut Effects<ShardEffect>) {
        let applied = self.log.applied();
        while let Some(output) = self.gate.release(applied) {
            self.emit(output, out);
        }
    }

    fn applied(&mut self, now: Moment, rows: Vec<Row>, out: &mut Effects<ShardEffect>) {
        self.meters.rows.increment(rows.len() as u64);
        self.gather.landed(rows.len(), self.log.waiting_rows());
        // That they have landed says nothing of the fence where this took long to learn: what else was decided meanwhile may be old by now.
        if self.log.is_sure(self.mono_ms) {
            self.release(out);
        }
        let mut tops: Vec<(EntityKey, u64)> = Vec::new();
        for row in &rows {
            match tops.iter_mut().find(|(entity, _)| *entity == row.entity) {
                Some((_, seq)) => *seq = row.seq,
                None => tops.push((row.entity, row.seq)),
            }
        }
        self.follow(rows);
        for (entity, seq) in tops {
            if self.slots.get(&entity).is_some_and(|slot| matches!(slot.body, Body::Live(_))) {
                self.feed(now, entity, EntityInput::Applied { seq }, out);
            }
        }
    }

    /// No room: the rows in flight and queued are given up, with every output that waited for them and every entity that had decided on them.
    fn full(&mut self, out: &mut Effects<ShardEffect>) {
        self.refuse_held(&Refusal::retry(ErrorCode::StorageFull, RETRY_HINT_MS), out);
        let applied = self.log.applied();
        let mut doomed: Vec<EntityKey> = self.slots.values().filter(|slot| slot.last_wseq > applied).map(|slot| slot.name.key).collect();
        doomed.sort_unstable();
        for entity in doomed {
            self.drop_machine(entity, ErrorCode::StorageFull, out);
        }
    }

    /// Somebody else owns the shard. It is left alone for a while, so that two who want it do not take it from each other all the time.
    fn fenced(&mut self, now: Moment, out: &mut Effects<ShardEffect>) {
        tracing::warn!("shard lost its fence");
        self.forget(now, out);
        if self.config.reclaim_ms == 0 {
            self.claim(now, out);
        } else {
            self.log = Log::new(self.log.shape());
            self.claim_at_ms = Some(now.mono_ms + self.config.reclaim_ms);
        }
    }

    /// What the log had begun cannot be brought to an end: only a claim makes sure that it never will be.
    fn dropped(&mut self, now: Moment, out: &mut Effects<ShardEffect>) {
        tracing::warn!("shard dropped its state, claiming it again");
        self.forget(now, out);
        self.claim(now, out);
    }

    /// Nothing in memory counts any more. Listeners may have missed rows that were appended without our knowing: they must recover.
    fn forget(&mut self, now: Moment, out: &mut Effects<ShardEffect>) {
        self.meters.losses.increment(1);
        self.refuse_held(&Refusal::retry(ErrorCode::Unavailable, RETRY_HINT_MS), out);
        let mut durable: Vec<EntityKey> = self.slots.keys().filter(|entity| log_backed(**entity)).copied().collect();
        durable.sort_unstable();
        for entity in durable {
            self.drop_machine(entity, ErrorCode::Unavailable, out);
            if let Some(slot) = self.slots.get_mut(&entity) {
                slot.last_wseq = 0;
            }
        }
        self.stop_consuming();
        self.waiting_since_ms = now.mono_ms;
        let mut listened: Vec<EntityKey> = self.channels.entities().filter(|entity| log_backed(*entity)).collect();
        listened.sort_unstable();
        for entity in listened {
            self.missed(entity, out);
        }
    }

    /// Whoever listens must recover.
    fn missed(&self, entity: EntityKey, out: &mut Effects<ShardEffect>) {
        if let Some((channel, threads)) = self.channels.interested(entity) {
            out.push(ShardEffect::Missed { threads, channel });
        }
    }

    fn refuse_held(&mut self, refusal: &Refusal, out: &mut Effects<ShardEffect>) {
        for output in self.gate.give_up() {
            if let Output::Reply { to, .. } = output {
                out.push(ShardEffect::Reply { to, answer: Err(refusal.clone()) });
            }
        }
    }

    /// Takes an input that needs the shard to be mine, or lets it wait a little.
    fn take(&mut self, now: Moment, input: ShardInput, out: &mut Effects<ShardEffect>) {
        if self.log.is_ready() || !needs_log(&input) {
            return self.serve(now, input, out);
        }
        if self.waiting.len() >= WAITING_FOR_CLAIM_MAX || self.claim_at_ms.is_some() {
            return refuse(input, &Refusal::retry(ErrorCode::Unavailable, RETRY_HINT_MS), out);
        }
        if self.waiting.is_empty() {
            self.waiting_since_ms = now.mono_ms;
        }
        self.waiting.push_back(input);
    }

    fn serve(&mut self, now: Moment, input: ShardInput, out: &mut Effects<ShardEffect>) {
        match input {
            ShardInput::Ask { entity, caller, ask, reply } => self.ask(now, entity, caller, ask, reply, out),
            ShardInput::Tell { user, tell } => self.tell(now, user, tell, out),
            _ => {}
        }
    }

    fn ask(&mut self, now: Moment, entity: EntityName, caller: Caller, ask: Ask, reply: ReplyTo, out: &mut Effects<ShardEffect>) {
        let full = self.log.waiting_rows() >= ROWS_WAITING_MAX
            || self.log.waiting_bytes() >= BYTES_WAITING_MAX
            || self.gate.len() >= OUTPUTS_HELD_MAX
            || self.reads_held.len() >= READS_HELD_MAX
            || self.backlog.lags(now.mono_ms);
        if full && log_backed(entity.key) {
            self.meters.behind.increment(1);
            return out.push(ShardEffect::Reply { to: reply, answer: Err(Refusal::retry(ErrorCode::Overloaded, RETRY_HINT_MS)) });
        }
        let key = entity.key;
        self.ensure_slot(now, entity);
        if let (ReplyTo::Session(reply), Some(slot)) = (&reply, self.slots.get_mut(&key)) {
            slot.open.push(reply.address);
        }
        self.feed(now, key, EntityInput::Asked { caller, ask, reply }, out);
    }

    /// Users who are not here hear nothing: their list tells them when they come.
    fn tell(&mut self, now: Moment, user: UserId, tell: Tell, out: &mut Effects<ShardEffect>) {
        let key = EntityKey::from(user);
        let Some((channel, _)) = self.channels.interested(key) else { return };
        self.ensure_slot(now, EntityName { key, channel });
        self.feed(now, key, EntityInput::Told(tell), out);
    }

    fn woken(&mut self, now: Moment, out: &mut Effects<ShardEffect>) {
        if self.claim_at_ms.is_some_and(|at| at <= now.mono_ms) {
            self.claim(now, out);
        }
        if self.log_retry_ms.is_some_and(|at| at <= now.mono_ms) {
            self.log_retry_ms = None;
            if let Some(call) = self.log.retry(now.mono_ms) {
                self.call_log(call, out);
            }
        }
        if !self.waiting.is_empty() && now.mono_ms >= self.waiting_since_ms + WAIT_FOR_CLAIM_MS {
            for input in std::mem::take(&mut self.waiting) {
                refuse(input, &Refusal::retry(ErrorCode::Unavailable, RETRY_HINT_MS), out);
            }
        }
        while let Some(Reverse((at, entity))) = self.wakes.peek().copied().filter(|Reverse((at, _))| *at <= now.mono_ms) {
            self.wakes.pop();
            let due = self.slots.get_mut(&entity).is_some_and(|slot| slot.wake_ms == Some(at) && slot.wake_ms.take().is_some());
            if due {
                self.feed(now, entity, EntityInput::Woken, out);
            }
        }
        if now.mono_ms >= self.sweep_ms {
            self.sweep_ms = now.mono_ms + SWEEP_MS;
            self.sweep(now.mono_ms.saturating_sub(self.config.entity_idle_ms), usize::MAX);
        }
    }

    /// The next thing to send, if the last is resolved; rows are sent when those that are about to come have come.
    fn settle_log(&mut self, out: &mut Effects<ShardEffect>) {
        let rows = self.log.rows_to_send();
        if rows > 0 {
            match self.gather.decide(rows, self.log.fills_append()) {
                Verdict::Go => {}
                Verdict::Round => return out.push(ShardEffect::Gather),
                Verdict::Wait => return,
            }
        } else if self.gather.gives_up() {
            out.push(ShardEffect::GiveUpPlace);
        }
        if let Some(call) = self.log.next_call(self.mono_ms) {
            self.call_log(call, out);
        }
    }

    /// What holds after every input: one append under way if rows wait, and a timer for what comes next.
    fn settle(&mut self, out: &mut Effects<ShardEffect>) {
        self.settle_log(out);
        self.settle_gate(out);
        self.settle_consumers(out);
        let entity = self.wakes.peek().map(|Reverse((at, _))| *at);
        let waiting = (!self.waiting.is_empty()).then_some(self.waiting_since_ms + WAIT_FOR_CLAIM_MS);
        let sweep = (!self.slots.is_empty()).then_some(self.sweep_ms);
        if let Some(mono_ms) =
            [entity, waiting, sweep, self.log_retry_ms, self.claim_at_ms, self.consumers_due_ms()].into_iter().flatten().min()
        {
            out.push(ShardEffect::WakeAt { mono_ms });
        }
    }
}

impl Machine for Shard {
    type Input = ShardInput;
    type Effect = ShardEffect;

    fn apply(&mut self, now: Moment, input: ShardInput, out: &mut Effects<ShardEffect>) {
        self.mono_ms = now.mono_ms;
        match input {
            ShardInput::Start => self.claim(now, out),
            ShardInput::Ask { .. } | ShardInput::Tell { .. } => self.take(now, input, out),
            ShardInput::Leave { entity, client } => self.leave(entity, client, out),
            ShardInput::Gathered => self.gather.round_over(),
            ShardInput::Log(answer) => self.log_answered(now, answer, out),
            ShardInput::Consumed { consumer, serial, result } => self.consumed(consumer, serial, result, out),
            ShardInput::Truncated { bucket, outcome } => self.truncated(bucket, &outcome),
            ShardInput::Loaded { entity, activation, result } => self.loaded(now, entity, activation, result, out),
            ShardInput::Answered { entity, activation, token, answer } => {
                let current =
                    self.slots.get(&entity).is_some_and(|slot| slot.activation == activation && matches!(slot.body, Body::Live(_)));
                if current {
                    self.feed(now, entity, EntityInput::Answered { token, answer }, out);
                }
            }
            ShardInput::Woken => self.woken(now, out),
        }
        self.settle(out);
    }
}

/// Whether an entity's state is rows of the log. The others live in memory, or in small tables of the store.
pub(super) fn log_backed(entity: EntityKey) -> bool {
    entity.kind == EntityKind::Conversation
}

fn needs_log(input: &ShardInput) -> bool {
    matches!(input, ShardInput::Ask { entity, .. } if log_backed(entity.key))
}

fn refuse(input: ShardInput, refusal: &Refusal, out: &mut Effects<ShardEffect>) {
    if let ShardInput::Ask { reply, .. } = input {
        out.push(ShardEffect::Reply { to: reply, answer: Err(refusal.clone()) });
    }
}

/// A refusal for a command whose answer was lost in a crash.
pub(super) fn refuse_address(address: CommandAddress, refusal: Refusal) -> ShardEffect {
    let reply = crate::reply_to::SessionReply { address, then: crate::reply_to::Then::Answer };
    ShardEffect::Reply { to: ReplyTo::Session(reply), answer: Err(refusal) }
}

/// A shard that is dropped, after a panic, takes its entities along.
impl Drop for Shard {
    fn drop(&mut self) {
        self.meters.entities.decrement(count(self.slots.len()));
    }
}

/// A number of entities for a gauge; there are never so many that it matters.
fn count(entities: usize) -> f64 {
    f64::from(u32::try_from(entities).unwrap_or(u32::MAX))
}

impl Shard {
    fn leave(&mut self, entity: EntityKey, client: Uuid, out: &mut Effects<ShardEffect>) {
        if let Some(listener) = self.channels.leave(entity, client) {
            self.say_presence(entity, &listener, false, out);
        }
    }
}
