//! Counts and latencies since the last report.

use std::collections::BTreeMap;

use crate::sample::{ACTIONS, Action, ActionSample, Counters, Latencies, Pairs, latencies, pairs, record_ns};

/// Examples of errors kept per report.
const EXAMPLES_MAX: usize = 8;

/// Corrected and uncorrected.
type Both = Box<[Latencies; 2]>;

/// Counters, latencies, lag, examples.
type Taken = (Counters, Vec<ActionSample>, Pairs, Vec<String>);

/// What is counted and timed.
pub(super) struct Recorder {
    pub(super) counters: Counters,
    actions: Vec<Option<Both>>,
    lag: Latencies,
    examples: BTreeMap<String, String>,
}

impl Recorder {
    pub(super) fn new(personas: usize) -> Self {
        Self { counters: Counters::default(), actions: vec![None; personas * ACTIONS], lag: latencies(), examples: BTreeMap::new() }
    }

    /// Records one action of a persona that was meant to begin at one time, began at another, and ended now.
    pub(super) fn record(&mut self, persona: usize, action: Action, intended_ns: u64, actual_ns: u64, now_ns: u64) {
        let both = self.actions[persona * ACTIONS + action as usize].get_or_insert_with(|| Box::new([latencies(), latencies()]));
        record_ns(&mut both[0], now_ns.saturating_sub(intended_ns));
        record_ns(&mut both[1], now_ns.saturating_sub(actual_ns));
    }

    /// Records how late the generator itself was.
    pub(super) fn lag(&mut self, ns: u64) {
        record_ns(&mut self.lag, ns);
    }

    /// Keeps an example of each kind of trouble.
    pub(super) fn example(&mut self, kind: &str, text: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX && !self.examples.contains_key(kind) {
            self.examples.insert(kind.to_owned(), format!("{kind}: {}", text()));
        }
    }

    /// Takes everything: counters, latencies, lag, examples.
    pub(super) fn take(&mut self) -> Taken {
        let mut samples = Vec::new();
        for (index, both) in self.actions.iter_mut().enumerate() {
            let Some(both) = both.as_mut().filter(|both| !both[0].is_empty()) else { continue };
            let (corrected, uncorrected) = (pairs(&both[0]), pairs(&both[1]));
            samples.push(ActionSample { persona: index / ACTIONS, action: Action::ALL[index % ACTIONS], corrected, uncorrected });
            both.iter_mut().for_each(Latencies::reset);
        }
        let lag = pairs(&self.lag);
        self.lag.reset();
        (std::mem::take(&mut self.counters), samples, lag, std::mem::take(&mut self.examples).into_values().collect())
    }
}
