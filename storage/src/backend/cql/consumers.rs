//! What follows the logs: entity rows with the dedupe index, projections, and the logs' old ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use rialto_protocol::EntityKey;

use super::codec::encode_row;
use super::core::Core;
use super::log::SEALED;
use super::open::CqlStore;
use super::projections;
use super::value::{Value, Values, big, bytes, entity, id, int, signed, text, unsigned};
use crate::consumers::{Consumers, Parked};
use crate::derive::part;
use crate::shard_log::Outcome;
use crate::{Pending, Row, StorageError};

/// Partitions that one call writes at once.
pub(super) const PARTITIONS_AT_ONCE: usize = 16;

/// A row's time as the engine's timestamp: microseconds.
fn row_timestamp(row: &Row) -> Value {
    big(row.time_ms.saturating_mul(1_000))
}

fn rows_by_part(rows: &[Row], part_rows: u64) -> BTreeMap<(EntityKey, u64), Vec<&Row>> {
    let mut parts: BTreeMap<_, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        parts.entry((row.entity, part(row.seq, part_rows))).or_default().push(row);
    }
    parts
}

/// The rows of one partition and their ids: one mutation.
async fn write_part(core: &Core, (of, part): (EntityKey, u64), rows: Vec<&Row>) -> Result<(), StorageError> {
    let what = "write entity rows";
    let statements = &core.statements;
    let mut batch: Vec<(_, Values)> = Vec::with_capacity(rows.len() * 2);
    for row in &rows {
        let [kind, entity] = entity(of);
        let data = bytes(&encode_row(row));
        batch.push((&statements.row_put, vec![kind, entity, big(part), big(row.seq), big(row.time_ms), data, row_timestamp(row)]));
        if row.remaining == 0 {
            let [kind, entity] = self::entity(of);
            let sender = [id(row.sender.user.0), text(row.sender.client_id.as_str())];
            let mut values = vec![kind, entity, big(part)];
            values.extend(sender);
            values.extend([big(row.seq), big(row.time_ms), row_timestamp(row)]);
            batch.push((&statements.dedupe_put, values));
        }
    }
    // A part is known before it has rows: whoever looks for the newest never misses one.
    if let Some(first) = rows.iter().find(|row| (row.seq - 1) % core.options.part_rows == 0) {
        let [kind, entity] = entity(of);
        let values = vec![kind, entity, big(part), big(first.time_ms), row_timestamp(first)];
        core.write(what, &statements.part_put, values).await?;
    }
    core.write_batch(what, batch).await
}

/// Writes rows to the entity rows and their ids to the dedupe index.
pub(super) async fn write_rows(core: Arc<Core>, rows: Vec<Row>) -> Result<(), StorageError> {
    let parts = rows_by_part(&rows, core.options.part_rows);
    let writes: Vec<_> = parts.into_iter().map(|(of, rows)| write_part(&core, of, rows)).collect();
    stream::iter(writes).buffer_unordered(PARTITIONS_AT_ONCE).try_collect().await
}

async fn park(core: Arc<Core>, parked: Parked) -> Result<(), StorageError> {
    let [kind, entity] = entity(parked.row.entity);
    let values = vec![int(parked.shard), big(parked.wseq), kind, entity, big(parked.row.seq), text(parked.cause)];
    core.write("park a row", &core.statements.park, values).await
}

/// The condition writes the seal again: a range's removal alone cannot be conditional, and a whole partition's would take the seal along.
async fn truncate(core: Arc<Core>, shard: u16, bucket: u64) -> Result<Outcome, StorageError> {
    let seal = vec![int(shard), big(bucket), id(SEALED)];
    let cut = vec![int(shard), big(bucket)];
    let batch = vec![(&core.statements.log_keep_seal, seal), (&core.statements.log_cut, cut)];
    let outcome = core.log_batch("truncate a log", batch).await?;
    if outcome == Outcome::Applied {
        let next = bucket + 1;
        // A hint that is not written costs the next claimant a read.
        let hint = core.write("note a log's first bucket", &core.statements.hint_set, vec![int(shard), big(next), big(next)]).await;
        if let Err(error) = hint {
            tracing::debug!(%error, "hint not written");
        }
    }
    Ok(outcome)
}

/// The first bucket that may have rows.
pub(super) async fn first_bucket(core: Arc<Core>, shard: u16) -> Result<u64, StorageError> {
    let found: Option<(Option<i64>,)> = core.first("read a log's first bucket", &core.statements.hint_get, vec![int(shard)]).await?;
    Ok(found.and_then(|(bucket,)| bucket).map_or(0, unsigned))
}

impl Consumers for CqlStore {
    fn write_rows(&self, rows: Vec<Row>) -> Pending<()> {
        self.run(move |core| write_rows(core, rows))
    }

    fn project(&self, rows: Vec<Row>) -> Pending<()> {
        self.run(move |core| projections::project(core, rows))
    }

    fn park(&self, parked: Parked) -> Pending<()> {
        self.run(move |core| park(core, parked))
    }

    fn truncate(&self, shard: u16, bucket: u64) -> Pending<Outcome> {
        debug_assert!(signed(bucket) >= 0, "buckets count from 0");
        self.run(move |core| truncate(core, shard, bucket))
    }

    fn first_bucket(&self, shard: u16) -> Pending<u64> {
        self.run(move |core| first_bucket(core, shard))
    }
}
