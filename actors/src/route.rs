//! Which entity answers a request. One mapping for sessions and HTTP.

use rialto_protocol::rpc::{ConversationKind, CreateConversation, Request};
use rialto_protocol::{Channel, ConversationId, UserId};

use crate::entity::EntityName;
use crate::kernel::Moment;
use crate::router::entity_of;

/// Who answers a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// This entity.
    Entity(EntityName),
    /// The accounts: it is about a user, not about an entity's state.
    Accounts,
    /// The commands of bots.
    Commands,
}

/// Finds who answers a request. A new conversation's id is decided here: derived where a repeat must meet the same entity, else made of the moment.
#[must_use]
pub fn target(request: &Request, caller: UserId, now: Moment) -> Target {
    let conversation = match request {
        Request::ConversationCreate(create) => created(create, caller, now),
        Request::ConversationList(_) | Request::ConversationBrowse(_) => return Target::Entity(entity_of(&Channel::User(caller))),
        Request::ConversationGet(one) | Request::ConversationTyping(one) => one.conversation,
        Request::ConversationMembers(list) => list.conversation,
        Request::ConversationMessages(list) => list.conversation,
        Request::ConversationJoin(change) | Request::ConversationLeave(change) => change.conversation,
        Request::ConversationInvite(invite) => invite.conversation,
        Request::ConversationRemove(remove) => remove.conversation,
        Request::ConversationSetRole(set) => set.conversation,
        Request::ConversationSet(set) => set.conversation,
        Request::ConversationSend(send) => send.conversation,
        Request::ConversationEdit(edit) => edit.conversation,
        Request::ConversationDelete(delete) => delete.conversation,
        Request::ConversationReact(react) | Request::ConversationUnreact(react) => react.conversation,
        Request::ConversationMarkRead(mark) => mark.conversation,
        Request::ConversationCommands(_) | Request::BotSetCommands(_) => return Target::Commands,
        Request::UserMe | Request::UserGet(_) | Request::UserFind(_) | Request::UserSet(_) => return Target::Accounts,
    };
    Target::Entity(entity_of(&Channel::Conversation(conversation)))
}

fn created(create: &CreateConversation, caller: UserId, now: Moment) -> ConversationId {
    match (create.kind, create.members.first(), &create.client_id) {
        (ConversationKind::Direct, Some(other), _) => ConversationId::direct(caller, *other),
        (_, _, Some(client_id)) => ConversationId::created_with(caller, client_id),
        _ => ConversationId(uuid_v7(now)),
    }
}

/// A UUIDv7 of this moment.
#[must_use]
pub fn uuid_v7(now: Moment) -> uuid::Uuid {
    let random = now.entropy.to_be_bytes();
    let mut tail = [0_u8; 10];
    tail.copy_from_slice(&random[..10]);
    uuid::Builder::from_unix_timestamp_millis(now.wall_ms, &tail).into_uuid()
}

/// Whether a request puts something of the caller's making before others: what a muted user may not.
#[must_use]
pub fn speaks(request: &Request) -> bool {
    matches!(
        request,
        Request::ConversationSend(_)
            | Request::ConversationEdit(_)
            | Request::ConversationReact(_)
            | Request::ConversationTyping(_)
            | Request::ConversationCreate(_)
            | Request::ConversationInvite(_)
            | Request::ConversationSet(_)
            | Request::UserSet(_)
    )
}
