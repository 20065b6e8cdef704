//! Fenced logs: heads only, for rows are consumed on append.

use std::sync::Arc;

use super::{MemoryStore, State, Verdict};
use crate::derive::derive;
use crate::limits::{APPEND_BYTES_MAX, APPEND_ROWS_MAX};
use crate::shard_log::{Append, BucketHead, Fence, Outcome, ShardLog};
use crate::{ErrorKind, Pending, Row, StorageError};

impl ShardLog for MemoryStore {
    fn head(&self, shard: u16, bucket: u64) -> Pending<BucketHead> {
        self.now(|state| state.heads.get(&(shard, bucket)).cloned().unwrap_or_default())
    }

    fn claim(&self, shard: u16, bucket: u64, seen: Option<Fence>, new: Fence, cursor: u64) -> Pending<Outcome> {
        self.now(|state| {
            let head = state.heads.entry((shard, bucket)).or_default();
            if head.sealed || head.fence != seen {
                return Outcome::Fenced;
            }
            if seen.is_none() {
                head.cursor = cursor;
            }
            head.fence = Some(new);
            state.claimed.insert((shard, bucket), true);
            Outcome::Applied
        })
    }

    fn append(&self, shard: u16, append: Append) -> Pending<Outcome> {
        let policy = self.policy().clone();
        let verdict = policy.map_or(Verdict::Apply, |policy: Arc<_>| policy(shard, &append));
        self.try_now(|state| match verdict {
            Verdict::Apply => apply(state, shard, &append),
            Verdict::UnknownApplied => apply(state, shard, &append).map(|_| Outcome::Unknown),
            Verdict::UnknownNot => Ok(Outcome::Unknown),
            Verdict::UnknownLate => {
                state.late.push((shard, append));
                Ok(Outcome::Unknown)
            }
            Verdict::Fenced => {
                state.claimed.remove(&(shard, append.bucket));
                Ok(Outcome::Fenced)
            }
            Verdict::Full => {
                state.claimed.clear();
                Ok(Outcome::Full)
            }
            Verdict::Fail(kind) => Err(StorageError::new(kind, "append rows", "the test said so")),
        })
    }

    fn tail(&self, _shard: u16, _bucket: u64, _from_wseq: u64) -> Pending<Vec<(u64, Fence, Row)>> {
        self.now(|_| Vec::new())
    }

    fn seal(&self, shard: u16, bucket: u64, fence: Fence) -> Pending<Outcome> {
        self.now(|state| {
            if !holds(state, shard, bucket, fence) {
                return Outcome::Fenced;
            }
            state.heads.entry((shard, bucket)).or_default().sealed = true;
            Outcome::Applied
        })
    }

    fn truncate(&self, shard: u16, bucket: u64) -> Pending<Outcome> {
        self.now(|state| {
            let sealed = state.heads.get(&(shard, bucket)).is_some_and(|head| head.sealed);
            if sealed { Outcome::Applied } else { Outcome::Fenced }
        })
    }
}

fn holds(state: &State, shard: u16, bucket: u64, fence: Fence) -> bool {
    let claimed = state.claimed.get(&(shard, bucket)).copied().unwrap_or(false);
    claimed && state.heads.get(&(shard, bucket)).is_some_and(|head| !head.sealed && head.fence == Some(fence))
}

fn limit(cause: impl std::fmt::Display) -> StorageError {
    StorageError::new(ErrorKind::Limit, "append rows", cause)
}

/// Does an append: all of it or nothing.
pub(super) fn apply(state: &mut State, shard: u16, append: &Append) -> Result<Outcome, StorageError> {
    let rows = &append.rows;
    let before_last: usize = rows.iter().rev().skip(1).map(|row| row.body.len()).sum();
    if rows.len() > APPEND_ROWS_MAX || before_last > APPEND_BYTES_MAX {
        return Err(limit("too many rows or bytes in one append"));
    }
    for row in rows {
        derive(row, u64::MAX).map_err(limit)?;
    }
    if !holds(state, shard, append.bucket, append.fence) {
        return Ok(Outcome::Fenced);
    }
    let standing = rows.iter().filter(|row| stands(state, row)).count();
    if standing == rows.len() && standing > 0 {
        return Ok(Outcome::Applied);
    }
    let saved: Vec<_> = rows.iter().map(|row| (row.entity, state.rows.get(&row.entity).map_or(0, Vec::len))).collect();
    for row in rows {
        let known = state.rows.entry(row.entity).or_default();
        let dated = known.last().is_none_or(|last| last.time_ms <= row.time_ms);
        if row.seq != known.len() as u64 + 1 || !dated {
            for (entity, len) in saved {
                state.rows.entry(entity).or_default().truncate(len);
            }
            return Err(limit("a row is not its entity's next one"));
        }
        known.push(row.clone());
    }
    let head = state.heads.entry((shard, append.bucket)).or_default();
    head.cursor = head.cursor.max((append.first_wseq + rows.len() as u64).saturating_sub(1));
    Ok(Outcome::Applied)
}

fn stands(state: &State, row: &Row) -> bool {
    let Some(index) = row.seq.checked_sub(1).and_then(|index| usize::try_from(index).ok()) else { return false };
    state.rows.get(&row.entity).and_then(|rows| rows.get(index)).is_some_and(|stored| stored == row)
}
