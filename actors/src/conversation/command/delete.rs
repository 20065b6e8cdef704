//! `conversation.delete`.

use rialto_protocol::event::{ConversationEvent, MessageDeleted};
use rialto_protocol::rpc::DeleteMessage;
use rialto_protocol::{ErrorCode, Refusal};

use super::{Context, Step, Stop};
use crate::conversation::permission::Action;

/// Takes a message back: one's own, or anybody's for those who manage.
pub(super) fn decide(delete: &DeleteMessage, context: &Context<'_>) -> Result<Step, Stop> {
    context.permit(Action::Speak)?;
    let message = context.message(delete.target)?;
    if message.sender != context.user {
        context.permit(Action::Moderate)?;
    }
    if message.deleted {
        return Err(Refusal::because(ErrorCode::Conflict, "the message was deleted already").into());
    }
    Ok(Step::one(ConversationEvent::MessageDeleted(MessageDeleted { target: delete.target, by: context.user })))
}
