//! `conversation.react` and `conversation.unreact`: a set per message and emoji, so repeating either makes no row.

use rialto_protocol::event::{ConversationEvent, Reaction};
use rialto_protocol::limits::EMOJI_PER_MESSAGE_MAX;
use rialto_protocol::rpc::React;
use rialto_protocol::{ErrorCode, Refusal};

use super::{Context, Step, Stop};
use crate::conversation::message::FoldedMessage;
use crate::conversation::permission::Action;

/// Adds the caller's reaction.
pub(super) fn add(react: &React, context: &Context<'_>) -> Result<Step, Stop> {
    let message = target(react, context)?;
    if message.has_reaction(&react.emoji, context.user) {
        return Ok(Step::Stands);
    }
    if !message.has_emoji(&react.emoji) && message.num_emoji() >= EMOJI_PER_MESSAGE_MAX {
        return Err(Refusal::because(ErrorCode::Conflict, "the message has 64 different emoji").into());
    }
    Ok(Step::one(ConversationEvent::ReactionAdded(reaction(react, context))))
}

/// Takes the caller's reaction back.
pub(super) fn take_back(react: &React, context: &Context<'_>) -> Result<Step, Stop> {
    if !target(react, context)?.has_reaction(&react.emoji, context.user) {
        return Ok(Step::Stands);
    }
    Ok(Step::one(ConversationEvent::ReactionRemoved(reaction(react, context))))
}

fn target(react: &React, context: &Context<'_>) -> Result<FoldedMessage, Stop> {
    context.permit(Action::Speak)?;
    let message = context.message(react.target)?;
    if message.deleted {
        return Err(Refusal::because(ErrorCode::Conflict, "the message was deleted").into());
    }
    Ok(message)
}

fn reaction(react: &React, context: &Context<'_>) -> Reaction {
    Reaction { target: react.target, emoji: react.emoji.clone(), user: context.user }
}
