//! The key layout: one table of bytes, ordered as bytes. Every number is big-endian, so that order of keys is order of numbers.
//!
//! One table and not one per concern, because a commit writes every page that it touches: what one append changes lies close together.
//! An entity's cells stand before its rows, and the dedupe index stands apart, ordered by id first: ids that senders date (UUIDv7)
//! then fall on the few newest pages, whichever entity they belong to.

use rialto_protocol::{ClientId, ConversationId, EntityKey, EntityKind, UserId};
use uuid::Uuid;

use crate::derive::OverlayCell;
use crate::records::{RecordKey, RecordTable};

/// First byte of a key: which space it lies in.
pub(crate) mod space {
    /// Generation, schema version.
    pub(crate) const STORE: u8 = 0x01;
    /// Rows and cells by entity.
    pub(crate) const ENTITY: u8 = 0x10;
    /// User → conversations.
    pub(crate) const USER_CONVERSATION: u8 = 0x11;
    /// User, conversation → read marker.
    pub(crate) const MARK: u8 = 0x12;
    /// Parts of large bodies.
    pub(crate) const BLOB: u8 = 0x20;
    /// Statics of the shard logs.
    pub(crate) const LOG: u8 = 0x30;
    /// The dedupe index.
    pub(crate) const DEDUPE: u8 = 0x40;
    /// Accounts by id.
    pub(crate) const ACCOUNT: u8 = 0x50;
    /// Folded user name → id.
    pub(crate) const USERNAME: u8 = 0x51;
    /// Refresh families by id.
    pub(crate) const FAMILY: u8 = 0x52;
    /// User → families.
    pub(crate) const FAMILY_OF_USER: u8 = 0x53;
    /// Bot tokens.
    pub(crate) const BOT: u8 = 0x54;
    /// Revocations.
    pub(crate) const REVOCATION: u8 = 0x55;
    /// Idempotency keys.
    pub(crate) const IDEMPOTENT: u8 = 0x56;
    /// Small records by table, partition, id.
    pub(crate) const RECORD: u8 = 0x57;
    /// User → until when they are muted.
    pub(crate) const MUTE: u8 = 0x58;
}

/// What of an entity a key of [`space::ENTITY`] names.
pub(crate) mod section {
    /// What a conversation is.
    pub(crate) const META: u8 = 0x01;
    /// Its members, with how much each has sent.
    pub(crate) const MEMBER: u8 = 0x02;
    /// What changed its messages.
    pub(crate) const OVERLAY: u8 = 0x03;
    /// Which snapshots there are.
    pub(crate) const SNAPSHOT: u8 = 0x04;
    /// Its rows.
    pub(crate) const ROW: u8 = 0x05;
}

/// Whose a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlobOwner {
    /// The caller's, by its id.
    Caller(Uuid),
    /// The body of a row.
    Row(u64),
    /// A snapshot's state.
    Snapshot(u64),
}

/// Bytes of the prefix that all keys of one entity share.
pub(crate) const ENTITY_PREFIX_BYTES: usize = 18;

fn entity(space: u8, entity: EntityKey, room: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(ENTITY_PREFIX_BYTES + room);
    key.push(space);
    key.push(entity.kind as u8);
    key.extend_from_slice(entity.id.as_bytes());
    key
}

/// Prefix of all keys of one section of an entity.
pub(crate) fn section_of(of: EntityKey, section: u8) -> Vec<u8> {
    let mut key = entity(space::ENTITY, of, 1);
    key.push(section);
    key
}

/// Prefix of everything of an entity.
pub(crate) fn entity_prefix(of: EntityKey) -> Vec<u8> {
    entity(space::ENTITY, of, 0)
}

/// A row.
pub(crate) fn row(of: EntityKey, seq: u64) -> Vec<u8> {
    numbered(of, section::ROW, seq)
}

/// A snapshot's mark.
pub(crate) fn snapshot(of: EntityKey, seq: u64) -> Vec<u8> {
    numbered(of, section::SNAPSHOT, seq)
}

fn numbered(of: EntityKey, section: u8, seq: u64) -> Vec<u8> {
    let mut key = entity(space::ENTITY, of, 9);
    key.push(section);
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// What a conversation is.
pub(crate) fn meta(of: ConversationId) -> Vec<u8> {
    section_of(of.into(), section::META)
}

/// A member of a conversation.
pub(crate) fn member(of: ConversationId, user: UserId) -> Vec<u8> {
    let mut key = entity(space::ENTITY, of.into(), 17);
    key.push(section::MEMBER);
    key.extend_from_slice(user.0.as_bytes());
    key
}

/// Prefix of what changed one message.
pub(crate) fn overlay_of(of: ConversationId, target: u64) -> Vec<u8> {
    numbered(of.into(), section::OVERLAY, target)
}

/// One change of one message.
pub(crate) fn overlay(of: ConversationId, target: u64, cell: &OverlayCell) -> Vec<u8> {
    let mut key = overlay_of(of, target);
    match cell {
        OverlayCell::Edit => key.push(1),
        OverlayCell::Deletion => key.push(2),
        OverlayCell::Reaction { user, emoji } => {
            key.push(3);
            key.extend_from_slice(user.0.as_bytes());
            key.extend_from_slice(emoji.as_bytes());
        }
    }
    key
}

/// A conversation of a user.
pub(crate) fn user_conversation(user: UserId, conversation: ConversationId) -> Vec<u8> {
    pair(space::USER_CONVERSATION, user.0, Some(conversation.0))
}

/// Prefix of a user's conversations.
pub(crate) fn user_conversations(user: UserId) -> Vec<u8> {
    pair(space::USER_CONVERSATION, user.0, None)
}

/// A read marker.
pub(crate) fn mark(user: UserId, conversation: ConversationId) -> Vec<u8> {
    pair(space::MARK, user.0, Some(conversation.0))
}

/// A key of one space by one id, or two.
pub(crate) fn pair(space: u8, first: Uuid, second: Option<Uuid>) -> Vec<u8> {
    let mut key = Vec::with_capacity(33);
    key.push(space);
    key.extend_from_slice(first.as_bytes());
    if let Some(second) = second {
        key.extend_from_slice(second.as_bytes());
    }
    key
}

/// Prefix of a partition of records.
pub(crate) fn records(table: RecordTable, part: Uuid) -> Vec<u8> {
    let mut key = Vec::with_capacity(34);
    key.extend_from_slice(&[space::RECORD, table as u8]);
    key.extend_from_slice(part.as_bytes());
    key
}

/// A record.
pub(crate) fn record(of: RecordKey) -> Vec<u8> {
    let mut key = records(of.table, of.part);
    key.extend_from_slice(of.id.as_bytes());
    key
}

/// The record that a key names.
pub(crate) fn record_of(key: &[u8]) -> Option<RecordKey> {
    let [space::RECORD, table, rest @ ..] = key else { return None };
    let (part, id) = rest.split_at_checked(16)?;
    Some(RecordKey { table: RecordTable::numbered(*table)?, part: Uuid::from_slice(part).ok()?, id: Uuid::from_slice(id).ok()? })
}

/// The user name's key.
pub(crate) fn username(folded: &str) -> Vec<u8> {
    let mut key = vec![space::USERNAME];
    key.extend_from_slice(folded.as_bytes());
    key
}

/// An idempotency key: the scope's length stands in front, so that no two pairs share a key.
pub(crate) fn idempotent(scope: &str, key: &str) -> Vec<u8> {
    let mut out = vec![space::IDEMPOTENT];
    out.extend_from_slice(&u32::try_from(scope.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(scope.as_bytes());
    out.extend_from_slice(key.as_bytes());
    out
}

/// The statics of a bucket.
pub(crate) fn log(shard: u16, bucket: u64) -> Vec<u8> {
    let mut key = vec![space::LOG];
    key.extend_from_slice(&shard.to_be_bytes());
    key.extend_from_slice(&bucket.to_be_bytes());
    key
}

/// Prefix of all parts of a blob; a part's number follows.
pub(crate) fn blob(of: EntityKey, owner: BlobOwner) -> Vec<u8> {
    let mut key = entity(space::BLOB, of, 21);
    let (tag, id) = match owner {
        BlobOwner::Caller(id) => (0, id),
        BlobOwner::Row(seq) => (1, Uuid::from_u128(u128::from(seq))),
        BlobOwner::Snapshot(seq) => (2, Uuid::from_u128(u128::from(seq))),
    };
    key.push(tag);
    key.extend_from_slice(id.as_bytes());
    key
}

/// A dedupe entry. An id that is a canonical UUID takes 16 bytes, any other its text behind its length.
pub(crate) fn dedupe(of: EntityKey, user: UserId, client_id: &ClientId) -> Vec<u8> {
    let text = client_id.as_str();
    let mut key = Vec::with_capacity(35 + text.len());
    key.push(space::DEDUPE);
    match canonical(text) {
        Some(id) => {
            key.push(0);
            key.extend_from_slice(id.as_bytes());
        }
        None => {
            key.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            key.extend_from_slice(text.as_bytes());
        }
    }
    key.push(of.kind as u8);
    key.extend_from_slice(of.id.as_bytes());
    key.extend_from_slice(user.0.as_bytes());
    key
}

/// Only the one spelling that the 16 bytes stand for: two spellings are two ids.
fn canonical(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (id.as_hyphenated().encode_lower(&mut buffer) == text).then_some(id)
}

/// The entity that a key of [`space::ENTITY`] or [`space::BLOB`] belongs to.
pub(crate) fn entity_of(key: &[u8]) -> Option<EntityKey> {
    let kind = match key.get(1)? {
        1 => EntityKind::Conversation,
        2 => EntityKind::User,
        3 => EntityKind::Topic,
        _ => return None,
    };
    Some(EntityKey { kind, id: Uuid::from_slice(key.get(2..ENTITY_PREFIX_BYTES)?).ok()? })
}

/// The big-endian number at the end of a key.
pub(crate) fn last_number(key: &[u8]) -> Option<u64> {
    let tail = key.get(key.len().checked_sub(8)?..)?;
    Some(u64::from_be_bytes(tail.try_into().ok()?))
}

/// The id at the end of a key.
pub(crate) fn last_id(key: &[u8]) -> Option<Uuid> {
    Uuid::from_slice(key.get(key.len().checked_sub(16)?..)?).ok()
}

/// The first key behind all keys with this prefix.
pub(crate) fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; 1]
}

/// Whose part a key of [`space::BLOB`] names, and which; part 0 is the head.
pub(crate) fn blob_of(key: &[u8]) -> Option<(EntityKey, BlobOwner, u32)> {
    let (entity, tail) = (entity_of(key)?, key.get(ENTITY_PREFIX_BYTES..)?);
    let (id, number) = (Uuid::from_slice(tail.get(1..17)?).ok()?, u32::from_be_bytes(tail.get(17..)?.try_into().ok()?));
    let seq = || u64::try_from(id.as_u128()).ok();
    let owner = match tail.first()? {
        0 => BlobOwner::Caller(id),
        1 => BlobOwner::Row(seq()?),
        2 => BlobOwner::Snapshot(seq()?),
        _ => return None,
    };
    Some((entity, owner, number))
}

/// Scope and key of an idempotency key.
pub(crate) fn idempotent_of(key: &[u8]) -> Option<(String, String)> {
    let length = u32::from_be_bytes(key.get(1..5)?.try_into().ok()?) as usize;
    let (scope, name) = key.get(5..)?.split_at_checked(length)?;
    Some((str::from_utf8(scope).ok()?.to_owned(), str::from_utf8(name).ok()?.to_owned()))
}
