//! Where the truth lies: in the data folder, or on a CQL engine.

use std::path::Path;

use rialto_storage::Store;
use rialto_storage::backend::cql::{CqlOptions, CqlStore};
use rialto_storage::backend::redb::{RedbOptions, RedbStore};
use rialto_storage::backup::{BackupError, BackupReport, VerifyError, VerifyReport};

use super::failure::{Exit, Failure};
use crate::config::Config;

/// The store that is open.
#[derive(Clone)]
pub enum Backend {
    /// In the data folder.
    Embedded(RedbStore),
    /// On a CQL engine.
    Cql(CqlStore),
}

impl Backend {
    /// Opens what the configuration names. A commit that fails for good ends the process with exit code 4.
    ///
    /// # Errors
    /// With the exit code that says why.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        match &config.store.cql {
            None => open_embedded(config).map(Self::Embedded),
            Some(options) => open_cql(options).await.map(Self::Cql),
        }
    }

    /// The traits.
    #[must_use]
    pub fn store(&self) -> Store {
        match self {
            Self::Embedded(store) => store.store(),
            Self::Cql(store) => store.store(),
        }
    }

    /// Closes the embedded store; blocks until its last commit is done. A CQL engine has nothing to close.
    pub fn close(&self) {
        if let Self::Embedded(store) = self {
            store.close();
        }
    }

    /// Writes a backup while the store goes on serving. Blocks.
    ///
    /// # Errors
    /// When the folder is not empty or cannot be written, or the store cannot be read.
    pub fn backup(&self, folder: &Path) -> Result<BackupReport, BackupError> {
        match self {
            Self::Embedded(store) => store.backup(folder),
            Self::Cql(store) => store.backup(folder),
        }
    }

    /// Checks the store while it goes on serving. Blocks.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn verify(&self) -> Result<VerifyReport, VerifyError> {
        match self {
            Self::Embedded(store) => store.verify(),
            Self::Cql(store) => store.verify(),
        }
    }
}

/// Connects to a CQL engine, which makes its tables or brings them up to date.
///
/// # Errors
/// When it cannot be reached or used.
pub async fn open_cql(options: &CqlOptions) -> Result<CqlStore, Failure> {
    CqlStore::open(options.clone()).await.map_err(Failure::from)
}

fn open_embedded(config: &Config) -> Result<RedbStore, Failure> {
    let options = RedbOptions {
        cache_bytes: usize::try_from(config.store.cache_bytes).unwrap_or(usize::MAX),
        free_bytes_min: config.store.free_bytes_min,
        ..RedbOptions::default()
    };
    let opened = RedbStore::open(&config.data_dir, options, |cause| {
        tracing::error!(%cause, "a commit failed, nothing of it was acknowledged");
        std::process::exit(Exit::Storage as i32);
    });
    Ok(opened?)
}
