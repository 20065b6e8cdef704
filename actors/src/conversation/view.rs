//! How a conversation looks to one user: the one mapping that `get`, lists and creations share.

use rialto_protocol::limits::MEMBERS_SHOWN_MAX;
use rialto_protocol::rpc::Conversation;
use rialto_protocol::{ConversationId, UserId};
use rialto_storage::views::{ReadMark, Summary};

use super::message::FoldedMessage;
use super::state::State;
use crate::entities::memory_stream::base36;

/// The identity of a log-backed stream: the store's timeline, then the entity's creation.
pub(crate) fn epoch(generation: &str, created_ms: u64) -> String {
    format!("{generation}{}", base36(created_ms))
}

/// Messages of others behind a read marker.
pub(crate) fn unread(ordinal: u64, own: u64, mark: &ReadMark) -> u64 {
    ordinal.saturating_sub(mark.ordinal).saturating_sub(own.saturating_sub(mark.own))
}

/// A conversation in memory as this user sees it. Who is not a member sees that there is a conversation and how large it is, not who is in it and what is said.
pub(crate) fn of_state(id: ConversationId, state: &State, epoch: &str, user: UserId, mark: &ReadMark) -> Conversation {
    let role = state.role(user);
    let shown = if role.is_some() { MEMBERS_SHOWN_MAX } else { 0 };
    Conversation {
        id,
        kind: state.kind,
        title: state.title().map(str::to_owned),
        role,
        members: state.members(None).take(shown).map(|(member, _, _)| member).collect(),
        member_count: state.member_count,
        created: state.created_ms,
        epoch: epoch.to_owned(),
        offset: state.top,
        unread: role.map_or(0, |_| unread(state.ordinal, state.own(user), mark)),
        read: mark.offset,
        last: role.and(state.last.as_ref()).map(FoldedMessage::to_message),
    }
}

/// A conversation from the store as an entry of a user's list. A last message that does not fold is left out: one damaged row must not hide the list.
pub(crate) fn of_summary(summary: &Summary, generation: &str) -> Conversation {
    let last = summary.last.as_ref().and_then(|last| FoldedMessage::from_rows(&last.row, &last.overlay).ok());
    Conversation {
        id: summary.conversation,
        kind: summary.kind,
        title: summary.title.clone().filter(|title| !title.is_empty()),
        role: summary.role,
        members: summary.members.iter().take(MEMBERS_SHOWN_MAX).copied().collect(),
        member_count: summary.member_count,
        created: summary.created_ms,
        epoch: epoch(generation, summary.created_ms),
        offset: summary.offset,
        unread: unread(summary.ordinal, summary.own, &summary.mark),
        read: summary.mark.offset,
        last: last.map(|message| message.to_message()),
    }
}
