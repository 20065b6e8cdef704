//! Lists and pages, folded from the rows each time.

use std::collections::BTreeMap;

use rialto_protocol::event::EventTag;
use rialto_protocol::limits::MEMBERS_SHOWN_MAX;
use rialto_protocol::rpc::{ConversationKind, Role};
use rialto_protocol::{ConversationId, EntityKey, EntityKind, UserId};

use super::{MemoryStore, State};
use crate::derive::{Derived, OverlayCell, derive};
use crate::limits::READ_ROWS_MAX;
use crate::views::{ConversationViews, LastMessage, ListPosition, MessageRange, MessageRows, ReadMark, Summary, Whose};
use crate::{Pending, Row};

/// A conversation, folded.
#[derive(Default)]
struct Folded {
    kind: Option<ConversationKind>,
    created_ms: u64,
    active_ms: u64,
    title: Option<String>,
    members: BTreeMap<UserId, Role>,
    overlay: BTreeMap<u64, BTreeMap<OverlayCell, u64>>,
}

fn fold(rows: &[Row]) -> Folded {
    let mut folded = Folded::default();
    for row in rows {
        let active = matches!(row.event, EventTag::Message | EventTag::ConversationCreated);
        folded.active_ms = if active { row.time_ms } else { folded.active_ms };
        for write in derive(row, u64::MAX).unwrap_or_default() {
            match write {
                Derived::Meta { kind, created_ms, .. } => (folded.kind, folded.created_ms) = (Some(kind), created_ms),
                Derived::Title { title, .. } => folded.title = title,
                Derived::Member { user, role: Some(role), .. } => drop(folded.members.insert(user, role)),
                Derived::Member { user, role: None, .. } => drop(folded.members.remove(&user)),
                Derived::Overlay { target, cell, seq, gone: false, .. } => {
                    folded.overlay.entry(target).or_default().insert(cell, seq);
                }
                Derived::Overlay { target, cell, gone: true, .. } => {
                    folded.overlay.entry(target).or_default().remove(&cell);
                }
                Derived::Dedupe { .. } | Derived::Head { .. } | Derived::Own { .. } => {}
            }
        }
    }
    folded
}

fn overlay(folded: &Folded, rows: &[Row], target: u64) -> Vec<Row> {
    let cells = folded.overlay.get(&target);
    rows.iter().filter(|row| cells.is_some_and(|cells| cells.values().any(|seq| *seq == row.seq))).cloned().collect()
}

fn rows_of(state: &State, conversation: ConversationId) -> Vec<Row> {
    state.projected.get(&EntityKey::from(conversation)).into_iter().flat_map(BTreeMap::values).cloned().collect()
}

fn summary(state: &State, conversation: ConversationId, user: UserId) -> Option<(ListPosition, Summary)> {
    let rows = rows_of(state, conversation);
    let folded = fold(&rows);
    let newest = rows.last()?;
    let messages = || rows.iter().filter(|row| row.event == EventTag::Message);
    let last = messages().next_back().map(|row| LastMessage { row: row.clone(), overlay: overlay(&folded, &rows, row.seq) });
    let own = messages().filter(|row| row.sender.user == user).count() as u64;
    let summary = Summary {
        conversation,
        kind: folded.kind?,
        title: folded.title,
        created_ms: folded.created_ms,
        offset: newest.seq,
        ordinal: newest.ordinal,
        role: folded.members.get(&user).copied(),
        own,
        mark: state.marks.get(&(user, conversation)).copied().unwrap_or_default(),
        member_count: folded.members.len() as u64,
        members: folded.members.keys().copied().take(MEMBERS_SHOWN_MAX).collect(),
        last,
    };
    Some((ListPosition { active_ms: folded.active_ms, conversation }, summary))
}

fn list(state: &State, whose: &Whose, after: Option<ListPosition>, limit: usize) -> (Vec<(ListPosition, Summary)>, bool) {
    let conversations = state.projected.keys().filter(|entity| entity.kind == EntityKind::Conversation);
    let mut all: Vec<_> = conversations
        .filter_map(|entity| summary(state, ConversationId(entity.id), whose.reader()))
        .filter(|(position, summary)| belongs(whose, summary) && after.is_none_or(|after| *position < after))
        .collect();
    all.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
    let more = all.len() > limit;
    all.truncate(limit);
    (all, more)
}

fn belongs(whose: &Whose, summary: &Summary) -> bool {
    match whose {
        Whose::User(_) => summary.role.is_some(),
        Whose::Public { .. } => summary.kind == ConversationKind::Public && whose.wants(summary.title.as_deref()),
    }
}

fn messages(rows: &[Row], range: MessageRange) -> Vec<MessageRows> {
    let folded = fold(rows);
    let wanted = rows.iter().filter(|row| {
        row.event == EventTag::Message
            && range.before.is_none_or(|before| row.seq < before)
            && range.after.is_none_or(|after| row.seq > after)
    });
    let limit = range.limit.min(READ_ROWS_MAX);
    let mut found: Vec<&Row> = if range.after.is_some() { wanted.take(limit).collect() } else { wanted.rev().take(limit).collect() };
    found.sort_by_key(|row| row.seq);
    found.into_iter().map(|row| MessageRows { row: row.clone(), overlay: overlay(&folded, rows, row.seq) }).collect()
}

impl ConversationViews for MemoryStore {
    fn list(&self, whose: Whose, after: Option<ListPosition>, limit: usize) -> Pending<(Vec<(ListPosition, Summary)>, bool)> {
        self.now(|state| list(state, &whose, after, limit))
    }

    fn summary(&self, conversation: ConversationId, user: UserId) -> Pending<Option<Summary>> {
        self.now(|state| summary(state, conversation, user).map(|(_, summary)| summary))
    }

    fn messages(&self, conversation: ConversationId, range: MessageRange) -> Pending<Vec<MessageRows>> {
        self.now(|state| messages(&rows_of(state, conversation), range))
    }

    fn mark(&self, user: UserId, conversation: ConversationId) -> Pending<ReadMark> {
        self.now(|state| state.marks.get(&(user, conversation)).copied().unwrap_or_default())
    }

    fn advance(&self, user: UserId, conversation: ConversationId, mark: ReadMark) -> Pending<ReadMark> {
        self.now(|state| {
            let stands = state.marks.entry((user, conversation)).or_default();
            if mark.offset > stands.offset {
                *stands = mark;
            }
            *stands
        })
    }
}
