//! A backup back into a store: rows first through `derive`, as if they were appended anew.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use ::redb::{Builder, Database, Error};

use super::blobs::join;
use super::checkpoint;
use super::codec::{corrupt, decode_row};
use super::job::{Tops, Transaction};
use super::journal::FILES;
use super::keys::BlobOwner;
use super::kv::{Batch, Cells};
use super::log::{Logs, write_row_parts};
use super::medium::{Boxed, FileMedium, Medium, journal_name};
use super::open::{FILE_NAME, OpenError, create, hold};
use super::overlay::Overlay;
use super::paced::Pace;
use super::record::Record;
use super::view::{View, base};
use crate::backup::entry::{is_kept, is_row, row_key};
use crate::backup::reader::{self, Entries};
use crate::backup::{Manifest, RestoreError, RestoreReport};
use crate::derive::derive;

/// Bytes written in one transaction.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

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
    let manifest = reader::open(folder)?;
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

fn fill(folder: &Path, manifest: &Manifest, path: &Path, part_rows: u64) -> Result<RestoreReport, RestoreError> {
    let generation = crate::store::new_generation().map_err(|error| RestoreError::Store(error.to_string()))?;
    let backend = FileMedium::new(path).open()?;
    let database = Builder::new().set_cache_size(64 * 1024 * 1024).create_with_backend(Boxed(backend)).map_err(Error::from)?;
    create(&database, &generation)?;
    let mut report = RestoreReport { rows: 0, entries: 0, generation: generation.into() };
    // Bodies of rows lie behind the rows in key order; they must stand before a row is derived, which needs its body.
    for pass in [Pass::Plain, Pass::Rows] {
        let mut entries = Entries::of(folder, manifest);
        while !write_some(&database, &mut entries, &mut report, part_rows, pass)? {}
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

/// One transaction; true at the backup's end.
fn write_some(
    database: &Database,
    entries: &mut Entries,
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
        let Some((key, value)) = entries.next()? else {
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
    let (entity, seq) = row_key(key).ok_or_else(|| corrupt("key of a row"))?;
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
