//! A bucket's end: it is sealed before the next one is opened, so that no late append to it can apply.

use rialto_storage::StorageError;
use rialto_storage::shard_log::{BucketHead, Outcome};

use super::{Log, LogCall, LogNews, Phase, Step};

impl Log {
    pub(super) fn seal(&mut self, mono_ms: u64) -> LogCall {
        self.sent_ms = mono_ms;
        self.phase = Phase::Sealing { bucket: self.bucket };
        LogCall::Seal { bucket: self.bucket, fence: self.fence }
    }

    pub(super) fn sealed(&mut self, bucket: u64, outcome: Result<Outcome, StorageError>, mono_ms: u64) -> Step {
        match outcome {
            Ok(Outcome::Applied) => (LogNews::Nothing, Some(self.open(bucket + 1))),
            Ok(Outcome::Fenced) => (LogNews::Fenced, None),
            Ok(Outcome::Unknown | Outcome::Full) | Err(_) => {
                self.phase = Phase::SealUnknown { bucket };
                self.later(mono_ms)
            }
        }
    }

    /// A seal does not say whose it is: one that stands may be that of somebody who claimed the bucket, wrote to it and sealed it. Only a new claim is sure of its rows.
    pub(super) fn seal_resolved(&mut self, bucket: u64, head: Result<BucketHead, StorageError>, mono_ms: u64) -> Step {
        match head {
            Err(_) => self.later(mono_ms),
            Ok(head) if head.sealed => (LogNews::Dropped, None),
            Ok(head) if head.fence == Some(self.fence) => {
                self.phase = Phase::Sealing { bucket };
                (LogNews::Nothing, Some(LogCall::Seal { bucket, fence: self.fence }))
            }
            Ok(_) => (LogNews::Fenced, None),
        }
    }

    fn open(&mut self, bucket: u64) -> LogCall {
        let cursor = if self.shape.consumed_on_append { self.cursor } else { self.consumed };
        self.phase = Phase::Opening { bucket, cursor };
        LogCall::Claim { bucket, seen: None, new: self.fence, cursor }
    }

    /// `cursor` is what was sent: consumers may have gone on since, and the store knows nothing of that.
    pub(super) fn opened(&mut self, bucket: u64, cursor: u64, outcome: Result<Outcome, StorageError>, mono_ms: u64) -> Step {
        match outcome {
            Ok(Outcome::Applied) => self.rolled(bucket, cursor),
            // Somebody saw the seal and went on behind it.
            Ok(Outcome::Fenced) => (LogNews::Fenced, None),
            Ok(Outcome::Unknown | Outcome::Full) | Err(_) => {
                self.phase = Phase::OpenUnknown { bucket };
                self.later(mono_ms)
            }
        }
    }

    pub(super) fn open_resolved(&mut self, bucket: u64, head: Result<BucketHead, StorageError>, mono_ms: u64) -> Step {
        match head {
            Err(_) => self.later(mono_ms),
            Ok(head) if head.fence == Some(self.fence) && !head.sealed => self.rolled(bucket, head.cursor),
            Ok(head) if head.fence.is_none() => (LogNews::Nothing, Some(self.open(bucket))),
            Ok(_) => (LogNews::Fenced, None),
        }
    }

    /// The shard was mine all the time: what is in memory stands.
    fn rolled(&mut self, bucket: u64, cursor: u64) -> Step {
        self.own_fence_seen();
        (self.bucket, self.cursor) = (bucket, cursor);
        self.phase = Phase::Ready;
        (LogNews::Confirmed, None)
    }
}
