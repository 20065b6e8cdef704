//! The configuration as it is written: every key optional, unknown keys refused. The defaults stand here and, with their reasons, in `config/rialto.toml`; a test
//! keeps both equal.

use rialto_protocol::limits;
use serde::{Deserialize, Serialize};

/// What stands for a secret in print.
pub const MASK: &str = "***";

macro_rules! sections {
    ($( $(#[$doc:meta])* $name:ident { $( $field:ident : $type:ty = $default:expr, )* } )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            #[allow(missing_docs, reason = "config/rialto.toml says what each key means")]
            pub struct $name { $( pub $field: $type, )* }

            impl Default for $name {
                fn default() -> Self {
                    Self { $( $field: $default, )* }
                }
            }
        )*
    };
}

sections! {
    /// The whole file.
    Raw {
        server: Server = Server::default(),
        data: Data = Data::default(),
        store: Store = Store::default(),
        redis: Redis = Redis::default(),
        shard: Shard = Shard::default(),
        auth: Auth = Auth::default(),
        topics: Topics = Topics::default(),
        limits: Limits = Limits::default(),
        webhooks: Webhooks = Webhooks::default(),
        drain: Drain = Drain::default(),
        debug: Debug = Debug::default(),
        log: Log = Log::default(),
    }
    /// `[server]`
    Server {
        listen: String = "127.0.0.1:8080".into(),
        threads: u16 = 0,
        trusted_proxies: Vec<String> = Vec::new(),
        allowed_origins: Vec<String> = Vec::new(),
        tls: Tls = Tls::default(),
    }
    /// `[server.tls]`
    Tls {
        cert_file: String = String::new(),
        key_file: String = String::new(),
    }
    /// `[data]`
    Data {
        dir: String = "data".into(),
    }
    /// `[store]`
    Store {
        kind: String = "embedded".into(),
        cache_bytes: u64 = 1024 * 1024,
        free_bytes_min: u64 = rialto_storage::limits::FREE_BYTES_MIN,
        cql: Cql = Cql::default(),
    }
    /// `[store.cql]`
    Cql {
        hosts: Vec<String> = vec!["127.0.0.1:9042".into()],
        keyspace: String = "rialto".into(),
        username: String = String::new(),
        password_file: String = String::new(),
        tls: CqlTls = CqlTls::default(),
        replication: u8 = 1,
        allow_unsafe: bool = false,
    }
    /// `[store.cql.tls]`
    CqlTls {
        ca_file: String = String::new(),
        cert_file: String = String::new(),
        key_file: String = String::new(),
        server_name: String = String::new(),
    }
    /// `[redis]`
    Redis {
        url: String = String::new(),
        cluster: Vec<String> = Vec::new(),
        sentinels: Vec<String> = Vec::new(),
        master: String = String::new(),
        username: String = String::new(),
        password_file: String = String::new(),
    }
    /// `[shard]`
    Shard {
        reclaim_ms: u64 = rialto_actors::shard::RECLAIM_MS,
    }
    /// `[auth]`
    Auth {
        guests: bool = false,
        anonymous: bool = false,
        access_ttl_s: u64 = rialto_actors::accounts::limits::ACCESS_TTL_S,
        refresh_ttl_s: u64 = rialto_actors::accounts::limits::REFRESH_TTL_S,
        keys_file: String = String::new(),
        master_key_file: String = String::new(),
        hashes_at_once_max: u16 = 0,
        external: Vec<External> = Vec::new(),
    }
    /// One of `auth.external`
    External {
        algorithm: String = String::new(),
        key: String = String::new(),
        key_file: String = String::new(),
        issuer: String = String::new(),
        audience: String = String::new(),
        require_issuer: bool = true,
    }
    /// `[topics]`
    Topics {
        enabled: bool = false,
        rules: Vec<TopicRule> = Vec::new(),
    }
    /// One of `topics.rules`
    TopicRule {
        pattern: String = String::new(),
        subscribe: Access = Access::Nobody,
        publish: Access = Access::Nobody,
        presence: Access = Access::Nobody,
        join_leave: Access = Access::Nobody,
        history_size: u32 = 0,
        history_ttl_ms: u64 = 0,
        recover: bool = false,
    }
    /// `[limits]`
    Limits {
        frame_bytes_max: u32 = limits::FRAME_BYTES_MAX as u32,
        outbox_bytes_max: u32 = limits::OUTBOX_BYTES_MAX as u32,
        connections_max: u32 = 1_000_000,
        connections_per_user_max: u32 = limits::CONNECTIONS_PER_USER_MAX as u32,
        subscriptions_per_connection_max: u32 = limits::SUBSCRIPTIONS_PER_CONNECTION_MAX as u32,
        commands_per_second_max: u32 = limits::COMMANDS_PER_SECOND_MAX,
        commands_burst_max: u32 = limits::COMMANDS_BURST_MAX,
        user_commands_per_second_max: u32 = limits::USER_COMMANDS_PER_SECOND_MAX,
        user_commands_burst_max: u32 = limits::USER_COMMANDS_BURST_MAX,
        connect_within_ms: u64 = limits::CONNECT_WITHIN_MS,
        ping_interval_ms: u64 = limits::PING_INTERVAL_MS,
        pong_within_ms: u64 = limits::PONG_WITHIN_MS,
        expiry_grace_ms: u64 = limits::EXPIRY_GRACE_MS,
        registrations_per_minute_max: u32 = rialto_actors::accounts::limits::REGISTRATIONS_PER_MINUTE_MAX,
        session_calls_per_minute_max: u32 = rialto_actors::accounts::limits::SESSION_CALLS_PER_MINUTE_MAX,
    }
    /// `[webhooks]`
    Webhooks {
        allow_private: bool = false,
        timeout_ms: u64 = 15_000,
        retry_after_ms: Vec<u64> = vec![5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000],
        at_once_max: u32 = 64,
        ca_file: String = String::new(),
    }
    /// `[drain]`
    Drain {
        timeout_ms: u64 = 10_000,
    }
    /// `[debug]`
    Debug {
        echo: bool = false,
        echo_bytes_max: u32 = 16 * 1024 * 1024,
    }
    /// `[log]`
    Log {
        format: LogFormat = LogFormat::Pretty,
        level: String = "info".into(),
    }
}

/// Who may do a thing on a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "config/rialto.toml says what each means")]
pub enum Access {
    Anyone,
    User,
    Token,
    Nobody,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "config/rialto.toml says what each means")]
pub enum LogFormat {
    Pretty,
    Json,
}

impl Raw {
    /// TOML of every key, secrets masked.
    ///
    /// # Panics
    /// Never: texts, numbers and tables always serialize.
    #[must_use]
    pub fn to_print(&self) -> String {
        let mut masked = self.clone();
        for external in &mut masked.auth.external {
            if !external.key.is_empty() {
                external.key = MASK.into();
            }
        }
        if let Some((scheme, rest)) = masked.redis.url.split_once("://")
            && let Some((_, host)) = rest.rsplit_once('@')
        {
            masked.redis.url = format!("{scheme}://{MASK}@{host}");
        }
        toml::to_string(&masked).expect("texts, numbers and tables serialize")
    }
}
