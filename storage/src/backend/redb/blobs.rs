//! Large bodies: a head with length and sha-256, then the parts.

use std::ops::ControlFlow;

use bytes::Bytes;
use rialto_protocol::EntityKey;
use uuid::Uuid;

use super::codec::{corrupt, decode};
use super::job::{Class, Transaction, ready};
use super::kv::{Cells, Engine, Source};
use super::open::RedbStore;
use crate::blobs::Blobs;
use crate::layout::blob::{BlobHead, split};
use crate::layout::keys::{self, BlobOwner};
use crate::limits::BLOB_BYTES_MAX;
use crate::{ErrorKind, Pending, StorageError};

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
    if head.is_of(&data) { Ok(Some(data.into())) } else { Err(corrupt("blob: its checksum does not match")) }
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
