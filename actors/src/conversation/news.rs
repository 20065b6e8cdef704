//! News for members' inboxes: at most one round a second, the first at once, the rest gathered.

use rialto_protocol::ConversationId;
use rialto_protocol::limits::INBOX_MEMBERS_MAX;

use super::limits::NEWS_INTERVAL_MS;
use super::message::FoldedMessage;
use super::state::State;
use crate::entity::{EntityEffect, Tell};
use crate::kernel::Effects;

/// When members were told, and whether there is more to tell.
#[derive(Debug, Default)]
pub(crate) struct News {
    is_due: bool,
    not_before_ms: u64,
    wake_at_ms: Option<u64>,
}

impl News {
    /// There is something to tell.
    pub(crate) fn mark(&mut self) {
        self.is_due = true;
    }

    /// Whether something waits to be told.
    pub(crate) fn is_pending(&self) -> bool {
        self.is_due
    }

    /// The time asked for has come.
    pub(crate) fn woken(&mut self) {
        self.wake_at_ms = None;
    }

    /// Tells what is due, or asks to be woken when it will be.
    pub(crate) fn settle(&mut self, mono_ms: u64, id: ConversationId, state: &State, effects: &mut Effects<EntityEffect>) {
        if !self.is_due {
            return;
        }
        if state.member_count > INBOX_MEMBERS_MAX as u64 {
            self.is_due = false;
            return;
        }
        if mono_ms < self.not_before_ms {
            if self.wake_at_ms != Some(self.not_before_ms) {
                self.wake_at_ms = Some(self.not_before_ms);
                effects.push(EntityEffect::WakeAt { mono_ms: self.not_before_ms });
            }
            return;
        }
        self.is_due = false;
        self.not_before_ms = mono_ms.saturating_add(NEWS_INTERVAL_MS);
        let last = state.last.as_ref().map(FoldedMessage::to_message).map(Box::new);
        for (user, _, person) in state.members(None) {
            let tell = Tell::Changed { conversation: id, last: last.clone(), ordinal: state.ordinal, own: person.own };
            effects.push(EntityEffect::Tell { user, tell });
        }
    }
}
