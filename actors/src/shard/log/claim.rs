//! Taking a shard over: find the open bucket, swap its fence, load the rows behind the cursor.

use rialto_storage::shard_log::{BucketHead, Fence, Outcome};
use rialto_storage::{Row, StorageError};
use uuid::Uuid;

use super::{Log, LogCall, LogNews, Phase, RETRY_MS_MIN, Step};

impl Log {
    /// Begins to claim the shard. `entropy` makes the fences.
    pub fn claim(&mut self, entropy: u128, mono_ms: u64) -> LogCall {
        *self = Self { entropy, sent_ms: mono_ms, ..Self::new(self.shape) };
        if self.shape.consumed_on_append {
            return self.find(0, 0);
        }
        self.phase = Phase::Seeking;
        LogCall::First
    }

    /// Where the log begins may be known too low; the seals lead on from there.
    pub(super) fn sought(&mut self, first: Result<u64, StorageError>, mono_ms: u64) -> Step {
        let Ok(first) = first else { return self.later(mono_ms) };
        self.first_bucket = first;
        (LogNews::Nothing, Some(self.find(first, 0)))
    }

    fn find(&mut self, bucket: u64, carried: u64) -> LogCall {
        self.phase = Phase::Finding { bucket, carried };
        LogCall::Head { bucket }
    }

    pub(super) fn found(&mut self, bucket: u64, carried: u64, head: Result<BucketHead, StorageError>, mono_ms: u64) -> Step {
        let Ok(head) = head else { return self.later(mono_ms) };
        if head.sealed {
            return (LogNews::Nothing, Some(self.find(bucket + 1, head.cursor.max(carried))));
        }
        self.cursor = if head.fence.is_some() { head.cursor } else { carried };
        self.fence = self.fresh_fence();
        self.phase = Phase::Claiming { bucket, seen: head.fence, carried };
        (LogNews::Nothing, Some(LogCall::Claim { bucket, seen: head.fence, new: self.fence, cursor: carried }))
    }

    /// No two claims write the same fence, not even two tries of one owner: a rival's late claim that waits for the first one's fence would find it again, and bring
    /// back a fence under which that rival still believes to own the shard.
    fn fresh_fence(&mut self) -> Fence {
        self.entropy = self.entropy.wrapping_add(1);
        let fence = Fence(uuid::Builder::from_random_bytes(self.entropy.to_be_bytes()).into_uuid());
        debug_assert!(fence.0 != Uuid::nil(), "the builder sets bits");
        fence
    }

    pub(super) fn claimed(
        &mut self,
        bucket: u64,
        seen: Option<Fence>,
        carried: u64,
        outcome: Result<Outcome, StorageError>,
        mono_ms: u64,
    ) -> Step {
        match outcome {
            Ok(Outcome::Applied) => self.load(bucket, seen.is_none().then_some(carried)),
            Ok(Outcome::Fenced) => (LogNews::Nothing, Some(self.find(bucket, carried))),
            Ok(Outcome::Full) => {
                self.phase = Phase::Finding { bucket, carried };
                self.later(mono_ms)
            }
            Ok(Outcome::Unknown) | Err(_) => {
                self.phase = Phase::ClaimUnknown { bucket, carried };
                self.later(mono_ms)
            }
        }
    }

    pub(super) fn claim_resolved(&mut self, bucket: u64, carried: u64, head: Result<BucketHead, StorageError>, mono_ms: u64) -> Step {
        let Ok(head) = head else { return self.later(mono_ms) };
        if head.fence == Some(self.fence) && !head.sealed {
            return self.load(bucket, Some(head.cursor));
        }
        self.found(bucket, carried, Ok(head), mono_ms)
    }

    /// The claim stands: read what lies behind the cursor. Nobody else can append from here on, but the old owner may have done so between the head's read and the claim;
    /// where the cursor is always at the end a second look at the head shows it, elsewhere the tail does.
    fn load(&mut self, bucket: u64, cursor: Option<u64>) -> Step {
        self.own_fence_seen();
        self.bucket = bucket;
        self.cursor = cursor.unwrap_or(self.cursor);
        let from = self.bucket_of(self.cursor + 1).min(bucket);
        self.phase = Phase::Loading { bucket: from, rows: Vec::new() };
        (LogNews::Nothing, Some(self.load_call(from, 0)))
    }

    pub(super) fn load_call(&self, bucket: u64, loaded: usize) -> LogCall {
        if self.shape.consumed_on_append {
            LogCall::Head { bucket: self.bucket }
        } else {
            LogCall::Tail { bucket, from_wseq: self.cursor + loaded as u64 + 1 }
        }
    }

    pub(super) fn loaded_by_head(&mut self, head: Result<BucketHead, StorageError>, mono_ms: u64) -> Step {
        let Ok(head) = head else { return self.later(mono_ms) };
        if head.fence != Some(self.fence) {
            return (LogNews::Fenced, None);
        }
        self.cursor = head.cursor;
        (self.serve(head.cursor, Vec::new(), mono_ms), None)
    }

    pub(super) fn loaded_by_tail(&mut self, tail: Result<Vec<(u64, Fence, Row)>, StorageError>, mono_ms: u64) -> Step {
        let Ok(tail) = tail else { return self.later(mono_ms) };
        let Phase::Loading { bucket, rows } = &mut self.phase else { return (LogNews::Nothing, None) };
        for (wseq, _, row) in tail {
            if wseq != self.cursor + rows.len() as u64 + 1 {
                // A hole: somebody claimed after me and truncated.
                return (LogNews::Dropped, None);
            }
            rows.push(row);
        }
        if *bucket < self.bucket {
            *bucket += 1;
            let (bucket, loaded) = (*bucket, rows.len());
            let full = self.cursor + loaded as u64 == bucket * self.shape.bucket_rows;
            // A sealed bucket is full; one that is not has lost its rows to somebody who came later.
            return if full { (LogNews::Nothing, Some(self.load_call(bucket, loaded))) } else { (LogNews::Dropped, None) };
        }
        let rows = std::mem::take(rows);
        (self.serve(self.cursor + rows.len() as u64, rows, mono_ms), None)
    }

    fn serve(&mut self, top: u64, tail: Vec<Row>, mono_ms: u64) -> LogNews {
        (self.applied, self.top, self.consumed) = (top, top, self.cursor);
        self.appended_ms = mono_ms;
        // Reading the tail shows nothing of the fence, and it may have been done late: whoever claimed after me may have taken rows away before it came to them. Only a look at
        // the fence behind it shows that what it found is all there was.
        self.confirmed_ms = None;
        self.retry_ms = RETRY_MS_MIN;
        self.phase = Phase::Ready;
        LogNews::Ready { cursor: self.cursor, tail }
    }
}
