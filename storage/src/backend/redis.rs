//! Redis: limits, presence, news and the job doorbell. Never the truth: losing all of it loses nothing that was acknowledged.
//!
//! One connection that mends itself carries everything but the doorbell's waiting, which blocks its connection and has one of its own. Every call has a time of our own:
//! the driver would wait through its whole chain of reconnects.

mod doorbell;
mod limits;
mod presence;
mod revocations;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, FromRedisValue, RedisError, RedisResult, Script};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::{ErrorKind, Pending, StorageError};

/// Time for one call, reconnecting included.
const CALL_TIMEOUT: Duration = Duration::from_millis(500);
/// Time before the first try to connect again; doubles.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
/// Time between tries at most.
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// Tries of one chain of reconnects.
const RECONNECT_TRIES: usize = 6;
/// What every key of ours begins with.
const PREFIX: &str = "rialto";

/// Why Redis cannot be used at all: the address is none.
#[derive(Debug, thiserror::Error)]
#[error("redis.url: {0}")]
pub struct RedisUrlError(String);

/// Redis; clones share the connection.
#[derive(Clone)]
pub struct RedisShared {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    manager: OnceCell<ConnectionManager>,
    runtime: Handle,
    /// What keys begin with: the program and the store that they belong to.
    prefix: String,
    bucket: Script,
}

impl RedisShared {
    /// Redis at this address. It is connected to with the first call, and again whenever it was away. `namespace` keeps stores apart that share one Redis. Calls run on the present runtime.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(url: &str, namespace: &str) -> Result<Self, RedisUrlError> {
        let resp3 = if url.contains("protocol=") {
            url.to_owned()
        } else {
            format!("{url}{}protocol=resp3", if url.contains('?') { '&' } else { '?' })
        };
        let client = Client::open(resp3).map_err(|error| RedisUrlError(error.to_string()))?;
        let inner = Inner {
            client,
            manager: OnceCell::new(),
            runtime: Handle::current(),
            prefix: format!("{PREFIX}:{{{namespace}}}"),
            bucket: Script::new(limits::BUCKET),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    fn key(&self, what: &str, name: &str) -> String {
        format!("{}:{what}:{name}", self.inner.prefix)
    }

    async fn manager(&self) -> RedisResult<ConnectionManager> {
        let config = ConnectionManagerConfig::new()
            .set_min_delay(RECONNECT_MIN)
            .set_max_delay(RECONNECT_MAX)
            .set_number_of_retries(RECONNECT_TRIES)
            .set_connection_timeout(Some(CALL_TIMEOUT))
            .set_response_timeout(Some(CALL_TIMEOUT));
        let connect = || ConnectionManager::new_with_config(self.inner.client.clone(), config);
        self.inner.manager.get_or_try_init(connect).await.cloned()
    }

    /// Does something within the time of a call, on the runtime of ours.
    fn run<T, F>(&self, what: &'static str, call: impl FnOnce(Self) -> F) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = RedisResult<T>> + Send + 'static,
    {
        self.run_within(what, CALL_TIMEOUT, call)
    }

    fn run_within<T, F>(&self, what: &'static str, time: Duration, call: impl FnOnce(Self) -> F) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = RedisResult<T>> + Send + 'static,
    {
        let running = self.inner.runtime.spawn(tokio::time::timeout(time, call(self.clone())));
        Box::pin(async move {
            let away = |cause: &dyn std::fmt::Display| StorageError::new(ErrorKind::Unavailable, what, cause);
            match running.await {
                Ok(Ok(answer)) => answer.map_err(|error: RedisError| away(&error)),
                Ok(Err(_)) => Err(away(&"no answer in time")),
                Err(error) => Err(away(&error)),
            }
        })
    }

    /// One command.
    fn command<T: FromRedisValue + Send + 'static>(&self, what: &'static str, command: ::redis::Cmd) -> Pending<T> {
        self.run(what, |shared| async move { command.query_async(&mut shared.manager().await?).await })
    }

    /// Several commands at once.
    fn pipeline<T: FromRedisValue + Send + 'static>(&self, what: &'static str, pipeline: ::redis::Pipeline) -> Pending<T> {
        self.run(what, |shared| async move { pipeline.query_async(&mut shared.manager().await?).await })
    }

    /// Whether it answers.
    pub fn ping(&self) -> Pending<()> {
        let pong = self.command::<String>("ask Redis for a sign of life", ::redis::cmd("PING"));
        Box::pin(async move { pong.await.map(drop) })
    }
}
