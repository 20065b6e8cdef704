//! A row as bytes: a postcard head with the body's bytes behind it.

use bytes::Bytes;
use rialto_protocol::event::EventTag;
use rialto_protocol::{ClientId, EntityKey, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Unreadable;
use crate::derive::Derived;
use crate::{Row, RowSender};

/// What a row carries beside itself: the entity's newest message as of this row, so that no head cell has to be written for each row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carry {
    /// Seq of the newest message up to this row; 0 = none.
    pub(crate) last_message: u64,
    /// Its row time, or the creation's.
    pub(crate) active_ms: u64,
}

impl Carry {
    /// What the next row carries, by what follows from it.
    pub(crate) fn after(self, derived: &[Derived]) -> Self {
        let mut carry = self;
        for write in derived {
            if let Derived::Head { seq, active_ms, message, .. } = write {
                carry.active_ms = active_ms.unwrap_or(carry.active_ms);
                if *message {
                    carry.last_message = *seq;
                }
            }
        }
        carry
    }
}

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    time_ms: u64,
    user: [u8; 16],
    client_id: &'a str,
    remaining: u16,
    event: u8,
    target: u64,
    ordinal: u64,
    sender_ordinal: u64,
    last_message: u64,
    active_ms: u64,
    /// Bytes of the body when it is kept as a blob.
    blob: Option<u32>,
}

/// A stored row taken apart; its body may still have to be fetched.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The row; the body is empty when it is a blob.
    pub(crate) row: Row,
    /// What it carries.
    pub(crate) carry: Carry,
    /// Bytes of the body when it is kept as a blob.
    pub(crate) blob: Option<u32>,
}

/// Bytes of a row in front of its body at most: seven numbers of up to 10 bytes, user, id, and what is small.
const HEAD_BYTES_MAX: usize = 192;

/// Encodes a row; `inline` says whether its body stands in it.
pub(crate) fn encode_row(row: &Row, carry: Carry, inline: bool) -> Vec<u8> {
    let head = Head {
        time_ms: row.time_ms,
        user: row.sender.user.0.into_bytes(),
        client_id: row.sender.client_id.as_str(),
        remaining: row.remaining,
        event: row.event as u8,
        target: row.target,
        ordinal: row.ordinal,
        sender_ordinal: row.sender_ordinal,
        last_message: carry.last_message,
        active_ms: carry.active_ms,
        blob: (!inline).then(|| u32::try_from(row.body.len()).unwrap_or(u32::MAX)),
    };
    let mut room = [0; HEAD_BYTES_MAX];
    let head = postcard::to_slice(&head, &mut room).expect("a head is below its maximum");
    let body = if inline { row.body.as_ref() } else { &[] };
    [head, body].concat()
}

fn unreadable(what: &str) -> Unreadable {
    Unreadable(what.to_owned())
}

/// Decodes a row.
///
/// # Errors
/// When the bytes are no row.
pub(crate) fn decode_row(entity: EntityKey, seq: u64, value: &[u8]) -> Result<Stored, Unreadable> {
    let (head, body) = postcard::take_from_bytes::<Head<'_>>(value).map_err(|_| unreadable("row"))?;
    let row = Row {
        entity,
        seq,
        time_ms: head.time_ms,
        sender: RowSender {
            user: UserId(Uuid::from_bytes(head.user)),
            client_id: ClientId::new(head.client_id).map_err(|_| unreadable("client_id of a row"))?,
        },
        remaining: head.remaining,
        event: EventTag::from_number(head.event).ok_or_else(|| unreadable("event tag of a row"))?,
        target: head.target,
        ordinal: head.ordinal,
        sender_ordinal: head.sender_ordinal,
        body: Bytes::copy_from_slice(body),
    };
    Ok(Stored { row, carry: Carry { last_message: head.last_message, active_ms: head.active_ms }, blob: head.blob })
}

/// What a decision needs of an entity's newest row, without its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Top {
    /// Its seq; 0 = no row yet.
    pub(crate) seq: u64,
    /// Its time.
    pub(crate) time_ms: u64,
    /// Messages up to it.
    pub(crate) ordinal: u64,
    /// What it carries.
    pub(crate) carry: Carry,
    /// Whether it is a message.
    pub(crate) message: bool,
}

/// The head of a row only.
///
/// # Errors
/// When the bytes are no row.
pub(crate) fn decode_top(seq: u64, value: &[u8]) -> Result<Top, Unreadable> {
    let (head, _) = postcard::take_from_bytes::<Head<'_>>(value).map_err(|_| unreadable("row"))?;
    Ok(Top {
        seq,
        time_ms: head.time_ms,
        ordinal: head.ordinal,
        carry: Carry { last_message: head.last_message, active_ms: head.active_ms },
        message: head.event == EventTag::Message as u8,
    })
}
