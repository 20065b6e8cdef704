//! What a store lies on: a file, or whatever a test puts in its place.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use ::redb::backends::FileBackend;
use ::redb::{BackendError, StorageBackend};

/// Opens the bytes of a store, again after a failure too, and knows how much room is left.
pub trait Medium: Debug + Send + Sync {
    /// Opens the bytes; the one opened before is closed.
    ///
    /// # Errors
    /// Whatever keeps it from being opened; lack of space is tried again.
    fn open(&self) -> io::Result<Box<dyn StorageBackend>>;
    /// Opens one of the two files of the journal, empty when absent; the one opened before is closed.
    ///
    /// # Errors
    /// Whatever keeps it from being opened; lack of space is tried again.
    fn open_journal(&self, number: usize) -> io::Result<Box<dyn StorageBackend>>;
    /// Bytes free for unprivileged writers.
    ///
    /// # Errors
    /// When it cannot be found out.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// A file, with `journal-0` and `journal-1` beside it.
#[derive(Debug)]
pub struct FileMedium {
    path: PathBuf,
}

impl FileMedium {
    /// The file at this path, made when absent.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Medium for FileMedium {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        open_file(&self.path)
    }

    fn open_journal(&self, number: usize) -> io::Result<Box<dyn StorageBackend>> {
        open_file(&self.path.with_file_name(journal_name(number)))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let parent = self.path.parent().unwrap_or(&self.path);
        let stat = rustix::fs::statvfs(parent)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// The name of a file of the journal.
pub(crate) fn journal_name(number: usize) -> String {
    format!("journal-{number}")
}

fn open_file(path: &Path) -> io::Result<Box<dyn StorageBackend>> {
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let fresh = !path.exists();
    let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
    if fresh && let Some(parent) = path.parent() {
        // Without this the file's name may be lost with the power although its bytes are synced.
        File::open(parent)?.sync_all()?;
    }
    Ok(Box::new(FileBackend::new(file).map_err(|error| io::Error::other(error.to_string()))?))
}

/// A boxed backend as the engine wants it.
#[derive(Debug)]
pub(crate) struct Boxed(pub(crate) Box<dyn StorageBackend>);

impl StorageBackend for Boxed {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }
    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }
    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }
    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}
