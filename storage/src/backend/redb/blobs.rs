//! Large bodies: a head with length and sha-256, then the parts.

use std::ops::ControlFlow;

use bytes::Bytes;
use rialto_protocol::EntityKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::codec::{corrupt, decode, encode};
use super::job::{Class, Transaction, ready};
use super::keys::{self, BlobOwner};
use super::kv::{Cells, Engine, Source};
use super::open::RedbStore;
use crate::blobs::Blobs;
use crate::limits::{BLOB_BYTES_MAX, BLOB_PART_BYTES};
use crate::{ErrorKind, Pending, StorageError};

/// The head of a blob, kept as its part 0.
#[derive(Serialize, Deserialize)]
struct BlobHead {
    bytes: u64,
    sha256: [u8; 32],
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

/// Reads a blob whole and checks it.
pub(crate) fn join(source: &impl Source, entity: EntityKey, owner: BlobOwner) -> Engine<Option<Bytes>> {
    let mut head: Option<BlobHead> = None;
    let mut data = Vec::new();
    source.scan_prefix(&keys::blob(entity, owner), &mut |_, value| {
        match &head {
            None => head = Some(decode("head of a blob", value)?),
            Some(_) => data.extend_from_slice(value),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let Some(head) = head else { return Ok(None) };
    let whole = data.len() as u64 == head.bytes && <[u8; 32]>::from(Sha256::digest(&data)) == head.sha256;
    if whole { Ok(Some(data.into())) } else { Err(corrupt("blob: its checksum does not match")) }
}

/// Removes a blob.
pub(crate) fn remove(transaction: &mut Transaction<'_>, entity: EntityKey, owner: BlobOwner) -> Engine<()> {
    let mut found = Vec::new();
    transaction.batch.source().scan_prefix(&keys::blob(entity, owner), &mut |key, _| {
        found.push(key.to_vec());
        Ok(ControlFlow::Continue(()))
    })?;
    for key in found {
        transaction.batch.delete(key);
    }
    Ok(())
}

/// Refuses what is too large before anything is copied for it.
pub(crate) fn check_bytes(what: &'static str, bytes: usize) -> Result<(), StorageError> {
    if bytes > BLOB_BYTES_MAX {
        return Err(StorageError::new(ErrorKind::Limit, what, format_args!("{bytes} bytes are more than {BLOB_BYTES_MAX}")));
    }
    Ok(())
}

impl Blobs for RedbStore {
    fn put(&self, entity: EntityKey, blob: Uuid, data: Bytes) -> Pending<()> {
        let what = "store a blob";
        if let Err(error) = check_bytes(what, data.len()) {
            return ready(Err(error));
        }
        let owner = BlobOwner::Caller(blob);
        self.write(what, Class::Grow, data.len(), move |transaction| {
            remove(transaction, entity, owner)?;
            for (key, value) in split(entity, owner, &data) {
                transaction.batch.put(key, value);
            }
            Ok(Ok(()))
        })
    }

    fn get(&self, entity: EntityKey, blob: Uuid) -> Pending<Option<Bytes>> {
        self.read("read a blob", move |view| join(view, entity, BlobOwner::Caller(blob)))
    }

    fn delete(&self, entity: EntityKey, blob: Uuid) -> Pending<()> {
        self.write("remove a blob", Class::Keep, 64, move |transaction| remove(transaction, entity, BlobOwner::Caller(blob)).map(Ok))
    }
}
