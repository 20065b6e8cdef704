//! How much room is left, and whether a failure is for lack of it.

use std::io::{self, ErrorKind as IoKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redb::Error;

use super::medium::Medium;
use super::metrics;
use crate::clock::monotonic;

/// Waiting before the first new try after a commit failed for lack of space.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// The longest wait: what a caller sees after room was made.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Looks at the free bytes at most once per interval, and holds writes back for a while after the engine itself ran out of space.
#[derive(Debug)]
pub(crate) struct Space {
    medium: Arc<dyn Medium>,
    free_bytes_min: u64,
    look_every: Duration,
    looked: Option<(Instant, u64)>,
    held_until: Option<Instant>,
    backoff: Duration,
}

impl Space {
    pub(crate) fn new(medium: Arc<dyn Medium>, free_bytes_min: u64, look_every: Duration) -> Self {
        Self { medium, free_bytes_min, look_every, looked: None, held_until: None, backoff: BACKOFF_MIN }
    }

    /// True while there is less room than there must be.
    pub(crate) fn is_short(&mut self) -> bool {
        let now = monotonic();
        let free = match self.looked {
            Some((at, free)) if now.duration_since(at) < self.look_every => free,
            _ => {
                // A file system that does not say is no reason to refuse; the engine will notice a full one.
                let free = self.medium.free_bytes().unwrap_or_else(|error| {
                    tracing::warn!(%error, "look at the free bytes of the store");
                    u64::MAX
                });
                metrics::free_bytes(free);
                self.looked = Some((now, free));
                free
            }
        };
        free < self.free_bytes_min
    }

    /// True for a while after the engine ran out of space: each try would close and open it again.
    pub(crate) fn is_held(&mut self) -> bool {
        match self.held_until {
            Some(until) if monotonic() < until => true,
            _ => {
                self.held_until = None;
                false
            }
        }
    }

    /// The engine ran out of space: hold back, longer each time.
    pub(crate) fn ran_out(&mut self) -> Duration {
        let wait = self.backoff;
        self.held_until = Some(monotonic() + wait);
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        self.looked = None;
        wait
    }

    /// A commit worked.
    pub(crate) fn worked(&mut self) {
        self.backoff = BACKOFF_MIN;
    }
}

/// Whether a failure is for lack of space: full, over quota, or at the file size limit.
pub(crate) fn is_full(error: &Error) -> bool {
    match error {
        Error::Io(error) => is_full_io(error),
        _ => false,
    }
}

/// The same for a plain IO error.
pub(crate) fn is_full_io(error: &io::Error) -> bool {
    matches!(error.kind(), IoKind::StorageFull | IoKind::QuotaExceeded | IoKind::FileTooLarge)
}
