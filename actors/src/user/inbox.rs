//! What an inbox has to say about each conversation: at most one event per conversation and second, the newest of each kind.

use std::num::NonZeroU64;

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
    /// In order of their conversations.
    entries: Vec<Entry>,
    /// The earliest time at which anything may be due, never zero; saves looking at every conversation.
    earliest_ms: Option<NonZeroU64>,
}

#[derive(Debug)]
struct Entry {
    conversation: ConversationId,
    mark: Mark,
    /// What waits to be said; most of the time nothing.
    words: Option<Box<Words>>,
    not_before_ms: u64,
}

#[derive(Debug, Default)]
struct Words {
    membership: Option<InboxEvent>,
    changed: Option<News>,
    read: Option<u64>,
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
            Tell::Added { .. } => entry.words().membership = Some(InboxEvent::ConversationAdded(ConversationNamed { conversation })),
            Tell::Removed { .. } => {
                let membership = Some(InboxEvent::ConversationRemoved(ConversationNamed { conversation }));
                *entry.words() = Words { membership, changed: None, read: None };
            }
            Tell::Read { mark, .. } => entry.read_up_to(mark),
            Tell::Changed { last, ordinal, own, .. } => {
                entry.words().changed = Some(News { last, ordinal, own });
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
        for entry in self.entries.iter_mut().filter(|entry| !entry.is_waiting()) {
            entry.mark = Mark::Unknown;
        }
    }

    /// The store has said where the marker is.
    pub(super) fn mark_found(&mut self, conversation: ConversationId, mark: ReadMark) {
        let Some(entry) = self.find(conversation) else { return };
        entry.mark = match entry.mark {
            Mark::Known(newer) if newer.offset >= mark.offset => Mark::Known(newer),
            _ => Mark::Known(mark),
        };
        let due_ms = entry.not_before_ms;
        self.look_at(due_ms);
    }

    /// The store could not say: without a marker there is no count, and no news until the next ones.
    pub(super) fn mark_failed(&mut self, conversation: ConversationId) {
        let Some(entry) = self.find(conversation) else { return };
        if matches!(entry.mark, Mark::Asked) {
            entry.mark = Mark::Unknown;
            entry.words().changed = None;
            entry.rest();
        }
    }

    /// The events that are due, as text and as stream data.
    pub(super) fn due(&mut self, mono_ms: u64) -> Vec<(Bytes, RawJson)> {
        if self.next_due_ms().is_none_or(|earliest_ms| earliest_ms > mono_ms) {
            return Vec::new();
        }
        let mut events = Vec::new();
        let mut earliest_ms = None::<u64>;
        for entry in &mut self.entries {
            if entry.not_before_ms <= mono_ms
                && let Some(event) = entry.next()
            {
                entry.not_before_ms = mono_ms.saturating_add(EVENT_INTERVAL_MS);
                events.extend(encode(&event));
            }
            if entry.has_more() {
                earliest_ms = Some(earliest_ms.map_or(entry.not_before_ms, |earliest_ms| earliest_ms.min(entry.not_before_ms)));
            }
        }
        self.earliest_ms = earliest_ms.map(not_zero);
        events
    }

    /// When something will be due.
    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.earliest_ms.map(NonZeroU64::get)
    }

    fn look_at(&mut self, due_ms: u64) {
        let due_ms = not_zero(due_ms);
        self.earliest_ms = Some(self.earliest_ms.map_or(due_ms, |earliest_ms| earliest_ms.min(due_ms)));
    }

    fn find(&mut self, conversation: ConversationId) -> Option<&mut Entry> {
        let at = self.place(conversation).ok()?;
        self.entries.get_mut(at)
    }

    fn place(&self, conversation: ConversationId) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&conversation, |entry| entry.conversation)
    }

    fn entry(&mut self, conversation: ConversationId, mono_ms: u64) -> Option<&mut Entry> {
        let mut place = self.place(conversation);
        if place.is_err() && self.entries.len() >= CONVERSATIONS_MAX {
            self.entries.retain(|entry| entry.not_before_ms > mono_ms || entry.is_waiting());
            if self.entries.len() >= CONVERSATIONS_MAX {
                return None;
            }
            place = self.place(conversation);
        }
        let at = place.unwrap_or_else(|at| {
            // Many users are in one conversation or two.
            if self.entries.len() == self.entries.capacity() {
                self.entries.reserve_exact(self.entries.len() / 2 + 1);
            }
            self.entries.insert(at, Entry { conversation, mark: Mark::Unknown, words: None, not_before_ms: 0 });
            at
        });
        self.entries.get_mut(at)
    }
}

impl Entry {
    fn words(&mut self) -> &mut Words {
        self.words.get_or_insert_default()
    }

    /// Whoever has nothing to say owns nothing.
    fn rest(&mut self) {
        if self.words.as_ref().is_some_and(|words| words.membership.is_none() && words.changed.is_none() && words.read.is_none()) {
            self.words = None;
        }
    }

    /// The same position twice, from two devices, is one event.
    fn read_up_to(&mut self, mark: ReadMark) {
        if let Mark::Known(known) = self.mark
            && known.offset >= mark.offset
        {
            return;
        }
        self.mark = Mark::Known(mark);
        self.words().read = Some(mark.offset);
    }

    /// Something is to be said, or waits for its marker.
    fn is_waiting(&self) -> bool {
        self.has_more() || matches!(self.mark, Mark::Asked)
    }

    /// Something can be said as soon as it is due.
    fn has_more(&self) -> bool {
        let Some(words) = &self.words else { return false };
        words.membership.is_some() || words.read.is_some() || (words.changed.is_some() && matches!(self.mark, Mark::Known(_)))
    }

    fn next(&mut self) -> Option<InboxEvent> {
        let event = self.say();
        self.rest();
        event
    }

    fn say(&mut self) -> Option<InboxEvent> {
        let (conversation, words) = (self.conversation, self.words.as_mut()?);
        if let Some(event) = words.membership.take() {
            return Some(event);
        }
        if let Mark::Known(mark) = self.mark
            && let Some(news) = words.changed.take()
        {
            let unread = unread(news.ordinal, news.own, &mark);
            return Some(InboxEvent::ConversationChanged(ConversationChanged { conversation, last: news.last.map(|last| *last), unread }));
        }
        words.read.take().map(|offset| InboxEvent::Read(ReadUpTo { conversation, offset }))
    }
}

/// A time as an option stores it in eight bytes: the first millisecond counts as the second.
fn not_zero(mono_ms: u64) -> NonZeroU64 {
    NonZeroU64::new(mono_ms).unwrap_or(NonZeroU64::MIN)
}

fn encode(event: &InboxEvent) -> Option<(Bytes, RawJson)> {
    let data = serde_json::value::to_raw_value(event).ok()?;
    Some((Bytes::copy_from_slice(data.get().as_bytes()), RawJson::new(data)))
}
