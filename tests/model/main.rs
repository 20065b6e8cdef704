//! The protocol of the shard log as a small model, looked at exhaustively: every order of steps of rival owners, every fate of every write.
//!
//! Two entities, a log of a few buckets, owners that do not know of each other, writes that are answered, not answered, or land at any later time. In every state that can be
//! reached, a claimant who came now would find every acknowledged message at its place, no hole, and no message twice. With one rule switched off, it would not.

mod rules;
mod state;
mod steps;

use stateright::{Checker as _, Model, Property};

use rialto_tests::note;
use rules::Rule;
use state::State;
use steps::{Fate, Protocol};

/// How large a model is.
#[derive(Clone, Copy, Debug)]
struct Size {
    owners: usize,
    messages: u8,
    buckets: usize,
    /// Writes at most that nobody knows about at a time.
    late: usize,
}

#[derive(Clone, Copy, Debug)]
struct ShardLog {
    size: Size,
    protocol: Protocol,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Step(usize, Fate),
    Take(usize, u8),
    Consume(usize, Fate),
    Truncate(usize, Fate),
    /// A late write lands.
    Land(usize),
}

impl Model for ShardLog {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.size.owners, self.size.buckets)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some() {
            return;
        }
        let fates = if state.late.len() < self.size.late { &FATES[..] } else { &FATES[..2] };
        for owner in 0..self.size.owners {
            let step = if self.protocol.writes(state, owner) { fates } else { &FATES[..1] };
            actions.extend(step.iter().map(|fate| Action::Step(owner, *fate)));
            actions.extend((0..self.size.messages).map(|message| Action::Take(owner, message)));
            actions.extend(fates.iter().map(|fate| Action::Consume(owner, *fate)));
            actions.extend(fates.iter().map(|fate| Action::Truncate(owner, *fate)));
        }
        actions.extend((0..state.late.len()).map(Action::Land));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        let happened = match action {
            Action::Step(owner, fate) => self.protocol.step(&mut next, owner, fate),
            Action::Take(owner, message) => self.protocol.take(&mut next, owner, message),
            Action::Consume(owner, fate) => self.protocol.consume(&mut next, owner, fate),
            Action::Truncate(owner, fate) => self.protocol.truncate(&mut next, owner, fate),
            Action::Land(index) => {
                let write = next.late.remove(index);
                self.protocol.land(&mut next, &write);
                true
            }
        };
        happened.then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing acknowledged is lost, doubled or moved", |_, state: &State| state.broken.is_none() && state.is_whole()),
            Property::sometimes("everything is acknowledged", |model: &Self, state: &State| {
                state.acked.len() == usize::from(model.size.messages)
            }),
            Property::sometimes("an owner learns that it is fenced", |_, state: &State| {
                state.owners.iter().any(|owner| owner.phase == state::Phase::Fenced)
            }),
        ]
    }
}

const FATES: [Fate; 3] = [Fate::Answered, Fate::Unanswered, Fate::Late];
/// Whole: two owners through all buckets.
const WHOLE: Size = Size { owners: 2, messages: 2, buckets: 3, late: 1 };
/// Threads of the checker.
const THREADS: usize = 2;

fn model(size: Size, off: Option<Rule>) -> ShardLog {
    ShardLog { size, protocol: Protocol { off } }
}

#[test]
fn every_reachable_state_is_whole() {
    let checker = model(WHOLE, None).checker().threads(THREADS).spawn_bfs().join();
    note(&format!("{WHOLE:?}: {} states, {} of them different", checker.state_count(), checker.unique_state_count()));
    checker.assert_properties();
}

#[test]
fn without_any_one_rule_there_is_a_counterexample() {
    let mut unnoticed = Vec::new();
    for rule in Rule::ALL {
        let checker = model(WHOLE, Some(rule)).checker().threads(THREADS).spawn_bfs().join();
        match checker.discovery("nothing acknowledged is lost, doubled or moved") {
            Some(path) => note(&format!("{rule:?} off: {} states, then {} steps lead to a loss", checker.unique_state_count(), path.into_actions().len())),
            None => unnoticed.push(rule),
        }
    }
    assert!(unnoticed.is_empty(), "no counterexample without {unnoticed:?}");
}
