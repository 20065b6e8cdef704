//! `conversation.set_role`: owners make owners, so ownership is handed over by two calls, and never lost in between.

use rialto_protocol::event::{ConversationEvent, Membership};
use rialto_protocol::rpc::{Role, SetRole};
use rialto_protocol::{ErrorCode, Refusal};

use super::{Context, Step, Stop};
use crate::conversation::permission::Action;

/// Changes a member's role. There always is an owner.
pub(super) fn decide(set_role: &SetRole, context: &Context<'_>) -> Result<Step, Stop> {
    context.permit(Action::SetRole)?;
    let role = context.state.role(set_role.user);
    let role = role.ok_or_else(|| Refusal::because(ErrorCode::NotFound, format!("no such member: {}", set_role.user)))?;
    if role == set_role.role {
        return Ok(Step::Stands);
    }
    if role == Role::Owner && context.state.is_last_owner(set_role.user) {
        return Err(Refusal::because(ErrorCode::Conflict, "the last owner stays owner until there is another").into());
    }
    let change = Membership { user: set_role.user, role: Some(set_role.role), by: context.user };
    Ok(Step::one(ConversationEvent::RoleChanged(change)))
}
