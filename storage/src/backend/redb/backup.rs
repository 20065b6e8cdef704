//! A backup of the embedded store: one view, in the order of its keys.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;

use ::redb::Error;

use super::kv::Source;
use super::open::{RedbStore, Shared};
use crate::backup::entry::is_kept;
use crate::backup::{BackupError, BackupReport, write_folder};

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
        let shared = self.shared();
        write_folder(folder, &shared.generation, |out| {
            let guard = shared.database();
            let database = guard.as_ref().ok_or(BackupError::Closed)?;
            let view = shared.layers.view(database)?;
            view.scan(&[0], &[u8::MAX], false, &mut |key, value| {
                check_open(shared)?;
                if is_kept(key) {
                    out.add(key, value)?;
                }
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(())
        })
    }
}

/// Lets a long read end when the database must be closed.
pub(super) fn check_open(shared: &Shared) -> Result<(), Error> {
    if shared.closing.load(Ordering::Relaxed) { Err(Error::DatabaseClosed) } else { Ok(()) }
}
