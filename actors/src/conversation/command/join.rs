//! `conversation.join`: public conversations only; others are entered by invitation.

use rialto_protocol::event::{ConversationEvent, Membership};
use rialto_protocol::limits::MEMBERS_MAX;
use rialto_protocol::rpc::Role;
use rialto_protocol::{ErrorCode, Refusal};

use super::{Context, Step, Stop};
use crate::conversation::permission::Action;

/// The caller comes in. Whoever enters an abandoned conversation owns it: else nobody could manage it any more.
pub(super) fn decide(context: &Context<'_>) -> Result<Step, Stop> {
    context.permit(Action::Join)?;
    if context.role().is_some() {
        return Ok(Step::Stands);
    }
    if context.state.person(context.user).is_some_and(|person| person.banned()) {
        return Err(ErrorCode::Banned.into());
    }
    if context.state.member_count >= MEMBERS_MAX as u64 {
        return Err(Refusal::because(ErrorCode::Conflict, "the conversation is full").into());
    }
    let role = if context.state.member_count == 0 { Role::Owner } else { Role::Member };
    Ok(Step::one(ConversationEvent::MemberJoined(Membership { user: context.user, role: Some(role), by: context.user })))
}
