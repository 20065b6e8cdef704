//! Writes a conversation the way its owner does: claims its shard, numbers its rows.

use std::collections::HashMap;

use bytes::Bytes;
use rialto_protocol::event::{
    ConversationCreated, ConversationEvent, Membership, MessageDeleted, MessageEdited, MessageSent, Reaction, SettingsChanged,
};
use rialto_protocol::rpc::{ConversationKind, Role};
use rialto_protocol::{ClientId, ConversationId, UserId};
use uuid::Uuid;

use crate::shard_log::{Append, Fence, Outcome};
use crate::{Row, RowSender, Store};

/// The nth user.
#[must_use]
pub fn user(number: u64) -> UserId {
    UserId(Uuid::from_u64_pair(0x0192_0000_0000_7000, 0x8000_0000_0000_0000 | number))
}

/// Writes what follows from rows that were appended, where the append has not done it.
pub async fn consume(store: &Store, rows: Vec<Row>) {
    let Some(consumers) = &store.consumers else { return };
    consumers.write_rows(rows.clone()).await.expect("good rows are written");
    consumers.project(rows).await.expect("good rows are projected");
}

/// One conversation and its owner.
pub struct Script {
    /// The store written to.
    pub store: Store,
    /// The conversation.
    pub conversation: ConversationId,
    /// Its shard.
    pub shard: u16,
    /// The owner's fence.
    pub fence: Fence,
    /// `wseq` of the next row.
    pub wseq: u64,
    /// Seq of the newest row.
    pub seq: u64,
    /// Messages so far.
    pub ordinal: u64,
    /// Row time of the next row, milliseconds since 1970; goes up by one for each row.
    pub time_ms: u64,
    own: HashMap<UserId, u64>,
    ids: u64,
}

impl Script {
    /// The owner of the conversation with this number, in a shard of that number too.
    pub async fn claim(store: &Store, number: u16) -> Self {
        let shard = number;
        let fence = Fence(Uuid::from_u64_pair(7, u64::from(number)));
        let outcome = store.log.claim(shard, 0, None, fence, 0).await.expect("a fresh bucket can be claimed");
        assert_eq!(outcome, Outcome::Applied, "claim of a fresh bucket");
        let conversation = ConversationId(Uuid::from_u64_pair(0x0192_0000_0000_7001, 0x8000_0000_0000_0000 | u64::from(number)));
        let (store, own) = (store.clone(), HashMap::new());
        Self { store, conversation, shard, fence, wseq: 1, seq: 0, ordinal: 0, time_ms: 1_000_000, own, ids: 0 }
    }

    /// The next row, not yet appended. `client_id` is made when absent.
    pub fn row(&mut self, sender: UserId, client_id: Option<&str>, event: &ConversationEvent) -> Row {
        let tag = event.tag().expect("only what is stored is scripted");
        let body = serde_json::to_vec(event).expect("events are JSON");
        if matches!(event, ConversationEvent::Message(_)) {
            self.ordinal += 1;
            *self.own.entry(sender).or_default() += 1;
        }
        self.seq += 1;
        self.ids += 1;
        self.time_ms += 1;
        let made = format!("id-{}", self.ids);
        Row {
            entity: self.conversation.into(),
            seq: self.seq,
            time_ms: self.time_ms,
            sender: RowSender {
                user: sender,
                client_id: ClientId::new(client_id.unwrap_or(&made)).expect("the scripted id is visible ASCII"),
            },
            remaining: 0,
            event: tag,
            target: event.target().unwrap_or(0),
            ordinal: self.ordinal,
            sender_ordinal: self.own.get(&sender).copied().unwrap_or(0),
            body: Bytes::from(body),
        }
    }

    /// Appends rows in one batch, and writes what follows from them.
    pub async fn append(&mut self, rows: Vec<Row>) -> Outcome {
        let append = Append { bucket: 0, fence: self.fence, cursor: self.wseq - 1, first_wseq: self.wseq, rows: rows.clone() };
        let outcome = self.store.log.append(self.shard, append).await.expect("an append of good rows has an outcome");
        if outcome == Outcome::Applied {
            self.wseq += rows.len() as u64;
            consume(&self.store, rows).await;
        }
        outcome
    }

    /// Appends one event; answers its seq.
    pub async fn event(&mut self, sender: UserId, event: ConversationEvent) -> u64 {
        let row = self.row(sender, None, &event);
        let seq = row.seq;
        assert_eq!(self.append(vec![row]).await, Outcome::Applied, "append of row {seq}");
        seq
    }

    /// The first row: a group with a title, whose first member owns it.
    pub async fn create(&mut self, kind: ConversationKind, members: &[UserId]) -> u64 {
        let by = *members.first().expect("somebody creates it");
        let title = (kind != ConversationKind::Direct).then(|| "first title".to_owned());
        self.event(by, ConversationEvent::ConversationCreated(ConversationCreated { kind, title, members: members.to_vec(), by })).await
    }

    /// A message event.
    #[must_use]
    pub fn says(&self, sender: UserId, text: &str) -> ConversationEvent {
        let client_id = ClientId::new("in-the-body").expect("it is visible ASCII");
        ConversationEvent::Message(MessageSent { sender, client_id, text: text.to_owned(), time: self.time_ms, reply_to: None })
    }

    /// A message.
    pub async fn message(&mut self, sender: UserId, text: &str) -> u64 {
        let event = self.says(sender, text);
        self.event(sender, event).await
    }

    /// An edit.
    pub async fn edit(&mut self, by: UserId, target: u64, text: &str) -> u64 {
        self.event(by, ConversationEvent::MessageEdited(MessageEdited { target, text: text.to_owned(), by })).await
    }

    /// A deletion.
    pub async fn delete(&mut self, by: UserId, target: u64) -> u64 {
        self.event(by, ConversationEvent::MessageDeleted(MessageDeleted { target, by })).await
    }

    /// A reaction, added or taken back.
    pub async fn react(&mut self, user: UserId, target: u64, emoji: &str, added: bool) -> u64 {
        let body = Reaction { target, emoji: emoji.to_owned(), user };
        self.event(user, if added { ConversationEvent::ReactionAdded(body) } else { ConversationEvent::ReactionRemoved(body) }).await
    }

    /// Somebody comes.
    pub async fn join(&mut self, user: UserId, role: Option<Role>) -> u64 {
        self.event(user, ConversationEvent::MemberJoined(Membership { user, role, by: user })).await
    }

    /// Somebody leaves.
    pub async fn leave(&mut self, user: UserId) -> u64 {
        self.event(user, ConversationEvent::MemberLeft(Membership { user, role: None, by: user })).await
    }

    /// A role changes.
    pub async fn set_role(&mut self, by: UserId, user: UserId, role: Role) -> u64 {
        self.event(by, ConversationEvent::RoleChanged(Membership { user, role: Some(role), by })).await
    }

    /// The title changes.
    pub async fn retitle(&mut self, by: UserId, title: &str) -> u64 {
        self.event(by, ConversationEvent::SettingsChanged(SettingsChanged { title: Some(title.to_owned()), by })).await
    }
}
