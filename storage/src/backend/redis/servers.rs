//! Where Redis is: one server, a cluster, or a master that sentinels know.

use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::{ClusterClient, ClusterConfig};
use ::redis::cluster_async::ClusterConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisConnectionInfo,
    RedisError, RedisFuture, RedisResult, Value,
};
use futures_util::FutureExt;
use futures_util::future::select_ok;

/// Times that a cluster's driver follows a slot that has moved before it gives up.
const CLUSTER_RETRIES: u32 = 3;

/// How to reach Redis.
#[derive(Clone)]
pub struct RedisOptions {
    /// Which servers.
    pub servers: RedisServers,
    /// Who we are there, and the password; sentinels are asked without. An empty name is Redis' default user.
    pub credentials: Option<(String, String)>,
}

/// The servers of one Redis.
#[derive(Clone)]
pub enum RedisServers {
    /// One server: `redis://[user:password@]host:port`.
    One(String),
    /// Some nodes of a cluster, each `host:port`; the others are found through them.
    Cluster(Vec<String>),
    /// Whatever server is the master now, as these sentinels, each `host:port`, know it.
    Sentinels {
        /// The sentinels.
        sentinels: Vec<String>,
        /// The name under which they watch it.
        master: String,
    },
}

impl From<&str> for RedisOptions {
    fn from(url: &str) -> Self {
        Self { servers: RedisServers::One(url.to_owned()), credentials: None }
    }
}

/// Servers that can be connected to.
pub(super) enum Servers {
    One(Client),
    Cluster(Box<ClusterClient>),
    Sentinels { sentinels: Vec<Client>, master: String, settings: RedisConnectionInfo },
}

impl Servers {
    pub(super) fn new(options: &RedisOptions) -> RedisResult<Self> {
        let with_us = |settings: RedisConnectionInfo| {
            let settings = settings.set_protocol(ProtocolVersion::RESP3);
            match &options.credentials {
                Some((user, password)) if user.is_empty() => settings.set_password(password),
                Some((user, password)) => settings.set_username(user).set_password(password),
                None => settings,
            }
        };
        match &options.servers {
            RedisServers::One(url) => {
                let info = url.as_str().into_connection_info()?;
                let settings = with_us(info.redis_settings().clone());
                Ok(Self::One(Client::open(info.set_redis_settings(settings))?))
            }
            RedisServers::Cluster(nodes) => {
                let addresses = nodes.iter().map(|node| address(node)).collect::<RedisResult<Vec<_>>>()?;
                let mut builder = ClusterClient::builder(addresses).use_protocol(ProtocolVersion::RESP3).retries(CLUSTER_RETRIES);
                if let Some((user, password)) = &options.credentials {
                    builder = if user.is_empty() { builder } else { builder.username(user) }.password(password);
                }
                Ok(Self::Cluster(Box::new(builder.build()?)))
            }
            RedisServers::Sentinels { sentinels, master } => {
                let sentinels = sentinels.iter().map(|sentinel| Client::open(address(sentinel)?)).collect::<RedisResult<_>>()?;
                Ok(Self::Sentinels { sentinels, master: master.clone(), settings: with_us(RedisConnectionInfo::default()) })
            }
        }
    }

    /// A connection that waits so long for it, and so long for each answer.
    pub(super) async fn connect(&self, connecting: Duration, answer: Duration) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(connecting)).set_response_timeout(Some(answer));
        match self {
            Self::One(client) => client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::One),
            Self::Cluster(client) => {
                let config = ClusterConfig::new().set_connection_timeout(connecting).set_response_timeout(answer);
                client.get_async_connection_with_config(config).await.map(Connection::Cluster)
            }
            Self::Sentinels { sentinels, master, settings } => {
                // All at once: some may be silent, and some may not have heard of the newest master.
                let asked = sentinels.iter().map(|sentinel| master_of(sentinel, master, settings, &config).boxed());
                let (found, _others) = select_ok(asked).await?;
                Ok(Connection::One(found))
            }
        }
    }
}

fn address(text: &str) -> RedisResult<ConnectionAddr> {
    let (host, port) =
        text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))).ok_or_else(|| not_an_address(text))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() { Err(not_an_address(text)) } else { Ok(ConnectionAddr::Tcp(host.to_owned(), port)) }
}

fn not_an_address(text: &str) -> RedisError {
    (ErrorKind::InvalidClientConfig, "expected host:port", text.to_owned()).into()
}

/// A connection to the master that a sentinel names, if it is one: a sentinel may be behind.
async fn master_of(
    sentinel: &Client,
    name: &str,
    settings: &RedisConnectionInfo,
    config: &AsyncConnectionConfig,
) -> RedisResult<MultiplexedConnection> {
    let mut asked = sentinel.get_multiplexed_async_connection_with_config(config).await?;
    let mut ask = ::redis::cmd("SENTINEL");
    let found: Option<(String, u16)> = ask.arg("GET-MASTER-ADDR-BY-NAME").arg(name).query_async(&mut asked).await?;
    let Some((host, port)) = found else {
        return Err((ErrorKind::MasterNameNotFoundBySentinel, "the sentinel knows no such master").into());
    };
    let info = ConnectionAddr::Tcp(host, port).into_connection_info()?.set_redis_settings(settings.clone());
    let mut master = Client::open(info)?.get_multiplexed_async_connection_with_config(config).await?;
    let role: Vec<Value> = ::redis::cmd("ROLE").query_async(&mut master).await?;
    match role.first() {
        Some(Value::BulkString(role)) if role == b"master" => Ok(master),
        _ => Err((ErrorKind::Io, "the server that the sentinel names is no master").into()),
    }
}

/// A connection to one server, or to a whole cluster.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(one) => one.req_packed_command(command),
            Self::Cluster(cluster) => cluster.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(&'a mut self, pipeline: &'a Pipeline, offset: usize, count: usize) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(one) => one.req_packed_commands(pipeline, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(one) => one.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}
