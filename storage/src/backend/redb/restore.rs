//! A backup back into a store: rows first through `derive`, as if they were appended anew.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use ::redb::{Builder, Database, Error};
use rialto_protocol::EntityKey;
use sha2::{Digest, Sha256};

use super::backup::{FORMAT, MANIFEST, Manifest, hex, is_kept, is_row};
use super::blobs::join;
use super::checkpoint;
use super::codec::{corrupt, decode_row};
use super::job::{Tops, Transaction};
use super::journal::FILES;
use super::keys::{self, BlobOwner};
use super::kv::{Batch, Cells, Engine};
use super::log::{Logs, write_row_parts};
use super::medium::{Boxed, FileMedium, Medium, journal_name};
use super::open::{FILE_NAME, OpenError, SCHEMA_VERSION, create, hold};
use super::overlay::Overlay;
use super::paced::Pace;
use super::record::Record;
use super::view::{View, base};
use crate::derive::derive;

/// Bytes written in one transaction.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of one key or value at most: above is no backup of ours, and nothing is allocated for it.
const ENTRY_BYTES_MAX: usize = 64 * 1024 * 1024;

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

/// Why nothing was restored. The data folder is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Somebody has the store open.
    #[error("the store in {0} is held by another process")]
    Held(String),
    /// There is a store already.
    #[error("{0} holds a store already; restore only into an empty folder")]
    NotEmpty(String),
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

impl From<Error> for RestoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::Corrupted(what) => Self::Damaged(what),
            error => Self::Store(error.to_string()),
        }
    }
}

/// Makes a store in `data` of the backup in `folder`, with a new generation. Blocks; memory is bounded. Every checksum is checked before anything is written.
/// The store appears under its name only when it is whole and synced.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(folder: &Path, data: &Path, part_rows: u64) -> Result<RestoreReport, RestoreError> {
    fs::create_dir_all(data)?;
    let _lock = hold(data).map_err(|error| match error {
        OpenError::Held(at) => RestoreError::Held(at),
        error => RestoreError::Store(error.to_string()),
    })?;
    let target = data.join(FILE_NAME);
    let journals = (0..FILES).map(|number| data.join(journal_name(number)));
    if target.exists() || journals.into_iter().any(|journal| journal.exists()) {
        return Err(RestoreError::NotEmpty(data.display().to_string()));
    }
    let manifest = read_manifest(folder)?;
    for chunk in &manifest.chunks {
        check_chunk(folder, &chunk.name, chunk.bytes, &chunk.sha256)?;
    }
    let partial = data.join(format!("{FILE_NAME}.partial"));
    let _absent = fs::remove_file(&partial);
    let restored = fill(folder, &manifest, &partial, part_rows).and_then(|report| {
        fs::rename(&partial, &target)?;
        File::open(data)?.sync_all()?;
        Ok(report)
    });
    if restored.is_err() {
        let _left = fs::remove_file(&partial);
    }
    restored
}

fn read_manifest(folder: &Path) -> Result<Manifest, RestoreError> {
    let bytes = fs::read(folder.join(MANIFEST))?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| RestoreError::Damaged(format!("{MANIFEST}: {error}")))?;
    if manifest.format != FORMAT {
        return Err(RestoreError::Damaged(format!("its format is {}, not {FORMAT}", manifest.format)));
    }
    if manifest.sha256 != manifest.checksum() {
        return Err(RestoreError::Damaged(format!("{MANIFEST}: its checksum does not match")));
    }
    if manifest.schema_version > SCHEMA_VERSION {
        return Err(RestoreError::Newer { found: manifest.schema_version, known: SCHEMA_VERSION });
    }
    let plain = |name: &str| !name.contains('/') && name.starts_with("chunk-");
    match manifest.chunks.iter().find(|chunk| !plain(&chunk.name)) {
        Some(chunk) => Err(RestoreError::Damaged(format!("{} is no chunk's name", chunk.name))),
        None => Ok(manifest),
    }
}

fn check_chunk(folder: &Path, name: &str, bytes: u64, sha256: &str) -> Result<(), RestoreError> {
    let mut file = File::open(folder.join(name))?;
    let (mut hash, mut seen) = (Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        seen += read as u64;
        hash.update(&buffer[..read]);
    }
    if seen != bytes || hex(&hash.finalize()) != sha256 {
        return Err(RestoreError::Damaged(format!("{name}: its checksum does not match")));
    }
    Ok(())
}

fn fill(folder: &Path, manifest: &Manifest, path: &Path, part_rows: u64) -> Result<RestoreReport, RestoreError> {
    let generation = crate::store::new_generation().map_err(|error| RestoreError::Store(error.to_string()))?;
    let backend = FileMedium::new(path).open()?;
    let database = Builder::new().set_cache_size(64 * 1024 * 1024).create_with_backend(Boxed(backend)).map_err(Error::from)?;
    create(&database, &generation)?;
    let mut report = RestoreReport { rows: 0, entries: 0, generation: generation.into() };
    // Bodies of rows lie behind the rows in key order; they must stand before a row is derived, which needs its body.
    for pass in [Pass::Plain, Pass::Rows] {
        for chunk in &manifest.chunks {
            let mut file = BufReader::new(File::open(folder.join(&chunk.name))?);
            let mut at_end = false;
            while !at_end {
                at_end = write_some(&database, &mut file, &mut report, part_rows, pass)?;
            }
        }
    }
    if (report.rows, report.entries) != (manifest.rows, manifest.entries) {
        return Err(RestoreError::Damaged(format!("it has {} rows and {} entries, not as its manifest says", report.rows, report.entries)));
    }
    Ok(report)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Plain,
    Rows,
}

/// One transaction; true at the chunk's end.
fn write_some(
    database: &Database,
    file: &mut impl Read,
    report: &mut RestoreReport,
    part_rows: u64,
    pass: Pass,
) -> Result<bool, RestoreError> {
    let overlay = Arc::new(Overlay::default());
    let view = View { active: Arc::clone(&overlay), frozen: None, base: base(database)?, seq: 1, _ticket: None };
    let (mut logs, mut tops, mut record) = (Logs::default(), Tops::default(), Record::default());
    let batch = Batch::new(&view, &mut record, 0);
    let mut writing = Transaction { batch, logs: &mut logs, tops: &mut tops };
    let (mut bytes, mut at_end) = (0, false);
    while bytes < BATCH_BYTES {
        let Some((key, value)) = entry(file)? else {
            at_end = true;
            break;
        };
        bytes += key.len() + value.len();
        match (is_row(&key), pass) {
            (true, Pass::Rows) => {
                report.rows += 1;
                report.entries += 1;
                restore_row(&mut writing, &key, &value, part_rows)?;
            }
            (false, Pass::Plain) => {
                if !is_kept(&key) {
                    return Err(RestoreError::Damaged("it holds an entry that is no part of a backup".to_owned()));
                }
                report.entries += 1;
                writing.batch.put(key, value);
            }
            _ => {}
        }
    }
    checkpoint::write(database, &overlay, None, &Pace::default())?;
    Ok(at_end)
}

fn restore_row(writing: &mut Transaction<'_>, key: &[u8], value: &[u8], part_rows: u64) -> Result<(), RestoreError> {
    let (entity, seq) = row_key(key)?;
    let stored = decode_row(entity, seq, value)?;
    let mut row = stored.row;
    let top = writing.top(entity)?;
    if row.seq != top.seq + 1 || row.time_ms < top.time_ms {
        return Err(RestoreError::Damaged(format!("row {seq} of {entity:?} does not follow row {}", top.seq)));
    }
    // The parts of a large body stand already: here the row is only told not to hold it.
    let mut parts = None;
    if stored.blob.is_some() {
        row.body = join(writing.batch.source(), entity, BlobOwner::Row(seq))?.ok_or_else(|| corrupt("body of a row: it is not there"))?;
        parts = Some(Vec::new());
    }
    let derived = derive(&row, part_rows).map_err(|error| RestoreError::Damaged(error.to_string()))?;
    Ok(write_row_parts(writing, row, &derived, parts)?)
}

/// The entity and the seq that a row's key says.
pub(super) fn row_key(key: &[u8]) -> Engine<(EntityKey, u64)> {
    let both = keys::entity_of(key).zip(keys::last_number(key));
    both.filter(|_| key.len() == keys::ENTITY_PREFIX_BYTES + 9).ok_or_else(|| corrupt("key of a row"))
}

/// Key and value.
type Entry = (Vec<u8>, Vec<u8>);

fn entry(file: &mut impl Read) -> Result<Option<Entry>, RestoreError> {
    let Some(key) = field(file)? else { return Ok(None) };
    let value = field(file)?.ok_or_else(|| RestoreError::Damaged("a chunk ends within an entry".to_owned()))?;
    Ok(Some((key, value)))
}

fn field(file: &mut impl Read) -> Result<Option<Vec<u8>>, RestoreError> {
    let mut length = [0; 4];
    let mut read = 0;
    while read < length.len() {
        match file.read(&mut length[read..])? {
            0 if read == 0 => return Ok(None),
            0 => return Err(RestoreError::Damaged("a chunk ends within an entry".to_owned())),
            more => read += more,
        }
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > ENTRY_BYTES_MAX {
        return Err(RestoreError::Damaged(format!("an entry of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}
