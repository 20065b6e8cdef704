//! `conversation.invite`: one row for each who comes in, all in one request.

use rialto_protocol::event::{ConversationEvent, Membership};
use rialto_protocol::limits::MEMBERS_MAX;
use rialto_protocol::rpc::{Invite, Role};
use rialto_protocol::{ErrorCode, Refusal, UserId};

use super::{Context, Step, Stop, check_users};
use crate::conversation::permission::Action;

/// Brings users in; those who are in already are skipped. Only those who manage bring back somebody who was removed.
pub(super) fn decide(invite: &Invite, context: &Context<'_>) -> Result<Step, Stop> {
    context.permit(Action::Invite)?;
    let mut users: Vec<UserId> = Vec::new();
    for user in &invite.users {
        if context.state.role(*user).is_none() && !users.contains(user) {
            users.push(*user);
        }
    }
    if users.is_empty() {
        return Ok(Step::Stands);
    }
    let any_banned = users.iter().any(|user| context.state.person(*user).is_some_and(|person| person.banned()));
    if any_banned && context.permit(Action::LiftBan).is_err() {
        return Err(Refusal::because(ErrorCode::Banned, "a removed member is brought back by an admin or owner").into());
    }
    if context.state.member_count + users.len() as u64 > MEMBERS_MAX as u64 {
        return Err(Refusal::because(ErrorCode::Conflict, "the conversation would have more than 100,000 members").into());
    }
    check_users(context.facts, &users)?;
    // Whoever invites is a member, so the conversation has an owner and nobody comes in as one.
    let joined = |user| ConversationEvent::MemberJoined(Membership { user, role: Some(Role::Member), by: context.user });
    Ok(Step::Append(users.into_iter().map(joined).collect()))
}
