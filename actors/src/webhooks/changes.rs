//! Which conversations have new rows: shards say so, the dispatcher hears it. Costs a short list per append while there is no webhook.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rialto_protocol::event::EventTag;
use rialto_protocol::{ConversationId, EntityKind};
use rialto_storage::Row;
use tokio::sync::Notify;

use super::limits::CHANGES_MAX;

/// What happened to one conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Its highest new row.
    pub(super) seq: u64,
    /// Whether somebody may have come in.
    pub(super) may_add: bool,
}

/// Changed conversations. Cheap to clone, shared by all threads; soft: who misses a change scans.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    wanted: AtomicBool,
    waiting: Mutex<Waiting>,
    news: Notify,
}

/// What waits for the dispatcher.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) changed: HashMap<ConversationId, Change>,
    /// Some did not fit: everything must be looked at.
    pub(super) overflowed: bool,
}

impl Changes {
    /// Whether anybody listens. What is noted from now on is heard; what was noted before shows to who looks from now on.
    pub(super) fn want(&self, wanted: bool) {
        self.0.wanted.store(wanted, Ordering::SeqCst);
    }

    /// What rows change, to be noted once they are durable. Whether anybody listens is asked then and not now: an append that is under way when somebody begins to listen is
    /// perhaps not there yet when they look.
    pub(crate) fn of_rows(rows: &[Row]) -> Vec<(ConversationId, u64, bool)> {
        let of_conversations = rows.iter().filter(|row| row.entity.kind == EntityKind::Conversation);
        of_conversations
            .map(|row| {
                let may_add = matches!(row.event, EventTag::ConversationCreated | EventTag::MemberJoined);
                (ConversationId(row.entity.id), row.seq, may_add)
            })
            .collect()
    }

    /// These rows are durable.
    pub(crate) fn note(&self, changes: Vec<(ConversationId, u64, bool)>) {
        if changes.is_empty() || !self.0.wanted.load(Ordering::SeqCst) {
            return;
        }
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (conversation, seq, may_add) in changes {
            if waiting.changed.len() >= CHANGES_MAX && !waiting.changed.contains_key(&conversation) {
                waiting.overflowed = true;
                continue;
            }
            let change = waiting.changed.entry(conversation).or_default();
            change.seq = change.seq.max(seq);
            change.may_add |= may_add;
        }
        drop(waiting);
        self.0.news.notify_one();
    }

    /// Waits until there is something.
    pub(super) async fn wait(&self) {
        self.0.news.notified().await;
    }

    /// Takes what waits.
    pub(super) fn take(&self) -> Waiting {
        std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: ConversationId = ConversationId(uuid::Uuid::nil());

    #[test]
    fn an_append_that_ends_when_somebody_listens_is_heard_whenever_it_began() {
        let changes = Changes::default();
        changes.note(vec![(ROOM, 1, true)]);
        changes.want(true);
        assert_eq!(changes.take().changed.len(), 0, "who begins to listen looks at what is there");
        changes.note(vec![(ROOM, 3, true), (ROOM, 2, false)]);
        assert_eq!(changes.take().changed[&ROOM], Change { seq: 3, may_add: true });
    }
}
