//! A scenario file: who connects (personas), what happens when (phases), against what (target), and what must hold (thresholds).

mod layout;
mod load;
mod validate;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::limits::{SATURATED_LAG_MS, SOCKETS_PER_WORKER_MAX};

pub(crate) use layout::Layout;
pub(crate) use load::{load, shipped};

/// A whole scenario, parameters filled in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Its name in reports.
    pub(crate) name: String,
    /// What it shows, one sentence.
    pub(crate) about: String,
    /// The server under test.
    #[serde(default)]
    pub(crate) target: Target,
    /// The generator.
    #[serde(default)]
    pub(crate) run: Run,
    /// Who connects.
    pub(crate) personas: BTreeMap<String, Persona>,
    /// What happens, in order.
    pub(crate) phases: Vec<Phase>,
    /// What must hold; each sets the exit code.
    #[serde(default)]
    pub(crate) thresholds: Vec<String>,
}

/// Which protocol the server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Rialto: the Centrifuge protocol in JSON, and conversations.
    #[default]
    Rialto,
    /// Any other Centrifuge server: topics only.
    Centrifuge,
    /// A plain WebSocket server that sends each message to all sockets of the path it came from, or back.
    Ws,
    /// Socket.IO over a WebSocket.
    Socketio,
}

/// What a room is on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChannelKind {
    /// Plain pub/sub, history in memory.
    #[default]
    Topic,
    /// A durable conversation.
    Conversation,
}

/// The server under test.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Target {
    /// Its protocol.
    pub(crate) kind: Kind,
    /// What rooms are.
    pub(crate) channel: ChannelKind,
    /// `http://host:port` of a running server; `--target` goes before.
    pub(crate) url: Option<String>,
    /// A command that starts the server and prints `listening on http://127.0.0.1:PORT`; `--spawn` goes before.
    pub(crate) spawn: Option<String>,
    /// Path of the WebSocket; `{room}` stands for the room's number. Defaults by kind.
    pub(crate) path: Option<String>,
    /// What the names of topics begin with.
    pub(crate) channel_prefix: Option<String>,
    /// File with the HS256 key by which users' tokens are minted.
    pub(crate) token_key_file: Option<String>,
    /// The minted tokens' `iss`.
    pub(crate) issuer: Option<String>,
    /// Connect without any token, where the server allows it.
    pub(crate) anonymous: bool,
    /// CPUs that the server may use; empty = all.
    pub(crate) cpus: Vec<usize>,
    /// Port on this machine of the engine that the server keeps its truth on: whoever listens there has its CPU measured beside the server's.
    pub(crate) engine_port: Option<u16>,
}

/// The generator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Run {
    /// Generator processes; 0 = as many as the sockets need.
    pub(crate) workers: usize,
    /// Rooms that the personas are spread over.
    pub(crate) rooms: u32,
    /// CPUs that the generator may use; empty = all.
    pub(crate) cpus: Vec<usize>,
    /// Milliseconds after which a message without answer or delivery counts as timed out.
    pub(crate) send_timeout_ms: u64,
    /// Milliseconds within which a connection must be authenticated and subscribed.
    pub(crate) connect_timeout_ms: u64,
    /// Milliseconds that deliveries may still take once a phase has stopped sending.
    pub(crate) drain_ms: u64,
    /// Milliseconds that a cut client waits at least before it comes back.
    pub(crate) reconnect_wait_ms: u64,
    /// Upper bound in milliseconds of the random wait on top of that, as SDKs do.
    pub(crate) reconnect_spread_ms: u64,
    /// 99th percentile of the schedule lag in milliseconds above which the generator counts as saturated.
    pub(crate) lag_ms_max: u64,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            workers: 0,
            rooms: 1,
            cpus: Vec::new(),
            send_timeout_ms: 10_000,
            connect_timeout_ms: 15_000,
            drain_ms: 10_000,
            reconnect_wait_ms: 0,
            reconnect_spread_ms: 500,
            lag_ms_max: SATURATED_LAG_MS,
        }
    }
}

/// Clients that behave alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Persona {
    /// How many.
    pub(crate) count: u32,
    /// Whether they live in a generator process apart, before whose work that of the others waits: what they measure is then not the others' load on the
    /// generator itself.
    #[serde(default)]
    pub(crate) apart: bool,
    /// Rooms that each is in.
    #[serde(default = "one")]
    pub(crate) rooms_each: u32,
    /// Whether they listen to their rooms.
    #[serde(default = "yes")]
    pub(crate) subscribe: bool,
    /// Bytes of a message's text.
    #[serde(default = "default_size")]
    pub(crate) size: usize,
    /// Bytes of the kernel's receive buffer; a small one makes a reader that stops visible to the server soon.
    pub(crate) receive_buffer: Option<usize>,
    /// Close codes that are no loss for this persona: it comes back and recovers. An end without a code counts as well.
    #[serde(default)]
    pub(crate) expect_close: Vec<u16>,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn default_size() -> usize {
    128
}

/// A stretch of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phase {
    /// Its name; thresholds say `@name`.
    pub(crate) name: String,
    /// How long it takes; with `until_done` how long it may take.
    pub(crate) seconds: f64,
    /// Ends as soon as everybody is connected, subscribed, recovered, and all counted messages are answered.
    #[serde(default)]
    pub(crate) until_done: bool,
    /// Share of each persona that is connected when the phase ends.
    #[serde(default)]
    pub(crate) connect: BTreeMap<String, f64>,
    /// New connections a second; 0 = spread over `seconds`.
    #[serde(default)]
    pub(crate) connect_rate: f64,
    /// Share of each persona whose sockets are cut at once when the phase begins.
    #[serde(default)]
    pub(crate) cut: BTreeMap<String, f64>,
    /// Disconnects a second of each persona; who was cut comes back.
    #[serde(default)]
    pub(crate) churn: BTreeMap<String, f64>,
    /// Personas that stop reading when the phase begins.
    #[serde(default)]
    pub(crate) stop_reading: Vec<String>,
    /// Personas that read again when the phase begins.
    #[serde(default)]
    pub(crate) resume_reading: Vec<String>,
    /// The server is killed when the phase begins, and started again with the same command: only one that the run spawned.
    #[serde(default)]
    pub(crate) restart: bool,
    /// Memory per added connection counts from the end of this phase: what the first few connections cost once (code, caches) is left out of it.
    #[serde(default)]
    pub(crate) reference: bool,
    /// Who sends, and how.
    #[serde(default)]
    pub(crate) send: BTreeMap<String, Send>,
    /// Whether a saturated generator in this phase voids the run's latency and throughput.
    #[serde(default = "yes")]
    pub(crate) measure: bool,
}

/// How a persona sends in a phase: exactly one of `rate`, `share` with `of`, `think_ms` (open) and `depth` (closed).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Send {
    /// Messages a second of the whole persona, whatever the server does.
    pub(crate) rate: Option<f64>,
    /// Instead of a rate: this share of what the persona had answered a second in the phase `of`.
    pub(crate) share: Option<f64>,
    /// The earlier phase that `share` is about.
    pub(crate) of: Option<String>,
    /// Arrivals at random (Poisson) instead of evenly spaced.
    pub(crate) poisson: bool,
    /// Each sender waits this long between messages, uniformly between both, counted from the last intended time.
    pub(crate) think_ms: Option<[u64; 2]>,
    /// Each sender keeps so many in flight.
    pub(crate) depth: Option<u32>,
    /// What ends a message's flight.
    pub(crate) complete: Complete,
    /// Bytes of text instead of the persona's.
    pub(crate) size: Option<usize>,
    /// Messages of each sender at most.
    pub(crate) count: Option<u64>,
}

/// What ends a message's flight in a closed loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Complete {
    /// The server's answer.
    #[default]
    Ack,
    /// Answer, and delivery to every subscriber that the sender's own process holds.
    Deliver,
}

impl Scenario {
    /// All connections.
    pub(crate) fn sockets(&self) -> u32 {
        self.personas.values().map(|persona| persona.count).sum()
    }

    /// Whether some clients live in a process apart: the last one.
    pub(crate) fn has_apart(&self) -> bool {
        self.personas.values().any(|persona| persona.apart)
    }

    /// Generator processes that the scenario wants.
    pub(crate) fn processes(&self) -> usize {
        let crowd: u32 = self.personas.values().filter(|persona| !persona.apart).map(|persona| persona.count).sum();
        self.run.workers.max(crowd.div_ceil(SOCKETS_PER_WORKER_MAX) as usize).max(1) + usize::from(self.has_apart())
    }

    /// Which of a persona's clients live in generator process `worker` of `workers`.
    pub(crate) fn share(&self, persona: &Persona, worker: usize, workers: usize) -> Range<u32> {
        if !self.has_apart() {
            return Layout::share(persona.count, worker, workers);
        }
        let others = workers - 1;
        match (persona.apart, worker == others) {
            (true, true) => 0..persona.count,
            (false, false) => Layout::share(persona.count, worker, others),
            (true, false) | (false, true) => 0..0,
        }
    }

    /// Path of the WebSocket for a room.
    pub(crate) fn path(&self, room: u32) -> String {
        let default = match self.target.kind {
            Kind::Rialto | Kind::Centrifuge => "/connection/websocket",
            Kind::Ws => "/{room}",
            Kind::Socketio => "/socket.io/?EIO=4&transport=websocket",
        };
        self.target.path.as_deref().unwrap_or(default).replace("{room}", &room.to_string())
    }
}
