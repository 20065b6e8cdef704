//! The one place of this crate that reads clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time: for durations and for what happens once a second.
#[expect(clippy::disallowed_methods, reason = "the crate's one reader of the monotonic clock")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970: only for the date that a backup carries.
#[expect(clippy::disallowed_methods, reason = "the crate's one reader of the wall clock")]
pub(crate) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
