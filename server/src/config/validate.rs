//! From what was written to what is meant: every relation is checked here, once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use rialto_actors::accounts::Settings;
use rialto_actors::accounts::external::{ExternalIssuer, IssuerTerms};
use rialto_actors::accounts::limits::EXTERNAL_ISSUERS_MAX;
use rialto_actors::topic_rules::{Access, HISTORY_SIZE_MAX, HISTORY_TTL_MS_MAX, PATTERN_BYTES_MAX, RULES_MAX, Rule, TopicRules};
use rialto_protocol::channel::RESERVED_PREFIXES;

use super::{Auth, Config, ConfigError, Debug, Limits, Network, Server, Store, raw, redis, store};
use crate::webhooks::ClientOptions;

/// Threads: more than that are no use on one machine.
const THREADS_MAX: usize = 256;
/// Bytes of a frame that the largest message needs, its envelope included.
const FRAME_BYTES_MIN: u32 = 40_000;
/// Bytes of one frame and of one outbox: what a single client may take of memory.
const BYTES_MAX: u32 = 256 * 1024 * 1024;
/// Seconds that any token may live: a year.
const TTL_S_MAX: u64 = 366 * 24 * 3600;
/// Bytes of a key file.
const KEY_BYTES_MAX: usize = 64 * 1024;
/// Foreign origins.
const ORIGINS_MAX: usize = 256;

pub(super) fn check(raw: raw::Raw) -> Result<Config, ConfigError> {
    let mut warnings = Vec::new();
    let server = server(&raw.server)?;
    if raw.data.dir.is_empty() {
        return fail("data.dir is empty");
    }
    let data_dir = PathBuf::from(&raw.data.dir);
    let cql = store::cql(&raw.store)?;
    let auth = auth(&raw, &data_dir, server.threads, &mut warnings)?;
    let config = Config {
        topics: topics(&raw.topics)?,
        limits: limits(&raw.limits)?,
        webhook_client: webhook_client(&raw.webhooks)?,
        webhooks: webhooks(&raw.webhooks)?,
        drain_timeout: Duration::from_millis(within("drain.timeout_ms", raw.drain.timeout_ms, 1, 3_600_000)?),
        debug: Debug { echo: raw.debug.echo, echo_bytes_max: within("debug.echo_bytes_max", raw.debug.echo_bytes_max, 1, BYTES_MAX)? },
        reclaim_ms: within("shard.reclaim_ms", raw.shard.reclaim_ms, 1, 600_000)?,
        store: Store {
            cql,
            cache_bytes: within("store.cache_bytes", raw.store.cache_bytes, 1024 * 1024, 1 << 40)?,
            free_bytes_min: raw.store.free_bytes_min,
        },
        redis: redis::options(&raw.redis)?,
        log: raw.log.clone(),
        warnings: Vec::new(),
        server,
        data_dir,
        auth,
        effective: raw,
    };
    if config.log.level.parse::<tracing_subscriber::EnvFilter>().is_err() {
        return fail(&format!("log.level is {:?}; expected \"info\" or the like", config.log.level));
    }
    development_switches(&config, &mut warnings);
    Ok(Config { warnings, ..config })
}

fn development_switches(config: &Config, warnings: &mut Vec<String>) {
    for (on, key, means) in [
        (config.debug.echo, "debug.echo", "anybody may use /debug/echo"),
        (config.effective.auth.guests, "auth.guests", "anybody may make accounts without a password"),
        (config.auth.anonymous, "auth.anonymous", "anybody may connect without a token"),
        (config.webhook_client.allow_private, "webhooks.allow_private", "webhooks reach addresses inside your network"),
        (config.effective.topics.enabled, "topics.enabled", "free channels exist as topics.rules allow"),
    ] {
        if on {
            warnings.push(format!("{key} is on: {means}"));
        }
    }
}

fn server(raw: &raw::Server) -> Result<Server, ConfigError> {
    let listen: SocketAddr = raw
        .listen
        .parse()
        .map_err(|_| ConfigError(format!("server.listen is {:?}; expected an address such as 127.0.0.1:8080", raw.listen)))?;
    if !raw.tls.cert_file.is_empty() || !raw.tls.key_file.is_empty() {
        return fail("server.tls: this build has no TLS; let a reverse proxy end it and name the proxy in server.trusted_proxies");
    }
    let trusted_proxies: Result<Vec<Network>, String> = raw.trusted_proxies.iter().map(|text| text.parse()).collect();
    let trusted_proxies = trusted_proxies.map_err(|problem| ConfigError(format!("server.trusted_proxies: {problem}")))?;
    if raw.allowed_origins.len() > ORIGINS_MAX {
        return fail("server.allowed_origins has more than 256 entries");
    }
    if let Some(bad) = raw.allowed_origins.iter().find(|origin| !is_origin(origin)) {
        return fail(&format!("server.allowed_origins: {bad:?} is no origin such as https://chat.example.com"));
    }
    let cores = available_parallelism().map_or(1, usize::from);
    let threads = if raw.threads == 0 { cores } else { usize::from(raw.threads) };
    Ok(Server {
        listen,
        threads: within("server.threads", threads, 1, THREADS_MAX)?,
        trusted_proxies,
        allowed_origins: raw.allowed_origins.iter().map(|origin| origin.to_ascii_lowercase()).collect(),
    })
}

/// `*`, or scheme and authority without path.
fn is_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text == "*" || authority.is_some_and(|rest| !rest.is_empty() && rest.is_ascii() && !rest.contains(['/', '?', '#', '@', ' ', '*']))
}

fn auth(raw: &raw::Raw, data_dir: &Path, threads: usize, warnings: &mut Vec<String>) -> Result<Auth, ConfigError> {
    let auth = &raw.auth;
    if auth.external.len() > EXTERNAL_ISSUERS_MAX {
        return fail("auth.external has more than 64 entries");
    }
    let mut issuers = Vec::with_capacity(auth.external.len());
    for external in &auth.external {
        let issuer = issuer(external).map_err(|problem| ConfigError(format!("auth.external: {problem}")))?;
        if issuer.has_weak_key() {
            warnings.push(format!(
                "auth.external: the shared secret of issuer {:?} has fewer than 32 bytes and could be guessed",
                issuer.name()
            ));
        }
        issuers.push(issuer);
    }
    let hashes_at_once_max = if auth.hashes_at_once_max == 0 { threads.div_ceil(2) } else { usize::from(auth.hashes_at_once_max) };
    Ok(Auth {
        settings: Settings {
            guests: auth.guests,
            access_ttl_s: within("auth.access_ttl_s", auth.access_ttl_s, 1, TTL_S_MAX)?,
            refresh_ttl_s: within("auth.refresh_ttl_s", auth.refresh_ttl_s, auth.access_ttl_s, TTL_S_MAX)?,
            registrations_per_minute_max: within(
                "limits.registrations_per_minute_max",
                raw.limits.registrations_per_minute_max,
                1,
                u32::MAX,
            )?,
            session_calls_per_minute_max: within(
                "limits.session_calls_per_minute_max",
                raw.limits.session_calls_per_minute_max,
                1,
                u32::MAX,
            )?,
            hashes_at_once_max: within("auth.hashes_at_once_max", hashes_at_once_max, 1, THREADS_MAX)?,
        },
        anonymous: auth.anonymous,
        issuers,
        keys: store::keys(raw, data_dir, warnings)?,
    })
}

fn webhook_client(raw: &raw::Webhooks) -> Result<ClientOptions, ConfigError> {
    Ok(ClientOptions {
        allow_private: raw.allow_private,
        timeout: Duration::from_millis(within("webhooks.timeout_ms", raw.timeout_ms, 100, 120_000)?),
        ca_file: Some(PathBuf::from(&raw.ca_file)).filter(|path| !path.as_os_str().is_empty()),
    })
}

fn webhooks(raw: &raw::Webhooks) -> Result<rialto_actors::webhooks::Settings, ConfigError> {
    if raw.retry_after_ms.len() >= rialto_actors::webhooks::limits::TRIES_MAX {
        return fail("webhooks.retry_after_ms has more than 31 entries");
    }
    for pause_ms in &raw.retry_after_ms {
        within("webhooks.retry_after_ms", *pause_ms, 1, 7 * 24 * 3_600_000)?;
    }
    let at_once_max = within("webhooks.at_once_max", raw.at_once_max, 1, 10_000)? as usize;
    Ok(rialto_actors::webhooks::Settings { retry_after_ms: raw.retry_after_ms.clone(), at_once_max })
}

fn issuer(raw: &raw::External) -> Result<ExternalIssuer, String> {
    let key = match (raw.key.is_empty(), raw.key_file.is_empty()) {
        (false, true) => raw.key.clone().into_bytes(),
        (true, false) => without_newline(std::fs::read(&raw.key_file).map_err(|error| format!("{}: {error}", raw.key_file))?),
        _ => return Err(format!("issuer {:?} needs either key or key_file", raw.issuer)),
    };
    if key.len() > KEY_BYTES_MAX {
        return Err(format!("the key of issuer {:?} is larger than 64 KiB", raw.issuer));
    }
    let terms = IssuerTerms {
        algorithm: &raw.algorithm,
        key: &key,
        issuer: &raw.issuer,
        audience: Some(raw.audience.as_str()).filter(|audience| !audience.is_empty()),
        require_issuer: raw.require_issuer,
    };
    ExternalIssuer::new(terms).map_err(|problem| problem.to_string())
}

/// Editors and `echo` end a file with a newline that is no part of a secret; PEM does not mind.
pub(super) fn without_newline(mut key: Vec<u8>) -> Vec<u8> {
    if key.last() == Some(&b'\n') {
        key.pop();
        if key.last() == Some(&b'\r') {
            key.pop();
        }
    }
    key
}

fn topics(raw: &raw::Topics) -> Result<TopicRules, ConfigError> {
    if raw.rules.len() > RULES_MAX {
        return fail("topics.rules has more than 256 entries");
    }
    let rules: Result<Vec<Rule>, ConfigError> = raw.rules.iter().map(rule).collect();
    Ok(TopicRules::new(raw.enabled, rules?))
}

fn rule(raw: &raw::TopicRule) -> Result<Rule, ConfigError> {
    let name = &raw.pattern;
    if name.is_empty() || name.len() > PATTERN_BYTES_MAX {
        return fail("topics.rules: a pattern has 1 to 255 bytes");
    }
    if RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return fail(&format!("topics.rules: {name:?} begins with a reserved prefix, so that no topic could match"));
    }
    if raw.recover && (raw.history_size == 0 || raw.history_ttl_ms == 0) {
        return fail(&format!("topics.rules: {name:?} has recover, which needs history_size and history_ttl_ms"));
    }
    Ok(Rule {
        pattern: name.as_str().into(),
        subscribe: access(raw.subscribe),
        publish: access(raw.publish),
        presence: access(raw.presence),
        join_leave: access(raw.join_leave),
        history_size: within("topics.rules.history_size", raw.history_size, 0, HISTORY_SIZE_MAX)?,
        history_ttl_ms: within("topics.rules.history_ttl_ms", raw.history_ttl_ms, 0, HISTORY_TTL_MS_MAX)?,
        recover: raw.recover,
    })
}

fn access(raw: raw::Access) -> Access {
    match raw {
        raw::Access::Anyone => Access::Anyone,
        raw::Access::User => Access::User,
        raw::Access::Token => Access::Token,
        raw::Access::Nobody => Access::Nobody,
    }
}

fn limits(raw: &raw::Limits) -> Result<Limits, ConfigError> {
    if raw.pong_within_ms >= raw.ping_interval_ms {
        return fail("limits.pong_within_ms must be less than limits.ping_interval_ms");
    }
    if raw.commands_burst_max < raw.commands_per_second_max {
        return fail("limits.commands_burst_max must not be less than limits.commands_per_second_max");
    }
    let count = |key: &str, value: u32| within(key, value as usize, 1, u32::MAX as usize);
    let time = |key: &str, value: u64| within(key, value, 100, 24 * 3_600_000);
    Ok(Limits {
        frame_bytes_max: within("limits.frame_bytes_max", raw.frame_bytes_max, FRAME_BYTES_MIN, BYTES_MAX)? as usize,
        outbox_bytes_max: within("limits.outbox_bytes_max", raw.outbox_bytes_max, raw.frame_bytes_max, BYTES_MAX)? as usize,
        connections_max: count("limits.connections_max", raw.connections_max)?,
        connections_per_user_max: count("limits.connections_per_user_max", raw.connections_per_user_max)?,
        subscriptions_per_connection_max: count("limits.subscriptions_per_connection_max", raw.subscriptions_per_connection_max)?,
        commands_per_second_max: within("limits.commands_per_second_max", raw.commands_per_second_max, 1, 1_000_000)?,
        commands_burst_max: within("limits.commands_burst_max", raw.commands_burst_max, 1, 10_000_000)?,
        // One connection of a user may always use its own rate.
        user_commands_per_second_max: within("limits.user_commands_per_second_max", raw.user_commands_per_second_max, 1, 1_000_000)?
            .max(raw.commands_per_second_max),
        user_commands_burst_max: within("limits.user_commands_burst_max", raw.user_commands_burst_max, 1, 10_000_000)?
            .max(raw.commands_burst_max),
        connect_within_ms: time("limits.connect_within_ms", raw.connect_within_ms)?,
        ping_interval_ms: time("limits.ping_interval_ms", raw.ping_interval_ms)?,
        pong_within_ms: time("limits.pong_within_ms", raw.pong_within_ms)?,
        expiry_grace_ms: within("limits.expiry_grace_ms", raw.expiry_grace_ms, 0, 3_600_000)?,
    })
}

pub(super) fn within<T: PartialOrd + std::fmt::Display>(key: &str, value: T, least: T, most: T) -> Result<T, ConfigError> {
    if value < least || value > most {
        return fail(&format!("{key} is {value}; it must be {least} to {most}"));
    }
    Ok(value)
}

pub(super) fn fail<T>(problem: &str) -> Result<T, ConfigError> {
    Err(ConfigError(problem.to_owned()))
}
