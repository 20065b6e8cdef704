//! How to reach the engine, and how the store is cut.

use std::fmt;

use crate::limits::{CONVERSATION_PART_ROWS, LOG_BUCKET_ROWS};

/// Who we are to the engine.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The role.
    pub username: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Credentials({})", self.username)
    }
}

/// How to reach the engine, and how the store is cut.
#[derive(Clone, Debug)]
pub struct CqlOptions {
    /// Some of the engine's nodes, each `host:port`; the others are found through them.
    pub hosts: Vec<String>,
    /// The keyspace: lower case letters, digits and underscores.
    pub keyspace: String,
    /// Who we are to it; `None` where it asks nobody.
    pub credentials: Option<Credentials>,
    /// Replicas in each data centre, when the keyspace is made here.
    pub replication: u8,
    /// Goes on where acknowledged rows may be lost.
    pub allow_unsafe: bool,
    /// Rows of one partition of the entity rows. Fixed once there are rows.
    pub part_rows: u64,
    /// Rows of one bucket of a shard log. Fixed once there are rows.
    pub bucket_rows: u64,
}

impl Default for CqlOptions {
    fn default() -> Self {
        Self {
            hosts: vec!["127.0.0.1:9042".to_owned()],
            keyspace: "rialto".to_owned(),
            credentials: None,
            replication: 1,
            allow_unsafe: false,
            part_rows: CONVERSATION_PART_ROWS,
            bucket_rows: LOG_BUCKET_ROWS,
        }
    }
}
