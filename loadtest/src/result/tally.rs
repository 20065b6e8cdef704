//! Merges the reports of all generator processes, by phase and by second.

use std::collections::BTreeMap;

use super::{Corrected, GeneratorReport, PhaseReport, ProcessReport, SecondReport, ServerReport, Summary};
use crate::clock::{self, SECOND};
use crate::ipc::Report;
use crate::limits::SATURATED_CPU;
use crate::process::Usage;
use crate::sample::{Action, Counters, Latencies, add_pairs, latencies};
use crate::scenario::Scenario;

/// Examples of trouble in a report.
const EXAMPLES_MAX: usize = 32;

/// Corrected and uncorrected, by persona and action.
type Histograms = BTreeMap<(usize, Action), [Latencies; 2]>;

/// How often each happened while its phase sent.
type InTime = BTreeMap<(usize, Action), u64>;

/// A run while it goes on.
pub(crate) struct Tally {
    personas: Vec<String>,
    lag_us_max: u64,
    begin_ns: u64,
    phases: Vec<PhaseTally>,
    total: Histograms,
    second: Second,
    /// The seconds that are over.
    pub(crate) seconds: Vec<SecondReport>,
    /// Counts of the whole run.
    pub(crate) counters: Counters,
    /// Examples of trouble.
    pub(crate) examples: Vec<String>,
    /// The server before its first connection, and at the end of the reference phase with so many of them.
    baseline: Option<Usage>,
    reference: Option<(Usage, u64)>,
    last_usage: Option<(u64, Usage)>,
    workers: Vec<WorkerTally>,
}

/// A phase while it goes on.
struct PhaseTally {
    name: String,
    measure: bool,
    counters: Counters,
    histograms: Histograms,
    in_time: InTime,
    /// By process: its lateness, and what it sent.
    lags: Vec<Latencies>,
    sends: Vec<u64>,
    begin: Option<Edge>,
    stopped_ns: Option<u64>,
    end: Option<Edge>,
    start_us: Option<f64>,
}

/// A phase's begin or end.
struct Edge {
    at_ns: u64,
    usage: Option<Usage>,
    live: u64,
    cpu_ns: Vec<u64>,
}

impl PhaseTally {
    /// How long it sent; a phase that broke has no end of its own.
    fn seconds(&self) -> Option<f64> {
        let (begin, end) = (self.begin.as_ref()?, self.stopped_ns.or_else(|| self.end.as_ref().map(|end| end.at_ns))?);
        Some(end.saturating_sub(begin.at_ns).max(1) as f64 / SECOND as f64)
    }
}

#[derive(Default)]
struct Second {
    report: SecondReport,
    histograms: Histograms,
    cpu_ns: u64,
}

#[derive(Default)]
struct WorkerTally {
    /// Whose clients live in it.
    personas: Vec<String>,
    cpu_ns: u64,
    live: u64,
    memory: u64,
    memory_before: u64,
}

impl Tally {
    /// An empty tally of a run that begins now; `baseline` is the server before its first connection.
    pub(crate) fn new(scenario: &Scenario, workers: usize, begin_ns: u64, baseline: Option<Usage>) -> Self {
        let phase = |name: &str, measure| PhaseTally {
            name: name.to_owned(),
            measure,
            counters: Counters::default(),
            histograms: Histograms::new(),
            in_time: InTime::new(),
            lags: vec![latencies(); workers],
            sends: vec![0; workers],
            begin: None,
            stopped_ns: None,
            end: None,
            start_us: None,
        };
        Self {
            personas: scenario.personas.keys().cloned().collect(),
            lag_us_max: scenario.run.lag_ms_max * 1_000,
            begin_ns,
            phases: scenario.phases.iter().map(|known| phase(&known.name, known.measure)).collect(),
            total: Histograms::new(),
            second: Second::default(),
            seconds: Vec::new(),
            counters: Counters::default(),
            examples: Vec::new(),
            baseline,
            reference: None,
            last_usage: baseline.map(|usage| (begin_ns, usage)),
            workers: (0..workers)
                .map(|worker| WorkerTally { personas: personas_in(scenario, worker, workers), ..WorkerTally::default() })
                .collect(),
        }
    }

    /// A phase begins.
    pub(crate) fn phase_begins(&mut self, phase: usize, at_ns: u64, usage: Option<Usage>) {
        self.phases[phase].begin = Some(self.edge(at_ns, usage));
    }

    /// A phase sends no more.
    pub(crate) fn phase_stops(&mut self, phase: usize, at_ns: u64) {
        self.phases[phase].stopped_ns = Some(at_ns);
    }

    /// The server was killed and started again: what it used before is gone with it.
    pub(crate) fn restarted(&mut self, phase: usize, usage: Option<Usage>, took_ns: u64) {
        self.phases[phase].start_us = Some(took_ns as f64 / 1_000.0);
        if let Some(begin) = &mut self.phases[phase].begin {
            begin.usage = usage;
        }
        (self.baseline, self.reference) = (usage, None);
        self.last_usage = usage.map(|usage| (clock::now_ns(), usage));
    }

    /// Memory per added connection counts from the end of this phase.
    pub(crate) fn refer_to(&mut self, phase: usize) {
        let end = self.phases[phase].end.as_ref();
        self.reference = end.and_then(|end| Some((end.usage?, end.live)));
    }

    /// Messages of a persona that were answered a second while a phase sent.
    pub(crate) fn answered_a_second(&self, persona: &str, phase: &str) -> Option<f64> {
        let known = self.phases.iter().find(|known| known.name == phase)?;
        let persona = self.personas.iter().position(|known| known == persona)?;
        let answered = known.in_time.get(&(persona, Action::Send))?;
        Some(*answered as f64 / known.seconds()?)
    }

    /// A phase has ended, its last deliveries included.
    pub(crate) fn phase_ends(&mut self, phase: usize, at_ns: u64, usage: Option<Usage>) {
        self.phases[phase].end = Some(self.edge(at_ns, usage));
    }

    fn edge(&self, at_ns: u64, usage: Option<Usage>) -> Edge {
        let live = self.workers.iter().map(|worker| worker.live).sum();
        Edge { at_ns, usage, live, cpu_ns: self.workers.iter().map(|worker| worker.cpu_ns).collect() }
    }

    /// Adds what one process reports.
    pub(crate) fn add(&mut self, worker: usize, report: &Report) {
        let known = &mut self.workers[worker];
        known.memory_before = report.gauges.memory_before;
        self.second.cpu_ns += report.gauges.cpu_ns.saturating_sub(known.cpu_ns);
        (known.cpu_ns, known.live, known.memory) = (report.gauges.cpu_ns, report.gauges.live, report.gauges.memory);
        self.counters.add(&report.counters);
        let second = &mut self.second;
        second.report.sends += report.counters.sends;
        second.report.acks += report.counters.acks;
        second.report.deliveries += report.counters.deliveries;
        let phase = &mut self.phases[report.phase];
        phase.counters.add(&report.counters);
        add_pairs(&mut phase.lags[worker], &report.lag);
        phase.sends[worker] += report.counters.sends;
        for sample in &report.actions {
            if !report.drains {
                let count: u64 = sample.corrected.iter().map(|(_, count)| count).sum();
                *phase.in_time.entry((sample.persona, sample.action)).or_default() += count;
            }
            for histograms in [&mut phase.histograms, &mut self.total, &mut second.histograms] {
                let both = histograms.entry((sample.persona, sample.action)).or_insert_with(|| [latencies(), latencies()]);
                add_pairs(&mut both[0], &sample.corrected);
                add_pairs(&mut both[1], &sample.uncorrected);
            }
        }
        for example in &report.examples {
            let kind = example.split(':').next().unwrap_or_default();
            if self.examples.len() < EXAMPLES_MAX && !self.examples.iter().any(|known| known.starts_with(kind)) {
                self.examples.push(example.clone());
            }
        }
    }

    /// Closes the current second and gives it.
    pub(crate) fn second_ends(&mut self, phase: usize, now_ns: u64, usage: Option<Usage>) -> &SecondReport {
        let mut second = std::mem::take(&mut self.second);
        second.report.second = now_ns.saturating_sub(self.begin_ns) / SECOND;
        second.report.phase.clone_from(&self.phases[phase].name);
        second.report.live = self.workers.iter().map(|worker| worker.live).sum();
        second.report.latencies = self.summaries(&second.histograms, &InTime::new(), 1.0);
        for both in second.report.latencies.values_mut() {
            both.rate = both.corrected.count as f64;
        }
        second.report.generator_cpu = second.cpu_ns as f64 / SECOND as f64;
        if let Some(usage) = usage {
            if let Some((last_ns, last)) = self.last_usage.replace((now_ns, usage)) {
                let elapsed_us = now_ns.saturating_sub(last_ns) as f64 / 1_000.0;
                second.report.server_cpu = Some((usage.cpu_us - last.cpu_us).max(0.0) / elapsed_us.max(1.0));
            }
            second.report.server_memory = Some(usage.memory);
        }
        self.seconds.push(second.report);
        &self.seconds[self.seconds.len() - 1]
    }

    fn summaries(&self, histograms: &Histograms, in_time: &InTime, seconds: f64) -> BTreeMap<String, Corrected> {
        let name = |(persona, action): &(usize, Action)| format!("{}.{}", self.personas[*persona], action.name());
        let rate = |key| in_time.get(key).copied().unwrap_or(0) as f64 / seconds.max(f64::MIN_POSITIVE);
        let both = |key, both: &[Latencies; 2]| Corrected {
            corrected: Summary::of(&both[0]),
            uncorrected: Summary::of(&both[1]),
            rate: rate(key),
        };
        histograms.iter().map(|(key, latencies)| (name(key), both(key, latencies))).collect()
    }

    /// The reports of all phases that ran, and of the whole.
    pub(crate) fn finish(&self) -> (Vec<PhaseReport>, PhaseReport) {
        let phases: Vec<PhaseReport> = self.phases.iter().filter_map(|phase| self.phase(phase)).collect();
        let first = self.phases.iter().find_map(|phase| phase.begin.as_ref());
        let last = self.phases.iter().rev().find_map(|phase| phase.end.as_ref());
        let mut total = PhaseReport { name: "total".to_owned(), counters: self.counters.clone(), ..PhaseReport::default() };
        total.measure = true;
        total.connections = phases.iter().map(|phase| phase.connections).max().unwrap_or(0);
        if let (Some(first), Some(last)) = (first, last) {
            total.seconds = last.at_ns.saturating_sub(first.at_ns) as f64 / SECOND as f64;
        }
        let mut in_time = InTime::new();
        for (key, count) in self.phases.iter().flat_map(|phase| &phase.in_time) {
            *in_time.entry(*key).or_default() += count;
        }
        total.latencies = self.summaries(&self.total, &in_time, total.seconds);
        total.server = whole(&phases);
        let processes = (0..self.workers.len()).map(|worker| self.busiest(worker, &phases)).collect();
        total.generator = GeneratorReport { memory_per_socket: self.memory_per_socket(), ..GeneratorReport::of(processes) };
        (phases, total)
    }

    /// A process as the measured phases show it, each figure from the worst of them.
    fn busiest(&self, worker: usize, phases: &[PhaseReport]) -> ProcessReport {
        let measured = phases.iter().filter(|phase| phase.measure).filter_map(|phase| phase.generator.processes.get(worker));
        let idle = ProcessReport { personas: self.workers[worker].personas.clone(), ..ProcessReport::default() };
        measured.fold(idle, |worst, process| ProcessReport {
            sends: worst.sends + process.sends,
            cpu: worst.cpu.max(process.cpu),
            lag_p99_us: worst.lag_p99_us.max(process.lag_p99_us),
            saturated: worst.saturated || process.saturated,
            ..worst
        })
    }

    fn phase(&self, phase: &PhaseTally) -> Option<PhaseReport> {
        let (begin, end) = (phase.begin.as_ref()?, phase.end.as_ref()?);
        let seconds = phase.seconds()?;
        let process = |worker: usize| {
            // All of it counts against the time of sending: the quiet moment at the end must not make a busy generator look idle.
            let cpu = end.cpu_ns[worker].saturating_sub(begin.cpu_ns[worker]) as f64 / SECOND as f64 / seconds;
            let lag_p99_us = phase.lags[worker].value_at_quantile(0.99);
            let saturated = cpu > SATURATED_CPU || lag_p99_us > self.lag_us_max;
            ProcessReport { personas: self.workers[worker].personas.clone(), sends: phase.sends[worker], cpu, lag_p99_us, saturated }
        };
        Some(PhaseReport {
            name: phase.name.clone(),
            measure: phase.measure,
            seconds,
            counters: phase.counters.clone(),
            latencies: self.summaries(&phase.histograms, &phase.in_time, seconds),
            connections: end.live,
            server: self.server(begin, end).map(|server| ServerReport { start_us: phase.start_us, ..server }),
            generator: GeneratorReport::of((0..self.workers.len()).map(process).collect()),
        })
    }

    fn server(&self, begin: &Edge, end: &Edge) -> Option<ServerReport> {
        let (before, after) = (begin.usage?, end.usage?);
        let each = |now: f64, then: f64| (end.live > 0).then(|| (now - then) / end.live as f64);
        let grown = |of: fn(&Usage) -> f64| self.baseline.and_then(|baseline| each(of(&after), of(&baseline)));
        let added = self.reference.filter(|(_, live)| end.live > *live);
        Some(ServerReport {
            cpu_us: (after.cpu_us - before.cpu_us).max(0.0),
            seconds: end.at_ns.saturating_sub(begin.at_ns) as f64 / SECOND as f64,
            end: after,
            memory_per_connection: grown(|usage| usage.memory),
            anonymous_per_connection: grown(|usage| usage.anonymous),
            memory_per_added_connection: added.map(|(then, live)| (after.memory - then.memory) / (end.live - live) as f64),
            start_us: None,
            engine_cpu_us: after.engine_cpu_us.zip(before.engine_cpu_us).map(|(now, then)| (now - then).max(0.0)),
        })
    }

    /// Of the process with most sockets.
    fn memory_per_socket(&self) -> Option<f64> {
        let fullest = self.workers.iter().max_by_key(|worker| worker.live).filter(|worker| worker.live > 0)?;
        Some(fullest.memory.saturating_sub(fullest.memory_before) as f64 / fullest.live as f64)
    }

    /// A percentile, `max`, `mean`, `count` of one action, in one phase or all.
    pub(crate) fn latency(&self, of: &str, persona: &str, action: &str, corrected: bool, phase: Option<&str>) -> Option<f64> {
        let histograms = match phase {
            Some(name) => &self.phases.iter().find(|phase| phase.name == name)?.histograms,
            None => &self.total,
        };
        let persona = self.personas.iter().position(|known| known == persona)?;
        let action = Action::ALL.into_iter().find(|known| known.name() == action)?;
        let histogram = &histograms.get(&(persona, action))?[usize::from(!corrected)];
        if histogram.is_empty() {
            return None;
        }
        Some(match of {
            "max" => histogram.max() as f64,
            "mean" => histogram.mean(),
            "count" => histogram.len() as f64,
            percentile => histogram.value_at_quantile(percentile.strip_prefix('p')?.parse::<f64>().ok()? / 100.0) as f64,
        })
    }
}

/// The server over all phases: what it used in all, and what it held at the end of the last one with connections.
fn whole(phases: &[PhaseReport]) -> Option<ServerReport> {
    let servers = || phases.iter().filter_map(|phase| phase.server.as_ref());
    let last = servers().next_back()?;
    let fullest = servers().rev().find(|server| server.memory_per_connection.is_some()).unwrap_or(last);
    Some(ServerReport {
        cpu_us: servers().map(|server| server.cpu_us).sum(),
        seconds: servers().map(|server| server.seconds).sum(),
        end: last.end,
        start_us: servers().find_map(|server| server.start_us),
        engine_cpu_us: servers().map(|server| server.engine_cpu_us).sum(),
        ..fullest.clone()
    })
}

/// The personas with clients in a generator process.
fn personas_in(scenario: &Scenario, worker: usize, workers: usize) -> Vec<String> {
    let here = scenario.personas.iter().filter(|(_, persona)| !scenario.share(persona, worker, workers).is_empty());
    here.map(|(name, _)| name.clone()).collect()
}

impl Summary {
    fn of(histogram: &Latencies) -> Self {
        Self {
            count: histogram.len(),
            mean: histogram.mean(),
            min: histogram.min(),
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }
}
