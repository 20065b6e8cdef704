//! What the embedded store reports, through the `metrics` facade.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

const COMMIT_SECONDS: &str = "rialto_storage_commit_seconds";
const CHECKPOINT_SECONDS: &str = "rialto_storage_checkpoint_seconds";
const COMMIT_ROWS: &str = "rialto_storage_commit_rows";
const WRITTEN_BYTES: &str = "rialto_storage_written_bytes_total";
const QUEUE_LENGTH: &str = "rialto_storage_queue_length";
const FREE_BYTES: &str = "rialto_storage_free_bytes";
const FAILURES: &str = "rialto_storage_failures_total";

/// Says what each is; once, when a store is opened.
pub(crate) fn describe() {
    describe_histogram!(COMMIT_SECONDS, "seconds of one commit of the embedded store, fsync included");
    describe_histogram!(CHECKPOINT_SECONDS, "seconds of moving one journal file of the embedded store into its tree");
    describe_histogram!(COMMIT_ROWS, "rows in one commit of the embedded store");
    describe_counter!(WRITTEN_BYTES, "bytes that callers had committed, without what the engine adds");
    describe_gauge!(QUEUE_LENGTH, "requests that wait, by queue (write, read)");
    describe_gauge!(FREE_BYTES, "bytes free on the store's file system");
    describe_counter!(FAILURES, "failures of the embedded store, by kind (full, fatal, overloaded, reopen)");
}

/// One commit.
pub(crate) fn commit(took: Duration, rows: usize, bytes: usize) {
    histogram!(COMMIT_SECONDS).record(took.as_secs_f64());
    histogram!(COMMIT_ROWS).record(f64::from(u32::try_from(rows).unwrap_or(u32::MAX)));
    counter!(WRITTEN_BYTES).increment(bytes as u64);
}

/// One checkpoint.
pub(crate) fn checkpoint(took: Duration) {
    histogram!(CHECKPOINT_SECONDS).record(took.as_secs_f64());
}

/// How many wait.
pub(crate) fn queue_length(queue: &'static str, length: usize) {
    gauge!(QUEUE_LENGTH, "queue" => queue).set(f64::from(u32::try_from(length).unwrap_or(u32::MAX)));
}

/// Room left.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub(crate) fn free_bytes(bytes: u64) {
    gauge!(FREE_BYTES).set(bytes as f64);
}

/// A failure.
pub(crate) fn failure(kind: &'static str) {
    counter!(FAILURES, "kind" => kind).increment(1);
}
