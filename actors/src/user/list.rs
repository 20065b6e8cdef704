//! `conversation.list` and `conversation.browse`: most recently active first, straight from the store.

use rialto_protocol::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use rialto_protocol::rpc::{BrowseConversations, Conversation, ListConversations, Page, PublicConversation};
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::views::{ListPosition, Summary, Whose};

use crate::conversation::view;
use crate::entity::Query;

/// What to ask the store.
pub(super) fn query(user: UserId, list: &ListConversations) -> Result<Query, Refusal> {
    let after = list.cursor.as_deref().map(parse_cursor).transpose()?;
    let limit = list.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX);
    Ok(Query::List { whose: Whose::User(user), after, limit })
}

/// What to ask the store for `conversation.browse`.
pub(super) fn public(browse: &BrowseConversations) -> Result<Query, Refusal> {
    let after = browse.cursor.as_deref().map(parse_cursor).transpose()?;
    let limit = browse.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX);
    let title = browse.title.as_deref().map(str::trim).filter(|title| !title.is_empty()).map(str::to_owned);
    Ok(Query::List { whose: Whose::Public { title }, after, limit })
}

/// What anybody may know of public conversations.
pub(super) fn public_page(entries: &[(ListPosition, Summary)], has_more: bool) -> Page<PublicConversation> {
    let items = entries.iter().map(|(position, summary)| PublicConversation {
        id: summary.conversation,
        title: summary.title.clone().filter(|title| !title.is_empty()),
        member_count: summary.member_count,
        active: position.active_ms,
    });
    Page { items: items.collect(), next: next(entries, has_more) }
}

fn next(entries: &[(ListPosition, Summary)], has_more: bool) -> Option<String> {
    entries.last().filter(|_| has_more).map(|(position, _)| cursor(*position))
}

/// The answer.
pub(super) fn page(entries: &[(ListPosition, Summary)], has_more: bool, generation: &str) -> Page<Conversation> {
    let items = entries.iter().map(|(_, summary)| view::of_summary(summary, generation)).collect();
    Page { items, next: next(entries, has_more) }
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
