//! Values ↔ bytes, with the engine's own error.

use ::redb::Error;
use rialto_protocol::EntityKey;
use serde::de::DeserializeOwned;

use super::kv::Engine;
use crate::layout::{self, Unreadable};

pub(crate) use crate::layout::encode;
pub(crate) use crate::layout::row::{Carry, Stored, Top, encode_row};

pub(super) fn damaged(error: &Unreadable) -> Error {
    Error::Corrupted(error.to_string())
}

/// Decodes a row.
pub(crate) fn decode_row(entity: EntityKey, seq: u64, value: &[u8]) -> Engine<Stored> {
    layout::row::decode_row(entity, seq, value).map_err(|error| damaged(&error))
}

/// The head of a row only.
pub(crate) fn decode_top(seq: u64, value: &[u8]) -> Engine<Top> {
    layout::row::decode_top(seq, value).map_err(|error| damaged(&error))
}

/// Decodes any other record.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, value: &[u8]) -> Engine<T> {
    layout::decode(what, value).map_err(|error| damaged(&error))
}

/// What is stored is not what it should be.
pub(crate) fn corrupt(what: &str) -> Error {
    damaged(&Unreadable(what.to_owned()))
}
