//! A copy of a store in files: what cannot be derived, in chunks with checksums. Every backend writes and reads the same, so that a backup is also how a store moves.
//!
//! A backup is a folder: `chunk-000001.bin`, … and `manifest.json`. A chunk is a sequence of entries, each `key length (u32 LE), key, value length (u32 LE),
//! value`; a value stands whole in one chunk. Keys and values are those of the embedded store (schema version in the manifest): everything but the shard logs,
//! whose fences mean nothing elsewhere, and but projections and the dedupe index, which `restore` derives from the rows again. An entity's rows stand together and in
//! order, and large bodies come in the order of their rows. The manifest names every chunk with its bytes, entries and sha-256, and closes with a sha-256 over its
//! own other fields. The folder gets its name only when all of it is synced.

pub(crate) mod blobs;
pub(crate) mod entry;
mod folder;
mod manifest;
mod problems;
pub(crate) mod reader;

use std::io;
use std::sync::Arc;

pub(crate) use folder::{Chunks, write_folder};
pub use manifest::{Manifest, ManifestChunk};
pub(crate) use problems::Problems;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// Entity rows.
    pub rows: u64,
    /// All entries.
    pub entries: u64,
    /// Bytes of all chunks.
    pub bytes: u64,
    /// Number of chunks.
    pub chunks: u64,
}

/// Why there is no backup. Nothing is left behind under the wanted name.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something already.
    #[error("{0} exists and is not an empty folder")]
    NotEmpty(String),
    /// The store was closed, or opened again, while it was read.
    #[error("the store was closed meanwhile")]
    Closed,
    /// The files could not be written.
    #[error("write the backup: {0}")]
    Io(#[from] io::Error),
    /// The store could not be read, or is damaged.
    #[error("read the store: {0}")]
    Store(String),
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// Entity rows.
    pub rows: u64,
    /// All entries.
    pub entries: u64,
    /// The new store's generation.
    pub generation: Arc<str>,
}

/// Why nothing was restored, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Somebody has the store open.
    #[error("the store in {0} is held by another process")]
    Held(String),
    /// There is a store already.
    #[error("{0} holds a store already; restore only into an empty place")]
    NotEmpty(String),
    /// A restore of another backup was broken off there.
    #[error(
        "{0} holds a part of another backup, whose restore did not come to its end: restore that one again, or begin with an empty place"
    )]
    Unfinished(String),
    /// The backup is not one, or is damaged.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// The backup was made by a newer program.
    #[error("the backup has schema version {found}, this program knows {known}")]
    Newer {
        /// What it says.
        found: u64,
        /// What we know.
        known: u64,
    },
    /// Files could not be read or written.
    #[error("restore: {0}")]
    Io(#[from] io::Error),
    /// The new store could not be written.
    #[error("write the store: {0}")]
    Store(String),
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Entities with rows.
    pub entities: u64,
    /// Their rows.
    pub rows: u64,
    /// Entries of the dedupe index.
    pub dedupe_entries: u64,
    /// Derived cells compared.
    pub cells: u64,
    /// Large bodies and snapshots.
    pub blobs: u64,
    /// Accounts.
    pub accounts: u64,
    /// Problems found.
    pub problems: u64,
    /// The first of them.
    pub named: Vec<String>,
}

/// Why a store is not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It was read whole, and is not what it should be.
    #[error("{} problems, the first: {}", .0.problems, .0.named.join("; "))]
    Damaged(Box<VerifyReport>),
    /// The store was closed, or opened again, while it was read.
    #[error("the store was closed meanwhile")]
    Closed,
    /// It could not be read to its end.
    #[error("read the store: {0}")]
    Unreadable(String),
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
