//! `conversation.get`, and the answer of a creation that meets the conversation.

use rialto_protocol::rpc::Conversation as View;
use rialto_protocol::{Refusal, UserId};
use rialto_storage::views::ReadMark;

use super::{Progress, Task};
use crate::conversation::permission::Action;
use crate::conversation::{Conversation, view};
use crate::entity::{Answer, Query};

impl Conversation {
    /// Everything but the caller's read marker is in memory.
    pub(in crate::conversation) fn get(&self, user: UserId) -> Result<Progress, Refusal> {
        let state = self.permitted(Action::See, user)?;
        if state.role(user).is_none() {
            return self.got(user, &ReadMark::default());
        }
        Ok(Progress::Reads(Query::Mark { user, conversation: self.id }, Task::Get))
    }

    pub(super) fn got(&self, user: UserId, mark: &ReadMark) -> Result<Progress, Refusal> {
        let state = self.permitted(Action::See, user)?;
        let conversation: Box<View> = Box::new(view::of_state(self.id, state, &self.epoch, user, mark));
        Ok(Progress::Done(Answer::Conversation { conversation, created: false }))
    }
}
