//! A keyspace of its own for each node under test, when the suites run on a CQL engine: `RIALTO_TEST_CQL` names it (`host:port`). Without it nodes use the embedded store.
//! With `RIALTO_TEST_REDIS` (`host:port`, a server with as many databases as there are keyspaces) each has a database of it, too.
//!
//! Making tables takes an engine seconds; emptying them does not. So keyspaces are used again: a lock file says which ones are in use, by whatever process.

mod cassandra;
mod redis;

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use rialto_storage::backend::cql::{CqlOptions, CqlStore};

use crate::clock;

pub use cassandra::Cassandra;
pub use redis::Redis;

/// Keyspaces on one engine: more nodes than ever run at once.
const KEYSPACES_MAX: usize = 32;

/// An empty keyspace that is nobody else's until this is dropped.
#[derive(Debug)]
pub struct Keyspace {
    host: String,
    name: String,
    /// What nodes share beside it.
    redis: Option<String>,
    _lock: File,
}

impl Keyspace {
    /// An empty keyspace; `None` when the suites run on the embedded store.
    ///
    /// # Panics
    /// When the engine does not answer.
    pub async fn empty() -> Option<Self> {
        let host = std::env::var("RIALTO_TEST_CQL").ok()?;
        let (number, lock) = reserve(&host);
        let name = format!("test_{number}");
        let options = CqlOptions { hosts: vec![host.clone()], keyspace: name.clone(), ..CqlOptions::default() };
        let prepare = async {
            let store = CqlStore::open(options).await.unwrap_or_else(|error| panic!("the engine at {host}: {error}"));
            store.clear().await.expect("the tables can be emptied");
        };
        clock::within("a keyspace is empty", prepare).await;
        let redis = match std::env::var("RIALTO_TEST_REDIS") {
            Ok(address) => Some(redis::empty_database(&address, number).await),
            Err(_) => None,
        };
        Some(Self { host, name, redis, _lock: lock })
    }

    /// What a node on it is set to.
    #[must_use]
    pub fn settings(&self) -> Vec<String> {
        let Self { host, name, redis, .. } = self;
        let mut settings = vec!["store.kind=cql".to_owned(), format!("store.cql.hosts=[\"{host}\"]"), format!("store.cql.keyspace={name}")];
        settings.extend(redis.iter().map(|url| format!("redis.url={url}")));
        settings
    }
}

fn reserve(host: &str) -> (usize, File) {
    let folder = std::env::temp_dir().join(format!("rialto-test-keyspaces-{}", host.replace(':', "-")));
    std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
    for number in 0..KEYSPACES_MAX {
        let path: PathBuf = folder.join(number.to_string());
        let file = File::options().create(true).append(true).open(path).expect("a lock file can be opened");
        match file.try_lock() {
            Ok(()) => return (number, file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => panic!("a lock file cannot be locked: {error}"),
        }
    }
    panic!("all {KEYSPACES_MAX} keyspaces are in use");
}
