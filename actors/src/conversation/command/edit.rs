//! `conversation.edit`. Earlier texts stay in the log as rows.

use rialto_protocol::event::{ConversationEvent, MessageEdited};
use rialto_protocol::rpc::EditMessage;
use rialto_protocol::{ErrorCode, Refusal};

use super::{Context, Step, Stop};
use crate::conversation::permission::Action;

/// A new text for one's own message that was not deleted.
pub(super) fn decide(edit: &EditMessage, context: &Context<'_>) -> Result<Step, Stop> {
    context.permit(Action::Speak)?;
    let message = context.message(edit.target)?;
    if message.sender != context.user {
        return Err(Refusal::because(ErrorCode::Forbidden, "only its sender edits a message").into());
    }
    if message.deleted {
        return Err(Refusal::because(ErrorCode::Conflict, "the message was deleted").into());
    }
    Ok(Step::one(ConversationEvent::MessageEdited(MessageEdited { target: edit.target, text: edit.text.clone(), by: context.user })))
}
