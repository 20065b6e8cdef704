//! The protocol of the shard log as a small model, looked at exhaustively: every order of steps of rival owners, every fate of every write.
//!
//! Two entities, a log of a few buckets, owners that do not know of each other, writes that are answered, not answered, or land at any later time. In every state that can be
//! reached, a claimant who came now would find every acknowledged message at its place, no hole, and no message twice. With one rule switched off, it would not.

mod rules;
mod state;
mod steps;

use stateright::{Checker as _, Model, Property};

use rialto_tests::dice::number_from_env;
use rialto_tests::note;
use rules::Rule;
use state::{BUCKET_ROWS, State};
use steps::{Fate, Protocol};

/// What holds in every state.
const WHOLE: &str = "nothing acknowledged is lost, doubled or moved";

/// How large a model is.
#[derive(Clone, Copy, Debug)]
struct Size {
    owners: usize,
    messages: u8,
    buckets: usize,
    /// Writes at most that nobody knows about at a time.
    late: usize,
    /// Claims that one owner sends at most.
    claims: u8,
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
    Flush(usize),
    Consume(usize, Fate),
    /// A bucket loses its rows.
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
            if self.protocol.takes(state, owner) {
                actions.extend((0..self.size.messages).map(|message| Action::Take(owner, message)));
            }
            actions.push(Action::Flush(owner));
            if self.protocol.consumes(state, owner) {
                actions.extend(fates.iter().map(|fate| Action::Consume(owner, *fate)));
            }
            // Nobody waits for the answer to a truncation.
            let truncated = fates.iter().filter(|fate| **fate != Fate::Unanswered);
            let bucket = self.protocol.truncates(state, owner);
            actions.extend(bucket.into_iter().flat_map(|bucket| truncated.clone().map(move |fate| Action::Truncate(bucket, *fate))));
        }
        actions.extend((0..state.late.len()).map(Action::Land));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        let happened = match action {
            Action::Step(owner, fate) => self.protocol.step(&mut next, owner, fate),
            Action::Take(owner, message) => {
                self.protocol.take(&mut next, owner, message);
                true
            }
            Action::Flush(owner) => self.protocol.flush(&mut next, owner),
            Action::Consume(owner, fate) => {
                self.protocol.consume(&mut next, owner, fate);
                true
            }
            Action::Truncate(bucket, fate) => {
                self.protocol.truncate(&mut next, bucket, fate);
                true
            }
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
            Property::always(WHOLE, |_, state: &State| state.broken.is_none() && state.is_whole()),
            Property::sometimes("everything that fits is acknowledged", |model: &Self, state: &State| {
                state.acked.len() == usize::from(model.size.messages).min(model.size.buckets * BUCKET_ROWS)
            }),
            Property::sometimes("an owner learns that it is fenced", |_, state: &State| {
                state.owners.iter().any(|owner| owner.phase == crate::state::Phase::Fenced)
            }),
        ]
    }
}

const FATES: [Fate; 3] = [Fate::Answered, Fate::Unanswered, Fate::Late];
/// Two owners through all buckets, each of which claims once.
const THROUGH: Size = Size { owners: 2, messages: 2, buckets: 2, late: 1, claims: 1 };
/// Two owners that claim again and again in one bucket.
const RIVALS: Size = Size { owners: 2, messages: 2, buckets: 1, late: 1, claims: 2 };
/// As [`THROUGH`], and a third bucket.
const ROLLS: Size = Size { owners: 2, messages: 2, buckets: 3, late: 1, claims: 1 };
/// Models that take minutes: looked at when `RIALTO_MODEL_LARGER` is set.
const LARGER: [Size; 5] = [
    ROLLS,
    Size { owners: 2, messages: 1, buckets: 2, late: 1, claims: 2 },
    Size { owners: 3, messages: 1, buckets: 2, late: 1, claims: 1 },
    Size { owners: 2, messages: 2, buckets: 2, late: 1, claims: 2 },
    Size { owners: 2, messages: 3, buckets: 3, late: 1, claims: 1 },
];
/// Threads of the checker.
const THREADS: usize = 2;

fn model(size: Size, off: Option<Rule>) -> ShardLog {
    ShardLog { size, protocol: Protocol { off, claims_max: size.claims } }
}

fn check(size: Size) {
    let checker = model(size, None).checker().threads(THREADS).spawn_bfs().join();
    note(&format!("{size:?}: {} states, {} of them different", checker.state_count(), checker.unique_state_count()));
    checker.assert_properties();
}

#[test]
fn every_reachable_state_is_whole() {
    [RIVALS, THROUGH].into_iter().for_each(check);
    if number_from_env("RIALTO_MODEL_LARGER").is_some() {
        LARGER.into_iter().for_each(check);
    }
}

/// Steps of a counterexample without a rule, and the states that were looked at for it.
fn counterexample(size: Size, rule: Rule) -> Option<(usize, usize)> {
    let checker = model(size, Some(rule)).checker().threads(THREADS).spawn_bfs().join();
    let path = checker.discovery(WHOLE)?;
    Some((path.into_actions().len(), checker.unique_state_count()))
}

#[test]
fn without_any_one_rule_there_is_a_counterexample() {
    let mut unnoticed = Vec::new();
    for rule in Rule::ALL {
        // The smallest model in which the rule matters.
        let size = match rule {
            Rule::EveryClaimHasItsOwnFence => RIVALS,
            Rule::CursorIsCarried => ROLLS,
            _ => THROUGH,
        };
        match counterexample(size, rule) {
            Some((steps, states)) => note(&format!("{rule:?} off: {steps} steps lead to a loss, found after {states} states")),
            None => unnoticed.push(rule),
        }
    }
    assert!(unnoticed.is_empty(), "no counterexample without {unnoticed:?}");
}
