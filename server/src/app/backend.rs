//! Where the truth lies: in the data folder, or on a CQL engine.

use rialto_storage::Store;
use rialto_storage::backend::cql::{CqlOptions, CqlStore};
use rialto_storage::backend::redb::{RedbOptions, RedbStore};

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

    /// The embedded store.
    ///
    /// # Errors
    /// When the store is another one, for which `what` does not exist.
    pub fn embedded(&self, what: &str) -> Result<RedbStore, Failure> {
        match self {
            Self::Embedded(store) => Ok(store.clone()),
            Self::Cql(_) => Err(Failure::new(Exit::Usage, format!("{what} is of the embedded store; use the CQL engine's own tools"))),
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
