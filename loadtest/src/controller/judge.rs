//! The verdict: held, missed, or void.

use anyhow::Result;

use super::Run;
use crate::result::{FORMAT, Machine, PhaseReport, RunReport, TargetReport, Verdict, headline, saturated, value};
use crate::scenario::{ChannelKind, Kind};
use crate::threshold::{Metric, Outcome, Threshold};

/// Exit code: every threshold held.
pub(crate) const HELD: u8 = 0;
/// Exit code: one was missed.
pub(crate) const MISSED: u8 = 1;
/// Exit code: the run says nothing.
pub(crate) const VOID: u8 = 3;

impl Run {
    /// Judges the thresholds and puts the report together.
    pub(super) fn judge(self, wanted: &[Metric]) -> Result<RunReport> {
        let (phases, total) = self.tally.finish();
        let look_up = |metric: &Metric| value(metric, &self.tally, &phases, &total);
        let judge = |threshold: &Threshold| Outcome {
            void: threshold.metrics().into_iter().any(|metric| saturated(metric, &phases, &total)),
            ..threshold.evaluate(&look_up)
        };
        let outcomes: Vec<Outcome> = self.thresholds()?.iter().map(judge).collect();
        let server_is_gone = !self.server.processes.pids.is_empty() && self.server.processes.usage(false).is_none();
        let verdict = verdict(&self.scenario.name, &outcomes, &total, self.trouble.as_deref(), server_is_gone);
        let target = TargetReport {
            kind: match self.scenario.target.kind {
                Kind::Rialto => "rialto",
                Kind::Centrifuge => "centrifuge",
                Kind::Ws => "ws",
                Kind::Socketio => "socketio",
            }
            .to_owned(),
            channel: match self.scenario.target.channel {
                ChannelKind::Topic => "topic",
                ChannelKind::Conversation => "conversation",
            }
            .to_owned(),
            url: self.server.url.clone(),
            pids: self.server.processes.pids.clone(),
        };
        let mut metrics = headline(&phases, &total);
        metrics.extend(wanted.iter().filter_map(|metric| Some((metric.to_string(), look_up(metric)?))));
        Ok(RunReport {
            format: FORMAT.to_owned(),
            scenario: self.scenario.name.clone(),
            about: self.scenario.about.clone(),
            started_ms: self.started_ms,
            target,
            machine: Machine::here(self.fleet.len(), self.scenario.sockets()),
            verdict,
            thresholds: outcomes,
            metrics,
            phases,
            total,
            seconds: self.tally.seconds.clone(),
            examples: self.tally.examples.clone(),
        })
    }
}

fn verdict(name: &str, outcomes: &[Outcome], total: &PhaseReport, trouble: Option<&str>, server_is_gone: bool) -> Verdict {
    let saturated = total.generator.saturated;
    let mut void = Vec::new();
    void.extend(trouble.map(str::to_owned));
    if server_is_gone {
        void.push("the server under test has ended".to_owned());
    }
    let broken = !void.is_empty();
    if total.counters.clients_lost > 0 {
        void.push(format!("{} clients lost", total.counters.clients_lost));
    }
    if outcomes.iter().any(|outcome| outcome.void) {
        let (cpu, lag) = (total.generator.cpu * 100.0, total.generator.lag_p99_us as f64 / 1_000.0);
        void.push(format!(
            "the generator was saturated (CPU {cpu:.0} %, schedule lag p99 {lag:.1} ms): latency and throughput say nothing"
        ));
    }
    let missed: Vec<&str> = outcomes.iter().filter(|outcome| !outcome.held).map(|outcome| outcome.threshold.as_str()).collect();
    let (exit, text) = if !void.is_empty() {
        (VOID, format!("VOID {name}: {}", void.join("; ")))
    } else if missed.is_empty() {
        let note = if saturated { " (generator saturated: CPU figures only)" } else { "" };
        (HELD, format!("PASS {name}: {} of {} thresholds held{note}", outcomes.len(), outcomes.len()))
    } else {
        (MISSED, format!("FAIL {name}: {} of {} thresholds missed: {}", missed.len(), outcomes.len(), missed.join("; ")))
    };
    Verdict { exit, text, void, broken, saturated }
}

impl Machine {
    fn here(workers: usize, sockets: u32) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let cpu = info.lines().find_map(|line| line.strip_prefix("model name")).and_then(|line| line.split_once(':'));
        Self {
            cpu: cpu.map(|(_, name)| name.trim().to_owned()).unwrap_or_default(),
            cores: info.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            workers,
            sockets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(held: bool, void: bool) -> Outcome {
        Outcome { threshold: "a < b".to_owned(), held, left: None, right: None, timing: void, void }
    }

    fn exit(outcomes: &[Outcome], lost: u64) -> u8 {
        let mut total = PhaseReport::default();
        total.counters.clients_lost = lost;
        verdict("x", outcomes, &total, None, false).exit
    }

    #[test]
    fn exit_codes() {
        assert_eq!(exit(&[outcome(true, false)], 0), HELD);
        assert_eq!(exit(&[outcome(true, false), outcome(false, false)], 0), MISSED);
        assert_eq!(exit(&[outcome(true, false)], 1), VOID, "clients lost");
        assert_eq!(exit(&[outcome(false, false), outcome(true, true)], 0), VOID, "saturated, and a threshold rests on time");
        assert_eq!(verdict("x", &[], &PhaseReport::default(), None, true).exit, VOID);
    }
}
