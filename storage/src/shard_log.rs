//! The fenced log of one shard.

use uuid::Uuid;

use crate::limits::{APPEND_BYTES_MAX, APPEND_ROWS_MAX, EMBEDDED_APPEND_BYTES_MAX, EMBEDDED_APPEND_ROWS_MAX};
use crate::{ErrorKind, Pending, Row, StorageError};

/// Names one activation of one owner: unique per claim. Only the holder of the current fence can append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence(pub Uuid);

/// The statics of one bucket of one shard's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketHead {
    /// Who may append; `None` for a fresh bucket.
    pub fence: Option<Fence>,
    /// True for ever once the next bucket may be opened.
    pub sealed: bool,
    /// Every row below or at this `wseq` is in the entity rows.
    pub cursor: u64,
}

/// How a backend cuts its logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogShape {
    /// Rows per bucket; `u64::MAX` where a log is never cut (embedded).
    pub bucket_rows: u64,
    /// True where consumers are applied in the append's own transaction, so that the cursor is always at the end, and where no other process can own the log (embedded).
    pub consumed_on_append: bool,
}

impl LogShape {
    /// The embedded log's.
    pub const EMBEDDED: Self = Self { bucket_rows: u64::MAX, consumed_on_append: true };

    /// The shape of a log that several processes share, cut into buckets of so many rows.
    #[must_use]
    pub const fn shared(bucket_rows: u64) -> Self {
        Self { bucket_rows, consumed_on_append: false }
    }

    /// Rows of one append.
    #[must_use]
    pub const fn append_rows_max(&self) -> usize {
        if self.consumed_on_append { EMBEDDED_APPEND_ROWS_MAX } else { APPEND_ROWS_MAX }
    }

    /// Bytes of row bodies in one append, the last row excepted.
    #[must_use]
    pub const fn append_bytes_max(&self) -> usize {
        if self.consumed_on_append { EMBEDDED_APPEND_BYTES_MAX } else { APPEND_BYTES_MAX }
    }

    /// The limits of one append.
    ///
    /// # Errors
    /// Of kind `Limit` when it breaks one: nothing of it may be stored.
    pub(crate) fn check_append(&self, rows: &[Row]) -> Result<(), StorageError> {
        let limit = |cause: String| Err(StorageError::new(ErrorKind::Limit, "append rows", cause));
        let Some((_last, before)) = rows.split_last() else { return Ok(()) };
        if rows.len() > self.append_rows_max() {
            return limit(format!("{} rows in one append", rows.len()));
        }
        let bytes: usize = before.iter().map(|row| row.body.len()).sum();
        if bytes > self.append_bytes_max() {
            return limit(format!("{bytes} bytes in one append"));
        }
        Ok(())
    }
}

/// One conditional batch: applied as a whole or not at all.
#[derive(Clone, Debug)]
pub struct Append {
    /// The bucket to write to.
    pub bucket: u64,
    /// Mine.
    pub fence: Fence,
    /// The cursor to store. A batch whose cursor is below the stored one is a late copy of an old one and is not applied.
    pub cursor: u64,
    /// `wseq` of the first row; the others follow densely.
    pub first_wseq: u64,
    /// The rows; at most [`LogShape::append_rows_max`].
    pub rows: Vec<Row>,
}

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Applied,
    /// Somebody else holds the fence, or the bucket is sealed: nothing was written.
    Fenced,
    /// It may have been applied, be applied later, or never. Only a serial read decides. Neither a failure nor a success.
    Unknown,
    /// There is no room and nothing was written, but the store had to be closed and reopened, or refuses new rows at once.
    Full,
}

/// The log of every shard. Methods are one statement each; what follows from an outcome is the Shard machine's decision.
///
/// **Guarantees.** Writes to one bucket are linearizable. An append is atomic, isolated and, once [`Outcome::Applied`], durable. A fence once replaced never appends again.
/// **Not guaranteed.** That an [`Outcome::Unknown`] write will not land later; that an error left no trace; any order between shards.
///
/// An `Err` has the meaning of [`Outcome::Unknown`] for writes, except kinds `Overloaded` and `Limit`, where nothing happened.
pub trait ShardLog: Send + Sync {
    /// Serial read of a bucket's statics.
    fn head(&self, shard: u16, bucket: u64) -> Pending<BucketHead>;
    /// Replaces the fence if it still is `seen`. `cursor` is set only where the bucket is fresh (`seen` is `None`).
    fn claim(&self, shard: u16, bucket: u64, seen: Option<Fence>, new: Fence, cursor: u64) -> Pending<Outcome>;
    /// Appends rows if the fence is mine and the stored cursor is not above the given one. Without rows it stores the cursor and proves the fence.
    fn append(&self, shard: u16, append: Append) -> Pending<Outcome>;
    /// Serial read of the rows from `from_wseq` on in one bucket, with the fence that wrote each. Empty where consumers are applied on append.
    fn tail(&self, shard: u16, bucket: u64, from_wseq: u64) -> Pending<Vec<(u64, Fence, Row)>>;
    /// Seals a bucket if the fence is mine: no later append to it applies.
    fn seal(&self, shard: u16, bucket: u64, fence: Fence) -> Pending<Outcome>;
}
