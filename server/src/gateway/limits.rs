//! Every limit of the socket side of one gateway thread.

use std::time::Duration;

use rialto_protocol::limits::{PING_INTERVAL_MS, PONG_WITHIN_MS};

/// Limits of one gateway thread. Each says what happens when it is hit.
#[derive(Clone, Debug)]
pub struct GatewayLimits {
    /// Sockets of all kinds, a file descriptor each. Above: 503 at accept.
    pub connections_max: usize,
    /// Accepted sockets that wait for this thread, a file descriptor each: many clients may come back at once, and those who are there go first. When
    /// the queues of all threads are full: 503 at accept.
    pub accept_queue_max: usize,
    /// Connections whose request head is not complete. Above: the oldest is dropped.
    pub heads_max: usize,
    /// Bytes of a request head. Above: 431.
    pub head_bytes_max: usize,
    /// Time from accept to a complete request head, in milliseconds. Above: 408.
    pub head_deadline_ms: u64,
    /// Bytes of a client's message, and so of its frame. Above: close code 1009.
    pub message_bytes_max: u32,
    /// Bytes of a message to `/debug/echo`. Above: close code 1009.
    pub echo_message_bytes_max: u32,
    /// Bytes of unsent echoes above which an echo socket is not read.
    pub echo_unsent_bytes_max: usize,
    /// Time for the close frame, and what stands before it, to reach a client that does not read, in milliseconds.
    /// Above: the socket is dropped.
    pub close_write_ms: u64,
    /// The same for a client that is closed because it does not read (3008), in milliseconds. Above: the socket is dropped, and the client finds an
    /// end without a code.
    pub slow_close_write_ms: u64,
    /// Bytes that are kept for so long, for each such client: the rest of a frame that was sent in part, and the close frame. Above: `close_write_ms`.
    pub slow_close_bytes_max: usize,
    /// After shutting down writing: how long input is read and discarded so that the code arrives, in milliseconds.
    pub close_linger_ms: u64,
    /// After shutting down writing: bytes discarded before the socket is dropped.
    pub close_linger_bytes_max: usize,
    /// Idle time of an HTTP connection between two requests, in milliseconds. Above: closed.
    pub http_keep_alive_ms: u64,
    /// Time for the head of a later request on a kept HTTP connection, in milliseconds. Above: 408.
    pub http_head_deadline_ms: u64,
    /// Time an HTTP connection may take to close, in milliseconds. Above: dropped.
    pub http_disconnect_ms: u64,
    /// Sockets closed at once while draining.
    pub drain_group: usize,
    /// Pause between two such groups, in milliseconds, so that reconnects do not come in one wave.
    pub drain_pace_ms: u64,
    /// Time that commands under way have to be answered when a drain begins, in milliseconds. Above: their connections are closed all the same.
    pub drain_settle_ms: u64,
    /// Time from the begin of a drain to its end, in milliseconds. Above: what is left is dropped.
    pub drain_deadline_ms: u64,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            connections_max: 100_000,
            accept_queue_max: 16_384,
            heads_max: 4096,
            head_bytes_max: 16 << 10,
            head_deadline_ms: 10_000,
            message_bytes_max: 64 << 10,
            echo_message_bytes_max: 16 << 20,
            echo_unsent_bytes_max: 1 << 20,
            close_write_ms: 2_000,
            // What any client has to show that it is still there.
            slow_close_write_ms: PING_INTERVAL_MS + PONG_WITHIN_MS,
            slow_close_bytes_max: 128 << 10,
            close_linger_ms: 2_000,
            close_linger_bytes_max: 4 << 20,
            http_keep_alive_ms: 60_000,
            http_head_deadline_ms: 10_000,
            http_disconnect_ms: 2_000,
            drain_group: 200,
            drain_pace_ms: 20,
            drain_settle_ms: 5_000,
            drain_deadline_ms: 8_000,
        }
    }
}

/// Pending connections in the kernel's queue of the listening socket; the kernel cuts it to `somaxconn`.
pub const LISTEN_BACKLOG: i32 = 4096;
/// Accepted sockets that a thread takes in before all else that is ready gets its turn. One costs some 0.2 ms until it has connected and recovered, so in a
/// storm of reconnects those who are connected wait for about a millisecond of it, and the storm gets the rest of the time.
pub(crate) const ADMISSIONS_PER_ROUND: usize = 4;
/// Reads of a connection for which it takes its turn among the new ones: its connect command, and its subscriptions.
pub(crate) const NEWCOMER_READS: u8 = 2;
/// Reads of new connections in one round, some 30 µs each with what follows from them: so many as admissions bring in.
pub(crate) const NEWCOMER_READS_PER_ROUND: usize = NEWCOMER_READS as usize * ADMISSIONS_PER_ROUND;
/// Connections that are over and given up in one round, some 20 µs each, before all else that is ready gets its turn.
pub(crate) const ENDED_PER_ROUND: usize = 16;
/// Bytes of the read buffer that all sockets of a thread share.
pub(crate) const READ_BUFFER_BYTES: usize = 64 << 10;
/// Reads of one socket before the others get their turn.
pub(crate) const READS_PER_TURN: usize = 4;
/// Sockets of one kind, alone or with their room, written to in one round before other tasks get their turn: some 0.3 ms.
pub(crate) const SOCKETS_PER_ROUND: usize = 128;
/// Time at most that large rooms go on gathering after a flush of them.
pub(crate) const ROOM_REST_MAX: Duration = Duration::from_millis(10);
/// Slices in one vectored write; the kernel takes up to 1024, and filling more costs more than another call.
pub(crate) const WRITE_SLICES_MAX: usize = 64;
/// Slots of the queue that is kept for the next flush; a larger one is given back to the allocator.
pub(crate) const SPARE_QUEUE_SLOTS_MAX: usize = 1024;
/// Bytes of `User-Agent` that are kept.
pub(crate) const USER_AGENT_BYTES_MAX: usize = 256;
/// Headers of a request that may ask for an upgrade; the number that actix-http accepts.
pub(crate) const HEADERS_MAX: usize = 96;
