//! `conversation.remove`: in a public conversation the one removed may not join again, until invited by somebody who manages.

use rialto_protocol::event::{ConversationEvent, Membership};
use rialto_protocol::rpc::{RemoveMember, Role};
use rialto_protocol::{ErrorCode, Refusal};

use super::{Context, Step, Stop};
use crate::conversation::permission::Action;

/// Puts a member out.
pub(super) fn decide(remove: &RemoveMember, context: &Context<'_>) -> Result<Step, Stop> {
    context.permit(Action::Remove(Role::Member))?;
    if remove.user == context.user {
        return Err(Refusal::because(ErrorCode::InvalidArgument, "to go oneself, leave").into());
    }
    let role = context.state.role(remove.user);
    let role = role.ok_or_else(|| Refusal::because(ErrorCode::NotFound, format!("no such member: {}", remove.user)))?;
    context.permit(Action::Remove(role))?;
    Ok(Step::one(ConversationEvent::MemberRemoved(Membership { user: remove.user, role: None, by: context.user })))
}
