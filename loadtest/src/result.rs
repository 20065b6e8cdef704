//! What a run yields: the JSON report, its schema in `schema/report.schema.json`.

mod metrics;
mod tally;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use metrics::{headline, saturated, value};
pub(crate) use tally::Tally;

use crate::process::Usage;
use crate::sample::Counters;
use crate::threshold::Outcome;

/// Version of the report's form.
pub(crate) const FORMAT: &str = "rialto-load/1";

/// The whole report.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RunReport {
    /// [`FORMAT`].
    pub(crate) format: String,
    /// The scenario's name.
    pub(crate) scenario: String,
    /// What it shows.
    pub(crate) about: String,
    /// When it began, milliseconds since 1970.
    pub(crate) started_ms: u64,
    /// The server.
    pub(crate) target: TargetReport,
    /// The machine and the generator.
    pub(crate) machine: Machine,
    /// What came of it.
    pub(crate) verdict: Verdict,
    /// Each threshold.
    pub(crate) thresholds: Vec<Outcome>,
    /// Each phase.
    pub(crate) phases: Vec<PhaseReport>,
    /// The whole run.
    pub(crate) total: PhaseReport,
    /// Each second.
    pub(crate) seconds: Vec<SecondReport>,
    /// The figures that runs are compared by, flat; times in microseconds, memory in bytes.
    pub(crate) metrics: BTreeMap<String, f64>,
    /// An example of each kind of trouble.
    pub(crate) examples: Vec<String>,
}

impl RunReport {
    /// Whether it says nothing at all: clients were lost, or the server or the generator broke. A saturated generator voids only what rests on time.
    pub(crate) fn is_void(&self) -> bool {
        self.verdict.broken || self.total.counters.clients_lost > 0
    }
}

/// The server under test.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct TargetReport {
    /// Its protocol.
    pub(crate) kind: String,
    /// What rooms were.
    pub(crate) channel: String,
    /// Where it was.
    pub(crate) url: String,
    /// Its processes; empty when they could not be read.
    pub(crate) pids: Vec<i32>,
}

/// The machine and the generator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) cpu: String,
    /// Cores that the operating system offers.
    pub(crate) cores: usize,
    /// The kernel.
    pub(crate) kernel: String,
    /// Generator processes.
    pub(crate) workers: usize,
    /// Clients.
    pub(crate) sockets: u32,
}

/// What came of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// 0 held, 1 missed, 3 void.
    pub(crate) exit: u8,
    /// One line.
    pub(crate) text: String,
    /// Why the run is void.
    pub(crate) void: Vec<String>,
    /// Whether the server or the generator broke.
    pub(crate) broken: bool,
    /// Whether the generator was saturated in a measured phase: latency and throughput say nothing then.
    pub(crate) saturated: bool,
}

/// A stretch of the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PhaseReport {
    /// Its name.
    pub(crate) name: String,
    /// Whether a saturated generator matters here.
    pub(crate) measure: bool,
    /// How long it took until it stopped sending.
    pub(crate) seconds: f64,
    /// What was counted.
    pub(crate) counters: Counters,
    /// What took how long, by `persona.action`.
    pub(crate) latencies: BTreeMap<String, Corrected>,
    /// Live connections at the end.
    pub(crate) connections: u64,
    /// What the server used within the phase, and what it held at its end.
    pub(crate) server: Option<ServerReport>,
    /// The generator.
    pub(crate) generator: GeneratorReport,
}

/// Both ways to time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Corrected {
    /// From the intended time.
    pub(crate) corrected: Summary,
    /// From the actual time.
    pub(crate) uncorrected: Summary,
    /// How many a second while the phase sent: what arrives afterwards is timed, but no throughput.
    pub(crate) rate: f64,
}

/// A histogram in short; times in microseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// How many.
    pub(crate) count: u64,
    /// The mean.
    pub(crate) mean: f64,
    /// The smallest.
    pub(crate) min: u64,
    /// The median.
    pub(crate) p50: u64,
    /// Nine of ten are below.
    pub(crate) p90: u64,
    /// 99 of 100.
    pub(crate) p99: u64,
    /// 999 of 1,000.
    pub(crate) p999: u64,
    /// The largest.
    pub(crate) max: u64,
}

/// The server in a phase.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ServerReport {
    /// CPU used, microseconds.
    pub(crate) cpu_us: f64,
    /// Seconds that it was used in: the phase, and the moment in which its last messages arrive.
    pub(crate) seconds: f64,
    /// At the phase's end.
    pub(crate) end: Usage,
    /// Resident bytes a connection beyond what was resident before the first one.
    pub(crate) memory_per_connection: Option<f64>,
    /// The same, anonymous memory only.
    pub(crate) anonymous_per_connection: Option<f64>,
    /// Resident bytes a connection that came after the end of the reference phase, beyond what was resident then.
    pub(crate) memory_per_added_connection: Option<f64>,
    /// From the start of a killed server to its accepting again, microseconds.
    pub(crate) start_us: Option<f64>,
    /// CPU that the engine behind it used meanwhile, microseconds.
    pub(crate) engine_cpu_us: Option<f64>,
}

/// The generator in a phase.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct GeneratorReport {
    /// Share of a core that its busiest process used.
    pub(crate) cpu: f64,
    /// 99th percentile of its lateness, microseconds.
    pub(crate) lag_p99_us: u64,
    /// Own resident bytes a socket beyond what was resident without sockets.
    pub(crate) memory_per_socket: Option<f64>,
    /// Whether it was too busy to time anything.
    pub(crate) saturated: bool,
    /// Each of its processes.
    pub(crate) processes: Vec<ProcessReport>,
}

/// One process of the generator in a phase.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ProcessReport {
    /// Whose clients live in it.
    pub(crate) personas: Vec<String>,
    /// Messages that they sent.
    pub(crate) sends: u64,
    /// Share of a core that it used.
    pub(crate) cpu: f64,
    /// 99th percentile of its lateness, microseconds.
    pub(crate) lag_p99_us: u64,
    /// Whether it was too busy to time anything.
    pub(crate) saturated: bool,
}

impl GeneratorReport {
    /// The generator as its busiest process makes it.
    pub(crate) fn of(processes: Vec<ProcessReport>) -> Self {
        Self {
            cpu: processes.iter().map(|process| process.cpu).fold(0.0, f64::max),
            lag_p99_us: processes.iter().map(|process| process.lag_p99_us).max().unwrap_or(0),
            memory_per_socket: None,
            saturated: processes.iter().any(|process| process.saturated),
            processes,
        }
    }

    /// Whether those were too busy who timed a persona's messages: the process that its clients live in, and any that sent.
    pub(crate) fn saturates(&self, persona: &str) -> bool {
        let mut busy = self.processes.iter().filter(|process| process.saturated);
        busy.any(|process| process.sends > 0 || process.personas.iter().any(|name| name == persona))
    }
}

/// One second.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SecondReport {
    /// Seconds since the run began.
    pub(crate) second: u64,
    /// The phase.
    pub(crate) phase: String,
    /// Live connections at its end.
    pub(crate) live: u64,
    /// Messages sent.
    pub(crate) sends: u64,
    /// Messages answered.
    pub(crate) acks: u64,
    /// Messages received.
    pub(crate) deliveries: u64,
    /// What took how long, by `persona.action`.
    pub(crate) latencies: BTreeMap<String, Corrected>,
    /// Share of a core that the server used.
    pub(crate) server_cpu: Option<f64>,
    /// Its resident bytes.
    pub(crate) server_memory: Option<f64>,
    /// Share of a core that all generator processes used.
    pub(crate) generator_cpu: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_process_spoils_the_times_of_its_own_clients_and_of_its_messages() {
        let process = |persona: &str, sends, cpu| ProcessReport {
            personas: vec![persona.to_owned()],
            sends,
            cpu,
            lag_p99_us: 100,
            saturated: cpu > crate::limits::SATURATED_CPU,
        };
        let quiet_crowd = GeneratorReport::of(vec![process("crowd", 0, 0.99), process("apart", 50, 0.05)]);
        assert!(quiet_crowd.saturated && quiet_crowd.cpu > 0.9);
        assert!(quiet_crowd.saturates("crowd") && !quiet_crowd.saturates("apart"));
        let talking_crowd = GeneratorReport::of(vec![process("crowd", 50, 0.99), process("apart", 0, 0.05)]);
        assert!(talking_crowd.saturates("apart"), "what it receives was sent late");
    }
}
