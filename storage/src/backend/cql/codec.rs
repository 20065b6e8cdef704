//! Rows and records as bytes: a version, then postcard; behind a row's head the body's bytes.

use bytes::Bytes;
use rialto_protocol::event::EventTag;
use rialto_protocol::{ClientId, EntityKey, EntityKind, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::core::corrupt;
use crate::limits::INLINE_BODY_BYTES_MAX;
use crate::{Row, RowSender, StorageError};

/// The form of rows and records.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    version: u8,
    time_ms: u64,
    user: [u8; 16],
    client_id: &'a str,
    remaining: u16,
    event: u8,
    target: u64,
    ordinal: u64,
    sender_ordinal: u64,
    /// The blob that is the body, when that is large.
    blob: Option<[u8; 16]>,
}

/// A row's bytes; a large body is not among them.
pub(super) fn encode_row(row: &Row) -> Vec<u8> {
    let blob = body_blob(row);
    let head = Head {
        version: VERSION,
        time_ms: row.time_ms,
        user: row.sender.user.0.into_bytes(),
        client_id: row.sender.client_id.as_str(),
        remaining: row.remaining,
        event: row.event as u8,
        target: row.target,
        ordinal: row.ordinal,
        sender_ordinal: row.sender_ordinal,
        blob: blob.map(Uuid::into_bytes),
    };
    let room = Vec::with_capacity(128 + if blob.is_some() { 0 } else { row.body.len() });
    let mut out = postcard::to_extend(&head, room).expect("a vector takes any record");
    if blob.is_none() {
        out.extend_from_slice(&row.body);
    }
    out
}

/// The blob that holds a row's body, when that is large. The name follows from the content: whoever writes the same row writes the same blob, and another row never overwrites it.
pub(super) fn body_blob(row: &Row) -> Option<Uuid> {
    (row.body.len() > INLINE_BODY_BYTES_MAX).then(|| content_id(row.entity, row.seq, &row.body))
}

/// A blob's name by its content.
pub(super) fn content_id(entity: EntityKey, seq: u64, data: &[u8]) -> Uuid {
    let mut hasher = Sha256::new();
    hasher.update([entity.kind as u8]);
    hasher.update(entity.id);
    hasher.update(seq.to_be_bytes());
    hasher.update(data);
    let digest: [u8; 32] = hasher.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(half).into_uuid()
}

/// A row, and the blob that its body has to be fetched from.
pub(super) fn decode_row(entity: EntityKey, seq: u64, data: &[u8]) -> Result<(Row, Option<Uuid>), StorageError> {
    let unreadable = || corrupt("read a row", format!("row {seq} of {entity:?}"));
    let (head, body) = postcard::take_from_bytes::<Head<'_>>(data).map_err(|_| unreadable())?;
    if head.version != VERSION {
        return Err(unreadable());
    }
    let row = Row {
        entity,
        seq,
        time_ms: head.time_ms,
        sender: RowSender {
            user: UserId(Uuid::from_bytes(head.user)),
            client_id: ClientId::new(head.client_id).map_err(|_| unreadable())?,
        },
        remaining: head.remaining,
        event: EventTag::from_number(head.event).ok_or_else(unreadable)?,
        target: head.target,
        ordinal: head.ordinal,
        sender_ordinal: head.sender_ordinal,
        body: Bytes::copy_from_slice(body),
    };
    Ok((row, head.blob.map(Uuid::from_bytes)))
}

/// An entity by its two columns.
pub(super) fn entity(kind: i8, id: Uuid) -> Result<EntityKey, StorageError> {
    let kind = match kind {
        1 => EntityKind::Conversation,
        2 => EntityKind::User,
        3 => EntityKind::Topic,
        other => return Err(corrupt("read a row", format!("entity kind {other}"))),
    };
    Ok(EntityKey { kind, id })
}

/// Any other record's bytes.
pub(super) fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    postcard::to_extend(record, vec![VERSION]).expect("a vector takes any record")
}

/// Any other record.
pub(super) fn decode<T: DeserializeOwned>(what: &'static str, data: &[u8]) -> Result<T, StorageError> {
    match data.split_first() {
        Some((&VERSION, record)) => postcard::from_bytes(record).map_err(|error| corrupt(what, error)),
        _ => Err(corrupt(what, "another form than ours")),
    }
}
