//! The one place of this crate that reads clocks: monotonic time for deadlines, and the server's time for the dates of ids.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since an origin of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(crate) fn now_ms(self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn at(self, ms: u64) -> Instant {
        self.origin + std::time::Duration::from_millis(ms)
    }
}

/// The server's wall clock as the connect reply told it, carried on by the monotonic clock: a client with a wrong clock still dates its ids right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerClock {
    told_ms: u64,
    at: Instant,
}

impl ServerClock {
    /// `told_ms` 0 means that the server told none: our own wall clock is the best guess.
    pub(crate) fn told(told_ms: u64) -> Self {
        Self { told_ms: if told_ms == 0 { wall_ms() } else { told_ms }, at: Instant::now() }
    }

    pub(crate) fn now_ms(self) -> u64 {
        self.told_ms.saturating_add(u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock module of this crate; used only for a server that tells no time")]
fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
