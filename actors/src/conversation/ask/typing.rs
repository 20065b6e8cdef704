//! `conversation.typing`: ephemeral, never stored, without offset.

use rialto_protocol::event::{ConversationEvent, Typing};
use rialto_protocol::limits::TYPING_HOLDS_MS;
use rialto_protocol::{ErrorCode, Refusal, UserId};

use crate::conversation::Conversation;
use crate::conversation::permission::Action;
use crate::entity::{Answer, EntityEffect};
use crate::kernel::{Effects, Moment};

impl Conversation {
    pub(super) fn typing(&self, now: Moment, user: UserId, effects: &mut Effects<EntityEffect>) -> Result<Answer, Refusal> {
        self.permitted(Action::Speak, user)?;
        let event = ConversationEvent::Typing(Typing { user, until: now.wall_ms.saturating_add(TYPING_HOLDS_MS) });
        let data = serde_json::to_vec(&event).map_err(|_| ErrorCode::Internal)?;
        effects.push(EntityEffect::Publish { data: data.into(), offset: 0, info: None });
        Ok(Answer::Done)
    }
}
