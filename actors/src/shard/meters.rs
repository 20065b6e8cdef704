//! What shards report. Handles are looked up once per shard, never per row.

use metrics::{Counter, Gauge, counter, gauge};

/// The handles of one shard; all shards count together.
pub(super) struct Meters {
    pub(super) rows: Counter,
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
