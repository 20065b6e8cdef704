//! `conversation.mark_read`: moves the caller's read marker forward, with exact counts of messages and of one's own at that row.

use rialto_protocol::event::EventTag;
use rialto_protocol::rpc::{MarkRead, Marked};
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::Row;
use rialto_storage::entity_rows::RowRange;
use rialto_storage::limits::READ_ROWS_MAX;
use rialto_storage::views::ReadMark;

use super::{Progress, Task};
use crate::conversation::Conversation;
use crate::conversation::limits::MARK_READS_MAX;
use crate::conversation::permission::Action;
use crate::conversation::view::unread;
use crate::entity::{Answer, EntityEffect, Query, Tell};
use crate::kernel::Effects;

/// A marker whose counts are looked for in rows that have left memory.
#[derive(Debug)]
pub(in crate::conversation) struct Search {
    offset: u64,
    ordinal: Option<u64>,
    next: u64,
    num_reads: u8,
}

impl Conversation {
    /// Only durable rows can be marked: no client has seen others, and a marker is stored at once.
    pub(super) fn mark_read(&self, user: UserId, mark: &MarkRead) -> Result<Progress, Refusal> {
        self.permitted(Action::Read, user)?;
        if mark.offset > self.recent.applied() {
            return Err(Refusal::because(ErrorCode::InvalidArgument, "offset is above the newest row"));
        }
        if mark.offset == 0 || self.recent.reaches(mark.offset + 1) {
            let counts = if mark.offset == 0 { (0, 0) } else { self.counts_before(user, mark.offset + 1) };
            return Ok(self.advance(user, mark.offset, counts));
        }
        self.search(Search { offset: mark.offset, ordinal: None, next: mark.offset, num_reads: 0 })
    }

    /// Messages, and the user's own, in all rows below `next`. All rows from `next` on are in memory: the first of each kind tells what was before it.
    fn counts_before(&self, user: UserId, next: u64) -> (u64, u64) {
        let top = self.state.as_ref().map_or((0, 0), |state| (state.ordinal, state.own(user)));
        let mut messages = self.recent.since(next).filter(|row| row.event == EventTag::Message);
        let ordinal = messages.next().map_or(top.0, |row| row.ordinal.saturating_sub(1));
        (ordinal, self.recent.since(next).find(|row| row.sender.user == user).map_or(top.1, own_before))
    }

    fn search(&self, mut search: Search) -> Result<Progress, Refusal> {
        if search.num_reads >= MARK_READS_MAX {
            return Err(Refusal::because(ErrorCode::InvalidArgument, "offset lies too far back: mark a newer row"));
        }
        search.num_reads += 1;
        let range = RowRange { from: search.next, to: self.recent.first() - 1, limit: READ_ROWS_MAX, reverse: false };
        Ok(Progress::Reads(Query::Rows(range), Task::FindMark(search)))
    }

    /// The row itself has the count of messages; one's own count stands in one's next row, which most readers do not have.
    pub(super) fn search_mark(&self, user: UserId, mut search: Search, rows: &[Row]) -> Result<Progress, Refusal> {
        let state = self.permitted(Action::Read, user)?;
        let is_dense = !rows.is_empty() && rows.iter().zip(search.next..).all(|(row, seq)| row.seq == seq);
        let Some(first) = rows.first().filter(|_| is_dense) else { return Err(ErrorCode::Unavailable.into()) };
        let ordinal = *search.ordinal.get_or_insert(first.ordinal);
        let offset = search.offset;
        search.next += rows.len() as u64;
        let own = if state.person(user).is_none_or(|person| person.last_own <= offset) {
            Some(state.own(user))
        } else if let Some(row) = rows.iter().find(|row| row.seq > offset && row.sender.user == user) {
            Some(own_before(row))
        } else if self.recent.reaches(search.next) {
            Some(self.counts_before(user, search.next).1)
        } else {
            None
        };
        match own {
            Some(own) => Ok(self.advance(user, offset, (ordinal, own))),
            None => self.search(search),
        }
    }

    fn advance(&self, user: UserId, offset: u64, (ordinal, own): (u64, u64)) -> Progress {
        let mark = ReadMark { offset, ordinal, own };
        Progress::Reads(Query::Advance { user, conversation: self.id, mark }, Task::Advance)
    }

    /// Answers with the marker that stands: another device may have been ahead.
    pub(super) fn marked(&self, user: UserId, mark: ReadMark, effects: &mut Effects<EntityEffect>) -> Result<Progress, Refusal> {
        let state = self.state.as_ref().ok_or(ErrorCode::NotFound)?;
        effects.push(EntityEffect::Tell { user, tell: Tell::Read { conversation: self.id, mark } });
        let unread = unread(state.ordinal, state.own(user), &mark);
        Ok(Progress::Done(Answer::Marked(Marked { offset: mark.offset, unread })))
    }
}

fn own_before(row: &Row) -> u64 {
    row.sender_ordinal.saturating_sub(u64::from(row.event == EventTag::Message))
}
