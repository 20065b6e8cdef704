//! `conversation.list`: most recently active first, straight from the store.

use rialto_protocol::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use rialto_protocol::rpc::{Conversation, ListConversations, Page};
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::views::{ListPosition, Summary};

use crate::conversation::view;
use crate::entity::Query;

/// What to ask the store.
pub(super) fn query(user: UserId, list: &ListConversations) -> Result<Query, Refusal> {
    let after = list.cursor.as_deref().map(parse_cursor).transpose()?;
    let limit = list.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX);
    Ok(Query::List { user, after, limit })
}

/// The answer.
pub(super) fn page(entries: &[(ListPosition, Summary)], has_more: bool, generation: &str) -> Page<Conversation> {
    let items = entries.iter().map(|(_, summary)| view::of_summary(summary, generation)).collect();
    let next = entries.last().filter(|_| has_more).map(|(position, _)| cursor(*position));
    Page { items, next }
}

/// Opaque to clients: the position of the last entry.
fn cursor(position: ListPosition) -> String {
    format!("{:x}.{}", position.active_ms, position.conversation)
}

fn parse_cursor(cursor: &str) -> Result<ListPosition, Refusal> {
    let parse = |cursor: &str| {
        let (active_ms, conversation) = cursor.split_once('.')?;
        Some(ListPosition { active_ms: u64::from_str_radix(active_ms, 16).ok()?, conversation: conversation.parse().ok()? })
    };
    parse(cursor).ok_or_else(|| Refusal::because(ErrorCode::InvalidArgument, "cursor is not one of ours"))
}
