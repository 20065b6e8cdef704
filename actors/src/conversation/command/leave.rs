//! `conversation.leave`.

use rialto_protocol::event::{ConversationEvent, Membership};
use rialto_protocol::rpc::Role;
use smallvec::smallvec;

use super::{Context, Step, Stop};
use crate::conversation::permission::Action;

/// The caller goes; the last owner hands over to the oldest admin, else to the oldest member, in the same request.
pub(super) fn decide(context: &Context<'_>) -> Result<Step, Stop> {
    context.permit(Action::Leave)?;
    let left = ConversationEvent::MemberLeft(Membership { user: context.user, role: None, by: context.user });
    let heir = if context.state.is_last_owner(context.user) { context.state.heir(context.user) } else { None };
    Ok(Step::Append(match heir {
        Some(user) => {
            let change = Membership { user, role: Some(Role::Owner), by: context.user };
            smallvec![ConversationEvent::RoleChanged(change), left]
        }
        None => smallvec![left],
    }))
}
