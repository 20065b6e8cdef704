//! Entities come, crash and go: activation from the store, supervision, passivation.

use std::collections::VecDeque;
use std::sync::Arc;

use rialto_protocol::{EntityKey, ErrorCode, Refusal};
use rialto_storage::entity_rows::Activation;
use rialto_storage::{Row, StorageError};
use tracing::Level;
use tracing::field::display;

use super::super::effect::ShardEffect;
use super::super::slot::{Asker, Body, Loading, Slot, WAITING_FOR_LOAD_MAX, input_kind};
use super::{RETRY_HINT_MS, Shard, count, log_backed, refuse_address};
use crate::entity::{EntityInput, EntityName};
use crate::kernel::{Effects, Moment, PanicReport, Verdict, guarded};
use crate::reply_to::ReplyTo;

/// Milliseconds for which a failed load is not tried again.
const LOAD_PAUSE_MS: u64 = 200;

impl Shard {
    pub(super) fn ensure_slot(&mut self, now: Moment, entity: EntityName) {
        if self.slots.contains_key(&entity.key) {
            return;
        }
        if self.slots.len() >= self.config.entities_live_max {
            // Several at once, so that the look over all is not paid for each newcomer.
            self.sweep(now.mono_ms, self.config.entities_live_max / 8 + 1);
        }
        self.meters.entities.increment(1.0);
        self.slots.insert(entity.key, Box::new(Slot::new(entity, now.mono_ms)));
    }

    /// Gives an entity an input, loading it first if it is not in memory.
    pub(super) fn feed(&mut self, now: Moment, entity: EntityKey, input: EntityInput, out: &mut Effects<ShardEffect>) {
        let Some(slot) = self.slots.get_mut(&entity) else { return };
        if !matches!(input, EntityInput::Woken) {
            slot.used_ms = now.mono_ms;
        }
        if let Body::Down { until_ms } = slot.body {
            if now.mono_ms < until_ms {
                let wait = u32::try_from(until_ms - now.mono_ms).unwrap_or(u32::MAX);
                return self.refuse_input(entity, input, Refusal::retry(ErrorCode::Unavailable, wait), out);
            }
            slot.body = Body::Absent;
        }
        match &mut slot.body {
            Body::Live(_) => self.apply_entity(now, entity, input, out),
            Body::Loading(loading) if loading.waiting.len() < WAITING_FOR_LOAD_MAX => loading.waiting.push_back(input),
            Body::Loading(_) => self.refuse_input(entity, input, Refusal::retry(ErrorCode::Overloaded, RETRY_HINT_MS), out),
            Body::Absent | Body::Down { .. } => self.load(now, entity, input, out),
        }
    }

    fn load(&mut self, now: Moment, entity: EntityKey, input: EntityInput, out: &mut Effects<ShardEffect>) {
        self.activations += 1;
        let activation = self.activations;
        let mut memory: Vec<Row> = self.backlog.rows_of(entity).cloned().collect();
        memory.extend(self.log.waiting_of(entity).cloned());
        let Some(slot) = self.slots.get_mut(&entity) else { return };
        slot.activation = activation;
        slot.wake_ms = None;
        slot.body = Body::Loading(Box::new(Loading { waiting: VecDeque::from([input]), memory }));
        if log_backed(entity) {
            out.push(ShardEffect::Load { entity, activation });
        } else {
            self.loaded(now, entity, activation, Ok(Activation::default()), out);
        }
    }

    pub(super) fn loaded(
        &mut self,
        now: Moment,
        entity: EntityKey,
        activation: u64,
        result: Result<Activation, StorageError>,
        out: &mut Effects<ShardEffect>,
    ) {
        let waiting_now = self.log.waiting_of(entity).next().map(|row| row.seq);
        let Some(slot) = self.slots.get_mut(&entity).filter(|slot| slot.activation == activation) else { return };
        let (waiting, memory) = match std::mem::replace(&mut slot.body, Body::Absent) {
            Body::Loading(loading) => (loading.waiting, loading.memory),
            other => {
                slot.body = other;
                return;
            }
        };
        let mut stored = match result {
            Ok(stored) => stored,
            Err(error) => {
                tracing::warn!(entity = %entity.id, %error, "entity could not be loaded");
                slot.body = Body::Down { until_ms: now.mono_ms + LOAD_PAUSE_MS };
                return self.refuse_all(entity, waiting, out);
            }
        };
        merge(&mut stored, memory);
        let applied = waiting_now.map_or_else(|| top(&stored), |first| first - 1);
        slot.body = Body::Live(self.factory.create(&slot.name));
        self.meters.activations.increment(1);
        let generation = Arc::clone(&self.generation);
        let mark = self.channels.take_mark(entity);
        self.feed(now, entity, EntityInput::Activated { generation, activation: stored, applied, mark }, out);
        for input in waiting {
            self.feed(now, entity, input, out);
        }
    }

    fn refuse_all(&mut self, entity: EntityKey, waiting: VecDeque<EntityInput>, out: &mut Effects<ShardEffect>) {
        for input in waiting {
            self.refuse_input(entity, input, Refusal::retry(ErrorCode::Unavailable, RETRY_HINT_MS), out);
        }
    }

    fn refuse_input(&mut self, entity: EntityKey, input: EntityInput, refusal: Refusal, out: &mut Effects<ShardEffect>) {
        let EntityInput::Asked { reply, .. } = input else { return };
        if let (ReplyTo::Session(session), Some(slot)) = (&reply, self.slots.get_mut(&entity)) {
            slot.answered(session.address);
        }
        out.push(ShardEffect::Reply { to: reply, answer: Err(refusal) });
    }

    fn apply_entity(&mut self, now: Moment, entity: EntityKey, input: EntityInput, out: &mut Effects<ShardEffect>) {
        let Some(slot) = self.slots.get_mut(&entity) else { return };
        let Body::Live(machine) = &mut slot.body else { return };
        slot.idle = false;
        let (kind, asker) = (input_kind(&input), Asker::of(&input));
        let mut effects = std::mem::take(&mut self.scratch);
        let outcome = {
            // A span that nobody looks at would cost each message some 200 instructions.
            let _entered = tracing::enabled!(Level::DEBUG).then(|| {
                let user = asker.user.map(display);
                tracing::debug_span!("entity", kind = ?entity.kind, entity = %entity.id, user).entered()
            });
            guarded(|| machine.apply(now, input, &mut effects))
        };
        match outcome {
            Ok(()) => {
                for effect in effects.drain() {
                    self.carry(entity, effect, out);
                }
            }
            Err(panic) => {
                // What the input had wanted is forgotten as a whole: none of it has left.
                effects.clear();
                self.crashed(now, entity, (kind, asker), &panic, out);
            }
        }
        self.scratch = effects;
    }

    fn crashed(
        &mut self,
        now: Moment,
        entity: EntityKey,
        (input, asker): (&'static str, Asker),
        panic: &PanicReport,
        out: &mut Effects<ShardEffect>,
    ) {
        self.meters.panics.increment(1);
        let Some(slot) = self.slots.get_mut(&entity) else { return };
        let verdict = slot.budget.crashed(now.mono_ms);
        let (user, connection) = (asker.user.map(display), asker.connection.map(display));
        tracing::error!(
            kind = ?entity.kind, entity = %entity.id, input, user, connection, message = %panic.message, location = %panic.location, ?verdict,
            "entity panicked"
        );
        self.drop_machine(entity, ErrorCode::Unavailable, out);
        if let (Verdict::Quarantine { until_ms }, Some(slot)) = (verdict, self.slots.get_mut(&entity)) {
            slot.body = Body::Down { until_ms };
        }
        // A stream in memory is gone with what it held, and the next one begins at 1: who listens must not take that for a continuation.
        if !log_backed(entity) {
            self.missed(entity, out);
        }
    }

    /// Drops an entity's state; what it had not answered is refused. Its next input rebuilds it from its rows.
    pub(super) fn drop_machine(&mut self, entity: EntityKey, code: ErrorCode, out: &mut Effects<ShardEffect>) {
        let Some(slot) = self.slots.get_mut(&entity) else { return };
        slot.last_wseq = slot.last_wseq.min(self.log.top());
        let body = std::mem::replace(&mut slot.body, Body::Absent);
        slot.wake_ms = None;
        // Where it stood when it rested last is not where it was.
        self.channels.take_mark(entity);
        if let Body::Loading(loading) = body {
            self.refuse_all(entity, loading.waiting, out);
        }
        let open = self.slots.get_mut(&entity).map(|slot| std::mem::take(&mut slot.open)).unwrap_or_default();
        for address in open {
            out.push(refuse_address(address, Refusal::retry(code, RETRY_HINT_MS)));
        }
    }

    /// Lets idle entities that were last used before `used_before_ms` leave memory, the longest unused first, at most `most`.
    pub(super) fn sweep(&mut self, used_before_ms: u64, most: usize) {
        let applied = self.log.applied();
        let (channels, slots) = (&self.channels, &self.slots);
        // A stream in memory must outlive the pauses of those who listen to it, or come back as it was.
        let free = |slot: &Slot| {
            let key = slot.name.key;
            slot.used_ms <= used_before_ms
                && slot.may_leave(applied)
                && (log_backed(key) || channels.count(key) == 0 || channels.has_mark(key))
        };
        let mut leaving: Vec<(u64, EntityKey)> =
            slots.values().filter(|slot| free(slot)).map(|slot| (slot.used_ms, slot.name.key)).collect();
        if leaving.len() > most {
            leaving.sort_unstable();
            leaving.truncate(most);
        }
        self.meters.passivations.increment(leaving.len() as u64);
        self.meters.entities.decrement(count(leaving.len()));
        for (_, entity) in leaving {
            self.slots.remove(&entity);
        }
        if self.slots.is_empty() {
            // There are many shards, and most of them rest.
            self.scratch = Effects::default();
        }
        if self.slots.capacity() > 4 * self.slots.len() {
            self.slots.shrink_to_fit();
        }
        if self.wakes.capacity() > 4 * self.wakes.len() {
            self.wakes.shrink_to_fit();
        }
        self.gate.rest();
    }
}

/// Adds to what the store has the rows that it may have missed. Rows are consumed in no order: there may be holes among the newest.
fn merge(stored: &mut Activation, memory: Vec<Row>) {
    let Some(first) = memory.first().map(|row| row.seq) else { return };
    let snapshot = stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
    stored.rows.retain(|row| row.seq < first);
    stored.rows.extend(memory.into_iter().filter(|row| row.seq > snapshot));
}

fn top(stored: &Activation) -> u64 {
    stored.rows.last().map_or_else(|| stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq), |row| row.seq)
}
