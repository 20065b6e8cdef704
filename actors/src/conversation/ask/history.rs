//! `history`: a part of the stream, as it stands when it is asked for. It ends early when its bytes are too many; whoever wants more asks from its last offset on.

use rialto_protocol::command::History;
use rialto_protocol::reply::{HistoryResult, Publication};
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::Row;
use rialto_storage::entity_rows::RowRange;

use super::{Progress, Task, publications};
use crate::conversation::Conversation;
use crate::entities::window::{fitting, history_window};
use crate::entity::{Answer, Query};

/// The part that memory had; the store gives the rows below it, from `low` up to and including `high`. Rows are dense, so nothing else can be between.
#[derive(Debug)]
pub(in crate::conversation) struct Part {
    low: u64,
    high: u64,
    newer: Vec<Publication>,
    is_reverse: bool,
    epoch: String,
    top: u64,
}

impl Conversation {
    pub(super) fn history(&self, user: UserId, history: &History) -> Result<Progress, Refusal> {
        let state = self.listener(user)?;
        let window = history_window(history, &self.epoch, 1, state.top)?;
        let newer = self.recent.since(window.low).take_while(|row| row.seq <= window.high);
        let part = Part {
            low: window.low,
            high: window.high.min(self.recent.first() - 1),
            newer: publications(newer)?,
            is_reverse: window.reverse,
            epoch: self.epoch.to_string(),
            top: state.top,
        };
        if part.low > part.high {
            return part.finish(&[]);
        }
        let limit = usize::try_from(part.high - part.low + 1).unwrap_or(usize::MAX);
        let range = RowRange { from: part.low, to: part.high, limit, reverse: false };
        Ok(Progress::Reads(Query::Rows(range), Task::History(part)))
    }
}

impl Part {
    pub(super) fn finish(self, rows: &[Row]) -> Result<Progress, Refusal> {
        let wanted = (self.high + 1).saturating_sub(self.low);
        let is_dense = rows.iter().zip(self.low..).all(|(row, seq)| row.seq == seq);
        if rows.len() as u64 != wanted || !is_dense {
            return Err(ErrorCode::Unavailable.into());
        }
        let mut publications = publications(rows.iter())?;
        publications.extend(self.newer);
        if self.is_reverse {
            publications.reverse();
        }
        publications.truncate(fitting(publications.iter().map(|publication| publication.data.get().len())));
        Ok(Progress::Done(Answer::History(HistoryResult { publications, epoch: self.epoch, offset: self.top })))
    }
}
