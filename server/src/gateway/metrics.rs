//! The metrics of the socket side. Handles are looked up once per thread, never per frame.

use std::cell::RefCell;
use std::collections::BTreeMap;

use metrics::{Counter, Gauge, counter, gauge};

/// Close codes that get a label of their own at most; later ones share `other`, as codes come from clients too.
const CLOSE_CODES_MAX: usize = 64;
/// The code that stands for a connection that ended without a close frame (RFC 6455 7.1.5).
pub(crate) const CODE_ABNORMAL: u16 = 1006;

pub(crate) struct GatewayMetrics {
    pub(crate) connections: Gauge,
    pub(crate) connections_total: Counter,
    pub(crate) http_connections: Gauge,
    pub(crate) received_bytes: Counter,
    pub(crate) sent_bytes: Counter,
    pub(crate) socket_writes: Counter,
    pub(crate) frames_received: Counter,
    pub(crate) panics: Counter,
    closed: RefCell<BTreeMap<u16, Counter>>,
    closed_other: Counter,
    refused: [Counter; RefusalReason::ALL.len()],
}

/// Why a connection or a request head was refused by the gateway itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalReason {
    /// The head was not complete in time.
    Timeout,
    /// The head was longer than allowed.
    TooLarge,
    /// The oldest half-open head made place for a new one.
    Crowded,
    /// The client left in the middle of a head.
    Aborted,
    /// The thread holds as many connections as it may, or is draining.
    Full,
    /// An upgrade request broke the handshake's rules.
    BadHandshake,
    /// An upgrade request that the policy does not admit, such as one of a foreign origin.
    Forbidden,
}

impl RefusalReason {
    const ALL: [Self; 7] = [Self::Timeout, Self::TooLarge, Self::Crowded, Self::Aborted, Self::Full, Self::BadHandshake, Self::Forbidden];

    fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Crowded => "crowded",
            Self::Aborted => "aborted",
            Self::Full => "full",
            Self::BadHandshake => "bad_handshake",
            Self::Forbidden => "forbidden",
        }
    }
}

impl GatewayMetrics {
    pub(crate) fn new() -> Self {
        Self {
            connections: gauge!("rialto_connections"),
            connections_total: counter!("rialto_connections_total"),
            http_connections: gauge!("rialto_http_connections"),
            received_bytes: counter!("rialto_received_bytes_total"),
            sent_bytes: counter!("rialto_sent_bytes_total"),
            socket_writes: counter!("rialto_socket_writes_total"),
            frames_received: counter!("rialto_frames_received_total"),
            panics: counter!("rialto_actor_panics_total", "actor" => "gateway"),
            closed: RefCell::default(),
            closed_other: counter!("rialto_closed_total", "code" => "other"),
            refused: RefusalReason::ALL.map(refused_counter),
        }
    }

    pub(crate) fn refused(&self, reason: RefusalReason) {
        self.refused[reason as usize].increment(1);
    }

    pub(crate) fn closed(&self, code: u16) {
        let mut closed = self.closed.borrow_mut();
        if closed.len() >= CLOSE_CODES_MAX && !closed.contains_key(&code) {
            self.closed_other.increment(1);
            return;
        }
        closed.entry(code).or_insert_with(|| counter!("rialto_closed_total", "code" => code.to_string())).increment(1);
    }
}

pub(crate) fn refused_counter(reason: RefusalReason) -> Counter {
    counter!("rialto_http_heads_refused_total", "reason" => reason.label())
}
