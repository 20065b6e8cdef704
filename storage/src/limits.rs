//! Limits of the store, each with unit and reason.

/// Rows of one append to a log that several processes share: a conditional batch of an engine is small.
pub const APPEND_ROWS_MAX: usize = 128;
/// Bytes of row bodies in one such append, the last row excepted: bounds its latency.
pub const APPEND_BYTES_MAX: usize = 32 * 1024;
/// Rows of one append to the embedded log: a commit costs the same for one row as for many, and this bounds its work to some 1 ms.
pub const EMBEDDED_APPEND_ROWS_MAX: usize = 512;
/// Bytes of row bodies in one append to the embedded log, the last row excepted.
pub const EMBEDDED_APPEND_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a body that stays in its row; a larger one goes to the blobs.
pub const INLINE_BODY_BYTES_MAX: usize = 16 * 1024;
/// Bytes of one part of a blob.
pub const BLOB_PART_BYTES: usize = 256 * 1024;
/// Bytes of one blob: a snapshot of the largest conversation is far below.
pub const BLOB_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Rows of one partition of a conversation's entity rows; the dedupe index is read partition by partition.
pub const CONVERSATION_PART_ROWS: u64 = 8192;
/// Rows of one bucket of a shard log that several processes share: bounds what a claimant reads of it.
pub const LOG_BUCKET_ROWS: u64 = 8192;
/// Rows that one read returns at most.
pub const READ_ROWS_MAX: usize = 1024;
/// Snapshots kept per entity.
pub const SNAPSHOTS_KEPT: usize = 2;
/// Requests that wait for the embedded writer; one append per shard is in flight, so that this is never the limit in practice. Above: `overloaded`.
pub const WRITER_QUEUE_MAX: usize = 4096;
/// Reads that wait for the embedded store's reader threads. Above: `overloaded`.
pub const READ_QUEUE_MAX: usize = 4096;
/// Bytes after which a file of the embedded store's journal is full. There are two: what is in memory of them, and is read again after a crash, is bounded by twice this (and one blob);
/// while the second fills, the first must have come into the tree, or writers wait.
pub const JOURNAL_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// Entities whose newest row the embedded writer remembers.
pub const TOPS_MAX: usize = 16_384;
/// Bytes that the embedded writer takes into one commit.
pub const COMMIT_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that must be free on the store's file system, looked at each second; below, appends are refused with `storage_full`.
pub const FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// Bytes of one record of the small tables (account, bot token, idempotent answer) and of an idempotency key. Above: kind `Limit`.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;
/// Appends to shard logs that one node has under way on a CQL engine: few, so that rows gather; one conditional batch costs nearly the same for one row and for eight.
pub const CQL_FLUSHES_MAX: usize = 48;
/// Other requests that one node has under way on a CQL engine. The next ones wait.
pub const CQL_REQUESTS_MAX: usize = 256;

/// Public conversations that one look at all of them considers.
pub const PUBLIC_LISTED_MAX: usize = 20_000;
