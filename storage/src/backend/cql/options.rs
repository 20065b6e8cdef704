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

/// TLS to the engine.
#[derive(Clone, PartialEq, Eq)]
pub struct CqlTls {
    /// Who signs the engine's certificates: PEM.
    pub ca_pem: Vec<u8>,
    /// Our own certificates and private key, both PEM, where the engine asks for them.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The name that all certificates of the engine's nodes are of; `None` = each node's is of the address that it is reached at.
    pub server_name: Option<String>,
}

impl fmt::Debug for CqlTls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CqlTls({:?}, with identity: {})", self.server_name, self.identity.is_some())
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
    /// How to speak TLS to it; `None` = not at all.
    pub tls: Option<CqlTls>,
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
            tls: None,
            replication: 1,
            allow_unsafe: false,
            part_rows: CONVERSATION_PART_ROWS,
            bucket_rows: LOG_BUCKET_ROWS,
        }
    }
}
