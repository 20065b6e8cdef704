//! The old end of a log: sealed buckets that lie wholly below the stored cursor lose their rows after a while.

use rialto_storage::StorageError;
use rialto_storage::shard_log::Outcome;

/// Milliseconds for which a bucket must have been wholly below the stored cursor: longer than any engine takes to sync, and than a claimant takes that read an older cursor.
pub const TRUNCATE_AFTER_MS: u64 = 60_000;

/// Decides when which bucket is truncated: in order, one at a time.
#[derive(Debug, Default)]
pub struct Truncation {
    /// The first bucket that may have rows.
    next: u64,
    /// Buckets below this one have been below the cursor for long enough.
    safe: u64,
    /// Buckets below this one will have been at this time.
    ripening: Option<(u64, u64)>,
    under_way: bool,
}

impl Truncation {
    /// A log that was just claimed, whose first bucket with rows is this one.
    #[must_use]
    pub fn from(first_bucket: u64) -> Self {
        Self { next: first_bucket, ..Self::default() }
    }

    /// The stored cursor is here, in a log of buckets of so many rows; a bucket below it is truncated after `after_ms`.
    pub fn passed(&mut self, cursor: u64, bucket_rows: u64, mono_ms: u64, after_ms: u64) {
        let below = cursor / bucket_rows;
        if below > self.next.max(self.safe) && self.ripening.is_none() {
            self.ripening = Some((below, mono_ms + after_ms));
        }
    }

    /// When to look again.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        self.ripening.map(|(_, at)| at)
    }

    /// The bucket to truncate now.
    pub fn next(&mut self, mono_ms: u64) -> Option<u64> {
        if let Some((below, _)) = self.ripening.take_if(|(_, at)| *at <= mono_ms) {
            self.safe = below;
        }
        if self.under_way || self.next >= self.safe {
            return None;
        }
        self.under_way = true;
        Some(self.next)
    }

    /// What became of it. What could not be done now is tried again when the next bucket is due.
    pub fn answered(&mut self, bucket: u64, outcome: &Result<Outcome, StorageError>) {
        if bucket != self.next || !self.under_way {
            return;
        }
        self.under_way = false;
        match outcome {
            Ok(Outcome::Applied) => self.next += 1,
            Ok(Outcome::Fenced | Outcome::Unknown | Outcome::Full) | Err(_) => self.safe = 0,
        }
    }
}
