//! Limits of the console, each with its unit, its reason and what happens when it is hit.

use std::time::Duration;

/// Time between two samples.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Samples that are kept: one hour, some 200 bytes each. The oldest goes first.
pub const SAMPLES_KEPT_MAX: usize = 3600;
/// Samples in one frame of a feed's history: some 100 KiB.
pub const SAMPLES_PER_FRAME_MAX: usize = 600;
/// Rooms that a sample names.
pub const ROOMS_SHOWN_MAX: usize = 10;
/// Time between two looks at what the node depends on.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Feeds that are let in. Above: closed with 3504.
pub const FEEDS_MAX: usize = 32;
/// Time in which a feed must say who listens. After: closed with 3502.
pub const AUTH_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of a frame to the feed: a token is shorter. Above: the socket is closed.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Samples for which a feed owes a pong. Above it is closed with 3008: what waits for a socket that does not read is bounded so.
pub const UNANSWERED_MAX: u32 = 20;
/// Samples that a feed may miss while its thread is busy; the page sees a gap.
pub const SAMPLES_WAITING_MAX: usize = 16;
/// Log lines that are kept. The oldest goes first.
pub const LOG_LINES_KEPT_MAX: usize = 2_000;
/// Bytes of all log lines that are kept. The oldest goes first.
pub const LOG_BYTES_KEPT_MAX: usize = 1024 * 1024;
/// Bytes of one log line that is kept whole. Above: its beginning.
pub const LOG_LINE_BYTES_MAX: usize = 8 * 1024;
/// Log lines of one answer.
pub const LOG_LINES_SHOWN_MAX: usize = 500;
