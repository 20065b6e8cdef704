//! From a report to the value of a metric.

use std::collections::BTreeMap;

use super::{PhaseReport, Tally};
use crate::threshold::{Metric, Statistic};

/// A metric's value; times in microseconds, memory in bytes, CPU in microseconds.
pub(crate) fn value(metric: &Metric, tally: &Tally, phases: &[PhaseReport], total: &PhaseReport) -> Option<f64> {
    let report = match &metric.phase {
        Some(name) => phases.iter().find(|phase| phase.name == *name)?,
        None => total,
    };
    match &metric.statistic {
        Statistic::Plain(name) => plain(name, report),
        Statistic::Closes(code) => Some(report.counters.closes.get(code).copied().unwrap_or(0) as f64),
        Statistic::Latency { of, persona, action, .. } if of == "rate" => {
            report.latencies.get(&format!("{persona}.{action}")).map(|both| both.rate)
        }
        Statistic::Latency { of, persona, action, corrected } => {
            let value = tally.latency(of, persona, action, *corrected, metric.phase.as_deref());
            if of == "count" { value.or(Some(0.0)) } else { value }
        }
    }
}

fn plain(name: &str, report: &PhaseReport) -> Option<f64> {
    if let Some(count) = report.counters.get(name) {
        return Some(count as f64);
    }
    let each = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
    let server = report.server.as_ref();
    match name {
        "seconds" => Some(report.seconds * 1e6),
        "connections" => Some(report.connections as f64),
        "generator.cpu" => Some(report.generator.cpu),
        "generator.memory_per_socket" => report.generator.memory_per_socket,
        "server.cpu" => server.map(|server| server.cpu_us / (server.seconds * 1e6)),
        "server.cpu_per_delivery" => each(server?.cpu_us, report.counters.deliveries),
        "server.cpu_per_send" => each(server?.cpu_us, report.counters.acks),
        "server.cpu_per_connection_second" => each(server?.cpu_us / server?.seconds, report.connections),
        "engine.cpu" => Some(server?.engine_cpu_us? / (server?.seconds * 1e6)),
        "engine.cpu_per_send" => each(server?.engine_cpu_us?, report.counters.acks),
        "server.memory" => server.map(|server| server.end.memory),
        "server.anonymous" => server.map(|server| server.end.anonymous),
        "server.file" => server.map(|server| server.end.file),
        "server.memory_per_connection" => server?.memory_per_connection,
        "server.anonymous_per_connection" => server?.anonymous_per_connection,
        "server.memory_per_added_connection" => server?.memory_per_added_connection,
        "server.start" => server?.start_us,
        "server.threads" => server.map(|server| server.end.threads),
        "server.sockets" => server?.end.sockets,
        _ => None,
    }
}

/// Whether a metric is a time, or a number in a time, that a saturated generator measured. What one persona did is measured by the process that it lives in.
pub(crate) fn saturated(metric: &Metric, phases: &[PhaseReport], total: &PhaseReport) -> bool {
    let phase = metric.phase.as_ref().and_then(|name| phases.iter().find(|phase| phase.name == *name)).unwrap_or(total);
    let is_busy = match &metric.statistic {
        Statistic::Latency { persona, .. } => phase.generator.saturates(persona),
        _ => phase.generator.saturated,
    };
    metric.rests_on_timing() && phase.measure && is_busy
}

/// The figures that baselines and comparisons show, flat, under the names that thresholds use.
pub(crate) fn headline(phases: &[PhaseReport], total: &PhaseReport) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    for name in ["loss", "duplicates", "reordered", "gaps", "errors", "timeouts", "clients_lost"] {
        figures.extend(plain(name, total).map(|value| (name.to_owned(), value)));
    }
    for name in [
        "server.memory_per_connection",
        "server.anonymous_per_connection",
        "server.memory_per_added_connection",
        "server.start",
        "generator.memory_per_socket",
    ] {
        figures.extend(plain(name, total).map(|value| (name.to_owned(), value)));
    }
    for phase in phases.iter().filter(|phase| phase.measure) {
        let mut put = |name: String, value: Option<f64>| figures.extend(value.map(|value| (name, value)));
        for name in [
            "server.cpu",
            "server.cpu_per_delivery",
            "server.cpu_per_send",
            "server.cpu_per_connection_second",
            "server.memory",
            "engine.cpu",
            "engine.cpu_per_send",
        ] {
            put(format!("{name}@{}", phase.name), plain(name, phase));
        }
        for (action, both) in &phase.latencies {
            let mut of = |statistic: &str, value: f64| put(format!("{statistic}({action}@{})", phase.name), Some(value));
            of("p50", both.corrected.p50 as f64);
            of("p99", both.corrected.p99 as f64);
            of("rate", both.rate);
        }
    }
    figures
}
