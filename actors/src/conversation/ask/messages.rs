//! `conversation.messages`: a page of messages with edits and reactions folded in, both ways. It is shorter than asked for when its bytes are too many.

use rialto_protocol::rpc::{ListMessages, Message, Page as Items};
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::views::{MessageRange, MessageRows};

use super::{Progress, Task, page_limit};
use crate::conversation::Conversation;
use crate::conversation::message;
use crate::conversation::permission::Action;
use crate::entities::window::fitting;
use crate::entity::{Answer, Query};

/// What the answer is cut to. One message more than wanted is read, to know whether there is another page.
#[derive(Debug)]
pub(in crate::conversation) struct Page {
    limit: usize,
    is_upwards: bool,
}

impl Conversation {
    pub(super) fn messages(&self, user: UserId, list: &ListMessages) -> Result<Progress, Refusal> {
        self.permitted(Action::Read, user)?;
        let page = Page { limit: page_limit(list.limit), is_upwards: list.after.is_some() };
        let range = MessageRange { before: list.before, after: list.after, limit: page.limit + 1 };
        Ok(Progress::Reads(Query::Messages(range), Task::Messages(page)))
    }
}

impl Page {
    /// `next` is the `after` of the next page on the way up, else the `before` of the next one down.
    pub(super) fn finish(&self, rows: Vec<MessageRows>) -> Result<Progress, Refusal> {
        let mut items: Vec<Message> = message::messages(&rows).map_err(|_| ErrorCode::Unavailable)?;
        let num_read = items.len();
        let bytes = rows.iter().zip(&items).map(|(rows, message)| bytes_of(rows, message));
        if self.is_upwards {
            let num_kept = fitting(bytes).min(self.limit);
            items.truncate(num_kept);
        } else {
            let num_kept = fitting(bytes.rev()).min(self.limit);
            items.drain(..num_read - num_kept);
        }
        let has_more = items.len() < num_read;
        let edge = if self.is_upwards { items.last() } else { items.first() };
        let next = edge.filter(|_| has_more).map(|message| message.offset.to_string());
        Ok(Progress::Done(Answer::Messages(Items { items, next })))
    }
}

/// Bytes of a message in the answer, nearly: its row says it, unless something was folded in.
fn bytes_of(rows: &MessageRows, message: &Message) -> usize {
    if rows.overlay.is_empty() { rows.row.body.len() } else { serde_json::to_vec(message).map_or(usize::MAX, |json| json.len()) }
}
