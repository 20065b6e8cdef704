//! Every limit and default time of the SDK, with its unit and what happens when it is hit. Those that a caller may change have a builder method.

/// Requests that wait for an answer, at most: sends while disconnected count too. Above: [`crate::Error::QueueFull`].
pub const REQUESTS_MAX: usize = 1_024;
/// Events that wait in one [`crate::Events`] stream. Above: the oldest go, and [`crate::Event::Lagged`] says how many.
pub const EVENTS_MAX: usize = 1_024;
/// Channels that one client may be subscribed to by its own wish. Above: [`crate::Error::QueueFull`]; the server's own limit is lower by default.
pub const SUBSCRIPTIONS_MAX: usize = 1_024;
/// Bytes of the buffer that socket reads go through, per connection.
pub const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes that are gathered before a socket write.
pub const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes that may wait in the WebSocket layer for a slow socket; more waits in the request queue.
pub const WRITE_BUFFER_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one message from the server: 300 recovered messages of 32 KiB with room for escapes. Above: the connection is dropped.
pub const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Milliseconds for TCP and the WebSocket handshake. After: the next address.
pub const OPEN_WITHIN_MS: u64 = 5_000;
/// Milliseconds from the handshake to the connect reply. After: the next address.
pub const CONNECT_WITHIN_MS: u64 = 5_000;
/// Milliseconds for a token callback. After: a temporary failure.
pub const TOKEN_WITHIN_MS: u64 = 15_000;
/// Milliseconds for a subscribe reply. After: the connection is dropped and made anew.
pub const SUBSCRIBE_WITHIN_MS: u64 = 5_000;
/// Milliseconds for one attempt of a request. After: it is sent again where that is safe.
pub const ACK_WITHIN_MS: u64 = 5_000;
/// Milliseconds for a request with all its attempts, reconnects included. After: [`crate::Error::Timeout`].
pub const REQUEST_WITHIN_MS: u64 = 30_000;
/// Milliseconds beyond the announced ping interval without any traffic. After: the connection is dropped and made anew.
pub const PING_GRACE_MS: u64 = 10_000;
/// Shortest pause before a reconnect, milliseconds.
pub const BACKOFF_MIN_MS: u64 = 500;
/// Longest pause before a reconnect, milliseconds.
pub const BACKOFF_MAX_MS: u64 = 20_000;
/// Milliseconds that a connection must hold for the next pause to be short again.
pub const STABLE_MS: u64 = 10_000;
/// Shortest pause before a request that failed with a temporary error goes out again, milliseconds.
pub const RETRY_MIN_MS: u64 = 100;
/// Longest pause before a request that failed with a temporary error goes out again, milliseconds.
pub const RETRY_MAX_MS: u64 = 5_000;
/// Shortest pause before a failed token refresh is tried again, milliseconds; the longest is twice this.
pub const REFRESH_RETRY_MS: u64 = 5_000;
/// Longest time before its end that a token is renewed, milliseconds; one tenth of its life when that is less.
pub const REFRESH_AHEAD_MS_MAX: u64 = 60_000;
/// Milliseconds that `close` waits for answers that are under way, and again for the server's close frame.
pub const CLOSE_WITHIN_MS: u64 = 2_000;

/// Room in the command channel for what holds no request permit (unsubscribe, close).
pub(crate) const CONTROL_COMMANDS_MAX: usize = 16;
