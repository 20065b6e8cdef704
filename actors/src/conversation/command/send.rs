//! `conversation.send`, and `publish` on the channel.

use rialto_protocol::event::{ConversationEvent, MessageSent};
use rialto_protocol::rpc::SendMessage;

use super::{Context, Step, Stop};
use crate::conversation::permission::Action;

/// A message; one that answers another names a message that exists, deleted or not.
pub(super) fn decide(send: &SendMessage, context: &Context<'_>) -> Result<Step, Stop> {
    context.permit(Action::Speak)?;
    if let Some(reply_to) = send.reply_to {
        context.message(reply_to)?;
    }
    Ok(Step::one(ConversationEvent::Message(MessageSent {
        sender: context.user,
        client_id: send.client_id.clone(),
        text: send.text.clone(),
        time: context.time_ms,
        reply_to: send.reply_to,
    })))
}
