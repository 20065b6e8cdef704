//! The shard logs: each method one statement or one batch on one partition.

use std::sync::Arc;

use uuid::Uuid;

use super::blobs;
use super::codec::{self, body_blob, encode_row};
use super::core::{Core, limit};
use super::open::CqlStore;
use super::value::{Values, big, bytes, count, entity, id, int, unsigned};
use crate::derive::derive;
use crate::shard_log::{Append, BucketHead, Fence, LogShape, Outcome, ShardLog};
use crate::{Pending, Row, StorageError};

/// The fence of every sealed bucket: nobody's.
pub(super) const SEALED: Uuid = Uuid::max();

type LogRow = (i64, Uuid, i8, Uuid, i64, Vec<u8>);

/// The statics of a bucket.
pub(super) async fn head(core: Arc<Core>, shard: u16, bucket: u64) -> Result<BucketHead, StorageError> {
    type Statics = (Option<Uuid>, Option<bool>, Option<i64>);
    let found: Option<Statics> = core.first("read a log's head", &core.statements.log_head, vec![int(shard), big(bucket)]).await?;
    let (fence, sealed, cursor) = found.unwrap_or_default();
    let fence = fence.filter(|fence| *fence != SEALED).map(Fence);
    Ok(BucketHead { fence, sealed: sealed.unwrap_or_default(), cursor: unsigned(cursor.unwrap_or_default()) })
}

async fn append(core: Arc<Core>, shard: u16, append: Append) -> Result<Outcome, StorageError> {
    LogShape::shared(core.options.bucket_rows).check_append(&append.rows)?;
    for row in &append.rows {
        derive(row, core.options.part_rows).map_err(|error| limit("append rows", error))?;
        if let Some(blob) = body_blob(row) {
            blobs::put(&core, row.entity, blob, &row.body).await?;
        }
    }
    let (fence, place) = (append.fence.0, [int(shard), big(append.bucket)]);
    let [at_shard, at_bucket] = place.clone();
    let condition = vec![id(fence), big(append.cursor), at_shard, at_bucket, id(fence), big(append.cursor)];
    let mut batch = vec![(&core.statements.log_append, condition)];
    for (wseq, row) in (append.first_wseq..).zip(&append.rows) {
        batch.push((&core.statements.log_row, row_values(&place, wseq, fence, row)));
    }
    core.log_batch("append rows", batch).await
}

fn row_values([shard, bucket]: &[super::value::Value; 2], wseq: u64, writer: Uuid, row: &Row) -> Values {
    let [kind, entity] = entity(row.entity);
    vec![shard.clone(), bucket.clone(), big(wseq), id(writer), kind, entity, big(row.seq), bytes(&encode_row(row))]
}

async fn whole(core: &Core, found: Vec<LogRow>) -> Result<Vec<(u64, Uuid, Row)>, StorageError> {
    let mut rows = Vec::with_capacity(found.len());
    for (wseq, writer, kind, of, seq, data) in found {
        let (row, blob) = codec::decode_row(codec::entity(kind, of)?, unsigned(seq), &data)?;
        rows.push((unsigned(wseq), writer, blobs::with_body(core, row, blob).await?));
    }
    Ok(rows)
}

async fn tail(core: Arc<Core>, shard: u16, bucket: u64, from_wseq: u64) -> Result<Vec<(u64, Fence, Row)>, StorageError> {
    let values = vec![int(shard), big(bucket), big(from_wseq)];
    let found: Vec<LogRow> = core.select_all("read a log's tail", &core.statements.log_tail, values).await?;
    Ok(whole(&core, found).await?.into_iter().map(|(wseq, writer, row)| (wseq, Fence(writer), row)).collect())
}

/// A stretch of a bucket: each row with its place and the fence that wrote it.
pub(super) async fn page(core: &Core, shard: u16, bucket: u64, from: u64, limit: usize) -> Result<Vec<(u64, Uuid, Row)>, StorageError> {
    let values = vec![int(shard), big(bucket), big(from), count(limit)];
    whole(core, core.select("read a log's tail", &core.statements.log_page, values).await?).await
}

impl ShardLog for CqlStore {
    fn head(&self, shard: u16, bucket: u64) -> Pending<BucketHead> {
        self.run(move |core| head(core, shard, bucket))
    }

    fn claim(&self, shard: u16, bucket: u64, seen: Option<Fence>, new: Fence, cursor: u64) -> Pending<Outcome> {
        self.run(move |core| async move {
            let (what, place) = ("claim a log", [int(shard), big(bucket)]);
            match seen {
                None => {
                    let [shard, bucket] = place;
                    core.log_write(what, &core.statements.log_claim_fresh, vec![id(new.0), big(cursor), shard, bucket]).await
                }
                Some(seen) => {
                    let [shard, bucket] = place;
                    core.log_write(what, &core.statements.log_claim, vec![id(new.0), shard, bucket, id(seen.0)]).await
                }
            }
        })
    }

    fn append(&self, shard: u16, batch: Append) -> Pending<Outcome> {
        self.run(move |core| append(core, shard, batch))
    }

    fn tail(&self, shard: u16, bucket: u64, from_wseq: u64) -> Pending<Vec<(u64, Fence, Row)>> {
        self.run(move |core| tail(core, shard, bucket, from_wseq))
    }

    fn seal(&self, shard: u16, bucket: u64, fence: Fence) -> Pending<Outcome> {
        self.run(move |core| async move {
            let values = vec![id(SEALED), int(shard), big(bucket), id(fence.0)];
            core.log_write("seal a log", &core.statements.log_seal, values).await
        })
    }
}
