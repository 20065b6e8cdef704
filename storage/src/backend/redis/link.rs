//! The one connection that all calls share. It is made with the first call, dropped at the first sign that it no longer serves, and made again: no call
//! is repeated. While Redis is away calls fail at once, but for one now and then that tries: nobody who could go on without Redis waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::metrics;
use super::servers::{Connection, Servers};

/// Time for one answer.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_millis(500);
/// Time to connect, sentinels and the discovery of a cluster included.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Time after a failure for which calls fail at once.
const AWAY: Duration = Duration::from_millis(500);

pub(super) struct Link {
    pub(super) servers: Servers,
    kept: Mutex<Kept>,
    /// The last connection failed, and there is none since: nobody waits for the next try.
    is_away: AtomicBool,
}

#[derive(Default)]
struct Kept {
    connection: Option<Connection>,
    /// Counts connections: a late failure of an earlier one does not end the present one.
    number: u64,
    away_until: Option<Instant>,
}

impl Link {
    pub(super) fn new(servers: Servers) -> Self {
        Self { servers, kept: Mutex::default(), is_away: AtomicBool::new(false) }
    }

    /// The connection and its number. The first callers wait until it is made.
    pub(super) async fn connection(&self) -> RedisResult<(u64, Connection)> {
        let mut kept = match self.is_away.load(Ordering::Relaxed) {
            false => self.kept.lock().await,
            true => self.kept.try_lock().map_err(|_| away())?,
        };
        if let Some(connection) = &kept.connection {
            return Ok((kept.number, connection.clone()));
        }
        if kept.away_until.is_some_and(|until| Instant::now() < until) {
            return Err(away());
        }
        let connecting = timeout(CONNECT_TIMEOUT, self.servers.connect(CONNECT_TIMEOUT, CALL_TIMEOUT)).await;
        match connecting.unwrap_or_else(|_| Err((ErrorKind::Io, "no connection in time").into())) {
            Ok(connection) => {
                kept.number += 1;
                kept.connection = Some(connection.clone());
                self.note(true);
                Ok((kept.number, connection))
            }
            Err(error) => {
                kept.away_until = Some(Instant::now() + AWAY);
                self.note(false);
                Err(error)
            }
        }
    }

    /// This connection no longer serves.
    pub(super) async fn failed(&self, number: u64) {
        let mut kept = self.kept.lock().await;
        if kept.number == number && kept.connection.take().is_some() {
            kept.away_until = Some(Instant::now() + AWAY);
            self.note(false);
        }
    }

    fn note(&self, is_there: bool) {
        self.is_away.store(!is_there, Ordering::Relaxed);
        metrics::connected(is_there);
    }
}

fn away() -> RedisError {
    (ErrorKind::Io, "Redis was away a moment ago").into()
}

/// Whether an error says that another connection is needed: this one is broken, silent, or leads to a server that is no master any more.
pub(super) fn ends_connection(error: &RedisError) -> bool {
    let moved_on = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown, ServerErrorKind::ClusterDown].map(ErrorKind::Server);
    error.is_io_error() || error.is_unrecoverable_error() || moved_on.contains(&error.kind())
}
