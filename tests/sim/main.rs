//! Simulation: the machines of whole nodes (sessions, shards with their logs, conversations, users, topics; the code that runs in production) over a simulated network,
//! clock and store, from one seed.
//!
//! Several nodes own the same shards and do not know of each other: each claims, is stopped and goes on, crashes and starts again, is cut off. Clients send with ids of their
//! own, retry elsewhere, disconnect, come back and recover by offset. Statements of the store are done, lost, done without an answer, or done long after their caller gave up.
//! After every run a checker that knows nothing of the machines compares what clients did and saw with what the store holds. A run is a pure function of its seed:
//!
//! ```text
//! RIALTO_SIM_SEEDS=100000 cargo test --workspace --test sim -- --nocapture          # a longer run
//! RIALTO_SIM_SEED=17 cargo test --workspace --test sim replay -- --nocapture        # one seed, with its trace
//! RIALTO_SIM_SEED=17 RIALTO_SIM_RULE=Seal cargo test --workspace --test sim replay -- --nocapture        # the same without a rule
//! ```

mod check;
mod client;
mod coverage;
mod engine;
mod entities;
mod faults;
mod freshness;
mod listening;
mod mutate;
mod network;
mod node;
mod plan;
mod record;
mod rules;
mod sessions;
mod trace;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use rialto_tests::dice::number_from_env;
use rialto_tests::note;

use coverage::Coverage;
use rules::Rule;
use world::World;

/// Seeds of one run of the suite.
const SEEDS: u64 = 2_000;
/// Seeds within which a rule that is switched off must be noticed.
const SEEDS_PER_RULE: u64 = 2_000;
/// Seeds that are run twice.
const SEEDS_TWICE: u64 = 20;
/// Lines of a trace that are shown of a failing seed.
const LINES_SHOWN: usize = 400;
/// Characters of such a line.
const LINE_SHOWN: usize = 200;

/// Runs one seed: what is wrong with it.
fn run(seed: u64, off: Option<Rule>, coverage: &mut Coverage) -> Vec<String> {
    let run = || {
        let mut world = World::new(seed, off, false);
        let wrong = world.run();
        (wrong, world.coverage)
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok((wrong, counts)) => {
            coverage.add(&counts);
            wrong
        }
        Err(panic) => vec![panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic".to_owned())],
    }
}

/// Runs a seed again and gives its trace.
fn trace(seed: u64, off: Option<Rule>) -> (String, (u64, usize)) {
    let mut world = World::new(seed, off, true);
    let wrong = catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_default();
    let plan = format!("{:#?}", world.plan);
    (format!("{plan}\n{}\n{}", world.trace.text(), wrong.join("\n")), world.trace.hash())
}

#[test]
fn no_seed_breaks_a_promise() {
    let (first, count) = (number_from_env("RIALTO_SIM_FIRST").unwrap_or(0), number_from_env("RIALTO_SIM_SEEDS").unwrap_or(SEEDS));
    let mut coverage = Coverage::default();
    for seed in first..first + count {
        let wrong = run(seed, None, &mut coverage);
        if !wrong.is_empty() {
            let (text, _) = trace(seed, None);
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(LINES_SHOWN)..].iter();
            last.for_each(|line| note(&line.chars().take(LINE_SHOWN).collect::<String>()));
            panic!(
                "seed {seed}:\n  {}\nreplay: RIALTO_SIM_SEED={seed} cargo test --workspace --test sim replay -- --nocapture",
                wrong.join("\n  ")
            );
        }
    }
    note(&format!("{count} seeds from {first}: {coverage}"));
    assert!(count < SEEDS || coverage.never().is_empty(), "never happened: {:?}", coverage.never());
}

/// The one rule that is asked about.
fn rule_from_env() -> Option<Rule> {
    let name = std::env::var("RIALTO_SIM_RULE").ok()?;
    let found = Rule::ALL.into_iter().find(|rule| format!("{rule:?}") == name);
    Some(found.unwrap_or_else(|| panic!("RIALTO_SIM_RULE: there is no rule {name}")))
}

/// Seeds that it took to notice that a rule is off, and what was noticed.
fn noticed(rule: Rule) -> Option<(u64, String)> {
    let mut coverage = Coverage::default();
    (0..SEEDS_PER_RULE).find_map(|seed| Some((seed, run(seed, Some(rule), &mut coverage).into_iter().next()?)))
}

#[test]
fn every_rule_that_is_switched_off_is_noticed() {
    let mut unnoticed = Vec::new();
    let only = rule_from_env();
    for rule in Rule::ALL.into_iter().filter(|rule| only.is_none_or(|only| only == *rule)) {
        match noticed(rule) {
            Some((seed, wrong)) => note(&format!("{rule:?} off: seed {seed}: {wrong}")),
            None => unnoticed.push(rule),
        }
    }
    assert!(unnoticed.is_empty(), "not noticed within {SEEDS_PER_RULE} seeds: {unnoticed:?}");
}

#[test]
fn a_seed_is_the_same_run_again() {
    for seed in 0..SEEDS_TWICE {
        assert_eq!(trace(seed, None).1, trace(seed, None).1, "seed {seed}");
    }
}

#[test]
fn replay() {
    if let Some(seed) = number_from_env("RIALTO_SIM_SEED") {
        note(&trace(seed, rule_from_env()).0);
    }
}
