//! A large body as entries: a head with length and sha-256, then the parts.

use rialto_protocol::EntityKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::encode;
use super::keys::{self, BlobOwner};
use crate::limits::BLOB_PART_BYTES;

/// The head of a blob, kept as its part 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BlobHead {
    /// Bytes of all parts.
    pub(crate) bytes: u64,
    /// Of the whole.
    pub(crate) sha256: [u8; 32],
}

impl BlobHead {
    /// Whether these are the bytes that it is the head of.
    pub(crate) fn is_of(&self, data: &[u8]) -> bool {
        data.len() as u64 == self.bytes && <[u8; 32]>::from(Sha256::digest(data)) == self.sha256
    }
}

/// Keys and values of one blob.
pub(crate) type BlobParts = Vec<(Vec<u8>, Vec<u8>)>;

/// Cuts a body into its head and parts.
pub(crate) fn split(entity: EntityKey, owner: BlobOwner, data: &[u8]) -> BlobParts {
    let prefix = keys::blob(entity, owner);
    let head = BlobHead { bytes: data.len() as u64, sha256: Sha256::digest(data).into() };
    let mut parts = vec![(part_key(&prefix, 0), encode(&head))];
    for (number, part) in (1_u32..).zip(data.chunks(BLOB_PART_BYTES)) {
        parts.push((part_key(&prefix, number), part.to_vec()));
    }
    parts
}

fn part_key(prefix: &[u8], number: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 4);
    key.extend_from_slice(prefix);
    key.extend_from_slice(&number.to_be_bytes());
    key
}
