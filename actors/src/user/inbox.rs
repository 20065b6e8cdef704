//! What an inbox has to say about each conversation: at most one event per conversation and second, the newest of each kind.

use std::collections::BTreeMap;

use bytes::Bytes;
use rialto_protocol::ConversationId;
use rialto_protocol::event::{ConversationChanged, ConversationNamed, InboxEvent, ReadUpTo};
use rialto_protocol::reply::RawJson;
use rialto_protocol::rpc::Message;
use rialto_storage::views::ReadMark;

use crate::conversation::view::unread;
use crate::entity::Tell;

/// Milliseconds between two events about one conversation.
const EVENT_INTERVAL_MS: u64 = 1_000;
/// Conversations with a known read marker. Above: those about which there is nothing to say are forgotten, then news are dropped (the next ones heal).
const CONVERSATIONS_MAX: usize = 1_024;

/// Read markers known, and what waits to be said.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    conversations: BTreeMap<ConversationId, Entry>,
    /// The earliest time at which anything may be due; saves looking at every conversation.
    earliest_ms: Option<u64>,
}

#[derive(Debug, Default)]
struct Entry {
    mark: Mark,
    membership: Option<InboxEvent>,
    changed: Option<News>,
    read: Option<u64>,
    not_before_ms: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum Mark {
    #[default]
    Unknown,
    Asked,
    Known(ReadMark),
}

#[derive(Debug)]
struct News {
    last: Option<Box<Message>>,
    ordinal: u64,
    own: u64,
}

impl Inbox {
    /// Takes what a conversation says; the conversation whose marker has to be read, if it is not known.
    pub(super) fn told(&mut self, mono_ms: u64, tell: Tell) -> Option<ConversationId> {
        let (Tell::Changed { conversation, .. }
        | Tell::Added { conversation }
        | Tell::Removed { conversation }
        | Tell::Read { conversation, .. }) = tell;
        let entry = self.entry(conversation, mono_ms)?;
        match tell {
            Tell::Added { .. } => entry.membership = Some(InboxEvent::ConversationAdded(ConversationNamed { conversation })),
            Tell::Removed { .. } => {
                entry.membership = Some(InboxEvent::ConversationRemoved(ConversationNamed { conversation }));
                (entry.changed, entry.read) = (None, None);
            }
            Tell::Read { mark, .. } => entry.read_up_to(mark),
            Tell::Changed { last, ordinal, own, .. } => {
                entry.changed = Some(News { last, ordinal, own });
                if matches!(entry.mark, Mark::Unknown) {
                    entry.mark = Mark::Asked;
                    return Some(conversation);
                }
            }
        }
        let due_ms = entry.not_before_ms;
        self.look_at(due_ms);
        None
    }

    /// A listener comes: while nobody listened nobody said how far the user had read, so markers are asked for anew.
    pub(super) fn forget_marks(&mut self) {
        for entry in self.conversations.values_mut().filter(|entry| !entry.is_waiting()) {
            entry.mark = Mark::Unknown;
        }
    }

    /// The store has said where the marker is.
    pub(super) fn mark_found(&mut self, conversation: ConversationId, mark: ReadMark) {
        let Some(entry) = self.conversations.get_mut(&conversation) else { return };
        entry.mark = match entry.mark {
            Mark::Known(newer) if newer.offset >= mark.offset => Mark::Known(newer),
            _ => Mark::Known(mark),
        };
        let due_ms = entry.not_before_ms;
        self.look_at(due_ms);
    }

    /// The store could not say: without a marker there is no count, and no news until the next ones.
    pub(super) fn mark_failed(&mut self, conversation: ConversationId) {
        let Some(entry) = self.conversations.get_mut(&conversation) else { return };
        if matches!(entry.mark, Mark::Asked) {
            entry.mark = Mark::Unknown;
            entry.changed = None;
        }
    }

    /// The events that are due, as text and as stream data.
    pub(super) fn due(&mut self, mono_ms: u64) -> Vec<(Bytes, RawJson)> {
        if self.earliest_ms.is_none_or(|earliest_ms| earliest_ms > mono_ms) {
            return Vec::new();
        }
        let mut events = Vec::new();
        let mut earliest_ms = None::<u64>;
        for (conversation, entry) in &mut self.conversations {
            if entry.not_before_ms <= mono_ms
                && let Some(event) = entry.next(*conversation)
            {
                entry.not_before_ms = mono_ms.saturating_add(EVENT_INTERVAL_MS);
                events.extend(encode(&event));
            }
            if entry.has_more() {
                earliest_ms = Some(earliest_ms.map_or(entry.not_before_ms, |earliest_ms| earliest_ms.min(entry.not_before_ms)));
            }
        }
        self.earliest_ms = earliest_ms;
        events
    }

    /// When something will be due.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.earliest_ms
    }

    fn look_at(&mut self, due_ms: u64) {
        self.earliest_ms = Some(self.earliest_ms.map_or(due_ms, |earliest_ms| earliest_ms.min(due_ms)));
    }

    fn entry(&mut self, conversation: ConversationId, mono_ms: u64) -> Option<&mut Entry> {
        if self.conversations.len() >= CONVERSATIONS_MAX && !self.conversations.contains_key(&conversation) {
            self.conversations.retain(|_, entry| entry.not_before_ms > mono_ms || entry.is_waiting());
            if self.conversations.len() >= CONVERSATIONS_MAX {
                return None;
            }
        }
        Some(self.conversations.entry(conversation).or_default())
    }
}

impl Entry {
    /// The same position twice, from two devices, is one event.
    fn read_up_to(&mut self, mark: ReadMark) {
        if let Mark::Known(known) = self.mark
            && known.offset >= mark.offset
        {
            return;
        }
        self.mark = Mark::Known(mark);
        self.read = Some(mark.offset);
    }

    /// Something is to be said, or waits for its marker.
    fn is_waiting(&self) -> bool {
        self.has_more() || matches!(self.mark, Mark::Asked)
    }

    /// Something can be said as soon as it is due.
    fn has_more(&self) -> bool {
        self.membership.is_some() || self.read.is_some() || (self.changed.is_some() && matches!(self.mark, Mark::Known(_)))
    }

    fn next(&mut self, conversation: ConversationId) -> Option<InboxEvent> {
        if let Some(event) = self.membership.take() {
            return Some(event);
        }
        if let Mark::Known(mark) = self.mark
            && let Some(news) = self.changed.take()
        {
            let unread = unread(news.ordinal, news.own, &mark);
            return Some(InboxEvent::ConversationChanged(ConversationChanged { conversation, last: news.last.map(|last| *last), unread }));
        }
        self.read.take().map(|offset| InboxEvent::Read(ReadUpTo { conversation, offset }))
    }
}

fn encode(event: &InboxEvent) -> Option<(Bytes, RawJson)> {
    let data = serde_json::value::to_raw_value(event).ok()?;
    Some((Bytes::copy_from_slice(data.get().as_bytes()), RawJson::new(data)))
}
