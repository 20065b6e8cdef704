//! Lists, messages, read markers.

use std::cmp::Reverse;
use std::ops::ControlFlow;

use rialto_protocol::limits::MEMBERS_SHOWN_MAX;
use rialto_protocol::{ConversationId, UserId};

use super::apply::{MemberCell, MetaCell};
use super::codec::{Top, corrupt, decode, encode};
use super::job::Class;
use super::keys::{self, section};
use super::kv::{Cells, Engine, Source};
use super::open::RedbStore;
use super::rows::{row_at, top, top_at};
use crate::limits::{PUBLIC_LISTED_MAX, READ_ROWS_MAX};
use crate::views::{ConversationViews, LastMessage, ListPosition, MessageRange, MessageRows, ReadMark, Summary, Whose};
use crate::{Pending, Row};

type Entries = Vec<(ListPosition, Summary)>;

fn meta(source: &impl Source, conversation: ConversationId) -> Engine<Option<MetaCell>> {
    source.with(&keys::meta(conversation), |value| decode("conversation", value))
}

fn member(source: &impl Source, conversation: ConversationId, user: UserId) -> Engine<MemberCell> {
    Ok(source.with(&keys::member(conversation, user), |value| decode("member", value))?.unwrap_or_default())
}

fn mark(source: &impl Source, user: UserId, conversation: ConversationId) -> Engine<ReadMark> {
    Ok(source.with(&keys::mark(user, conversation), |value| decode("read marker", value))?.unwrap_or_default())
}

/// The first members, as many as a list shows.
fn shown(source: &impl Source, conversation: ConversationId) -> Engine<Vec<UserId>> {
    let mut found = Vec::new();
    source.scan_prefix(&keys::section_of(conversation.into(), section::MEMBER), &mut |key, value| {
        if decode::<MemberCell>("member", value)?.role.is_some() {
            found.push(UserId(keys::last_id(key).ok_or_else(|| corrupt("key of a member"))?));
        }
        Ok(if found.len() >= MEMBERS_SHOWN_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

/// The rows that say what a message is now, ascending.
fn overlay(source: &impl Source, conversation: ConversationId, target: u64) -> Engine<Vec<Row>> {
    let mut seqs = Vec::new();
    source.scan_prefix(&keys::overlay_of(conversation, target), &mut |_, value| {
        seqs.push(decode::<u64>("overlay", value)?);
        Ok(ControlFlow::Continue(()))
    })?;
    seqs.sort_unstable();
    seqs.into_iter().map(|seq| must(source, conversation, seq)).collect()
}

fn must(source: &impl Source, conversation: ConversationId, seq: u64) -> Engine<Row> {
    row_at(source, conversation.into(), seq)?.ok_or_else(|| corrupt("row: an index names it and it is not there"))
}

fn must_top(source: &impl Source, conversation: ConversationId, seq: u64) -> Engine<Top> {
    top_at(source, conversation.into(), seq)?.ok_or_else(|| corrupt("row: a dense range lacks it"))
}

fn summary(source: &impl Source, conversation: ConversationId, user: UserId) -> Engine<Option<Summary>> {
    let Some(MetaCell { kind: Some(kind), created_ms, title, members: member_count }) = meta(source, conversation)? else {
        return Ok(None);
    };
    let Some(top) = top(source, conversation.into())? else { return Ok(None) };
    let MemberCell { role, own } = member(source, conversation, user)?;
    let last = match top.carry.last_message {
        0 => None,
        seq => Some(LastMessage { row: must(source, conversation, seq)?, overlay: overlay(source, conversation, seq)? }),
    };
    Ok(Some(Summary {
        conversation,
        kind,
        title,
        created_ms,
        offset: top.seq,
        ordinal: top.ordinal,
        role,
        own,
        mark: mark(source, user, conversation)?,
        member_count,
        members: shown(source, conversation)?,
        last,
    }))
}

/// A list is ordered when it is read: a message then costs one conversation's cells, however many members it has.
fn list(source: &impl Source, whose: &Whose, after: Option<ListPosition>, limit: usize) -> Engine<(Entries, bool)> {
    let reader = whose.reader();
    let most = if matches!(whose, Whose::Public { .. }) { PUBLIC_LISTED_MAX } else { usize::MAX };
    let mut conversations = Vec::new();
    source.scan_prefix(&keys::user_conversations(reader), &mut |key, _| {
        conversations.push(ConversationId(keys::last_id(key).ok_or_else(|| corrupt("key of a user's conversation"))?));
        Ok(if conversations.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    let mut positions = Vec::with_capacity(conversations.len());
    for conversation in conversations {
        let Some(top) = top(source, conversation.into())? else { continue };
        let position = ListPosition { active_ms: top.carry.active_ms, conversation };
        if after.is_none_or(|after| position < after) && is_wanted(source, whose, conversation)? {
            positions.push(position);
        }
    }
    positions.sort_unstable_by_key(|position| Reverse(*position));
    let more = positions.len() > limit;
    let mut entries = Vec::with_capacity(limit.min(positions.len()));
    for position in positions.into_iter().take(limit) {
        if let Some(summary) = summary(source, position.conversation, reader)? {
            entries.push((position, summary));
        }
    }
    Ok((entries, more))
}

fn is_wanted(source: &impl Source, whose: &Whose, conversation: ConversationId) -> Engine<bool> {
    match whose {
        Whose::Public { title: Some(_) } => Ok(meta(source, conversation)?.is_some_and(|meta| whose.wants(meta.title.as_deref()))),
        Whose::User(_) | Whose::Public { title: None } => Ok(true),
    }
}

/// Walks back from the newest message wanted: each row names the newest message up to it, so that rows which are no messages cost nothing, however many.
fn messages(source: &impl Source, conversation: ConversationId, range: MessageRange) -> Engine<Vec<MessageRows>> {
    let Some(top) = top(source, conversation.into())? else { return Ok(Vec::new()) };
    let limit = range.limit.min(READ_ROWS_MAX) as u64;
    let upper = range.before.map_or(top.seq, |before| before.saturating_sub(1).min(top.seq));
    let lower = range.after.unwrap_or(0);
    if upper == 0 || lower >= upper || limit == 0 {
        return Ok(Vec::new());
    }
    let newest = must_top(source, conversation, upper)?;
    let start = match range.after {
        None => newest.carry.last_message,
        Some(after) => {
            let before = if after == 0 { 0 } else { must_top(source, conversation, after)?.ordinal };
            let wanted = newest.ordinal.min(before + limit);
            if wanted == before { 0 } else { seq_of_ordinal(source, conversation, wanted, after + 1, upper)? }
        }
    };
    let mut found = Vec::new();
    let mut seq = start;
    while seq > lower && (found.len() as u64) < limit {
        found.push(MessageRows { row: must(source, conversation, seq)?, overlay: overlay(source, conversation, seq)? });
        seq = if seq == 1 { 0 } else { must_top(source, conversation, seq - 1)?.carry.last_message };
    }
    found.reverse();
    Ok(found)
}

/// The first row with this ordinal is the message itself; rows are dense and ordinals never go back, so halving finds it.
fn seq_of_ordinal(source: &impl Source, conversation: ConversationId, ordinal: u64, from: u64, to: u64) -> Engine<u64> {
    let (mut low, mut high) = (from, to);
    while low < high {
        let middle = low + (high - low) / 2;
        if must_top(source, conversation, middle)?.ordinal >= ordinal {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

impl ConversationViews for RedbStore {
    fn list(&self, whose: Whose, after: Option<ListPosition>, limit: usize) -> Pending<(Entries, bool)> {
        self.read("list conversations", move |view| list(view, &whose, after, limit))
    }

    fn summary(&self, conversation: ConversationId, user: UserId) -> Pending<Option<Summary>> {
        self.read("read a conversation", move |view| summary(view, conversation, user))
    }

    fn messages(&self, conversation: ConversationId, range: MessageRange) -> Pending<Vec<MessageRows>> {
        self.read("read messages", move |view| messages(view, conversation, range))
    }

    fn mark(&self, user: UserId, conversation: ConversationId) -> Pending<ReadMark> {
        self.read("read a marker", move |view| mark(view, user, conversation))
    }

    fn advance(&self, user: UserId, conversation: ConversationId, to: ReadMark) -> Pending<ReadMark> {
        self.write("move a marker", Class::Grow, 64, move |transaction| {
            let key = keys::mark(user, conversation);
            let stored = transaction.batch.cell(&key)?;
            let stands: ReadMark = stored.map(|value| decode("read marker", &value)).transpose()?.unwrap_or_default();
            if to.offset <= stands.offset {
                return Ok(Ok(stands));
            }
            transaction.batch.put(key, encode(&to));
            Ok(Ok(to))
        })
    }
}
