//! What clients did and saw, and what the store holds at the end: all that the checker knows.

use std::collections::BTreeMap;

use bytes::Bytes;
use rialto_protocol::event::{ConversationCreated, ConversationEvent, EventTag};
use rialto_protocol::rpc::ConversationKind;
use rialto_protocol::{ClientId, ConversationId, EntityKey, UserId};
use rialto_storage::{Row, RowSender};
use rialto_tests::history::{Ack, Sent};
use uuid::Uuid;

use crate::plan::START_MS;

/// A run of rows of one conversation that somebody saw without a gap.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) who: String,
    pub(crate) room: ConversationId,
    /// The position before the first row.
    pub(crate) from: u64,
    /// Offsets with bodies.
    pub(crate) rows: Vec<(u64, String)>,
}

/// Everything that clients did and saw.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) sent: BTreeMap<ConversationId, Vec<Sent>>,
    pub(crate) acks: BTreeMap<ConversationId, Vec<Ack>>,
    pub(crate) slices: Vec<Slice>,
    /// Streams in memory: what stands at each position of each life of each channel.
    memory: BTreeMap<(String, String, u64), String>,
    /// What was seen to be wrong at once.
    pub(crate) violations: Vec<String>,
}

impl History {
    /// Somebody saw this in a stream that lives in memory; everybody else must see the same there.
    pub(crate) fn saw_in_memory(&mut self, channel: &str, epoch: &str, offset: u64, data: String) {
        let key = (channel.to_owned(), epoch.to_owned(), offset);
        let first = self.memory.entry(key).or_insert_with(|| data.clone());
        if *first != data {
            self.violations.push(format!("{channel}: two publications at offset {offset} of epoch {epoch}"));
        }
    }
}

/// The user of a client.
pub(crate) fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(0x1000 + number))
}

/// The rooms that exist from the beginning.
pub(crate) fn rooms(count: usize) -> Vec<ConversationId> {
    (0..count as u128).map(|number| ConversationId(Uuid::from_u128(0xC000 + number))).collect()
}

/// The first row of a room with all clients as members.
pub(crate) fn founding_row(room: ConversationId, clients: usize) -> Row {
    let by = user(0);
    let created = ConversationEvent::ConversationCreated(ConversationCreated {
        kind: ConversationKind::Group,
        title: None,
        members: (0..clients as u128).map(user).collect(),
        by,
    });
    Row {
        entity: EntityKey::from(room),
        seq: 1,
        time_ms: START_MS - 3_600_000,
        sender: RowSender { user: by, client_id: ClientId::new(&room.to_string()).expect("an id is visible ASCII") },
        remaining: 0,
        event: EventTag::ConversationCreated,
        target: 0,
        ordinal: 0,
        sender_ordinal: 0,
        body: Bytes::from(serde_json::to_vec(&created).expect("events are JSON")),
    }
}
