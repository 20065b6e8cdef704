//! `subscribe`: may the user listen, and what was missed? Recovery is whole or honest: every row behind the position up to the top at the moment of answering, or `recovered: false`.

use rialto_protocol::limits::{LONG_RECOVERY_BYTES_MAX, LONG_RECOVERY_PUBLICATIONS_MAX, PUBLICATIONS_PER_ANSWER_MAX, RECOVERY_BYTES_MAX};
use rialto_protocol::reply::SubscribeResult;
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::Row;
use rialto_storage::entity_rows::RowRange;

use super::{Progress, Task, publications};
use crate::conversation::Conversation;
use crate::conversation::limits::REREADS_MAX;
use crate::conversation::state::State;
use crate::entities::window::missing_from;
use crate::entity::{Answer, Query, SubscribeAsk};

/// A recovery under way.
#[derive(Debug)]
pub(in crate::conversation) struct Recovery {
    /// The position asked for.
    offset: u64,
    is_strict: bool,
    is_long: bool,
    /// The rows behind it that the store gave, dense.
    rows: Vec<Row>,
    num_reads: usize,
}

impl Conversation {
    pub(super) fn subscribe(&self, user: UserId, ask: &SubscribeAsk) -> Result<Progress, Refusal> {
        let state = self.listener(user)?;
        let Some(position) = &ask.recover else {
            return Ok(subscribed(self.begins(state, false)));
        };
        let recovery = Recovery { offset: position.offset, is_strict: ask.strict, is_long: ask.long, rows: Vec::new(), num_reads: 0 };
        match missing_from(position, &self.epoch, state.top, recovery.publications_max()) {
            Some(_) => self.recover(state, recovery),
            None => self.lost(state, ask.strict),
        }
    }

    /// Whoever was put out while the store was asked does not listen.
    pub(super) fn recover_further(&self, user: UserId, mut recovery: Recovery, rows: Vec<Row>) -> Result<Progress, Refusal> {
        let state = self.listener(user)?;
        let next = recovery.next();
        recovery.rows.extend((next..).zip(rows).take_while(|(seq, row)| row.seq == *seq).map(|(_, row)| row));
        self.recover(state, recovery)
    }

    /// Answers when memory reaches down to what is known, else reads what lies between: rows may have left memory while the store was asked.
    fn recover(&self, state: &State, mut recovery: Recovery) -> Result<Progress, Refusal> {
        let next = recovery.next();
        let known = || recovery.rows.iter().chain(self.recent.since(next));
        let is_too_much = known().map(|row| row.body.len()).sum::<usize>() > recovery.bytes_max();
        if is_too_much || state.top - recovery.offset > recovery.publications_max() as u64 {
            return self.lost(state, recovery.is_strict);
        }
        if self.recent.reaches(next) {
            let publications = publications(known())?;
            let begins = self.begins(state, true);
            return Ok(subscribed(SubscribeResult { recovered: true, offset: recovery.offset, publications, ..begins }));
        }
        // A long one is read in steps, so that one of too many bytes is noticed before all of it is in memory.
        let steps = recovery.publications_max().div_ceil(PUBLICATIONS_PER_ANSWER_MAX);
        if recovery.num_reads >= steps + REREADS_MAX {
            return self.lost(state, recovery.is_strict);
        }
        recovery.num_reads += 1;
        let range = RowRange { from: next, to: self.recent.first() - 1, limit: PUBLICATIONS_PER_ANSWER_MAX, reverse: false };
        Ok(Progress::Reads(Query::Rows(range), Task::Subscribe(recovery)))
    }

    fn lost(&self, state: &State, is_strict: bool) -> Result<Progress, Refusal> {
        if is_strict { Err(ErrorCode::UnrecoverablePosition.into()) } else { Ok(subscribed(self.begins(state, true))) }
    }

    fn begins(&self, state: &State, was_recovering: bool) -> SubscribeResult {
        SubscribeResult {
            recoverable: true,
            positioned: true,
            epoch: self.epoch.to_string(),
            offset: state.top,
            was_recovering,
            ..SubscribeResult::default()
        }
    }
}

impl Recovery {
    fn next(&self) -> u64 {
        self.offset + self.rows.len() as u64 + 1
    }

    fn publications_max(&self) -> usize {
        if self.is_long { LONG_RECOVERY_PUBLICATIONS_MAX } else { PUBLICATIONS_PER_ANSWER_MAX }
    }

    fn bytes_max(&self) -> usize {
        if self.is_long { LONG_RECOVERY_BYTES_MAX } else { RECOVERY_BYTES_MAX }
    }
}

fn subscribed(result: SubscribeResult) -> Progress {
    Progress::Done(Answer::Subscribed(Box::new(result)))
}
