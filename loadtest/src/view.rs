//! What a person sees while a run goes on: a live view on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};

use crate::result::SecondReport;
use crate::scenario::{Phase, Scenario};
use crate::target::Server;

/// Somebody who watches a run.
pub(crate) trait View {
    /// The run begins.
    fn begin(&mut self, scenario: &Scenario, server: &Server, workers: usize);
    /// A phase begins.
    fn phase(&mut self, phase: &Phase);
    /// A second is over.
    fn second(&mut self, second: &SecondReport);
    /// The run is over.
    fn end(&mut self);
}

/// The view for where standard output goes.
pub(crate) fn view(no_tui: bool) -> Box<dyn View> {
    if no_tui || !std::io::stdout().is_terminal() { Box::new(Plain) } else { Box::new(Live { bar: ProgressBar::hidden(), passed: 0 }) }
}

/// Writes a line to standard output; a reader that is gone does not end a run.
pub(crate) fn say(line: &str) {
    _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// One line a second.
struct Plain;

/// One line that is rewritten, and a bar for the phase.
struct Live {
    bar: ProgressBar,
    passed: u64,
}

fn heading(scenario: &Scenario, server: &Server, workers: usize) -> String {
    let seen = if server.processes.pids.is_empty() { "not readable".to_owned() } else { format!("{:?}", server.processes.pids) };
    format!(
        "{}: {} · target {} processes {seen} · {} clients in {workers} generator processes",
        scenario.name,
        scenario.about,
        server.url,
        scenario.sockets()
    )
}

fn line(second: &SecondReport) -> String {
    let mut text = format!(
        "{:>4}s {:<12} live {:>6} sent {:>7} acked {:>7} delivered {:>9}",
        second.second, second.phase, second.live, second.sends, second.acks, second.deliveries
    );
    for (action, both) in second.latencies.iter().filter(|(action, _)| action.ends_with(".deliver") || action.ends_with(".send")).take(3) {
        let ms = |us: u64| us as f64 / 1_000.0;
        text.push_str(&format!(" · {action} p50 {:.1} p99 {:.1} ms", ms(both.corrected.p50), ms(both.corrected.p99)));
    }
    if let (Some(cpu), Some(memory)) = (second.server_cpu, second.server_memory) {
        text.push_str(&format!(" · server {:.0} % {:.1} MiB", cpu * 100.0, memory / 1_048_576.0));
    }
    text.push_str(&format!(" · generator {:.0} %", second.generator_cpu * 100.0));
    text
}

impl View for Plain {
    fn begin(&mut self, scenario: &Scenario, server: &Server, workers: usize) {
        say(&heading(scenario, server, workers));
    }

    fn phase(&mut self, phase: &Phase) {
        say(&format!("phase {} (up to {} s)", phase.name, phase.seconds));
    }

    fn second(&mut self, second: &SecondReport) {
        say(&line(second));
    }

    fn end(&mut self) {}
}

impl View for Live {
    fn begin(&mut self, scenario: &Scenario, server: &Server, workers: usize) {
        say(&heading(scenario, server, workers));
    }

    fn phase(&mut self, phase: &Phase) {
        self.bar.finish_and_clear();
        self.passed = 0;
        self.bar = ProgressBar::new(phase.seconds.ceil() as u64);
        let style = ProgressStyle::with_template("{prefix:>14} [{bar:30}] {pos}/{len} s\n{msg}");
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_prefix(phase.name.clone());
    }

    fn second(&mut self, second: &SecondReport) {
        self.passed += 1;
        self.bar.set_position(self.passed);
        self.bar.set_message(line(second));
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}
