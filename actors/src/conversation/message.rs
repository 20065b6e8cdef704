//! A message with its edits, its deletion and its reactions: the one fold that pages, lists, inbox news and the checks of commands share.

use std::collections::BTreeMap;

use crdts::{CmRDT, Dot, Orswot, orswot};
use rialto_protocol::event::{ConversationEvent, EventTag, MessageSent};
use rialto_protocol::rpc::Message;
use rialto_protocol::{ClientId, UserId};
use rialto_storage::Row;
use rialto_storage::views::MessageRows;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The replica that adds reactions. One owner orders all rows of a conversation, so there is one, and it is never the user: a user has many devices.
const REPLICA: u8 = 1;

/// A stored row that makes no sense: a defect or a damaged store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {seq}: {what}")]
pub(crate) struct BadRow {
    /// Which one.
    pub(crate) seq: u64,
    /// What is wrong with it.
    pub(crate) what: &'static str,
}

/// The event of a row. The row's tag decides the type, so the body is parsed once and without look-ahead.
pub(crate) fn event_of(row: &Row) -> Result<ConversationEvent, BadRow> {
    Ok(match row.event {
        EventTag::ConversationCreated => ConversationEvent::ConversationCreated(body(row)?),
        EventTag::Message => ConversationEvent::Message(body(row)?),
        EventTag::MessageEdited => ConversationEvent::MessageEdited(body(row)?),
        EventTag::MessageDeleted => ConversationEvent::MessageDeleted(body(row)?),
        EventTag::ReactionAdded => ConversationEvent::ReactionAdded(body(row)?),
        EventTag::ReactionRemoved => ConversationEvent::ReactionRemoved(body(row)?),
        EventTag::MemberJoined => ConversationEvent::MemberJoined(body(row)?),
        EventTag::MemberLeft => ConversationEvent::MemberLeft(body(row)?),
        EventTag::MemberRemoved => ConversationEvent::MemberRemoved(body(row)?),
        EventTag::RoleChanged => ConversationEvent::RoleChanged(body(row)?),
        EventTag::SettingsChanged => ConversationEvent::SettingsChanged(body(row)?),
    })
}

fn body<T: DeserializeOwned>(row: &Row) -> Result<T, BadRow> {
    serde_json::from_slice(&row.body).map_err(|_| BadRow { seq: row.seq, what: "body does not parse" })
}

/// A message with everything folded in that was said about it up to the row `newest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FoldedMessage {
    pub(crate) offset: u64,
    pub(crate) sender: UserId,
    pub(crate) deleted: bool,
    client_id: ClientId,
    text: String,
    time_ms: u64,
    edited: bool,
    reply_to: Option<u64>,
    reactions: BTreeMap<String, Orswot<UserId, u8>>,
    newest: u64,
}

impl FoldedMessage {
    /// A message as it was sent.
    pub(crate) fn begin(offset: u64, sent: MessageSent) -> Self {
        Self {
            offset,
            sender: sent.sender,
            deleted: false,
            client_id: sent.client_id,
            text: sent.text,
            time_ms: sent.time,
            edited: false,
            reply_to: sent.reply_to,
            reactions: BTreeMap::new(),
            newest: offset,
        }
    }

    /// The message that these rows make.
    pub(crate) fn from_rows(row: &Row, overlay: &[Row]) -> Result<Self, BadRow> {
        let ConversationEvent::Message(sent) = event_of(row)? else {
            return Err(BadRow { seq: row.seq, what: "not a message" });
        };
        let mut message = Self::begin(row.seq, sent);
        for row in overlay {
            message.overlay(row.seq, &event_of(row)?);
        }
        Ok(message)
    }

    /// Folds one more row in. Rows come in ascending order; one that was folded in already changes nothing.
    pub(crate) fn overlay(&mut self, seq: u64, event: &ConversationEvent) {
        if seq <= self.newest || event.target() != Some(self.offset) {
            return;
        }
        self.newest = seq;
        match event {
            ConversationEvent::MessageEdited(edit) if !self.deleted => {
                self.text.clone_from(&edit.text);
                self.edited = true;
            }
            ConversationEvent::MessageDeleted(_) => {
                self.deleted = true;
                self.text.clear();
                self.reactions.clear();
            }
            // The dot is the row's number: unique, and folding a row twice would be a no-op in the set too.
            ConversationEvent::ReactionAdded(reaction) if !self.deleted => self
                .reactions
                .entry(reaction.emoji.clone())
                .or_default()
                .apply(orswot::Op::Add { dot: Dot::new(REPLICA, seq), members: vec![reaction.user] }),
            ConversationEvent::ReactionRemoved(reaction) => self.unreact(&reaction.emoji, reaction.user),
            _ => {}
        }
    }

    fn unreact(&mut self, emoji: &str, user: UserId) {
        let Some(users) = self.reactions.get_mut(emoji) else { return };
        let observed = users.contains(&user).derive_rm_ctx();
        let removal = users.rm(user, observed);
        users.apply(removal);
        if users.read().val.is_empty() {
            self.reactions.remove(emoji);
        }
    }

    /// Whether the user reacts with this emoji now.
    pub(crate) fn has_reaction(&self, emoji: &str, user: UserId) -> bool {
        self.reactions.get(emoji).is_some_and(|users| users.contains(&user).val)
    }

    /// Whether somebody reacts with this emoji now.
    pub(crate) fn has_emoji(&self, emoji: &str) -> bool {
        self.reactions.contains_key(emoji)
    }

    /// How many different emoji there are.
    pub(crate) fn num_emoji(&self) -> usize {
        self.reactions.len()
    }

    /// The message as clients see it; who reacted first stands first.
    pub(crate) fn to_message(&self) -> Message {
        let reactions = self.reactions.iter().map(|(emoji, users)| {
            let mut by_row: Vec<(u64, UserId)> = users.iter().map(|entry| (entry.rm_clock.get(&REPLICA), *entry.val)).collect();
            by_row.sort_unstable();
            (emoji.clone(), by_row.into_iter().map(|(_, user)| user).collect())
        });
        Message {
            offset: self.offset,
            sender: self.sender,
            client_id: self.client_id.clone(),
            text: self.text.clone(),
            time: self.time_ms,
            edited: self.edited,
            deleted: self.deleted,
            reply_to: self.reply_to,
            reactions: reactions.collect(),
        }
    }
}

/// The messages of a page.
pub(crate) fn messages(rows: &[MessageRows]) -> Result<Vec<Message>, BadRow> {
    rows.iter().map(|rows| FoldedMessage::from_rows(&rows.row, &rows.overlay).map(|message| message.to_message())).collect()
}
