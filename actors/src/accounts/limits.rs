//! Limits of accounts, each with its unit, its reason and what happens when it is hit.

/// Characters of a user name, at least. Below: `invalid_argument`.
pub const USERNAME_CHARS_MIN: usize = 3;
/// Characters of a user name, at most. Above: `invalid_argument`. Names made for guests and for users of other issuers are longer, so nobody can register one.
pub const USERNAME_CHARS_MAX: usize = 32;
/// Characters of a display name. Above: `invalid_argument`.
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;
/// Characters of a password, at least. Below: `invalid_argument`.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Bytes of a password: hashing starts with one pass over it. Above: `invalid_argument`.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// Bytes of the subject of a foreign token. Above: the token is invalid.
pub const SUBJECT_BYTES_MAX: usize = 256;
/// Channels that a token may subscribe its connection to. Above: the token is invalid.
pub const TOKEN_CHANNELS_MAX: usize = rialto_protocol::limits::SUBSCRIPTIONS_PER_CONNECTION_MAX;
/// Seconds that an access token lives.
pub const ACCESS_TTL_S: u64 = 3600;
/// Seconds that a refresh token lives: 7 days.
pub const REFRESH_TTL_S: u64 = 7 * 24 * 3600;
/// Milliseconds in which the previous refresh token gives the same successor: two tabs that refresh at once.
pub const REFRESH_REPEAT_MS: u64 = 1000;
/// Milliseconds that another machine's clock may be ahead (`nbf`, `iat`). Expiry has no leeway.
pub const LEEWAY_MS: u64 = 5_000;
/// Wrong passwords per account and minute that are answered as such; the next one is `rate_limited`.
pub const LOGIN_FAILURES_PER_ACCOUNT: usize = 10;
/// Wrong passwords per address and minute that are answered as such; the next one is `rate_limited`.
pub const LOGIN_FAILURES_PER_ADDRESS: usize = 19;
/// Milliseconds over which failures and calls are counted.
pub const RATE_WINDOW_MS: u64 = 60_000;
/// Registrations per address and minute. Above: `rate_limited`.
pub const REGISTRATIONS_PER_MINUTE_MAX: u32 = 600;
/// Logins, refreshes, logouts and password changes per address and minute: many people share an address. Above: `rate_limited`.
pub const SESSION_CALLS_PER_MINUTE_MAX: u32 = 6_000;
/// Accounts, addresses and pairs of both that a throttle remembers; the oldest is forgotten first. To push an entry out an attacker needs more addresses than
/// the limit per address stops.
pub const THROTTLE_ENTRIES_MAX: usize = 65_536;
/// Milliseconds that an address counts as one from which this account was used: 30 days.
pub const KNOWN_ADDRESS_MS: u64 = 30 * 24 * 3600 * 1000;
/// Password checks that wait for a turn; at two at once that is some 4 s. Above: `overloaded`.
pub const HASH_QUEUE_MAX: usize = 256;
/// Milliseconds after which a client may try again when the queue is full.
pub const HASH_RETRY_MS: u32 = 2_000;
/// Keys that a ring holds: the newest signs, the others still verify. A rotation drops the oldest above.
pub const KEYS_KEPT_MAX: usize = 8;
/// Bytes of a secret that is made here.
pub const SECRET_BYTES: usize = 32;
/// Other issuers' keys in all: an unsigned claim decides which are tried.
pub const EXTERNAL_ISSUERS_MAX: usize = 64;
/// Bytes below which a shared secret of another issuer is warned about.
pub const SHARED_SECRET_BYTES_MIN: usize = 32;
/// Revocations that a lagging reader of the broadcast may miss before it must look at the whole set.
pub const REVOCATION_BACKLOG_MAX: usize = 1024;
/// Bot tokens that are remembered between uses.
pub const BOT_CACHE_MAX: usize = 1024;
/// Milliseconds that a bot token is believed without asking the store again.
pub const BOT_CACHE_MS: u64 = 30_000;
/// Bots that one user may have; operators may have any number. Above: `conflict`.
pub const BOTS_PER_USER_MAX: usize = 20;
/// Tokens of one bot that count at a time. Above: `conflict`; a rotation ends them all.
pub const TOKENS_PER_BOT_MAX: usize = 16;
/// Times that a record is written again when somebody else was faster.
pub const RECORD_TRIES_MAX: usize = 8;
/// Scopes of one bot token.
pub const BOT_SCOPES_MAX: usize = 64;
/// Users of other issuers that are known to exist without asking the store.
pub const EXTERNALS_SEEN_MAX: usize = 65_536;
/// Milliseconds that an idempotency key is remembered: 24 hours.
pub const IDEMPOTENCY_KEY_MS: u64 = 24 * 3600 * 1000;
/// Times that a refresh is tried again when another one of the same family was faster.
pub const REFRESH_TRIES_MAX: usize = 4;
/// Sessions of one user that a list shows: the most recently used.
pub const SESSIONS_SHOWN_MAX: usize = 100;
/// Characters kept of what a device says of itself.
pub const DEVICE_CHARS_MAX: usize = 200;
