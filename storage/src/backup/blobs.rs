//! Large bodies out of a backup's entries.

use std::path::Path;

use bytes::Bytes;
use rialto_protocol::EntityKey;

use super::entry::{self, Entry};
use super::reader::Entries;
use super::{Manifest, RestoreError};
use crate::layout::blob::BlobHead;
use crate::layout::keys::{BlobOwner, space};
use crate::limits::BLOB_BYTES_MAX;

/// A large body, whole.
#[derive(Debug)]
pub(crate) struct Blob {
    /// Whose.
    pub(crate) entity: EntityKey,
    /// What of it.
    pub(crate) owner: BlobOwner,
    /// The bytes, checked.
    pub(crate) data: Bytes,
}

/// A body whose parts are still coming.
#[derive(Debug)]
struct Open {
    entity: EntityKey,
    owner: BlobOwner,
    head: BlobHead,
    data: Vec<u8>,
}

/// Puts parts together. Holds one body at a time.
#[derive(Debug, Default)]
pub(crate) struct Assembly(Option<Open>);

fn damaged(what: &str) -> RestoreError {
    RestoreError::Damaged(format!("a large body {what}"))
}

impl Assembly {
    /// A body begins; answers it when it is empty.
    pub(crate) fn begin(&mut self, entity: EntityKey, owner: BlobOwner, head: BlobHead) -> Result<Option<Blob>, RestoreError> {
        self.end()?;
        if head.bytes > BLOB_BYTES_MAX as u64 {
            return Err(damaged("is too large"));
        }
        self.0 = Some(Open { entity, owner, head, data: Vec::new() });
        self.finish()
    }

    /// The next part of it; answers it when this is the last.
    pub(crate) fn part(&mut self, entity: EntityKey, owner: BlobOwner, part: &[u8]) -> Result<Option<Blob>, RestoreError> {
        match &mut self.0 {
            Some(open) if (open.entity, open.owner) == (entity, owner) => open.data.extend_from_slice(part),
            _ => return Err(damaged("has no head")),
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<Option<Blob>, RestoreError> {
        match self.0.take_if(|open| open.data.len() as u64 >= open.head.bytes) {
            Some(open) if open.head.is_of(&open.data) => Ok(Some(Blob { entity: open.entity, owner: open.owner, data: open.data.into() })),
            Some(_) => Err(damaged("is not what it was")),
            None => Ok(None),
        }
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) -> Result<(), RestoreError> {
        if self.0.is_some() { Err(damaged("lacks parts")) } else { Ok(()) }
    }
}

/// The bodies of rows, which come in the order of their rows: read beside the rows, so that neither waits in memory for the other.
pub(crate) struct Bodies {
    entries: Entries,
    assembly: Assembly,
}

impl Bodies {
    /// Those of a backup.
    pub(crate) fn of(folder: &Path, manifest: &Manifest) -> Self {
        Self { entries: Entries::of(folder, manifest), assembly: Assembly::default() }
    }

    /// The body of a row. Rows are asked for in the backup's order.
    pub(crate) fn body(&mut self, of: EntityKey, seq: u64) -> Result<Bytes, RestoreError> {
        while let Some((key, value)) = self.entries.next()? {
            if key.first() != Some(&space::BLOB) {
                continue;
            }
            let whole = match entry::read(&key, value).map_err(|error| RestoreError::Damaged(error.to_string()))? {
                Entry::BlobHead(entity, owner, head) => self.assembly.begin(entity, owner, head)?,
                Entry::BlobPart(entity, owner, part) => self.assembly.part(entity, owner, &part)?,
                _ => None,
            };
            if let Some(blob) = whole.filter(|blob| blob.entity == of && blob.owner == BlobOwner::Row(seq)) {
                return Ok(blob.data);
            }
        }
        Err(RestoreError::Damaged(format!("the body of row {seq} of {of:?} is not there")))
    }
}
