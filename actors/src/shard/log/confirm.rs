//! Being sure of the fence: an owner that only reads would never learn that it has lost it.

use rialto_storage::StorageError;
use rialto_storage::shard_log::BucketHead;

use super::{Log, LogCall, LogNews, Step};

/// Milliseconds for which a sign that the shard is mine counts, from when the call that showed it was sent. After that the fence is read before anything is answered.
pub const SURE_MS: u64 = 3_000;

impl Log {
    /// Whether what is decided on durable rows may leave at once.
    #[must_use]
    pub fn is_sure(&self, mono_ms: u64) -> bool {
        self.shape.consumed_on_append || self.confirmed_ms.is_some_and(|confirmed_ms| mono_ms.saturating_sub(confirmed_ms) < SURE_MS)
    }

    /// Reads the fence, unless something is under way, or about to be, that shows it too.
    pub fn confirm(&mut self, mono_ms: u64) -> Option<LogCall> {
        if !self.is_idle() {
            return None;
        }
        (self.confirming, self.sent_ms) = (true, mono_ms);
        Some(LogCall::Head { bucket: self.bucket })
    }

    pub(super) fn fence_read(&mut self, head: Result<BucketHead, StorageError>, mono_ms: u64) -> Step {
        let Ok(head) = head else { return self.later(mono_ms) };
        self.confirming = false;
        if head.fence != Some(self.fence) || head.sealed {
            return (LogNews::Fenced, None);
        }
        self.own_fence_seen();
        self.cursor = self.cursor.max(head.cursor);
        (LogNews::Confirmed, None)
    }
}
