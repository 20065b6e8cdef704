//! What shards report. Handles are looked up once per shard, never per row.

use metrics::{Counter, Gauge, counter, gauge};
use rialto_storage::StorageError;
use rialto_storage::shard_log::Outcome;

/// The handles of one shard; all shards count together.
pub(super) struct Meters {
    pub(super) rows: Counter,
    pub(super) appends: Appends,
    pub(super) behind: Counter,
    pub(super) losses: Counter,
    pub(super) consumer_failures: Counter,
    pub(super) parked: Counter,
    pub(super) activations: Counter,
    pub(super) passivations: Counter,
    pub(super) panics: Counter,
    pub(super) entities: Gauge,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            rows: counter!("rialto_rows_appended_total"),
            appends: Appends::default(),
            behind: counter!("rialto_refusals_total", "reason" => "shard_log_behind"),
            losses: counter!("rialto_shard_losses_total"),
            consumer_failures: counter!("rialto_consumer_failures_total"),
            parked: counter!("rialto_projections_parked_total"),
            activations: counter!("rialto_entity_activations_total"),
            passivations: counter!("rialto_entity_passivations_total"),
            panics: counter!("rialto_entity_panics_total"),
            entities: gauge!("rialto_entities"),
        }
    }
}

/// What became of appends to the log.
pub(super) struct Appends {
    applied: Counter,
    fenced: Counter,
    unknown: Counter,
    full: Counter,
    failed: Counter,
    /// Unknown at first, and then found in the log.
    pub(super) resolved: Counter,
}

impl Default for Appends {
    fn default() -> Self {
        let of = |outcome: &'static str| counter!("rialto_log_appends_total", "outcome" => outcome);
        Self {
            applied: of("applied"),
            fenced: of("fenced"),
            unknown: of("unknown"),
            full: of("full"),
            failed: of("failed"),
            resolved: of("resolved"),
        }
    }
}

impl Appends {
    /// The store's answer.
    pub(super) fn count(&self, outcome: &Result<Outcome, StorageError>) {
        let counter = match outcome {
            Ok(Outcome::Applied) => &self.applied,
            Ok(Outcome::Fenced) => &self.fenced,
            Ok(Outcome::Unknown) => &self.unknown,
            Ok(Outcome::Full) => &self.full,
            Err(_) => &self.failed,
        };
        counter.increment(1);
    }
}
