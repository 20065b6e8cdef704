//! `conversation.set`: settings. Each is a register of its own; only what is present changes.

use rialto_protocol::event::{ConversationEvent, SettingsChanged};
use rialto_protocol::rpc::SetSettings;

use super::{Context, Step, Stop};
use crate::conversation::permission::Action;

/// Changes the title; an empty one takes it away.
pub(super) fn decide(set: &SetSettings, context: &Context<'_>) -> Result<Step, Stop> {
    context.permit(Action::Set)?;
    if set.title.as_deref().is_none_or(|title| title == context.state.title().unwrap_or_default()) {
        return Ok(Step::Stands);
    }
    Ok(Step::one(ConversationEvent::SettingsChanged(SettingsChanged { title: set.title.clone(), by: context.user })))
}
