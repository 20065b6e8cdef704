//! What follows the log where appends write the log only: consumers, reads that wait for them, truncation, and being sure before answering.

use rialto_protocol::EntityKey;
use rialto_storage::shard_log::Outcome;
use rialto_storage::{Row, StorageError};

use super::super::backlog::{Consumer, Work};
use super::super::effect::ShardEffect;
use super::super::log::Truncation;
use super::Shard;
use crate::entity::Query;
use crate::kernel::Effects;

/// Reads of entities that wait until their rows are consumed. Above: asks of log-backed entities are refused with `overloaded`.
pub const READS_HELD_MAX: usize = 4_096;

/// A read of an entity that has rows which the store cannot show yet.
pub(super) struct HeldRead {
    entity: EntityKey,
    activation: u64,
    token: u64,
    query: Query,
}

impl Shard {
    fn consumes(&self) -> bool {
        !self.log.shape().consumed_on_append
    }

    /// The claim stands: what lies behind the cursor is consumed again.
    pub(super) fn begin_consuming(&mut self, cursor: u64, tail: Vec<Row>) {
        if self.consumes() {
            self.backlog.begin(cursor, tail, self.mono_ms);
            self.truncation = Truncation::from(self.log.first_bucket());
        }
    }

    pub(super) fn stop_consuming(&mut self) {
        self.backlog.begin(0, Vec::new(), self.mono_ms);
        self.reads_held.clear();
        self.truncation = Truncation::default();
    }

    /// Rows have become durable.
    pub(super) fn follow(&mut self, rows: Vec<Row>) {
        if self.consumes() {
            rows.into_iter().for_each(|row| self.backlog.push(row, self.mono_ms));
        }
    }

    /// A read sees every row that was durable when it was asked for: it waits until they are consumed.
    pub(super) fn read(&mut self, entity: EntityKey, token: u64, query: Query, out: &mut Effects<ShardEffect>) {
        let activation = self.slots.get(&entity).map_or(0, |slot| slot.activation);
        let of_rows = matches!(query, Query::Rows(_) | Query::Find { .. } | Query::Messages(_));
        match self.backlog.newest_of(entity).filter(|_| of_rows) {
            Some(wseq) => {
                self.reads_held_ever += 1;
                self.reads_held.insert((wseq, self.reads_held_ever), HeldRead { entity, activation, token, query });
            }
            None => out.push(ShardEffect::Read { entity, activation, token, query }),
        }
    }

    pub(super) fn consumed(&mut self, consumer: Consumer, serial: u64, result: Result<(), StorageError>, out: &mut Effects<ShardEffect>) {
        if let Err(error) = &result {
            self.meters.consumer_failures.increment(1);
            tracing::debug!(?consumer, %error, "consumer's write failed");
        }
        if !self.backlog.answered(consumer, serial, result, self.mono_ms) {
            return;
        }
        self.log.consumed(self.backlog.consumed());
        while let Some(held) = self.reads_held.first_entry().filter(|held| held.key().0 <= self.backlog.consumed()) {
            let HeldRead { entity, activation, token, query } = held.remove();
            out.push(ShardEffect::Read { entity, activation, token, query });
        }
    }

    pub(super) fn truncated(&mut self, bucket: u64, outcome: &Result<Outcome, StorageError>) {
        self.truncation.answered(bucket, outcome);
    }

    /// What the consumers and the log's old end want now.
    pub(super) fn settle_consumers(&mut self, out: &mut Effects<ShardEffect>) {
        if !self.consumes() || !self.log.is_ready() {
            return;
        }
        for consumer in [Consumer::Rows, Consumer::Projections] {
            let Some(batch) = self.backlog.next(consumer, self.mono_ms) else { continue };
            if let Work::Park { wseq, row, cause } = &batch.work {
                self.meters.parked.increment(1);
                tracing::error!(wseq, entity = %row.entity.id, seq = row.seq, cause, "projections of a row are given up");
            }
            out.push(ShardEffect::Consume(batch));
        }
        self.truncation.passed(self.log.durable_cursor(), self.log.shape().bucket_rows, self.mono_ms, self.config.truncate_after_ms);
        if let Some(bucket) = self.truncation.next(self.mono_ms) {
            out.push(ShardEffect::Truncate { bucket });
        }
        let progress = (self.log.applied(), self.backlog.consumed());
        if progress != self.progress {
            self.progress = progress;
            out.push(ShardEffect::Progress { applied: progress.0, consumed: progress.1 });
        }
    }

    /// Outputs that wait for no row leave when the fence is sure; else it is read first, once for all that wait.
    pub(super) fn settle_gate(&mut self, out: &mut Effects<ShardEffect>) {
        if !self.gate.is_due(self.log.applied()) {
            return;
        }
        if self.log.is_sure(self.mono_ms) {
            self.release(out);
        } else if let Some(call) = self.log.confirm(self.mono_ms) {
            self.call_log(call, out);
        }
    }

    /// When something of this is due.
    pub(super) fn consumers_due_ms(&self) -> Option<u64> {
        [self.backlog.retry_due_ms(), self.truncation.due_ms(), self.log.cursor_due_ms()].into_iter().flatten().min()
    }
}
