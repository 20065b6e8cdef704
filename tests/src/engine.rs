//! A keyspace of its own for each node under test, when the suites run on a CQL engine: `RIALTO_TEST_CQL` names it (`host:port`). Without it nodes use the embedded store.
//!
//! Making tables takes an engine seconds; emptying them does not. So keyspaces are used again: a lock file says which ones are in use, by whatever process.

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use rialto_storage::backend::cql::{CqlOptions, CqlStore};

use crate::clock;

/// Keyspaces on one engine: more nodes than ever run at once.
const KEYSPACES_MAX: usize = 32;

/// An empty keyspace that is nobody else's until this is dropped.
#[derive(Debug)]
pub struct Keyspace {
    host: String,
    name: String,
    _lock: File,
}

impl Keyspace {
    /// An empty keyspace; `None` when the suites run on the embedded store.
    ///
    /// # Panics
    /// When the engine does not answer.
    pub async fn empty() -> Option<Self> {
        let host = std::env::var("RIALTO_TEST_CQL").ok()?;
        let (name, lock) = reserve(&host);
        let options = CqlOptions { hosts: vec![host.clone()], keyspace: name.clone(), ..CqlOptions::default() };
        let prepare = async {
            let store = CqlStore::open(options).await.unwrap_or_else(|error| panic!("the engine at {host}: {error}"));
            store.clear().await.expect("the tables can be emptied");
        };
        clock::within("a keyspace is empty", prepare).await;
        Some(Self { host, name, _lock: lock })
    }

    /// What a node on it is set to.
    #[must_use]
    pub fn settings(&self) -> Vec<String> {
        let Self { host, name, .. } = self;
        vec!["store.kind=cql".to_owned(), format!("store.cql.hosts=[\"{host}\"]"), format!("store.cql.keyspace={name}")]
    }
}

fn reserve(host: &str) -> (String, File) {
    let folder = std::env::temp_dir().join(format!("rialto-test-keyspaces-{}", host.replace(':', "-")));
    std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
    for number in 0..KEYSPACES_MAX {
        let path: PathBuf = folder.join(number.to_string());
        let file = File::options().create(true).append(true).open(path).expect("a lock file can be opened");
        match file.try_lock() {
            Ok(()) => return (format!("test_{number}"), file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => panic!("a lock file cannot be locked: {error}"),
        }
    }
    panic!("all {KEYSPACES_MAX} keyspaces are in use");
}
