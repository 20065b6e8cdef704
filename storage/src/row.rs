//! One row of the log: one event of one entity.

use bytes::Bytes;
use rialto_protocol::event::EventTag;
use rialto_protocol::{ClientId, EntityKey, UserId};
use serde::{Deserialize, Serialize};

/// Who made a row, and under which id: the key of deduplication.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowSender {
    /// The user.
    pub user: UserId,
    /// The user's own id of the append.
    pub client_id: ClientId,
}

/// One event of one entity. `seq` is dense from 1 within the entity and is its channel's `offset`; `time_ms` never goes back within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The entity.
    pub entity: EntityKey,
    /// Its number within the entity, from 1.
    pub seq: u64,
    /// Row time, milliseconds since 1970.
    pub time_ms: u64,
    /// Who made it.
    pub sender: RowSender,
    /// Position within the request that made it: a request may make several rows (an invitation of three), which share the `client_id`. 0 for the last one, which the dedupe
    /// index names; the others count down to it.
    pub remaining: u16,
    /// What it is.
    pub event: EventTag,
    /// The seq of the message that it is about; 0 = none.
    pub target: u64,
    /// How many messages the entity has up to and including this row.
    pub ordinal: u64,
    /// How many messages its sender has sent in this entity up to and including this row.
    pub sender_ordinal: u64,
    /// The event as clients see it: JSON text. A body over 16 KiB is kept as a blob; readers of rows never notice.
    pub body: Bytes,
}
