//! Writes what stands in the logs behind their cursors to the entity rows and projections, as the logs' owners are about to. Whoever reads those tables afterwards finds in them
//! every row that was acknowledged before. Owners need not live, nor wait: a consumer's writes may come twice, late and from anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::consumers::{first_bucket, write_rows};
use super::core::Core;
use super::log::{head, page};
use super::projections::project;
use super::scan::{Scan, patiently};
use crate::{ErrorKind, Row, StorageError};

/// Shards whose tails are read at once.
const SHARDS_AT_ONCE: usize = 8;
/// Rows of a tail that are read at once.
const TAIL_ROWS: usize = 128;

/// Answers how many rows were written.
pub(super) async fn catch_up(core: &Arc<Core>) -> Result<u64, StorageError> {
    let mut scan = Scan::<(i32, i64)>::new("list the logs", &core.statements.log_partitions, Vec::new());
    let mut logs: BTreeMap<u16, (u64, Vec<u64>)> = BTreeMap::new();
    while let Some(found) = scan.next(core).await? {
        for (shard, bucket) in found {
            let (Ok(shard), Ok(bucket)) = (u16::try_from(shard), u64::try_from(bucket)) else { continue };
            if let std::collections::btree_map::Entry::Vacant(place) = logs.entry(shard) {
                place.insert((patiently(|| first_bucket(Arc::clone(core), shard)).await?, Vec::new()));
            }
            // Sealed and truncated buckets stay for ever; nothing has to be kept of those in front of the first.
            if let Some((_, buckets)) = logs.get_mut(&shard).filter(|(first, _)| bucket >= *first) {
                buckets.push(bucket);
            }
        }
    }
    let shards = logs.into_iter().map(|(shard, (_, buckets))| Box::pin(of_shard(core, shard, buckets)));
    stream::iter(shards).buffer_unordered(SHARDS_AT_ONCE).try_fold(0, |all, rows| async move { Ok(all + rows) }).await
}

async fn of_shard(core: &Arc<Core>, shard: u16, mut buckets: Vec<u64>) -> Result<u64, StorageError> {
    buckets.sort_unstable();
    let mut cursor = 0;
    for bucket in &buckets {
        cursor = patiently(|| head(Arc::clone(core), shard, *bucket)).await?.cursor.max(cursor);
    }
    let (mut next, mut written) = (cursor + 1, 0);
    for bucket in buckets.into_iter().filter(|bucket| bucket.saturating_add(1).saturating_mul(core.options.bucket_rows) > cursor) {
        loop {
            let found = patiently(|| page(core, shard, bucket, next, TAIL_ROWS)).await?;
            let Some((last, _, _)) = found.last() else { break };
            (next, written) = (last + 1, written + found.len() as u64);
            let is_last = found.len() < TAIL_ROWS;
            consume(core, found.into_iter().map(|(_, _, row): (u64, Uuid, Row)| row).collect()).await?;
            if is_last {
                break;
            }
        }
    }
    Ok(written)
}

/// What the engine refuses of projections, the owner will park: the row itself is what counts.
async fn consume(core: &Arc<Core>, rows: Vec<Row>) -> Result<(), StorageError> {
    patiently(|| write_rows(Arc::clone(core), rows.clone())).await?;
    match patiently(|| project(Arc::clone(core), rows.clone())).await {
        Err(error) if error.kind != ErrorKind::Unavailable => {
            tracing::warn!(%error, "projections not written");
            Ok(())
        }
        other => other,
    }
}
