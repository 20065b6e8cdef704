//! The names of what can be measured.

use std::fmt;

use anyhow::{Context as _, Result, bail, ensure};

use crate::scenario::Scenario;

/// Counters and gauges without an argument.
const PLAIN: [&str; 38] = [
    "loss",
    "duplicates",
    "reordered",
    "gaps",
    "strays",
    "errors",
    "timeouts",
    "unsent",
    "unresolved",
    "clients_lost",
    "connects",
    "reconnects",
    "retries",
    "recovered",
    "unrecovered",
    "expected_closes",
    "sends",
    "acks",
    "deliveries",
    "seconds",
    "connections",
    "server.cpu",
    "server.cpu_per_delivery",
    "server.cpu_per_send",
    "server.cpu_per_connection_second",
    "server.memory",
    "server.anonymous",
    "server.file",
    "server.memory_per_connection",
    "server.anonymous_per_connection",
    "server.memory_per_added_connection",
    "server.start",
    "server.threads",
    "server.sockets",
    "engine.cpu",
    "engine.cpu_per_send",
    "generator.cpu",
    "generator.memory_per_socket",
];

/// Those of [`PLAIN`] that are times.
const TIMING: [&str; 1] = ["seconds"];

/// What clients do that takes time.
pub(crate) const ACTIONS: [&str; 4] = ["connect", "send", "deliver", "recover"];

/// A value that a run yields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    /// What is taken of it.
    pub(crate) statistic: Statistic,
    /// Only within this phase.
    pub(crate) phase: Option<String>,
}

/// What is taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Statistic {
    /// A counter or gauge of [`PLAIN`].
    Plain(String),
    /// Closes with this code.
    Closes(u16),
    /// A statistic over the latencies of an action.
    Latency {
        /// `p50`, `p99.9`, `max`, `mean`, `count`, `rate`.
        of: String,
        /// The persona.
        persona: String,
        /// One of [`ACTIONS`].
        action: String,
        /// From the intended time, or from the actual one.
        corrected: bool,
    },
}

impl Metric {
    /// A metric from its name, an optional argument in parentheses, and an optional phase.
    pub(crate) fn new(name: &str, argument: Option<&str>, phase: Option<&str>) -> Result<Self> {
        let (argument, inner_phase) = match argument.and_then(|argument| argument.split_once('@')) {
            Some((argument, phase)) => (Some(argument), Some(phase)),
            None => (argument, None),
        };
        let phase = phase.or(inner_phase).map(str::to_owned);
        let Some(argument) = argument.map(str::trim) else {
            ensure!(PLAIN.contains(&name), "there is no metric {name}");
            return Ok(Self { statistic: Statistic::Plain(name.to_owned()), phase });
        };
        if name == "closes" {
            let code = argument.parse().with_context(|| format!("{argument:?} is no close code"))?;
            return Ok(Self { statistic: Statistic::Closes(code), phase });
        }
        let percentile = name.strip_prefix('p').and_then(|number| number.parse::<f64>().ok());
        let known = percentile.is_some_and(|percentile| (0.0..=100.0).contains(&percentile));
        ensure!(known || ["max", "mean", "count", "rate"].contains(&name), "there is no statistic {name}");
        let mut parts = argument.split('.');
        let (Some(persona), Some(action)) = (parts.next(), parts.next()) else { bail!("{argument:?} is not persona.action") };
        let corrected = match parts.next() {
            None => true,
            Some("uncorrected") => false,
            Some(other) => bail!("{other:?} is not «uncorrected»"),
        };
        ensure!(ACTIONS.contains(&action), "there is no action {action}: {}", ACTIONS.join(", "));
        let statistic = Statistic::Latency { of: name.to_owned(), persona: persona.to_owned(), action: action.to_owned(), corrected };
        Ok(Self { statistic, phase })
    }

    /// Whether a saturated generator makes it worthless.
    pub(crate) fn rests_on_timing(&self) -> bool {
        match &self.statistic {
            Statistic::Plain(name) => TIMING.contains(&name.as_str()),
            Statistic::Closes(_) => false,
            Statistic::Latency { of, .. } => of != "count",
        }
    }

    pub(super) fn check_names(&self, scenario: &Scenario) -> Result<()> {
        if let Some(phase) = &self.phase {
            ensure!(scenario.phases.iter().any(|known| known.name == *phase), "there is no phase {phase}");
        }
        if let Statistic::Latency { persona, .. } = &self.statistic {
            ensure!(scenario.personas.contains_key(persona), "there is no persona {persona}");
        }
        Ok(())
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = self.phase.as_ref().map(|phase| format!("@{phase}")).unwrap_or_default();
        match &self.statistic {
            Statistic::Plain(name) => write!(formatter, "{name}{phase}"),
            Statistic::Closes(code) => write!(formatter, "closes({code}{phase})"),
            Statistic::Latency { of, persona, action, corrected } => {
                let uncorrected = if *corrected { "" } else { ".uncorrected" };
                write!(formatter, "{of}({persona}.{action}{uncorrected}{phase})")
            }
        }
    }
}
