//! Keys and values as bytes: those of the embedded store, and of the backups of every store.

pub(crate) mod blob;
pub(crate) mod keys;
pub(crate) mod row;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::accounts::{Family, UnnamedFamily};

/// The layout of keys and values.
pub(crate) const SCHEMA_VERSION: u64 = 1;

/// Encodes a record.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("a vector takes any record")
}

/// Decodes a record; `what` it is says the error.
///
/// # Errors
/// When the bytes are another record, or none.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, value: &[u8]) -> Result<T, Unreadable> {
    postcard::from_bytes(value).map_err(|_| Unreadable(what.to_owned()))
}

/// Decodes a refresh family, of before families named their device too.
///
/// # Errors
/// When the bytes are another record, or none.
pub(crate) fn decode_family(value: &[u8]) -> Result<Family, Unreadable> {
    let what = "refresh family";
    decode(what, value).or_else(|_| decode::<UnnamedFamily>(what, value).map(Family::from))
}

/// Bytes that are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the stored {0}")]
pub(crate) struct Unreadable(pub(crate) String);
