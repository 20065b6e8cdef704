//! Fenced logs: heads only where rows are consumed on append, else heads and rows.

use std::sync::Arc;

use super::{MemoryOptions, MemoryStore, State, Verdict};
use crate::derive::derive;
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
        let options = &self.inner.options;
        self.try_now(|state| match verdict {
            Verdict::Apply => apply(state, options, shard, &append),
            Verdict::UnknownApplied => apply(state, options, shard, &append).map(|_| Outcome::Unknown),
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

    fn tail(&self, shard: u16, bucket: u64, from_wseq: u64) -> Pending<Vec<(u64, Fence, Row)>> {
        self.now(|state| {
            let rows = state.log_rows.get(&(shard, bucket)).into_iter().flat_map(|rows| rows.range(from_wseq..));
            rows.map(|(wseq, (writer, row))| (*wseq, *writer, row.clone())).collect()
        })
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
}

fn holds(state: &State, shard: u16, bucket: u64, fence: Fence) -> bool {
    let claimed = state.claimed.get(&(shard, bucket)).copied().unwrap_or(false);
    claimed && state.heads.get(&(shard, bucket)).is_some_and(|head| !head.sealed && head.fence == Some(fence))
}

fn limit(cause: impl std::fmt::Display) -> StorageError {
    StorageError::new(ErrorKind::Limit, "append rows", cause)
}

/// Does an append: all of it or nothing.
pub(super) fn apply(state: &mut State, options: &MemoryOptions, shard: u16, append: &Append) -> Result<Outcome, StorageError> {
    let rows = &append.rows;
    options.log_shape().check_append(rows)?;
    for row in rows {
        derive(row, u64::MAX).map_err(limit)?;
    }
    if !holds(state, shard, append.bucket, append.fence) {
        return Ok(Outcome::Fenced);
    }
    if options.consumed_on_append { apply_consumed(state, shard, append) } else { Ok(apply_plain(state, shard, append)) }
}

/// The rows into the log and nowhere else; who may write is decided by the statics alone.
fn apply_plain(state: &mut State, shard: u16, append: &Append) -> Outcome {
    let head = state.heads.entry((shard, append.bucket)).or_default();
    if head.cursor > append.cursor {
        return Outcome::Fenced;
    }
    head.cursor = append.cursor;
    let rows = state.log_rows.entry((shard, append.bucket)).or_default();
    rows.extend((append.first_wseq..).zip(append.rows.iter().map(|row| (append.fence, row.clone()))));
    Outcome::Applied
}

fn apply_consumed(state: &mut State, shard: u16, append: &Append) -> Result<Outcome, StorageError> {
    let rows = &append.rows;
    let standing = rows.iter().filter(|row| stands(state, row)).count();
    if standing == rows.len() && standing > 0 {
        return Ok(Outcome::Applied);
    }
    let mut added: Vec<&Row> = Vec::new();
    for row in rows {
        let known = state.rows.entry(row.entity).or_default();
        let (top, time_ms) = known.last_key_value().map_or((0, 0), |(seq, last)| (*seq, last.time_ms));
        if row.seq != top + 1 || row.time_ms < time_ms {
            for row in added {
                state.rows.entry(row.entity).or_default().remove(&row.seq);
            }
            return Err(limit("a row is not its entity's next one"));
        }
        known.insert(row.seq, row.clone());
        added.push(row);
    }
    for row in rows {
        state.projected.entry(row.entity).or_default().insert(row.seq, row.clone());
    }
    let head = state.heads.entry((shard, append.bucket)).or_default();
    head.cursor = head.cursor.max((append.first_wseq + rows.len() as u64).saturating_sub(1));
    Ok(Outcome::Applied)
}

fn stands(state: &State, row: &Row) -> bool {
    state.rows.get(&row.entity).and_then(|rows| rows.get(&row.seq)).is_some_and(|stored| stored == row)
}
