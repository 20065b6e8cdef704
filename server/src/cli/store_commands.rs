//! Commands that need the store: through the node that serves it, else with a store of our own.

use std::path::Path;

use rialto_storage::backend::cql::{CqlStore, SCHEMA_VERSION};
use rialto_storage::backend::redb::restore as restore_embedded;
use rialto_storage::limits::CONVERSATION_PART_ROWS;
use tokio::runtime::{Builder, Runtime};

use super::operation::Operation;
use super::{control, say};
use crate::app::backend::open_cql;
use crate::app::failure::{Exit, Failure};
use crate::app::{Foundation, keys};
use crate::config::Config;

/// How the name of the embedded store's file begins.
const STORE_FILE_STEM: &str = "store";

/// Does an operation, wherever the store is open.
pub(super) fn reach(config: &Config, operation: Operation) -> Result<String, Failure> {
    let runtime = runtime()?;
    runtime.block_on(async {
        if let Some(answer) = control::ask(&config.data_dir, &operation).await? {
            return Ok(answer);
        }
        if operation.needs_store() && config.store.cql.is_none() && !has_store(&config.data_dir) {
            return Err(Failure::new(Exit::Storage, format!("there is no store in {}", config.data_dir.display())));
        }
        keys::make_folder(&config.data_dir)?;
        let foundation = Foundation::open(config.clone()).await?;
        let answer = operation.perform(&foundation).await;
        foundation.backend.close();
        answer
    })
}

fn has_store(data_dir: &Path) -> bool {
    let is_store = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| Path::new(&entry.file_name()).file_stem().is_some_and(|stem| stem == STORE_FILE_STEM))
    };
    std::fs::read_dir(data_dir).is_ok_and(|mut entries| entries.any(is_store))
}

/// Tells a running node; `None` when there is none.
pub(super) fn tell_node(config: &Config, operation: Operation) -> Result<Option<String>, Failure> {
    runtime()?.block_on(control::ask(&config.data_dir, &operation))
}

pub(super) fn backup(config: &Config, folder: &Path) -> Result<(), Failure> {
    // The node has another working directory than we have.
    let folder = std::path::absolute(folder).map_err(|error| Failure::new(Exit::Usage, error))?;
    say(&reach(config, Operation::Backup { folder })?)
}

pub(super) fn verify(config: &Config) -> Result<(), Failure> {
    say(&reach(config, Operation::Verify)?)
}

pub(super) fn restore(config: &Config, folder: &Path) -> Result<(), Failure> {
    if !folder.is_dir() {
        return Err(Failure::new(Exit::Usage, format!("there is no backup in {}", folder.display())));
    }
    let report = match &config.store.cql {
        None => {
            keys::make_folder(&config.data_dir)?;
            restore_embedded(folder, &config.data_dir, CONVERSATION_PART_ROWS)?
        }
        Some(options) => {
            let store = runtime()?.block_on(CqlStore::open_to_restore(options.clone()))?;
            store.restore(folder)?
        }
    };
    say(&format!("restored {} rows, {} entries; the store's new generation is {}", report.rows, report.entries, report.generation))
}

/// Makes the tables of the store, or brings them up to date.
pub(super) fn migrate(config: &Config) -> Result<(), Failure> {
    let Some(options) = &config.store.cql else { return say("nothing to migrate: the embedded store makes its own tables") };
    runtime()?.block_on(open_cql(options))?;
    say(&format!("the tables of keyspace {} are of version {SCHEMA_VERSION}", options.keyspace))
}

pub(super) fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread().enable_all().build().map_err(|error| Failure::new(Exit::Failed, format!("start: {error}")))
}
