//! Large bodies: messages over 16 KiB, snapshots.

use bytes::Bytes;
use rialto_protocol::EntityKey;
use uuid::Uuid;

use crate::Pending;

/// Large bodies, in parts of [`crate::limits::BLOB_PART_BYTES`] with a sha-256 over the whole.
///
/// **Guarantees.** What `get` returns is what `put` stored, checked, or an error of kind `Corrupt`.
/// **Not guaranteed.** That a blob is referred to by a row: a crash may leave an unused one.
pub trait Blobs: Send + Sync {
    /// Stores a blob; durable once it answers. The same id again overwrites.
    fn put(&self, entity: EntityKey, blob: Uuid, data: Bytes) -> Pending<()>;
    /// Reads a blob.
    fn get(&self, entity: EntityKey, blob: Uuid) -> Pending<Option<Bytes>>;
    /// Removes a blob; absent is fine.
    fn delete(&self, entity: EntityKey, blob: Uuid) -> Pending<()>;
}
