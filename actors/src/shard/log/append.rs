//! What becomes of an append.

use rialto_storage::shard_log::{BucketHead, Fence, Outcome};
use rialto_storage::{ErrorKind, Row, StorageError};

use super::{Log, LogCall, LogNews, Step};

/// Times that one batch is sent before the shard gives it up and claims anew.
pub const APPEND_ATTEMPTS_MAX: u32 = 10;

impl Log {
    pub(super) fn appended(&mut self, outcome: Result<Outcome, StorageError>) -> Step {
        let Some(flight) = &mut self.flight else { return (LogNews::Nothing, None) };
        let unknown = match outcome {
            Ok(Outcome::Applied) => {
                let cursor = flight.append.cursor;
                self.own_fence_seen();
                return (self.land(cursor), None);
            }
            Ok(Outcome::Fenced) => return (LogNews::Fenced, None),
            Ok(Outcome::Full) => return (self.give_up(), None),
            Ok(Outcome::Unknown) => true,
            Err(error) => match error.kind {
                ErrorKind::Full => return (self.give_up(), None),
                ErrorKind::Limit | ErrorKind::Corrupt => false,
                ErrorKind::Unavailable | ErrorKind::Overloaded | ErrorKind::Conflict => true,
            },
        };
        if !unknown {
            return (LogNews::Dropped, None);
        }
        flight.resolving = true;
        let bucket = flight.append.bucket;
        (LogNews::Nothing, Some(LogCall::Head { bucket }))
    }

    /// The batch is durable, and so is at least this cursor.
    fn land(&mut self, cursor: u64) -> LogNews {
        let Some(flight) = self.flight.take() else { return LogNews::Nothing };
        self.applied = flight.append.first_wseq + flight.append.rows.len() as u64 - 1;
        self.cursor = self.cursor.max(cursor);
        LogNews::Applied { wseq: self.applied, rows: flight.append.rows }
    }

    fn give_up(&mut self) -> LogNews {
        self.flight = None;
        self.queue.clear();
        self.queue_bytes = 0;
        self.top = self.applied;
        LogNews::Full
    }

    /// The serial read after an unknown append: whose fence, and did the batch land?
    pub(super) fn resolved_by_head(&mut self, head: Result<BucketHead, StorageError>, mono_ms: u64) -> Step {
        let fence = self.fence;
        let Some(flight) = self.flight.as_mut().filter(|flight| flight.resolving) else { return (LogNews::Nothing, None) };
        let Ok(head) = head else { return self.later(mono_ms) };
        let mine = head.fence == Some(fence) && !head.sealed;
        flight.found = mine.then_some(head.cursor);
        let (bucket, first, last) = (flight.append.bucket, flight.append.first_wseq, flight.append.cursor);
        let without_rows = flight.append.rows.is_empty();
        if mine {
            self.own_fence_seen();
        }
        match (self.shape.consumed_on_append, mine) {
            (_, false) if without_rows => (LogNews::Fenced, None),
            // Whether it landed or not: the cursor that stands is the one read.
            (_, true) if without_rows => (self.land(head.cursor), None),
            (false, _) => (LogNews::Nothing, Some(LogCall::Tail { bucket, from_wseq: first })),
            (true, false) => (LogNews::Fenced, None),
            (true, true) if head.cursor >= last => (self.land(head.cursor), None),
            (true, true) => self.repeat(),
        }
    }

    /// Rows of mine at these places: it landed, whoever owns the shard now.
    pub(super) fn resolved_by_tail(&mut self, tail: Result<Vec<(u64, Fence, Row)>, StorageError>, mono_ms: u64) -> Step {
        let fence = self.fence;
        let Some(flight) = self.flight.as_ref().filter(|flight| flight.resolving) else { return (LogNews::Nothing, None) };
        let Ok(tail) = tail else { return self.later(mono_ms) };
        let places = (flight.append.first_wseq..).zip(&tail);
        let mine = places.take_while(|(wanted, (wseq, writer, _))| *writer == fence && wseq == wanted).count();
        match flight.found {
            found if mine >= flight.append.rows.len() => {
                let cursor = found.unwrap_or(self.cursor);
                (self.land(cursor), None)
            }
            Some(_) if tail.is_empty() => self.repeat(),
            _ => (LogNews::Fenced, None),
        }
    }

    /// Not applied so far: the identical batch again, so that a late copy of the first changes nothing.
    fn repeat(&mut self) -> Step {
        let Some(flight) = &mut self.flight else { return (LogNews::Nothing, None) };
        if flight.attempts >= APPEND_ATTEMPTS_MAX {
            return (LogNews::Dropped, None);
        }
        flight.attempts += 1;
        flight.resolving = false;
        (LogNews::Nothing, Some(LogCall::Append(flight.append.clone())))
    }
}
