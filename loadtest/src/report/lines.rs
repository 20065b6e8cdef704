//! The report as lines.

use crate::result::{PhaseReport, RunReport};

/// All lines but the verdict.
pub(crate) fn lines(report: &RunReport, baseline: Option<&RunReport>) -> Vec<String> {
    let mut lines = Vec::new();
    for phase in &report.phases {
        lines.extend(phase_lines(phase));
    }
    let counters = &report.total.counters;
    lines.push(format!(
        "correctness: loss {} · duplicates {} · reordered {} · gaps {} · errors {} · timeouts {} · unresolved {} · clients lost {}",
        counters.loss,
        counters.duplicates,
        counters.reordered,
        counters.gaps,
        counters.errors,
        counters.timeouts,
        counters.unresolved,
        counters.clients_lost
    ));
    lines.extend(report.examples.iter().map(|example| format!("example: {example}")));
    if let Some(baseline) = baseline {
        lines.push(format!("against the baseline of {}:", baseline.scenario));
        for (name, before, now) in changes(report, baseline) {
            let change = if before == 0.0 { String::new() } else { format!(" ({:+.1} %)", (now / before - 1.0) * 100.0) };
            lines.push(format!("  {name:<55} {} → {}{change}", figure(name, before), figure(name, now)));
        }
    }
    for outcome in &report.thresholds {
        let mark = if outcome.held { "held  " } else { "MISSED" };
        let side = |value: Option<f64>| value.map_or_else(|| "no data".to_owned(), plain_number);
        lines.push(format!("{mark} {}   [{} against {}]", outcome.threshold, side(outcome.left), side(outcome.right)));
    }
    lines
}

/// Figures that both reports have: name, before, now.
pub(super) fn changes<'a>(report: &'a RunReport, baseline: &RunReport) -> Vec<(&'a str, f64, f64)> {
    let both = report.metrics.iter().filter_map(|(name, now)| baseline.metrics.get(name).map(|before| (name.as_str(), *before, *now)));
    both.collect()
}

fn phase_lines(phase: &PhaseReport) -> Vec<String> {
    let counters = &phase.counters;
    let saturated = if phase.generator.saturated && phase.measure { " · GENERATOR SATURATED" } else { "" };
    let mut lines = vec![format!(
        "{}: {:.1} s · {} live · sent {} acked {} delivered {} · {:.1} messages a receive · generator {:.0} % lag p99 {:.1} ms{saturated}",
        phase.name,
        phase.seconds,
        phase.connections,
        counters.sends,
        counters.acks,
        counters.deliveries,
        counters.deliveries as f64 / counters.receives.max(1) as f64,
        phase.generator.cpu * 100.0,
        phase.generator.lag_p99_us as f64 / 1_000.0
    )];
    for process in phase.generator.processes.iter().filter(|_| phase.generator.processes.len() > 1) {
        let (cpu, lag) = (process.cpu * 100.0, process.lag_p99_us as f64 / 1_000.0);
        let saturated = if process.saturated && phase.measure { " · SATURATED" } else { "" };
        lines.push(format!("  generator of {}: {cpu:.0} % lag p99 {lag:.1} ms{saturated}", process.personas.join(", ")));
    }
    for (action, both) in &phase.latencies {
        let ms = |us: u64| us as f64 / 1_000.0;
        let (corrected, uncorrected) = (&both.corrected, &both.uncorrected);
        lines.push(format!(
            "  {action:<24} {:>9} × p50 {:>8.2} p90 {:>8.2} p99 {:>8.2} p99.9 {:>8.2} max {:>8.2} ms (uncorrected p99 {:.2})",
            corrected.count,
            ms(corrected.p50),
            ms(corrected.p90),
            ms(corrected.p99),
            ms(corrected.p999),
            ms(corrected.max),
            ms(uncorrected.p99)
        ));
    }
    if let Some(server) = &phase.server {
        let mib = |bytes: f64| bytes / 1_048_576.0;
        let each = |sum: f64, count: u64| if count == 0 { "–".to_owned() } else { format!("{:.2} µs", sum / count as f64) };
        let grown = server.memory_per_connection.map_or_else(|| "–".to_owned(), |bytes| format!("{:.2} KiB", bytes / 1_024.0));
        lines.push(format!(
            "  server: CPU {:.2} s ({:.0} %) · {} a delivery · {} a send · {:.1} MiB (anonymous {:.1}, file {:.1}) · {grown} a connection · {} threads · {} sockets",
            server.cpu_us / 1e6,
            server.cpu_us / (server.seconds * 1e4),
            each(server.cpu_us, counters.deliveries),
            each(server.cpu_us, counters.acks),
            mib(server.end.memory),
            mib(server.end.anonymous),
            mib(server.end.file),
            server.end.threads,
            server.end.sockets.unwrap_or(0.0)
        ));
        if let Some(engine) = server.engine_cpu_us {
            lines.push(format!(
                "  engine: CPU {:.2} s ({:.0} %) · {} a send · the server used {:.1} % of it",
                engine / 1e6,
                engine / (server.seconds * 1e4),
                each(engine, counters.acks),
                server.cpu_us / engine.max(1.0) * 100.0
            ));
        }
    }
    lines
}

/// A figure with the unit that its name implies.
pub(crate) fn figure(name: &str, value: f64) -> String {
    let (factor, unit) = unit(name, value);
    format!("{}{unit}", plain_number(value / factor))
}

/// What a figure is divided by, and the unit that it then has (with a space, or nothing).
pub(crate) fn unit(name: &str, value: f64) -> (f64, &'static str) {
    // A quotient of two figures has no unit.
    if name.contains(" / ") {
        return (1.0, "");
    }
    let is_time = ["p50(", "p99(", "max("].iter().any(|statistic| name.starts_with(statistic));
    if is_time || name.contains("cpu_per") || name.starts_with("server.start") {
        return if value >= 1_000.0 { (1_000.0, " ms") } else { (1.0, " µs") };
    }
    if name.contains("memory") || name.contains("anonymous") {
        return if value >= 1_048_576.0 { (1_048_576.0, " MiB") } else { (1_024.0, " KiB") };
    }
    (1.0, "")
}

/// A number with as many digits as say something.
pub(crate) fn plain_number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 || (value.fract() == 0.0 && size >= 1.0) => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_unit_that_their_name_implies() {
        assert_eq!(figure("p99(a.deliver@x)", 12_345.0), "12.3 ms");
        assert_eq!(figure("server.cpu_per_delivery@depth4", 0.2421), "0.242 µs");
        assert_eq!(figure("server.memory_per_connection@idle", 2_560.0), "2.50 KiB");
        assert_eq!(figure("server.memory@idle", 3.0 * 1_048_576.0), "3 MiB");
        assert_eq!(figure("rate(a.send@x)", 16_047.99), "16048");
        assert_eq!(figure("loss", 0.0), "0");
    }
}
