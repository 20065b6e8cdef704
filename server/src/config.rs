//! Configuration: what an operator wrote ([`raw`]), read in layers ([`layers`]), checked once, and from then on a value without doubt ([`Config`]).

pub mod layers;
mod network;
pub mod raw;
mod redis;
mod store;
mod validate;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rialto_actors::accounts::Settings;
use rialto_actors::accounts::external::ExternalIssuer;
use rialto_actors::topic_rules::TopicRules;
use rialto_storage::backend::cql::CqlOptions;
use rialto_storage::backend::redis::RedisOptions;

use crate::webhooks::ClientOptions;
pub use layers::{Origin, load};
pub use network::Network;

/// Why a configuration cannot be used: exit 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    /// The listener and who may speak to it.
    pub server: Server,
    /// Folder of store, keys and control socket.
    pub data_dir: PathBuf,
    /// Where the truth lies.
    pub store: Store,
    /// What nodes share beside it, when there is such a thing.
    pub redis: Option<RedisOptions>,
    /// Milliseconds after which a shard that somebody else has taken is claimed again.
    pub reclaim_ms: u64,
    /// Accounts and tokens.
    pub auth: Auth,
    /// Free topics.
    pub topics: TopicRules,
    /// Limits that an operator may change.
    pub limits: Limits,
    /// Webhooks: how targets are reached.
    pub webhook_client: ClientOptions,
    /// Webhooks: when again.
    pub webhooks: rialto_actors::webhooks::Settings,
    /// From SIGTERM to exit.
    pub drain_timeout: Duration,
    /// Conformance switches.
    pub debug: Debug,
    /// Where and how it logs.
    pub log: raw::Log,
    /// What an operator should know: development switches that are on, weak keys.
    pub warnings: Vec<String>,
    /// The effective values as written, for `print-config`.
    pub effective: raw::Raw,
}

/// The listener and who may speak to it.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Threads; already resolved, at least 1.
    pub threads: usize,
    /// Whose word about the client's address is believed.
    pub trusted_proxies: Vec<Network>,
    /// Foreign origins that browsers may call from.
    pub allowed_origins: Vec<String>,
}

/// Where the truth lies.
#[derive(Clone, Debug)]
pub struct Store {
    /// How to reach the CQL engine that it lies on; `None` = in the data folder.
    pub cql: Option<CqlOptions>,
    /// Bytes of page cache.
    pub cache_bytes: u64,
    /// Bytes that must be free.
    pub free_bytes_min: u64,
}

/// Accounts and tokens.
#[derive(Clone)]
pub struct Auth {
    /// For the service.
    pub settings: Settings,
    /// Whether clients may connect without identity.
    pub anonymous: bool,
    /// Other issuers, keys read.
    pub issuers: Vec<ExternalIssuer>,
    /// Where our own keys are kept.
    pub keys: KeySource,
}

/// Where our own keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In the store, sealed.
    Store(MasterKey),
}

/// What seals secrets in a store that others keep.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(pub [u8; 32]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("MasterKey")
    }
}

/// Limits that an operator may change; the meaning of each is in `config/rialto.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "config/rialto.toml says what each means")]
pub struct Limits {
    pub frame_bytes_max: usize,
    pub outbox_bytes_max: usize,
    pub connections_max: usize,
    pub connections_per_user_max: usize,
    pub subscriptions_per_connection_max: usize,
    pub commands_per_second_max: u32,
    pub commands_burst_max: u32,
    pub user_commands_per_second_max: u32,
    pub user_commands_burst_max: u32,
    pub connect_within_ms: u64,
    pub ping_interval_ms: u64,
    pub pong_within_ms: u64,
    pub expiry_grace_ms: u64,
}

/// Conformance switches.
#[derive(Clone, Copy, Debug)]
pub struct Debug {
    /// Whether there is an echo.
    pub echo: bool,
    /// Bytes of one message to it.
    pub echo_bytes_max: u32,
}

#[cfg(test)]
mod tests;
