//! `conversation.members`.

use rialto_protocol::rpc::{ListMembers, Member, Page};
use rialto_protocol::{ErrorCode, Refusal, UserId};

use super::{Progress, page_limit};
use crate::conversation::Conversation;
use crate::conversation::permission::Action;
use crate::entity::Answer;

impl Conversation {
    /// A page of members in order of id; the cursor is the last one's id.
    pub(super) fn members(&self, user: UserId, list: &ListMembers) -> Result<Progress, Refusal> {
        let state = self.permitted(Action::Read, user)?;
        let after = list.cursor.as_deref().map(str::parse::<UserId>).transpose();
        let after = after.map_err(|_| Refusal::because(ErrorCode::InvalidArgument, "cursor is not one of ours"))?;
        let limit = page_limit(list.limit);
        let mut items: Vec<Member> = state.members(after).take(limit + 1).map(|(user, role, _)| Member { user, role }).collect();
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(|member| member.user.to_string());
        Ok(Progress::Done(Answer::Members(Page { items, next })))
    }
}
