//! Which conversations have new rows: shards say so, the dispatcher hears it. Costs one look at a flag while there is no webhook.

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
    /// Whether anybody listens.
    pub(crate) fn are_wanted(&self) -> bool {
        self.0.wanted.load(Ordering::Relaxed)
    }

    pub(super) fn want(&self, wanted: bool) {
        self.0.wanted.store(wanted, Ordering::Relaxed);
    }

    /// What rows change, to be noted once they are durable.
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
        if changes.is_empty() {
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
