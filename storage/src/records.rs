//! Small records by table, partition and id, changed by compare-and-set: bots, their commands, webhooks and how far each has come.

use bytes::Bytes;
use uuid::Uuid;

use crate::Pending;

/// What a record is about. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RecordTable {
    /// Bots, in the partition of all.
    Bot = 1,
    /// Owner → bots; without data.
    BotOfOwner = 2,
    /// The commands of a bot, in the partition of all.
    Commands = 3,
    /// Outgoing webhooks, in the partition of all.
    Webhook = 4,
    /// Webhook → conversation: how far it has delivered.
    Cursor = 5,
    /// Webhook → deliveries that were given up.
    DeadLetter = 6,
    /// Incoming webhooks, in the partition of all.
    Hook = 7,
    /// User → outgoing and incoming webhooks; without data.
    HookOfOwner = 8,
    /// Which node delivers webhooks.
    Lease = 9,
}

impl RecordTable {
    /// The table that is stored under a number.
    pub(crate) fn numbered(number: u8) -> Option<Self> {
        use RecordTable::{Bot, BotOfOwner, Commands, Cursor, DeadLetter, Hook, HookOfOwner, Lease, Webhook};
        [Bot, BotOfOwner, Commands, Webhook, Cursor, DeadLetter, Hook, HookOfOwner, Lease].into_iter().find(|table| *table as u8 == number)
    }
}

/// Names a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The table.
    pub table: RecordTable,
    /// The partition: what is listed together.
    pub part: Uuid,
    /// The id within it.
    pub id: Uuid,
}

/// A record as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Counts its changes from 1.
    pub version: u64,
    /// The owner's own form of it, at most [`crate::limits::RECORD_BYTES_MAX`].
    pub data: Bytes,
}

/// Small records.
///
/// **Guarantees.** `put` and `remove` are compare-and-set on the version, 0 standing for absence; durable once they answer true. `get` sees every change that has answered.
/// **Not guaranteed.** That a failed change was not done: kind `Unavailable` means that the record must be read again. That versions go on behind a removal: a record
/// that is made again begins at 1, so whoever removes and makes again under one id must not compare with what was before.
pub trait Records: Send + Sync {
    /// Reads one.
    fn get(&self, key: RecordKey) -> Pending<Option<Record>>;
    /// Writes one if its version is `seen`; true when it did. The version is then `seen + 1`.
    fn put(&self, key: RecordKey, seen: u64, data: Bytes) -> Pending<bool>;
    /// Removes one if its version is `seen`; true when it did.
    fn remove(&self, key: RecordKey, seen: u64) -> Pending<bool>;
    /// A partition in order of id behind `after`, at most `limit`.
    fn list(&self, table: RecordTable, part: Uuid, after: Option<Uuid>, limit: usize) -> Pending<Vec<(Uuid, Record)>>;
}
