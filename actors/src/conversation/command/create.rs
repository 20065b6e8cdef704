//! `conversation.create`. The router has derived the entity's id from the pair, or from creator and `client_id`, so that a repeat meets the same entity.

use rialto_protocol::event::{ConversationCreated, ConversationEvent};
use rialto_protocol::rpc::{ConversationKind, CreateConversation};
use rialto_protocol::{ClientId, ConversationId, ErrorCode, Refusal, UserId};
use smallvec::SmallVec;

use super::{Context, Facts, Step, Stop, check_users};
use crate::conversation::permission::Action;

/// The first row of a conversation that does not exist.
pub(crate) fn first(create: &CreateConversation, creator: UserId, facts: &Facts) -> Result<Step, Stop> {
    let mut members: SmallVec<[UserId; 8]> = SmallVec::new();
    for user in &create.members {
        if *user != creator && !members.contains(user) {
            members.push(*user);
        }
    }
    if create.kind == ConversationKind::Direct && members.len() != 1 {
        return Err(Refusal::because(ErrorCode::InvalidArgument, "a direct conversation is with one other user").into());
    }
    check_users(facts, &members)?;
    members.insert(0, creator);
    Ok(Step::one(ConversationEvent::ConversationCreated(ConversationCreated {
        kind: create.kind,
        title: create.title.clone().filter(|title| !title.is_empty()),
        members: members.into_vec(),
        by: creator,
    })))
}

/// A creation that meets a conversation: the pair's direct one, or the one that the same request made before; else the id is taken.
pub(super) fn repeat(create: &CreateConversation, context: &Context<'_>) -> Result<Step, Stop> {
    let state = context.state;
    let is_pair = create.kind == ConversationKind::Direct && state.kind == ConversationKind::Direct;
    let is_repeat = state.creator.user == context.user && create.client_id.as_ref() == Some(&state.creator.client_id);
    if !is_pair && !is_repeat {
        return Err(Refusal::because(ErrorCode::Conflict, "the id belongs to another conversation").into());
    }
    context.permit(Action::See)?;
    Ok(Step::Exists)
}

/// The id under which the first row is stored when the creator gave none: the conversation's own.
pub(crate) fn row_client_id(create: &CreateConversation, id: ConversationId) -> Option<ClientId> {
    create.client_id.clone().or_else(|| ClientId::new(&id.to_string()).ok())
}
