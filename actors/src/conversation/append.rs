//! From decided events to rows and to everything that follows from them.

use std::sync::Arc;

use bytes::Bytes;
use rialto_protocol::event::ConversationEvent;
use rialto_protocol::rpc::Appended;
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::{Row, RowSender};
use smallvec::SmallVec;

use super::command::appended;
use super::message::BadRow;
use super::state::State;
use super::{Conversation, Life, view};
use crate::entity::{EntityEffect, Tell};
use crate::kernel::Effects;

impl Conversation {
    /// Appends the events of one request as rows that share its id, and says what follows. All outputs come behind the rows, so that a shard that gates them keeps their order.
    pub(super) fn append(
        &mut self,
        sender: &RowSender,
        time_ms: u64,
        events: SmallVec<[ConversationEvent; 1]>,
        effects: &mut Effects<EntityEffect>,
    ) -> Result<Appended, Refusal> {
        let before = self.state.as_ref().map_or(0, |state| state.top);
        let mut remaining = events.len();
        for event in events {
            remaining = remaining.saturating_sub(1);
            self.append_row(sender, time_ms, remaining, event, effects).map_err(|error| self.break_down(&error))?;
        }
        self.seen.insert(sender, time_ms);
        for row in self.recent.since(before + 1) {
            effects.push(EntityEffect::Publish { data: row.body.clone(), offset: row.seq, info: None });
        }
        let last = self.state.as_ref().map_or(before, |state| state.top);
        let last = self.recent.get(last).ok_or(ErrorCode::Internal)?;
        Ok(appended(last, &self.epoch, false))
    }

    fn append_row(
        &mut self,
        sender: &RowSender,
        time_ms: u64,
        remaining: usize,
        event: ConversationEvent,
        effects: &mut Effects<EntityEffect>,
    ) -> Result<(), BadRow> {
        let row = self.row(sender, time_ms, remaining, &event)?;
        let follows = self.follows(&event);
        State::fold_event(&mut self.state, &row, event)?;
        if let Some(state) = self.state.as_ref().filter(|_| row.seq == 1) {
            self.epoch = Arc::from(view::epoch(&self.generation, state.created_ms));
        }
        self.bytes_since_snapshot += row.body.len();
        self.recent.push(row.clone());
        effects.push(EntityEffect::Append(row));
        self.follow(follows);
        Ok(())
    }

    fn row(&self, sender: &RowSender, time_ms: u64, remaining: usize, event: &ConversationEvent) -> Result<Row, BadRow> {
        let state = self.state.as_ref();
        let seq = state.map_or(0, |state| state.top) + 1;
        let bad = |what| BadRow { seq, what };
        let is_message = u64::from(matches!(event, ConversationEvent::Message(_)));
        Ok(Row {
            entity: self.id.into(),
            seq,
            time_ms,
            sender: sender.clone(),
            remaining: u16::try_from(remaining).map_err(|_| bad("too many rows in one request"))?,
            event: event.tag().ok_or_else(|| bad("an event that is never stored"))?,
            target: event.target().unwrap_or(0),
            ordinal: state.map_or(0, |state| state.ordinal) + is_message,
            sender_ordinal: state.map_or(0, |state| state.own(sender.user)) + is_message,
            body: Bytes::from(event.json()),
        })
    }

    /// What members hear of an event beside the publication. Decided on the state before it.
    fn follows(&self, event: &ConversationEvent) -> Follows {
        match event {
            ConversationEvent::ConversationCreated(created) => Follows::Added(created.members.clone()),
            ConversationEvent::MemberJoined(joined) => Follows::Added(vec![joined.user]),
            ConversationEvent::MemberLeft(gone) | ConversationEvent::MemberRemoved(gone) => Follows::Removed(gone.user),
            ConversationEvent::Message(_) | ConversationEvent::SettingsChanged(_) => Follows::News,
            event if event.target().is_some() && event.target() == self.last_offset() => Follows::News,
            _ => Follows::Nothing,
        }
    }

    fn last_offset(&self) -> Option<u64> {
        self.state.as_ref()?.last.as_ref().map(|last| last.offset)
    }

    fn follow(&mut self, follows: Follows) {
        let conversation = self.id;
        match follows {
            Follows::Nothing => {}
            Follows::News => self.news.mark(),
            Follows::Added(users) => {
                self.after.extend(users.into_iter().map(|user| EntityEffect::Tell { user, tell: Tell::Added { conversation } }));
            }
            Follows::Removed(user) => {
                self.after.push(EntityEffect::Unsubscribe { user });
                self.after.push(EntityEffect::Tell { user, tell: Tell::Removed { conversation } });
            }
        }
    }

    /// Rows that do not fold are never guessed at: from here on everything is refused until the entity is activated anew.
    pub(super) fn break_down(&mut self, error: &BadRow) -> Refusal {
        tracing::error!(conversation = %self.id, error = %error, "conversation does not fold");
        self.life = Life::Broken;
        ErrorCode::Unavailable.into()
    }
}

enum Follows {
    Nothing,
    News,
    Added(Vec<UserId>),
    Removed(UserId),
}
