//! What goes wrong with nodes and with the ways between them, and what sets it right.

use crate::plan::{between, pick};
use crate::world::{Event, World};

/// Milliseconds of plain writes that a store loses in a crash when it does not sync them before it answers.
const UNSYNCED_MS: u64 = 1_000;

/// Something that goes wrong, or right again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The next thing goes wrong.
    Next,
    /// From here on nothing goes wrong any more.
    Calm,
    /// A stopped process goes on.
    Resume(usize),
    /// A crashed process is started again.
    Restart(usize),
    /// A node reaches the store again.
    Heal(usize),
}

impl World {
    /// The next fault comes in a while.
    pub(crate) fn plan_fault(&mut self) {
        let wait_ms = between(&mut self.dice, 1, 2 * self.plan.faults.every_ms);
        self.after(wait_ms, Event::Fault(Fault::Next));
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Next if self.stormy => {
                self.go_wrong();
                self.plan_fault();
            }
            Fault::Next => {}
            Fault::Calm => self.calm(),
            Fault::Resume(node) => self.resume(node),
            Fault::Restart(node) => self.start(node),
            Fault::Heal(node) => self.heal(node),
        }
    }

    fn go_wrong(&mut self) {
        let node = pick(&mut self.dice, self.plan.nodes);
        if !self.nodes[node].is_up() {
            return;
        }
        match self.dice.below(10) {
            0 | 1 => {
                self.crash(node);
                let wait_ms = between(&mut self.dice, 10, 1_500);
                self.after(wait_ms, Event::Fault(Fault::Restart(node)));
            }
            2..=4 => {
                self.coverage.pauses += 1;
                self.say(|| format!("fault   node {node} is stopped"));
                self.nodes[node].paused = true;
                let longest_ms = if self.dice.one_in(3) { 6_000 } else { 300 };
                let wait_ms = between(&mut self.dice, 10, longest_ms);
                self.after(wait_ms, Event::Fault(Fault::Resume(node)));
            }
            5 => {
                self.coverage.partitions += 1;
                let ways = self.dice.below(3);
                (self.nodes[node].cut_there, self.nodes[node].cut_back) = (ways != 1, ways != 0);
                self.say(|| format!("fault   node {node} is cut off from the store ({ways})"));
                let wait_ms = between(&mut self.dice, 20, 1_500);
                self.after(wait_ms, Event::Fault(Fault::Heal(node)));
            }
            6 if self.dice.one_in(2) => {
                self.coverage.engine_crashes += 1;
                self.say(|| "fault   the store crashes".to_owned());
                self.down_until_ms = self.now_ms + between(&mut self.dice, 50, 800);
                if self.plan.is_off(crate::rules::Rule::WritesAreSynced) {
                    self.engine.lose_since(self.now_ms.saturating_sub(UNSYNCED_MS));
                }
            }
            6 => {
                self.coverage.clock_jumps += 1;
                let skew_ms = i64::try_from(self.dice.below(240_000)).expect("small") - 120_000;
                self.nodes[node].skew_ms = skew_ms;
                self.say(|| format!("fault   the wall clock of node {node} is off by {skew_ms} ms"));
            }
            _ => {
                let open = self.connections.of_node(node);
                if !open.is_empty() {
                    let connection = open[pick(&mut self.dice, open.len())];
                    self.say(|| format!("fault   connection {connection} breaks"));
                    self.break_connection(connection, true);
                }
            }
        }
    }

    fn resume(&mut self, node: usize) {
        if std::mem::take(&mut self.nodes[node].paused) {
            self.say(|| format!("fault   node {node} goes on"));
            for event in std::mem::take(&mut self.nodes[node].backlog) {
                self.at(self.now_ms, event);
            }
        }
    }

    fn heal(&mut self, node: usize) {
        self.say(|| format!("fault   node {node} reaches the store again"));
        (self.nodes[node].cut_there, self.nodes[node].cut_back) = (false, false);
    }

    /// Everything works again. In half of the runs rivals stay; in the others one node is left.
    fn calm(&mut self) {
        self.stormy = false;
        self.say(|| "fault   the storm is over".to_owned());
        let left = pick(&mut self.dice, self.plan.nodes);
        let rivals = self.dice.one_in(2);
        for node in 0..self.plan.nodes {
            self.resume(node);
            self.heal(node);
            if !rivals && node != left {
                self.crash(node);
                self.nodes[node].gone = true;
            } else if !self.nodes[node].is_up() {
                self.start(node);
            }
        }
    }
}
