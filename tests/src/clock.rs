//! The one place of the tests that reads a clock, and the two ways in which a test may wait.

use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a condition may take before the test is called failed; generous, since two cores may be shared by many.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How often [`eventually`] looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(15);

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the tests' one wall clock")]
#[must_use]
pub fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970");
    u64::try_from(since_1970.as_millis()).expect("milliseconds since 1970 fit in 64 bits")
}

/// A monotonic instant, for deadlines and for measured durations.
#[expect(clippy::disallowed_methods, reason = "the tests' one monotonic clock")]
#[must_use]
pub fn instant() -> Instant {
    Instant::now()
}

/// Runs `future`, and fails the test if it takes longer than [`PATIENCE`].
///
/// # Panics
/// When the deadline passes; the message names `what`.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    within_time(what, PATIENCE, future).await
}

/// [`within`] with a deadline of its own.
///
/// # Panics
/// When the deadline passes; the message names `what`.
pub async fn within_time<T>(what: &str, patience: Duration, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(patience, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {patience:?}"),
    }
}

/// Asks `probe` again and again until it answers `Some`.
///
/// # Panics
/// When it has not done so within [`PATIENCE`]; the message names `what`.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let started = instant();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        look_again().await;
    }
}

/// The pause between two looks at a condition, for loops that [`eventually`] cannot express.
pub async fn look_again() {
    tokio::time::sleep(LOOK_AGAIN).await;
}
