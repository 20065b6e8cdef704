//! What controller and generator processes say to each other: one JSON object a line, over pipes.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::sample::{ActionSample, Counters, Pairs};
use crate::scenario::Scenario;

/// From the controller.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// The first order.
    Setup(Box<Setup>),
    /// Begin a phase.
    Phase {
        /// Its number.
        index: usize,
        /// When it begins, monotonic nanoseconds.
        start_ns: u64,
        /// When the last message may be due.
        end_ns: u64,
        /// Messages a second of the personas whose rate is a share of what an earlier phase reached.
        rates: BTreeMap<String, f64>,
    },
    /// The server has moved.
    Target {
        /// Where it is.
        address: SocketAddr,
        /// As the Host header says it.
        host: String,
    },
    /// Stop sending and disconnecting; what is under way goes on.
    Stop,
    /// Conversations that other processes made: room and id.
    Rooms(Vec<(u32, String)>),
    /// Tell what was sent.
    Finish,
    /// Compare what was received with what all processes sent.
    Check(Vec<StreamEnd>),
    /// End.
    Quit,
}

/// What a generator process must know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// The scenario.
    pub(crate) scenario: Scenario,
    /// Number of this process.
    pub(crate) worker: usize,
    /// Number of processes.
    pub(crate) workers: usize,
    /// The server.
    pub(crate) address: SocketAddr,
    /// The server as the Host header says it.
    pub(crate) host: String,
    /// Part of names, so that runs do not meet each other's rooms.
    pub(crate) tag: String,
    /// Where tokens come from.
    pub(crate) tokens: Tokens,
}

/// Where users' tokens come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Tokens {
    /// The target wants none.
    None,
    /// Minted by HS256.
    Mint {
        /// The key, base64.
        key: String,
        /// The tokens' `iss`.
        issuer: Option<String>,
    },
    /// Tokens of registered users, shared by the clients in turn.
    Given(Vec<String>),
}

/// From a generator process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Note {
    /// Ready for phases.
    Ready,
    /// Conversations made: room and id.
    Rooms(Vec<(u32, String)>),
    /// What happened since the last report.
    Report(Box<Report>),
    /// What was sent.
    Streams(Vec<StreamEnd>),
    /// What the comparison found: only the counts of losses matter.
    Checked(Box<Counters>),
    /// It cannot go on.
    Failed(String),
}

/// What happened since the last report.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// When, monotonic nanoseconds.
    pub(crate) at_ns: u64,
    /// The phase.
    pub(crate) phase: usize,
    /// Whether the phase sends no more, and only the rest arrives.
    pub(crate) drains: bool,
    /// New counts.
    pub(crate) counters: Counters,
    /// New latencies.
    pub(crate) actions: Vec<ActionSample>,
    /// New lateness of the generator itself, microseconds.
    pub(crate) lag: Pairs,
    /// How things stand.
    pub(crate) gauges: Gauges,
    /// An example of each kind of error.
    pub(crate) examples: Vec<String>,
}

/// How things stand.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Gauges {
    /// Connections authenticated and subscribed.
    pub(crate) live: u64,
    /// Clients that should be live and are not (yet).
    pub(crate) connecting: u64,
    /// Messages under way.
    pub(crate) in_flight: u64,
    /// Messages of limited counts still to send.
    pub(crate) to_send: u64,
    /// CPU used by this process, nanoseconds.
    pub(crate) cpu_ns: u64,
    /// Resident memory of this process, bytes.
    pub(crate) memory: u64,
    /// The same before it knew of any client.
    pub(crate) memory_before: u64,
}

/// All that one sender sent into one room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StreamEnd {
    /// The room.
    pub(crate) room: u32,
    /// The sender's number within the room.
    pub(crate) sender: u32,
    /// How many.
    pub(crate) sent: u32,
    /// When the first was sent, monotonic nanoseconds.
    pub(crate) first_ns: u64,
    /// When the last was sent.
    pub(crate) last_ns: u64,
    /// Those refused, or of unknown fate; ascending.
    pub(crate) excused: Vec<u32>,
}
