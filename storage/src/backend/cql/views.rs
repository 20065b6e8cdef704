//! Lists, messages, read markers.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use rialto_protocol::event::EventTag;
use rialto_protocol::limits::MEMBERS_SHOWN_MAX;
use rialto_protocol::rpc::{ConversationKind, Role};
use rialto_protocol::{ConversationId, UserId};
use uuid::Uuid;

use super::core::{Core, corrupt};
use super::open::CqlStore;
use super::rows::{range, row_at};
use super::value::{Value, big, id, unsigned};
use crate::derive::part;
use crate::entity_rows::RowRange;
use crate::limits::{PUBLIC_LISTED_MAX, READ_ROWS_MAX};
use crate::views::{ConversationViews, LastMessage, ListPosition, MessageRange, MessageRows, ReadMark, Summary, Whose};
use crate::{Pending, Row, StorageError};

/// Conversations of one list, or messages of one page, that are read at once.
const READS_AT_ONCE: usize = 16;
/// Rows that are looked through at once for messages, beyond those wanted.
const LOOK_AHEAD_ROWS: usize = 32;

type Done<T> = Result<T, StorageError>;
type Entries = Vec<(ListPosition, Summary)>;
type Cells = (Option<i8>, Option<i64>, Option<String>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

/// What a conversation's own row says.
#[derive(Clone, Debug)]
struct Heading {
    kind: ConversationKind,
    created_ms: u64,
    title: Option<String>,
    offset: u64,
    ordinal: u64,
    active_ms: u64,
    last_message: u64,
}

struct Member {
    user: UserId,
    role: Option<Role>,
    own: u64,
}

fn role(number: i8) -> Option<Role> {
    match number {
        1 => Some(Role::Member),
        2 => Some(Role::Admin),
        3 => Some(Role::Owner),
        _ => None,
    }
}

async fn heading(core: &Core, conversation: ConversationId) -> Done<Option<Heading>> {
    let found: Option<Cells> = core.first("read a conversation", &core.statements.conv_get, vec![id(conversation.0)]).await?;
    let Some((Some(kind), created, title, Some(offset), ordinal, active, last)) = found else { return Ok(None) };
    let kind = match kind {
        1 => ConversationKind::Direct,
        2 => ConversationKind::Group,
        3 => ConversationKind::Public,
        other => return Err(corrupt("read a conversation", format!("kind {other}"))),
    };
    let number = |cell: Option<i64>| cell.map_or(0, unsigned);
    Ok(Some(Heading {
        kind,
        created_ms: number(created),
        title,
        offset: unsigned(offset),
        ordinal: number(ordinal),
        active_ms: number(active),
        last_message: number(last),
    }))
}

/// Whether a conversation is one that everybody may join.
pub(super) async fn is_public(core: &Core, conversation: ConversationId) -> Done<bool> {
    Ok(heading(core, conversation).await?.is_some_and(|heading| heading.kind == ConversationKind::Public))
}

/// Everybody who is or was a member, or has spoken, in order of id.
async fn people(core: &Core, conversation: ConversationId) -> Done<Vec<Member>> {
    type Cells = (Vec<u8>, Option<i8>, Option<bool>, Option<i64>);
    let found: Vec<Cells> = core.select_all("read members", &core.statements.members, vec![id(conversation.0)]).await?;
    let member = |(user, number, gone, own): Cells| {
        let user = Uuid::from_slice(&user).map_err(|error| corrupt("read members", error))?;
        let role = number.filter(|_| gone == Some(false)).and_then(role);
        Ok(Member { user: UserId(user), role, own: own.map_or(0, unsigned) })
    };
    found.into_iter().map(member).collect()
}

async fn mark(core: &Core, user: UserId, conversation: ConversationId) -> Done<ReadMark> {
    let found: Option<(i64, i64, i64)> =
        core.first("read a marker", &core.statements.mark_get, vec![id(user.0), id(conversation.0)]).await?;
    Ok(found.map_or_else(ReadMark::default, |(offset, ordinal, own)| ReadMark {
        offset: unsigned(offset),
        ordinal: unsigned(ordinal),
        own: unsigned(own),
    }))
}

/// The seqs of the rows that say what each of these messages is now. The messages are in order.
async fn overlays(core: &Core, conversation: ConversationId, from: u64, to: u64) -> Done<BTreeMap<u64, Vec<u64>>> {
    let part_rows = core.options.part_rows;
    let mut overlays: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for part in part(from, part_rows)..=part(to, part_rows) {
        let values: Vec<Value> = vec![id(conversation.0), big(part), big(from), big(to)];
        let found: Vec<(i64, i64, bool)> = core.select_all("read what changed messages", &core.statements.overlay_get, values).await?;
        for (target, seq, gone) in found {
            if !gone {
                overlays.entry(unsigned(target)).or_default().push(unsigned(seq));
            }
        }
    }
    overlays.values_mut().for_each(|seqs| seqs.sort_unstable());
    Ok(overlays)
}

async fn must(core: &Core, conversation: ConversationId, seq: u64) -> Done<Row> {
    row_at(core, conversation.into(), seq)
        .await?
        .ok_or_else(|| corrupt("read a row", format!("row {seq}: an index names it and it is not there")))
}

/// Rows of messages, in order → with what changed each.
async fn with_overlays(core: &Core, conversation: ConversationId, rows: Vec<Row>) -> Done<Vec<MessageRows>> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
    let mut changes = overlays(core, conversation, first.seq, last.seq).await?;
    let whole = stream::iter(rows).map(|row| {
        let seqs = changes.remove(&row.seq).unwrap_or_default();
        async move {
            let mut overlay = Vec::with_capacity(seqs.len());
            for seq in seqs {
                overlay.push(must(core, conversation, seq).await?);
            }
            Ok(MessageRows { row, overlay })
        }
    });
    whole.buffered(READS_AT_ONCE).try_collect().await
}

async fn summary_of(core: &Core, conversation: ConversationId, user: UserId, heading: Heading) -> Done<Summary> {
    let all = people(core, conversation).await?;
    let me = all.iter().find(|member| member.user == user);
    let (role, own) = me.map_or((None, 0), |member| (member.role, member.own));
    let present = || all.iter().filter(|member| member.role.is_some());
    let last = match heading.last_message {
        0 => None,
        seq => with_overlays(core, conversation, vec![must(core, conversation, seq).await?]).await?.pop(),
    };
    Ok(Summary {
        conversation,
        kind: heading.kind,
        title: heading.title,
        created_ms: heading.created_ms,
        offset: heading.offset,
        ordinal: heading.ordinal,
        role,
        own,
        mark: mark(core, user, conversation).await?,
        member_count: present().count() as u64,
        members: present().map(|member| member.user).take(MEMBERS_SHOWN_MAX).collect(),
        last: last.map(|MessageRows { row, overlay }| LastMessage { row, overlay }),
    })
}

async fn summary(core: &Core, conversation: ConversationId, user: UserId) -> Done<Option<Summary>> {
    match heading(core, conversation).await? {
        Some(heading) => summary_of(core, conversation, user, heading).await.map(Some),
        None => Ok(None),
    }
}

/// A list is ordered when it is read: a message then costs one conversation's cells, however many members it has.
async fn list(core: &Core, whose: Whose, after: Option<ListPosition>, limit: usize) -> Done<(Entries, bool)> {
    let reader = whose.reader();
    let most = if matches!(whose, Whose::Public { .. }) { PUBLIC_LISTED_MAX } else { usize::MAX };
    let found: Vec<(Uuid, Option<bool>)> = core.select_all("list conversations", &core.statements.user_convs, vec![id(reader.0)]).await?;
    let mine = found.into_iter().filter(|(_, gone)| *gone == Some(false)).map(|(conversation, _)| ConversationId(conversation)).take(most);
    let headings = stream::iter(mine).map(|conversation| async move { Ok((conversation, heading(core, conversation).await?)) });
    let headings: Vec<(ConversationId, Option<Heading>)> = headings.buffer_unordered(READS_AT_ONCE).try_collect().await?;
    let mut placed: Vec<(ListPosition, Heading)> = headings
        .into_iter()
        .filter_map(|(conversation, heading)| heading.map(|heading| (ListPosition { active_ms: heading.active_ms, conversation }, heading)))
        .filter(|(position, heading)| after.is_none_or(|after| *position < after) && whose.wants(heading.title.as_deref()))
        .collect();
    placed.sort_unstable_by_key(|(position, _)| Reverse(*position));
    let more = placed.len() > limit;
    let entries = stream::iter(placed.into_iter().take(limit))
        .map(|(position, heading)| async move { Ok((position, summary_of(core, position.conversation, reader, heading).await?)) });
    Ok((entries.buffered(READS_AT_ONCE).try_collect().await?, more))
}

/// Looks through the rows from one end of the range until enough are messages.
async fn messages(core: &Core, conversation: ConversationId, wanted: MessageRange) -> Done<Vec<MessageRows>> {
    let limit = wanted.limit.min(READ_ROWS_MAX);
    let reverse = wanted.after.is_none();
    let mut from = wanted.after.map_or(1, |after| after.saturating_add(1));
    let mut to = wanted.before.map_or(u64::MAX, |before| before.saturating_sub(1));
    let mut found: Vec<Row> = Vec::new();
    while found.len() < limit && from <= to {
        let page = (limit - found.len()).saturating_add(LOOK_AHEAD_ROWS).min(READ_ROWS_MAX);
        let rows = range(core, conversation.into(), RowRange { from, to, limit: page, reverse }).await?;
        let ended = rows.len() < page;
        match rows.last().map(|row| row.seq) {
            Some(seq) if reverse => to = seq - 1,
            Some(seq) => from = seq + 1,
            None => {}
        }
        found.extend(rows.into_iter().filter(|row| row.event == EventTag::Message));
        if ended {
            break;
        }
    }
    found.truncate(limit);
    found.sort_unstable_by_key(|row| row.seq);
    with_overlays(core, conversation, found).await
}

async fn advance(core: &Core, user: UserId, conversation: ConversationId, to: ReadMark) -> Done<ReadMark> {
    let values = vec![id(user.0), id(conversation.0), big(to.offset), big(to.ordinal), big(to.own), big(to.offset)];
    core.write("move a marker", &core.statements.mark_put, values).await?;
    mark(core, user, conversation).await
}

impl ConversationViews for CqlStore {
    fn list(&self, whose: Whose, after: Option<ListPosition>, limit: usize) -> Pending<(Entries, bool)> {
        self.run(move |core| async move { list(&core, whose, after, limit).await })
    }

    fn summary(&self, conversation: ConversationId, user: UserId) -> Pending<Option<Summary>> {
        self.run(move |core| async move { summary(&core, conversation, user).await })
    }

    fn messages(&self, conversation: ConversationId, range: MessageRange) -> Pending<Vec<MessageRows>> {
        self.run(move |core| async move { messages(&core, conversation, range).await })
    }

    fn mark(&self, user: UserId, conversation: ConversationId) -> Pending<ReadMark> {
        self.run(move |core| async move { mark(&core, user, conversation).await })
    }

    fn advance(&self, user: UserId, conversation: ConversationId, to: ReadMark) -> Pending<ReadMark> {
        self.run(move |core| async move { advance(&core, user, conversation, to).await })
    }
}
