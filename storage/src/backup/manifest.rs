//! What a backup says of itself.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;

/// Names the format of the files.
pub(super) const FORMAT: &str = "rialto-backup-1";
/// The manifest's file name.
pub(super) const MANIFEST: &str = "manifest.json";

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestChunk {
    /// File name.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its entries.
    pub entries: u64,
    /// Hexadecimal sha-256 of its bytes.
    pub sha256: String,
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `rialto-backup-1`.
    pub format: String,
    /// The key layout of the entries.
    pub schema_version: u64,
    /// The store that it was taken of; a restored store gets a new one.
    pub generation: String,
    /// When, milliseconds since 1970.
    pub created_ms: u64,
    /// Entity rows.
    pub rows: u64,
    /// All entries.
    pub entries: u64,
    /// The files, in order.
    pub chunks: Vec<ManifestChunk>,
    /// Hexadecimal sha-256 of this manifest as compact JSON with this field empty.
    pub sha256: String,
}

impl Manifest {
    /// The checksum that its other fields have.
    pub(super) fn checksum(&self) -> String {
        let unsigned = Self { sha256: String::new(), ..self.clone() };
        hex(&Sha256::digest(serde_json::to_vec(&unsigned).expect("a manifest is JSON")))
    }
}
