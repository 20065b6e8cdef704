//! One run: generator processes are led through the phases, their reports merged, the server watched, the thresholds judged.

mod judge;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::clock::{self, MS, SECOND};
use crate::fleet::Fleet;
use crate::ipc::{Note, Order, Setup, StreamEnd};
use crate::launch::{self, launch, with_folder};
use crate::limits::WORKER_SILENCE_SECONDS;
use crate::process::{Processes, Usage};
use crate::result::{RunReport, Tally};
use crate::scenario::{Phase, Scenario, load};
use crate::target::Server;
use crate::threshold::{Metric, Threshold};
use crate::users;
use crate::view::View;

/// Milliseconds between a phase's order and its begin, so that all processes begin together.
const AHEAD_MS: u64 = 30;
/// Milliseconds without any delivery after which a phase that has stopped sending is over.
const QUIET_MS: u64 = 450;
/// Milliseconds between two looks at notes.
const LOOK_MS: u64 = 20;

/// What to run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Scenario file, or the name of a shipped one.
    pub(crate) path: PathBuf,
    /// `key=value`.
    pub(crate) sets: Vec<String>,
    /// A running server, instead of the scenario's.
    pub(crate) url: Option<String>,
    /// A server to start, instead of the scenario's.
    pub(crate) spawn: Option<String>,
    /// Whether the target may be another machine.
    pub(crate) allow_remote: bool,
    /// Whether the server is kept on the first CPU and the generator on the second.
    pub(crate) pin: bool,
    /// Metrics that the report must have beside the usual ones.
    pub(crate) wanted: Vec<Metric>,
}

/// What `--pin` sets.
const PINS: [&str; 2] = ["target.cpus=[0]", "run.cpus=[1]"];

/// Everything before the first phase that went wrong is bad usage or an unreachable target, exit 2.
///
/// # Errors
/// One clear line.
pub(crate) fn run(plan: &Plan, view: &mut dyn View) -> Result<RunReport> {
    let folder = launch::folder()?;
    let (scenario, server) = prepare(plan, folder.path())?;
    Run::start(scenario, server)?.go(view, &plan.wanted)
}

/// The scenario, and a server that can be reached.
fn prepare(plan: &Plan, folder: &Path) -> Result<(Scenario, Server)> {
    let spawn = plan.spawn.as_deref().map(launch);
    let mut sets = if plan.pin { PINS.map(str::to_owned).to_vec() } else { Vec::new() };
    sets.extend(spawn.iter().flat_map(|spawn| spawn.sets.clone()));
    sets.extend_from_slice(&plan.sets);
    let sets: Vec<String> = sets.iter().map(|set| with_folder(set, folder)).collect();
    let scenario = load(Path::new(&plan.path), &sets)?;
    let target = &scenario.target;
    let start = |command: &str| Server::spawn(&with_folder(command, folder), &target.cpus, plan.allow_remote);
    let server = match (&plan.url, &spawn) {
        (Some(_), Some(_)) => bail!("--target and --spawn exclude each other"),
        (Some(url), None) => Server::attach(url, &target.cpus, plan.allow_remote)?,
        (None, Some(spawn)) => start(&spawn.command)?,
        (None, None) => match (&target.spawn, &target.url) {
            (Some(command), _) => start(command)?,
            (None, Some(url)) => Server::attach(url, &target.cpus, plan.allow_remote)?,
            (None, None) => bail!("no target: --target URL, --spawn 'COMMAND', or target.url in the scenario"),
        },
    };
    let restarts = scenario.phases.iter().any(|phase| phase.restart);
    ensure!(!restarts || server.was_started(), "a phase restarts the server: that wants --spawn");
    Ok((scenario, server))
}

/// A run while it goes on.
struct Run {
    scenario: Scenario,
    server: Server,
    /// What the server keeps its truth on; empty where the scenario names nothing.
    engine: Processes,
    fleet: Fleet,
    tally: Tally,
    started_ms: u64,
    next_second_ns: u64,
    /// Last time that anything was delivered or answered.
    active_ns: u64,
    /// Answers to [`Order::Finish`] and [`Order::Check`].
    streams: Vec<StreamEnd>,
    answered: usize,
    trouble: Option<String>,
}

impl Run {
    fn start(scenario: Scenario, server: Server) -> Result<Self> {
        let workers = scenario.processes();
        let mut random = [0_u8; 4];
        getrandom::fill(&mut random).context("random bytes")?;
        let tag = random.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let tokens = users::tokens(&scenario, &server.host, &tag)?;
        let loopback_v4 = matches!(server.address.ip(), IpAddr::V4(address) if address.is_loopback());
        ensure!(loopback_v4 || workers == 1, "several generator processes want a target on 127.0.0.1");
        let setup = |worker| {
            let (scenario, host, tag, tokens) = (scenario.clone(), server.host.clone(), tag.clone(), tokens.clone());
            Order::Setup(Box::new(Setup { scenario, worker, workers, address: server.address, host, tag, tokens }))
        };
        let fleet = Fleet::start((0..workers).map(setup).collect())?;
        let now = clock::now_ns();
        let engine = scenario.target.engine_port.map(Processes::listening_on).unwrap_or_default();
        let baseline = server.processes.usage(true);
        let tally = Tally::new(&scenario, workers, now, baseline);
        let next_second_ns = now + SECOND;
        Ok(Self {
            scenario,
            server,
            engine,
            fleet,
            tally,
            started_ms: clock::wall_ms(),
            next_second_ns,
            active_ns: now,
            streams: Vec::new(),
            answered: 0,
            trouble: None,
        })
    }

    fn go(mut self, view: &mut dyn View, wanted: &[Metric]) -> Result<RunReport> {
        view.begin(&self.scenario, &self.server, self.fleet.len());
        for index in 0..self.scenario.phases.len() {
            if let Err(error) = self.phase(index, view) {
                // The generator broke: what was measured is shown, and is void.
                self.trouble = Some(format!("{error:#}"));
                self.tally.phase_ends(index, clock::now_ns(), self.usage(true));
                break;
            }
        }
        if self.trouble.is_none()
            && let Err(error) = self.settle(view)
        {
            self.trouble = Some(format!("{error:#}"));
        }
        view.end();
        self.judge(wanted)
    }

    /// What the server uses now, and how much CPU its engine has used.
    fn usage(&self, with_sockets: bool) -> Option<Usage> {
        let server = self.server.processes.usage(with_sockets)?;
        Some(Usage { engine_cpu_us: self.engine.usage(false).map(|engine| engine.cpu_us), ..server })
    }

    fn phase(&mut self, index: usize, view: &mut dyn View) -> Result<()> {
        let phase = self.scenario.phases[index].clone();
        let start_ns = clock::now_ns() + AHEAD_MS * MS;
        self.tally.phase_begins(index, start_ns, self.usage(false));
        let end_ns = start_ns + clock::seconds_to_ns(phase.seconds);
        self.fleet.order_all(&Order::Phase { index, start_ns, end_ns, rates: self.rates(&phase)? })?;
        view.phase(&phase);
        if phase.restart {
            self.restart(index, start_ns, view)?;
        }
        let earliest_ns = clock::now_ns().max(start_ns) + 3 * LOOK_MS * MS;
        while clock::now_ns() < end_ns {
            self.look(index, view)?;
            let waiting = self.fleet.sum(|gauges| gauges.connecting + gauges.to_send + gauges.in_flight);
            if phase.until_done && waiting == 0 && self.fleet.reported_since(earliest_ns) {
                break;
            }
        }
        self.fleet.order_all(&Order::Stop)?;
        self.tally.phase_stops(index, clock::now_ns());
        self.drain(index, view)?;
        self.tally.phase_ends(index, clock::now_ns(), self.usage(true));
        if phase.reference {
            self.tally.refer_to(index);
        }
        Ok(())
    }

    /// Rates that are a share of what an earlier phase reached.
    fn rates(&self, phase: &Phase) -> Result<BTreeMap<String, f64>> {
        let mut rates = BTreeMap::new();
        for (name, send) in &phase.send {
            let (Some(share), Some(of)) = (send.share, &send.of) else { continue };
            let reached = self.tally.answered_a_second(name, of).filter(|rate| *rate > 0.0);
            let reached =
                reached.with_context(|| format!("in phase {of} nothing of {name} was answered: there is no share of it to send"))?;
            rates.insert(name.clone(), reached * share);
        }
        Ok(rates)
    }

    /// Kills the server once every generator process knows that it will happen.
    fn restart(&mut self, index: usize, at_ns: u64, view: &mut dyn View) -> Result<()> {
        while clock::now_ns() < at_ns {
            self.look(index, view)?;
        }
        let took_ns = self.server.restart()?;
        self.tally.restarted(index, self.usage(true), took_ns);
        self.fleet.order_all(&Order::Target { address: self.server.address, host: self.server.host.clone() })
    }

    /// Waits until nothing is under way any more, within the scenario's bound.
    fn drain(&mut self, index: usize, view: &mut dyn View) -> Result<()> {
        let stopped_ns = clock::now_ns();
        let most_ns = self.scenario.run.drain_ms * MS;
        loop {
            self.look(index, view)?;
            let now = clock::now_ns();
            let in_flight = self.fleet.sum(|gauges| gauges.in_flight);
            let quiet = now.saturating_sub(self.active_ns.max(stopped_ns)) > QUIET_MS * MS || self.scenario.phases[index].send.is_empty();
            if (in_flight == 0 && quiet && self.fleet.reported_since(stopped_ns)) || now.saturating_sub(stopped_ns) > most_ns {
                return Ok(());
            }
        }
    }

    /// Takes notes for a moment, and closes the second when it is over.
    fn look(&mut self, phase: usize, view: &mut dyn View) -> Result<()> {
        if let Some((worker, note)) = self.fleet.next(Duration::from_millis(LOOK_MS))? {
            self.take(worker, note)?;
        }
        let now = clock::now_ns();
        if now >= self.next_second_ns {
            self.next_second_ns += SECOND;
            let usage = self.usage(false);
            let second = self.tally.second_ends(phase, now, usage);
            view.second(second);
        }
        Ok(())
    }

    fn take(&mut self, worker: usize, note: Note) -> Result<()> {
        match note {
            Note::Report(report) => {
                if report.counters.deliveries + report.counters.acks > 0 {
                    self.active_ns = report.at_ns;
                }
                self.tally.add(worker, &report);
            }
            Note::Rooms(rooms) => {
                let order = Order::Rooms(rooms);
                (0..self.fleet.len()).filter(|other| *other != worker).try_for_each(|other| self.fleet.order(other, &order))?;
            }
            Note::Streams(streams) => {
                self.streams.extend(streams);
                self.answered += 1;
            }
            Note::Checked(counters) => {
                self.tally.counters.add(&counters);
                self.answered += 1;
            }
            Note::Failed(reason) => bail!("generator process {worker}: {reason}"),
            Note::Ready => {}
        }
        Ok(())
    }

    /// Compares what was received with what was sent.
    fn settle(&mut self, view: &mut dyn View) -> Result<()> {
        let last = self.scenario.phases.len() - 1;
        self.ask_all(&Order::Finish, last, view)?;
        let streams = std::mem::take(&mut self.streams);
        self.ask_all(&Order::Check(streams), last, view)
    }

    fn ask_all(&mut self, order: &Order, phase: usize, view: &mut dyn View) -> Result<()> {
        self.answered = 0;
        self.fleet.order_all(order)?;
        let deadline = clock::now_ns() + WORKER_SILENCE_SECONDS * SECOND;
        while self.answered < self.fleet.len() {
            ensure!(clock::now_ns() < deadline, "the generator does not answer");
            self.look(phase, view)?;
        }
        Ok(())
    }

    fn thresholds(&self) -> Result<Vec<Threshold>> {
        self.scenario.thresholds.iter().map(|text| Threshold::parse(text)).collect()
    }
}
