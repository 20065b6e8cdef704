//! A copy of a store in files that outlive this program's key layout: what cannot be derived, in chunks with checksums.
//!
//! A backup is a folder: `chunk-000001.bin`, … and `manifest.json`. A chunk is a sequence of entries, each `key length (u32 LE), key, value length (u32 LE),
//! value`; a value stands whole in one chunk. Keys and values are those of the store (schema version in the manifest): everything but the shard logs,
//! whose fences mean nothing elsewhere, and but projections and the dedupe index, which `restore` derives from the rows again. The manifest names every chunk with its
//! bytes, entries and sha-256, and closes with a sha-256 over its own other fields. The folder gets its name only when all of it is synced.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use ::redb::Error;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::keys::{self, section, space};
use super::kv::Source;
use super::open::{RedbStore, SCHEMA_VERSION, Shared};
use crate::clock::wall_ms;

/// Names the format of the files.
pub(super) const FORMAT: &str = "rialto-backup-1";
/// The manifest's file name.
pub(super) const MANIFEST: &str = "manifest.json";
/// Bytes after which a chunk is closed; a value over it makes its chunk larger.
const CHUNK_BYTES: u64 = 16 * 1024 * 1024;

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
    /// The store could not be read.
    #[error("read the store: {0}")]
    Store(String),
}

impl From<Error> for BackupError {
    fn from(error: Error) -> Self {
        match error {
            // How a visitor says that it must stop, and why.
            Error::Io(error) => Self::Io(error),
            Error::DatabaseClosed => Self::Closed,
            error => Self::Store(error.to_string()),
        }
    }
}

impl RedbStore {
    /// Writes a backup of the state of this moment into `folder`, which must not exist or be empty, while the store goes on serving. Blocks; memory is bounded.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn backup(&self, folder: &Path) -> Result<BackupReport, BackupError> {
        if folder.exists() && !is_empty_folder(folder) {
            return Err(BackupError::NotEmpty(folder.display().to_string()));
        }
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(parent)?;
        let mut partial = folder.as_os_str().to_owned();
        partial.push(format!(".partial-{}", std::process::id()));
        let partial = PathBuf::from(partial);
        fs::create_dir(&partial)?;
        let written = write_all(self.shared(), &partial).and_then(|report| {
            File::open(&partial)?.sync_all()?;
            fs::rename(&partial, folder)?;
            File::open(parent)?.sync_all()?;
            Ok(report)
        });
        if written.is_err() {
            // What went wrong is already being told; an unfinished folder is at worst left under its unfinished name.
            let _left = fs::remove_dir_all(&partial);
        }
        written
    }
}

/// True for a folder without entries.
pub(super) fn is_empty_folder(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Whether an entry belongs into a backup: what cannot be derived.
pub(super) fn is_kept(key: &[u8]) -> bool {
    match key.first() {
        Some(&space::ENTITY) => matches!(key.get(keys::ENTITY_PREFIX_BYTES), Some(&(section::ROW | section::SNAPSHOT))),
        Some(&(space::STORE | space::LOG | space::DEDUPE | space::USER_CONVERSATION)) | None => false,
        Some(_) => true,
    }
}

/// Whether an entry is an entity row.
pub(super) fn is_row(key: &[u8]) -> bool {
    key.first() == Some(&space::ENTITY) && key.get(keys::ENTITY_PREFIX_BYTES) == Some(&section::ROW)
}

/// Lets a long read end when the database must be closed.
pub(super) fn check_open(shared: &Shared) -> Result<(), Error> {
    if shared.closing.load(Ordering::Relaxed) { Err(Error::DatabaseClosed) } else { Ok(()) }
}

fn write_all(shared: &Shared, folder: &Path) -> Result<BackupReport, BackupError> {
    let guard = shared.database();
    let database = guard.as_ref().ok_or(BackupError::Closed)?;
    let view = shared.layers.view(database)?;
    let mut out = Chunks { folder, done: Vec::new(), open: None };
    let mut rows = 0;
    view.scan(&[0], &[u8::MAX], false, &mut |key, value| {
        check_open(shared)?;
        if is_kept(key) {
            rows += u64::from(is_row(key));
            out.add(key, value)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    out.close()?;
    let entries = out.done.iter().map(|chunk| chunk.entries).sum();
    let bytes = out.done.iter().map(|chunk| chunk.bytes).sum();
    let report = BackupReport { rows, entries, bytes, chunks: out.done.len() as u64 };
    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        schema_version: SCHEMA_VERSION,
        generation: shared.generation.to_string(),
        created_ms: wall_ms(),
        rows,
        entries,
        chunks: out.done,
        sha256: String::new(),
    };
    manifest.sha256 = manifest.checksum();
    let mut file = create(&folder.join(MANIFEST))?;
    serde_json::to_writer_pretty(&mut file, &manifest).map_err(io::Error::from)?;
    file.sync_all()?;
    Ok(report)
}

struct Chunks<'a> {
    folder: &'a Path,
    done: Vec<ManifestChunk>,
    open: Option<OpenChunk>,
}

struct OpenChunk {
    file: BufWriter<File>,
    hash: Sha256,
    chunk: ManifestChunk,
}

impl Chunks<'_> {
    fn add(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.next()?,
        };
        for part in [key, value] {
            let length = u32::try_from(part.len()).map_err(|_| io::Error::other("an entry is too large"))?.to_le_bytes();
            for bytes in [&length[..], part] {
                open.file.write_all(bytes)?;
                open.hash.update(bytes);
                open.chunk.bytes += bytes.len() as u64;
            }
        }
        open.chunk.entries += 1;
        let is_large = open.chunk.bytes >= CHUNK_BYTES;
        self.open = Some(open);
        if is_large { self.close() } else { Ok(()) }
    }

    fn next(&self) -> io::Result<OpenChunk> {
        let name = format!("chunk-{:06}.bin", self.done.len() + 1);
        let file = BufWriter::new(create(&self.folder.join(&name))?);
        Ok(OpenChunk { file, hash: Sha256::new(), chunk: ManifestChunk { name, bytes: 0, entries: 0, sha256: String::new() } })
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some(OpenChunk { file, hash, mut chunk }) = self.open.take() {
            file.into_inner()?.sync_all()?;
            chunk.sha256 = hex(&hash.finalize());
            self.done.push(chunk);
        }
        Ok(())
    }
}

/// Backups hold password hashes: nobody else may read them.
fn create(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
