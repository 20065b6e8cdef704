//! Where Redis is: one server, a cluster, or a master that sentinels know.

use rialto_storage::backend::redis::{RedisOptions, RedisServers};

use super::store::secret;
use super::validate::fail;
use super::{ConfigError, raw};

/// Servers that are named; the others are found through them.
const SERVERS_MAX: usize = 64;

/// How to reach Redis, if it is wanted.
pub(super) fn options(raw: &raw::Redis) -> Result<Option<RedisOptions>, ConfigError> {
    let named = |servers: &[String]| servers.len() <= SERVERS_MAX && servers.iter().all(|server| is_address(server));
    if !named(&raw.cluster) || !named(&raw.sentinels) {
        return fail("redis.cluster and redis.sentinels name up to 64 servers, each host:port");
    }
    if raw.sentinels.is_empty() != raw.master.is_empty() {
        return fail("redis.sentinels and redis.master are given together or not at all");
    }
    let servers = match (raw.url.is_empty(), raw.cluster.is_empty(), raw.sentinels.is_empty()) {
        (true, true, true) if raw.username.is_empty() && raw.password_file.is_empty() => return Ok(None),
        (false, true, true) => RedisServers::One(raw.url.clone()),
        (true, false, true) => RedisServers::Cluster(raw.cluster.clone()),
        (true, true, false) => RedisServers::Sentinels { sentinels: raw.sentinels.clone(), master: raw.master.clone() },
        _ => return fail("redis wants one of url, cluster and sentinels"),
    };
    if raw.url.starts_with("rediss:") {
        return fail("redis.url: this build has no TLS to Redis; keep it and the nodes in one trusted network, or tunnel");
    }
    if !raw.url.is_empty() && !raw.url.starts_with("redis://") {
        // It may hold a password: it is not shown.
        return fail("redis.url is none; expected redis://[user:password@]host:port");
    }
    let credentials = match (raw.username.is_empty(), raw.password_file.is_empty()) {
        (true, true) => None,
        (false, true) => return fail("redis.username needs redis.password_file"),
        (_, false) => {
            let password = String::from_utf8(secret("redis.password_file", &raw.password_file)?);
            Some((raw.username.clone(), password.map_err(|_| ConfigError("redis.password_file is no text".to_owned()))?))
        }
    };
    Ok(Some(RedisOptions { servers, credentials }))
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}
