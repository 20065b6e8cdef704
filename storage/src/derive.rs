//! Row → derived writes: one pure function, used by redb inside its transaction, by `verify` and `restore`, and by every consumer to come.
//!
//! Each cell named by a [`Derived`] has exactly one source entity, and of two writes to one cell the one with the higher `seq` stands: writing
//! a row's derived writes again, or late, changes nothing. Removal is a flag, so that a late write cannot bring back what is gone.

use rialto_protocol::event::{ConversationCreated, ConversationEvent, EventTag, Membership, SettingsChanged};
use rialto_protocol::rpc::{ConversationKind, Role};
use rialto_protocol::{ConversationId, EntityKey, EntityKind, UserId};

use crate::entity_rows::Position;
use crate::{Row, RowSender};

/// Which change of a message an overlay cell holds. Of each only the newest matters to a reader, so that a message's overlay is as large as what one sees of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OverlayCell {
    /// Its newest text.
    Edit,
    /// That it was taken back.
    Deletion,
    /// One user's one emoji.
    Reaction {
        /// Whose.
        user: UserId,
        /// Which.
        emoji: String,
    },
}

/// One derived write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Derived {
    /// An id's place in the dedupe index.
    Dedupe {
        /// The entity.
        entity: EntityKey,
        /// The partition of its rows.
        part: u64,
        /// Who, and under which id.
        sender: RowSender,
        /// Where.
        position: Position,
    },
    /// What a conversation is for ever.
    Meta {
        /// Which one.
        conversation: ConversationId,
        /// Its kind.
        kind: ConversationKind,
        /// Row time of its first row.
        created_ms: u64,
    },
    /// A conversation's title.
    Title {
        /// Which one.
        conversation: ConversationId,
        /// The row that set it.
        seq: u64,
        /// The title.
        title: Option<String>,
    },
    /// A membership: read both from the conversation and from the user.
    Member {
        /// Which conversation.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// The row that changed it.
        seq: u64,
        /// The role; `None` = gone.
        role: Option<Role>,
    },
    /// What changed a message.
    Overlay {
        /// Which conversation.
        conversation: ConversationId,
        /// The message's seq.
        target: u64,
        /// Which change.
        cell: OverlayCell,
        /// The row that made it.
        seq: u64,
        /// True when it takes the cell back.
        gone: bool,
    },
    /// The newest row and what lists are ordered by.
    Head {
        /// Which conversation.
        conversation: ConversationId,
        /// The row.
        seq: u64,
        /// Messages up to it.
        ordinal: u64,
        /// Set when the row is the newest message or the creation: its time.
        active_ms: Option<u64>,
        /// True when the row is a message: it is the last one.
        message: bool,
    },
    /// How many messages a user has sent in a conversation.
    Own {
        /// Which conversation.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// The row that says so.
        seq: u64,
        /// How many.
        own: u64,
    },
}

/// A row whose body is not the event that its tag says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {seq} of {entity:?} is no {event:?}")]
pub struct InvalidRow {
    /// The entity.
    pub entity: EntityKey,
    /// The row.
    pub seq: u64,
    /// What its tag says.
    pub event: EventTag,
}

/// All that follows from one row, in the order in which it is to be applied. `part_rows` is the number of rows of one partition.
///
/// # Errors
/// Fails when the body is not the event that the tag says: such a row must not be stored.
pub fn derive(row: &Row, part_rows: u64) -> Result<Vec<Derived>, InvalidRow> {
    let mut out = Vec::with_capacity(4);
    if row.remaining == 0 {
        let position = Position { seq: row.seq, time_ms: row.time_ms };
        out.push(Derived::Dedupe { entity: row.entity, part: part(row.seq, part_rows), sender: row.sender.clone(), position });
    }
    if row.entity.kind == EntityKind::Conversation {
        conversation(row, ConversationId(row.entity.id), &mut out)?;
    }
    Ok(out)
}

/// The partition of a row. Seqs count from 1, partitions from 0.
#[must_use]
pub const fn part(seq: u64, part_rows: u64) -> u64 {
    seq.saturating_sub(1) / part_rows
}

fn conversation(row: &Row, conversation: ConversationId, out: &mut Vec<Derived>) -> Result<(), InvalidRow> {
    let invalid = || InvalidRow { entity: row.entity, seq: row.seq, event: row.event };
    let seq = row.seq;
    let message = row.event == EventTag::Message;
    let active = message || row.event == EventTag::ConversationCreated;
    out.push(Derived::Head { conversation, seq, ordinal: row.ordinal, active_ms: active.then_some(row.time_ms), message });
    let overlay = |cell, gone| Derived::Overlay { conversation, target: row.target, cell, seq, gone };
    match row.event {
        // The fast way: nothing of a message's or an edit's body is projected.
        EventTag::Message => out.push(Derived::Own { conversation, user: row.sender.user, seq, own: row.sender_ordinal }),
        EventTag::MessageEdited => out.push(overlay(OverlayCell::Edit, false)),
        EventTag::MessageDeleted => out.push(overlay(OverlayCell::Deletion, false)),
        _ => match parse(row).ok_or_else(invalid)? {
            ConversationEvent::ConversationCreated(body) => created(row, conversation, body, out),
            ConversationEvent::ReactionAdded(body) => {
                out.push(overlay(OverlayCell::Reaction { user: body.user, emoji: body.emoji }, false))
            }
            ConversationEvent::ReactionRemoved(body) => {
                out.push(overlay(OverlayCell::Reaction { user: body.user, emoji: body.emoji }, true))
            }
            ConversationEvent::MemberJoined(Membership { user, role, .. })
            | ConversationEvent::RoleChanged(Membership { user, role, .. }) => {
                out.push(Derived::Member { conversation, user, seq, role: Some(role.unwrap_or(Role::Member)) });
            }
            ConversationEvent::MemberLeft(Membership { user, .. }) | ConversationEvent::MemberRemoved(Membership { user, .. }) => {
                out.push(Derived::Member { conversation, user, seq, role: None });
            }
            ConversationEvent::SettingsChanged(SettingsChanged { title, .. }) => {
                if title.is_some() {
                    out.push(Derived::Title { conversation, seq, title });
                }
            }
            ConversationEvent::Message(_)
            | ConversationEvent::MessageEdited(_)
            | ConversationEvent::MessageDeleted(_)
            | ConversationEvent::Typing(_) => return Err(invalid()),
        },
    }
    Ok(())
}

/// The event of a row, when its tag agrees.
fn parse(row: &Row) -> Option<ConversationEvent> {
    let event: ConversationEvent = serde_json::from_slice(&row.body).ok()?;
    (event.tag() == Some(row.event)).then_some(event)
}

fn created(row: &Row, conversation: ConversationId, body: ConversationCreated, out: &mut Vec<Derived>) {
    out.push(Derived::Meta { conversation, kind: body.kind, created_ms: row.time_ms });
    if body.title.is_some() {
        out.push(Derived::Title { conversation, seq: row.seq, title: body.title });
    }
    for user in body.members {
        let owner = user == body.by && body.kind != ConversationKind::Direct;
        out.push(Derived::Member { conversation, user, seq: row.seq, role: Some(if owner { Role::Owner } else { Role::Member }) });
    }
}

#[cfg(test)]
mod tests;
