//! The journal: two files in front of the tree, written in turns. One commit is one record and one sync; it is durable when that sync is over.
//!
//! While one file is written to, the cells of the other go to the tree; then that one is begun again from its start. The tree says up to which commit it holds
//! everything (the checkpoint), so that old records need no removing. A file grows to its size with zeros and is then only overwritten: a sync has no file system
//! metadata to write.
//!
//! Opening puts together what the tree lacks: all records behind the checkpoint, whose seqs must be dense. A record is written only when the one
//! before it is synced, so that a power cut can spoil none but the last, which nobody was told of. A hole before the last is damage, and the store is not opened.
//!
//! A store that is closed has everything in the tree, and its mark says `sealed`: `store.redb` is then complete without the journal, for older programs too.

use std::io;

use ::redb::{Database, Durability, Error, ReadableDatabase, StorageBackend};
use serde::{Deserialize, Serialize};

use super::codec::{decode, encode};
use super::keys::space;
use super::kv::{Engine, Source, TABLE};
use super::medium::Medium;
use super::open::{JOURNAL_SCHEMA_VERSION, SCHEMA_KEY, SCHEMA_VERSION};
use super::overlay::Overlay;
use super::record::{Contents, Found, Record, SECTOR_BYTES, header, read};

/// Files of the journal.
pub(crate) const FILES: usize = 2;
/// The journal's mark in the tree.
pub(crate) const MARK_KEY: &[u8] = &[space::STORE, 3];
/// Bytes by which a file grows at a time: one sync with metadata for each.
const GROW_BYTES: u64 = 1024 * 1024;

/// What the tree says of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Of the records that count.
    salt: u64,
    /// The last commit that is in the tree.
    pub(crate) checkpoint: u64,
    /// Whether the store was closed: then no record is behind the checkpoint.
    sealed: bool,
}

impl Mark {
    /// The mark of a later checkpoint.
    pub(crate) fn at(self, checkpoint: u64) -> Self {
        Self { checkpoint, ..self }
    }
}

/// The open journal.
pub(crate) struct Journal {
    files: [JournalFile; FILES],
    current: usize,
    seq: u64,
    mark: Mark,
    /// Bytes after which a file is full.
    file_bytes: u64,
}

struct JournalFile {
    backend: Box<dyn StorageBackend>,
    bytes: u64,
    /// Where the next record goes.
    end: u64,
}

impl Journal {
    /// Opens the journal of a store; answers it with all that the tree lacks. Nothing may be appended before that is in the tree.
    ///
    /// # Errors
    /// Kind `Corrupted` when records are missing or a file is another store's.
    pub(crate) fn open(database: &Database, medium: &dyn Medium, file_bytes: u64) -> Engine<(Self, Overlay)> {
        let backends = [medium.open_journal(0)?, medium.open_journal(1)?];
        let contents = [read(&*backends[0])?, read(&*backends[1])?];
        let stored = database.begin_read()?.open_table(TABLE)?.with(MARK_KEY, |value| decode::<Mark>("mark of the journal", value))?;
        let (mark, overlay, seq) = match stored {
            Some(mark) if !mark.sealed => {
                let (overlay, seq) = missing(mark, &contents)?;
                (mark, overlay, seq)
            }
            stored => {
                refuse_foreign(stored, &contents)?;
                let checkpoint = stored.map_or(0, |mark| mark.checkpoint);
                (begin(database, &backends, checkpoint)?, Overlay::default(), checkpoint)
            }
        };
        let [first, second] = backends;
        let files = [JournalFile::new(first)?, JournalFile::new(second)?];
        Ok((Self { files, current: 0, seq, mark, file_bytes }, overlay))
    }

    /// The seq of the next commit.
    pub(crate) fn next_seq(&self) -> u64 {
        self.seq + 1
    }

    /// The mark as it was when the journal was opened.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// Writes the next commit and syncs it.
    pub(crate) fn append(&mut self, record: &mut Record) -> io::Result<()> {
        let seq = self.next_seq();
        self.files[self.current].append(record.seal(self.mark.salt, seq), self.file_bytes.min(GROW_BYTES))?;
        self.seq = seq;
        Ok(())
    }

    /// Whether the file that is written to is full.
    pub(crate) fn is_full(&self) -> bool {
        self.files[self.current].end >= self.file_bytes
    }

    /// Whether half of it is.
    pub(crate) fn is_half_full(&self) -> bool {
        self.files[self.current].end >= self.file_bytes / 2
    }

    /// Goes on in the other file, from its start. All of its records must be in the tree.
    pub(crate) fn turn(&mut self) -> io::Result<()> {
        self.current = (self.current + 1) % FILES;
        let file = &mut self.files[self.current];
        file.end = SECTOR_BYTES as u64;
        // A blob may have made it larger than it should stay.
        if file.bytes > self.file_bytes.saturating_mul(2) {
            file.backend.set_len(self.file_bytes)?;
            file.bytes = self.file_bytes;
        }
        Ok(())
    }
}

impl JournalFile {
    fn new(backend: Box<dyn StorageBackend>) -> io::Result<Self> {
        let bytes = backend.len()?;
        Ok(Self { backend, bytes, end: SECTOR_BYTES as u64 })
    }

    fn append(&mut self, bytes: &[u8], step: u64) -> io::Result<()> {
        let end = self.end + bytes.len() as u64;
        if end > self.bytes {
            self.grow(end, step)?;
        }
        self.backend.write(self.end, bytes)?;
        self.backend.sync_data()?;
        self.end = end;
        Ok(())
    }

    fn grow(&mut self, end: u64, step: u64) -> io::Result<()> {
        let grown = end.next_multiple_of(step);
        self.backend.set_len(grown)?;
        let zeros = vec![0; usize::try_from(step).map_err(io::Error::other)?];
        let mut at = self.bytes.max(end);
        while at < grown {
            let length = usize::try_from(grown - at).map_or(zeros.len(), |left| left.min(zeros.len()));
            self.backend.write(at, &zeros[..length])?;
            at += length as u64;
        }
        self.bytes = grown;
        Ok(())
    }
}

/// All records behind the checkpoint, as cells, and the newest seq.
fn missing(mark: Mark, contents: &[Contents; FILES]) -> Engine<(Overlay, u64)> {
    if contents.iter().any(|file| file.salt != Some(mark.salt)) {
        return Err(Error::Corrupted(
            "journal: the store was not closed, and a file of its journal is missing or another store's".to_owned(),
        ));
    }
    let mut behind: Vec<&Found> = contents.iter().flat_map(|file| &file.records).filter(|record| record.seq > mark.checkpoint).collect();
    behind.sort_by_key(|record| record.seq);
    let overlay = Overlay::default();
    let mut seq = mark.checkpoint;
    for record in behind {
        if record.seq != seq + 1 {
            let cause =
                format!("journal: record {} is followed by record {}; what was acknowledged between them cannot be read", seq, record.seq);
            return Err(Error::Corrupted(cause));
        }
        record.replay(&overlay)?;
        seq = record.seq;
    }
    Ok((overlay, seq))
}

/// A closed store's journal holds nothing that counts; one that does is another store's.
fn refuse_foreign(stored: Option<Mark>, contents: &[Contents; FILES]) -> Engine<()> {
    let counts = |file: &Contents, record: &Found| match stored {
        Some(mark) if file.salt == Some(mark.salt) => record.seq > mark.checkpoint,
        _ => true,
    };
    match contents.iter().any(|file| file.records.iter().any(|record| counts(file, record))) {
        true => Err(Error::Corrupted("journal: its records are another store's; this store's file was replaced".to_owned())),
        false => Ok(()),
    }
}

/// Makes a closed store's journal ready: from here on the tree alone is not the store, and programs that know no journal refuse it.
fn begin(database: &Database, backends: &[Box<dyn StorageBackend>; FILES], checkpoint: u64) -> Engine<Mark> {
    let mut salt = [0; 8];
    getrandom::fill(&mut salt).map_err(|error| Error::Io(io::Error::other(error.to_string())))?;
    let mark = Mark { salt: u64::from_le_bytes(salt), checkpoint, sealed: false };
    for backend in backends {
        if backend.len()? < SECTOR_BYTES as u64 {
            backend.set_len(SECTOR_BYTES as u64)?;
        }
        backend.write(0, &header(mark.salt))?;
        backend.sync_data()?;
    }
    write_mark(database, mark, JOURNAL_SCHEMA_VERSION)?;
    Ok(mark)
}

/// Everything is in the tree: the store's file is complete by itself.
pub(crate) fn seal(database: &Database, mark: Mark) -> Engine<()> {
    write_mark(database, Mark { sealed: true, ..mark }, SCHEMA_VERSION)
}

fn write_mark(database: &Database, mark: Mark, schema: u64) -> Engine<()> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate).map_err(|error| Error::Corrupted(error.to_string()))?;
    transaction.set_quick_repair(true);
    {
        let mut table = transaction.open_table(TABLE)?;
        table.insert(SCHEMA_KEY, encode(&schema).as_slice())?;
        table.insert(MARK_KEY, encode(&mark).as_slice())?;
    }
    Ok(transaction.commit()?)
}
