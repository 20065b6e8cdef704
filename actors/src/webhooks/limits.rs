//! Limits of webhooks, each with unit and reason.

/// Outgoing and incoming webhooks of one user. Above: `conflict`.
pub const WEBHOOKS_PER_USER_MAX: usize = 20;
/// Outgoing webhooks of one store that are delivered: all are in memory. Above: `conflict`.
pub const WEBHOOKS_MAX: usize = 10_000;
/// Bytes of a target's URL. Above: `invalid_argument`.
pub const URL_BYTES_MAX: usize = 2_048;
/// Posts of one webhook under way at the same time: one target must not take all.
pub const POSTS_PER_WEBHOOK_MAX: usize = 4;
/// Conversations with something to deliver, over all webhooks. Above, they are found again by a scan.
pub const LANES_MAX: usize = 65_536;
/// Conversations of one user that a scan looks at.
pub const SCAN_CONVERSATIONS_MAX: usize = 100_000;
/// Changed conversations that wait for the dispatcher. Above, they are found again by a scan.
pub const CHANGES_MAX: usize = 65_536;
/// Rows of one round: then other conversations have their turn.
pub const ROWS_PER_ROUND: usize = 16;
/// Milliseconds until rows are looked for again that an owner has appended and the store does not show yet.
pub const BEHIND_MS: u64 = 200;
/// Milliseconds until a round is tried again that the store refused.
pub const STORE_RETRY_MS: u64 = 1_000;
/// Milliseconds between two scans where other nodes append too.
pub const SHARED_SCAN_MS: u64 = 5_000;
/// Milliseconds between two scans where all rows pass here: after an overflow only.
pub const OWN_SCAN_MS: u64 = 60_000;
/// Milliseconds that a node delivers for all before it must renew its lease.
pub const LEASE_MS: u64 = 15_000;
/// Deliveries that are remembered per webhook, in memory.
pub const RECENT_DELIVERIES_MAX: usize = 50;
/// Dead letters that are kept per webhook; the oldest falls out.
pub const DEAD_LETTERS_MAX: usize = 1_000;
/// Milliseconds after a rotation in which the old secret signs too: 24 hours.
pub const ROTATION_OVERLAP_MS: u64 = 24 * 3600 * 1000;
/// One part in … by which a pause is made longer or shorter, so that targets that come back are not met by all at once.
pub const JITTER_PART: u64 = 5;
/// Tries of one event that an operator may configure.
pub const TRIES_MAX: usize = 32;
/// Seconds by which the time of a signed incoming post may differ from ours.
pub const SIGNED_WITHIN_S: u64 = 300;
/// Posts that one incoming webhook takes at once. Above: `rate_limited`.
pub const INCOMING_BURST: u32 = 60;
/// Milliseconds in which a whole burst comes back.
pub const INCOMING_REFILL_MS: u64 = 60_000;
/// Incoming webhooks whose rates are remembered.
pub const INCOMING_BUCKETS_MAX: usize = 10_000;
/// Times that a record is written again when somebody else was faster.
pub const RECORD_TRIES_MAX: usize = 8;
