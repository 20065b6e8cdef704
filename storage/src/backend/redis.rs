//! Redis: limits, presence, news and the job doorbell. Never the truth: losing all of it loses nothing that was acknowledged.
//!
//! One link that mends itself carries everything but the doorbell's waiting, which blocks its connection and has one of its own. Every call has a time of our own.
//! In a cluster the keys that one call touches carry the same hash tag, and different names are spread over its nodes.

mod doorbell;
mod limits;
mod link;
mod metrics;
mod presence;
mod revocations;
mod servers;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{FromRedisValue, RedisError, RedisResult, Script};
use tokio::runtime::Handle;
use xxhash_rust::xxh3::xxh3_64;

use crate::{ErrorKind, Pending, StorageError};
use link::{CALL_TIMEOUT, CONNECT_TIMEOUT, Link, ends_connection};
use servers::{Connection, Servers};

pub use servers::{RedisOptions, RedisServers};

/// What every key of ours begins with.
const PREFIX: &str = "rialto";

/// Why Redis cannot be used at all: an address is none.
#[derive(Debug, thiserror::Error)]
#[error("redis: {0}")]
pub struct RedisAddressError(String);

/// Redis; clones share the connection.
#[derive(Clone)]
pub struct RedisShared {
    inner: Arc<Inner>,
}

struct Inner {
    link: Link,
    runtime: Handle,
    /// What keys begin with: the program and the store that they belong to.
    prefix: String,
    bucket: Script,
}

impl RedisShared {
    /// Redis at these addresses. It is connected to with the first call, and again whenever it was away. `namespace` keeps stores apart that share one Redis.
    /// Calls run on the present runtime.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(options: &RedisOptions, namespace: &str) -> Result<Self, RedisAddressError> {
        let servers = Servers::new(options).map_err(|error| RedisAddressError(error.to_string()))?;
        metrics::describe();
        let inner = Inner {
            link: Link::new(servers),
            runtime: Handle::current(),
            prefix: format!("{PREFIX}:{namespace}"),
            bucket: Script::new(limits::BUCKET),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A key. Those of one name lie on one node of a cluster, whatever the name contains.
    fn key(&self, what: &str, name: &str) -> String {
        format!("{}:{{{:016x}}}:{what}:{name}", self.inner.prefix, xxh3_64(name.as_bytes()))
    }

    /// Does something within the time of a call, on the runtime of ours.
    fn run<T, F>(&self, what: &'static str, call: impl FnOnce(Self, Connection) -> F + Send + 'static) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = RedisResult<T>> + Send + 'static,
    {
        self.run_within(what, CALL_TIMEOUT, call)
    }

    fn run_within<T, F>(&self, what: &'static str, time: Duration, call: impl FnOnce(Self, Connection) -> F + Send + 'static) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = RedisResult<T>> + Send + 'static,
    {
        let shared = self.clone();
        let running = self.inner.runtime.spawn(async move {
            let (number, connection) = shared.inner.link.connection().await?;
            let answer = tokio::time::timeout(time, call(shared.clone(), connection)).await;
            let answer = answer.unwrap_or_else(|_| Err((::redis::ErrorKind::Io, "no answer in time").into()));
            if answer.as_ref().is_err_and(ends_connection) {
                shared.inner.link.failed(number).await;
            }
            answer
        });
        // The connection may have to be made first.
        let patience = time + CONNECT_TIMEOUT;
        Box::pin(async move {
            let away = |cause: &dyn std::fmt::Display| {
                metrics::failed(what);
                StorageError::new(ErrorKind::Unavailable, what, cause)
            };
            match tokio::time::timeout(patience, running).await {
                Ok(Ok(answer)) => answer.map_err(|error: RedisError| away(&error)),
                Ok(Err(error)) => Err(away(&error)),
                Err(_) => Err(away(&"no answer in time")),
            }
        })
    }

    /// One command.
    fn command<T: FromRedisValue + Send + 'static>(&self, what: &'static str, command: ::redis::Cmd) -> Pending<T> {
        self.run(what, |_, mut connection| async move { command.query_async(&mut connection).await })
    }

    /// Several commands at once.
    fn pipeline<T: FromRedisValue + Send + 'static>(&self, what: &'static str, pipeline: ::redis::Pipeline) -> Pending<T> {
        self.run(what, |_, mut connection| async move { pipeline.query_async(&mut connection).await })
    }

    /// Whether it answers.
    pub fn ping(&self) -> Pending<()> {
        let pong = self.command::<String>("ask Redis for a sign of life", ::redis::cmd("PING"));
        Box::pin(async move { pong.await.map(drop) })
    }
}
