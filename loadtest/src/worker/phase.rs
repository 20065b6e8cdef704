//! What happens when: phases begin and stop, timers come due, reports leave.

use std::collections::BTreeMap;

use super::connection::Stage;
use super::engine::Engine;
use super::sending::Sending;
use super::timers::Due;
use crate::clock::{self, MS, SECOND};
use crate::ipc::{Gauges, Note, Report};
use crate::limits::CONNECTS_PER_TURN_MAX;
use crate::scenario::{Complete, Phase};

/// Share of a phase over which connections are spread when no rate is given; the rest is for the slow ones.
const RAMP_SHARE: f64 = 0.7;

/// What this process does in the current phase.
#[derive(Debug, Default)]
pub(super) struct Activity {
    pub(super) index: usize,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) sendings: Vec<Sending>,
    /// Whether messages wait for their deliveries.
    pub(super) counts_deliveries: bool,
    /// Whether it sends no more, and only the rest arrives.
    drains: bool,
    /// Whether the server is killed: nobody is lost who comes back.
    pub(super) restarts: bool,
    churns: Vec<Churn>,
    /// Whether who is still connecting at the end of the phase is lost.
    all_must_stand: bool,
}

#[derive(Debug)]
struct Churn {
    persona: usize,
    interval_ns: f64,
    next_ns: f64,
    cursor: u32,
}

impl Engine {
    /// Begins a phase.
    pub(super) fn begin(&mut self, index: usize, start_ns: u64, end_ns: u64, rates: &BTreeMap<String, f64>) {
        self.report();
        let mut phase = self.setup.scenario.phases[index].clone();
        for (name, rate) in rates {
            if let Some(send) = phase.send.get_mut(name) {
                send.rate = Some(*rate);
            }
        }
        self.activity = Activity { index, start_ns, end_ns, restarts: phase.restart, ..Activity::default() };
        self.activity.all_must_stand = !phase.connect.is_empty() || !phase.cut.is_empty() || phase.restart;
        for number in 0..self.personas.len() {
            let name = self.personas[number].name.clone();
            if phase.stop_reading.contains(&name) {
                self.each_client(number, |engine, client| engine.clients[client].reading = false);
            }
            if phase.resume_reading.contains(&name) {
                self.each_client(number, |engine, client| {
                    engine.clients[client].reading = true;
                    engine.read(client, true);
                });
            }
            if let Some(share) = phase.cut.get(&name) {
                self.cut(number, *share);
            }
            if let Some(share) = phase.connect.get(&name) {
                self.schedule_connects(number, *share, &phase);
            }
            if let Some(rate) = phase.churn.get(&name).filter(|rate| **rate > 0.0) {
                let interval_ns = self.interval_ns(number, *rate);
                self.activity.churns.push(Churn { persona: number, interval_ns, next_ns: start_ns as f64 + interval_ns, cursor: 0 });
            }
            if phase.send.contains_key(&name) {
                self.schedule_sends(number, &phase);
            }
        }
    }

    fn each_client(&mut self, persona: usize, mut visit: impl FnMut(&mut Self, usize)) {
        for client in self.personas[persona].clients.clone() {
            visit(self, client as usize);
        }
    }

    /// The time between two events in this process when the whole persona has `rate` a second.
    fn interval_ns(&self, persona: usize, rate: f64) -> f64 {
        let state = &self.personas[persona];
        let share = f64::from(state.clients.end - state.clients.start) / f64::from(state.persona.count.max(1));
        SECOND as f64 / (rate * share)
    }

    /// All are due at once; the turns take them in portions, so that those who stay are still read in time.
    fn cut(&mut self, persona: usize, share: f64) {
        let clients = self.personas[persona].clients.clone();
        let count = (f64::from(clients.end - clients.start) * share).round() as u32;
        for client in clients.start..clients.start + count {
            self.timers.at(self.activity.start_ns, Due::Cut(client));
        }
    }

    fn schedule_connects(&mut self, persona: usize, share: f64, phase: &Phase) {
        let clients = self.personas[persona].clients.clone();
        let count = (f64::from(clients.end - clients.start) * share).round() as u32;
        let total: f64 = phase.connect.iter().map(|(name, share)| f64::from(self.setup.scenario.personas[name].count) * share).sum();
        let rate = if phase.connect_rate > 0.0 { phase.connect_rate } else { total / (phase.seconds * RAMP_SHARE) };
        // All personas rise together: each takes its share of the rate.
        let own = rate * f64::from(self.personas[persona].persona.count) * share / total.max(1.0);
        let interval = self.interval_ns(persona, own.max(f64::MIN_POSITIVE)).min(clock::seconds_to_ns(phase.seconds) as f64);
        for (number, client) in (clients.start..clients.start + count).enumerate() {
            let connection = &mut self.clients[client as usize];
            if connection.stage != Stage::Down || connection.intended_ns > 0 {
                continue;
            }
            let at = self.activity.start_ns + (interval * number as f64) as u64;
            connection.intended_ns = at;
            for place in &connection.places {
                self.rooms[place.room as usize].expected += 1;
            }
            self.timers.at(at, Due::Connect(client));
        }
    }

    fn schedule_sends(&mut self, persona: usize, phase: &Phase) {
        let spec = phase.send[&self.personas[persona].name].clone();
        let start = self.activity.start_ns;
        let interval_ns = spec.rate.map_or(f64::INFINITY, |rate| self.interval_ns(persona, rate));
        let shift = interval_ns * self.setup.worker as f64 / self.setup.workers as f64;
        self.activity.counts_deliveries |= spec.complete == Complete::Deliver;
        for client in self.personas[persona].clients.clone() {
            if let Some(sender) = &mut self.clients[client as usize].sender {
                sender.sent = 0;
            }
            if let Some([least, most]) = spec.think_ms {
                // Who has been thinking for a while already is spread over the whole time.
                let first = self.dice.between(0, (least + most) * MS / 2);
                self.timers.at(start + first, Due::Think(client));
            }
            if spec.depth.is_some() {
                self.timers.at(start, Due::Resume(client));
            }
        }
        let next_ns = start as f64 + if shift.is_finite() { shift } else { 0.0 };
        self.activity.sendings.push(Sending { persona, spec, interval_ns, next_ns, cursor: 0 });
    }

    /// Stops sending and churning.
    pub(super) fn stop(&mut self) {
        self.activity.sendings.clear();
        self.activity.churns.clear();
        self.timers.forget_thinking();
        if std::mem::take(&mut self.activity.all_must_stand) {
            for client in 0..self.clients.len() {
                let connection = &self.clients[client];
                if connection.is_connecting() {
                    let stage = connection.stage;
                    self.recorder.example("late", || format!("not connected when the phase ended ({stage:?})"));
                    self.give_up(client);
                }
            }
        }
        self.report();
        self.activity.drains = true;
    }

    /// When something is due.
    pub(super) fn next_ns(&self) -> u64 {
        let open = self.activity.sendings.iter().filter(|sending| sending.interval_ns.is_finite()).map(|sending| sending.next_ns);
        let churns = self.activity.churns.iter().map(|churn| churn.next_ns);
        let soonest = open.chain(churns).fold(f64::INFINITY, f64::min);
        let soonest = if soonest.is_finite() { soonest as u64 } else { u64::MAX };
        let timer = self.timers.next_ns().unwrap_or(u64::MAX);
        soonest.min(timer).min(self.lag_beat.next_ns).min(self.report_beat.next_ns)
    }

    /// Does what is due, and writes what waits.
    pub(super) fn turn(&mut self) {
        let now = clock::now_ns();
        let recorder = &mut self.recorder;
        self.lag_beat.due(now, |lateness| recorder.lag(lateness));
        for _ in 0..CONNECTS_PER_TURN_MAX {
            let Some((at, due)) = self.timers.pop(now) else { break };
            match due {
                Due::Connect(client) => self.connect(client as usize),
                Due::Cut(client) if self.clients[client as usize].stage == Stage::Live => self.come_back(client as usize, at),
                Due::Cut(_) => {}
                Due::Deadline(client, generation) => self.deadline(client as usize, generation),
                Due::Think(client) => self.thought(client as usize, at),
                Due::Resume(client) => self.pumping.push(client),
            }
        }
        self.churn(now);
        self.send_arrivals(now);
        self.pump();
        while let Some(client) = self.dirty.pop() {
            self.flush(client as usize);
        }
        let mut is_due = false;
        self.report_beat.due(now, |_| is_due = true);
        if is_due {
            self.expire(now);
            self.report();
        }
    }

    fn churn(&mut self, now: u64) {
        for index in 0..self.activity.churns.len() {
            loop {
                let churn = &mut self.activity.churns[index];
                let clients = self.personas[churn.persona].clients.clone();
                if churn.next_ns > now as f64 || clients.is_empty() {
                    break;
                }
                churn.next_ns += churn.interval_ns;
                let client = clients.start + churn.cursor % (clients.end - clients.start);
                churn.cursor = churn.cursor.wrapping_add(1);
                if self.clients[client as usize].stage == Stage::Live {
                    self.come_back(client as usize, now);
                }
            }
        }
    }

    /// Queues what happened since the last report.
    pub(super) fn report(&mut self) {
        let (counters, actions, lag, examples) = self.recorder.take();
        let in_flight = self.clients.iter().filter_map(|client| client.sender.as_ref()).map(|sender| sender.in_flight.len() as u64).sum();
        let gauges = Gauges {
            live: self.clients.iter().filter(|client| client.stage == Stage::Live).count() as u64,
            connecting: self.clients.iter().filter(|client| client.is_connecting()).count() as u64,
            in_flight,
            to_send: self.to_send(),
            cpu_ns: clock::own_cpu_ns(),
            memory: own_memory(),
            memory_before: self.memory_before,
        };
        let report = Report {
            at_ns: clock::now_ns(),
            phase: self.activity.index,
            drains: self.activity.drains,
            counters,
            actions,
            lag,
            gauges,
            examples,
        };
        self.notes.push(Note::Report(Box::new(report)));
    }

    fn to_send(&self) -> u64 {
        let mut left = 0;
        for sending in &self.activity.sendings {
            let Some(count) = sending.spec.count else { continue };
            for client in &self.clients[range(&self.personas[sending.persona].clients)] {
                let sent = client.sender.as_ref().map_or(0, |sender| sender.sent);
                left += if client.stage == Stage::Lost { 0 } else { count.saturating_sub(sent) };
            }
        }
        left
    }
}

fn range(clients: &std::ops::Range<u32>) -> std::ops::Range<usize> {
    clients.start as usize..clients.end as usize
}

/// Resident bytes of this process.
pub(super) fn own_memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
