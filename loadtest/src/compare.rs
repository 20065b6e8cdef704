//! A against B, in turn (ABAB…), so that what drifts on the machine meets both; ratios per pair with their spread.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::Serialize;

use crate::controller::{self, Plan};
use crate::report::figure;
use crate::result::RunReport;
use crate::threshold::{Outcome, Threshold};
use crate::view::{say, view};

/// Runs of each side at most.
const RUNS_MAX: usize = 100;
/// Exit code: an assertion was missed, or a run missed a threshold.
const MISSED: u8 = 1;
/// Exit code: a run was void.
const VOID: u8 = 3;

/// `rialto-load compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Scenario A: the side that is judged.
    a: PathBuf,
    /// Scenario B: the side to compare with.
    b: PathBuf,
    /// Runs of each.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Server of A.
    #[arg(long, value_name = "URL")]
    target_a: Option<String>,
    /// Server of B.
    #[arg(long, value_name = "URL")]
    target_b: Option<String>,
    /// Command that starts A's server, anew for each run.
    #[arg(long, value_name = "COMMAND")]
    spawn_a: Option<String>,
    /// Command that starts B's server, anew for each run.
    #[arg(long, value_name = "COMMAND")]
    spawn_b: Option<String>,
    /// Sets a key of both scenarios.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Sets a key of A.
    #[arg(long = "set-a", value_name = "KEY=VALUE")]
    sets_a: Vec<String>,
    /// Sets a key of B.
    #[arg(long = "set-b", value_name = "KEY=VALUE")]
    sets_b: Vec<String>,
    /// What the median of the ratios A/B must hold, for example `server.cpu_per_delivery@depth4 <= 0.22`.
    #[arg(long = "assert", value_name = "THRESHOLD")]
    asserts: Vec<String>,
    /// Writes all figures as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Lets the targets be other machines than this one.
    #[arg(long)]
    allow_remote: bool,
}

/// Spread of a figure over runs.
#[derive(Clone, Debug, Serialize)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

/// One figure of both sides.
#[derive(Clone, Debug, Serialize)]
struct Line {
    a: Spread,
    b: Spread,
    /// A/B of each pair; absent where B is 0.
    ratio: Option<Spread>,
}

#[derive(Serialize)]
struct Comparison {
    format: &'static str,
    runs: usize,
    figures: BTreeMap<String, Line>,
    asserts: Vec<Outcome>,
    a: Vec<RunReport>,
    b: Vec<RunReport>,
}

/// Runs both sides and prints the comparison.
///
/// # Errors
/// When a run cannot begin.
pub(crate) fn compare(args: &CompareArgs) -> Result<u8> {
    ensure!((1..=RUNS_MAX).contains(&args.runs), "--runs is not within 1 to {RUNS_MAX}");
    let asserts = args.asserts.iter().map(|text| Threshold::parse(text)).collect::<Result<Vec<_>>>()?;
    let side = |path: &PathBuf, url: &Option<String>, spawn: &Option<String>, own: &[String]| Plan {
        path: path.clone(),
        sets: [&args.sets[..], own].concat(),
        url: url.clone(),
        spawn: spawn.clone(),
        allow_remote: args.allow_remote,
    };
    let plans = [side(&args.a, &args.target_a, &args.spawn_a, &args.sets_a), side(&args.b, &args.target_b, &args.spawn_b, &args.sets_b)];
    let mut reports: [Vec<RunReport>; 2] = [Vec::new(), Vec::new()];
    for number in 1..=args.runs {
        for (plan, (name, reports)) in plans.iter().zip(["A", "B"].iter().zip(&mut reports)) {
            let report = controller::run(plan, view(true).as_mut()).with_context(|| format!("run {number} of {name}"))?;
            say(&format!("{name}{number}: {}", report.verdict.text));
            reports.push(report);
        }
    }
    let [a, b] = reports;
    let figures = figures(&a, &b);
    print(&figures);
    let ratio =
        |metric: &crate::threshold::Metric| figures.get(&metric.to_string()).and_then(|line| line.ratio.as_ref()).map(|ratio| ratio.median);
    let outcomes: Vec<Outcome> = asserts.iter().map(|threshold| threshold.evaluate(&ratio)).collect();
    for outcome in &outcomes {
        let value = outcome.left.map_or_else(|| "no data".to_owned(), |value| format!("{value:.3}"));
        say(&format!("{} {}   [median ratio {value}]", if outcome.held { "held  " } else { "MISSED" }, outcome.threshold));
    }
    let code = verdict(&a, &b, &outcomes);
    if let Some(path) = &args.json {
        let comparison = Comparison { format: "rialto-load-compare/1", runs: args.runs, figures, asserts: outcomes, a, b };
        std::fs::write(path, serde_json::to_string_pretty(&comparison)? + "\n").with_context(|| path.display().to_string())?;
    }
    Ok(code)
}

fn figures(a: &[RunReport], b: &[RunReport]) -> BTreeMap<String, Line> {
    let mut figures = BTreeMap::new();
    let Some(first) = a.first() else { return figures };
    for name in first.metrics.keys() {
        let of = |reports: &[RunReport]| reports.iter().map(|report| report.metrics.get(name).copied()).collect::<Option<Vec<f64>>>();
        let (Some(of_a), Some(of_b)) = (of(a), of(b)) else { continue };
        let ratios: Option<Vec<f64>> = of_a.iter().zip(&of_b).map(|(a, b)| (*b != 0.0).then(|| a / b)).collect();
        figures.insert(name.clone(), Line { a: Spread::of(&of_a), b: Spread::of(&of_b), ratio: ratios.as_deref().map(Spread::of) });
    }
    figures
}

fn print(figures: &BTreeMap<String, Line>) {
    say(&format!("{:<48} {:>28} {:>28}   {}", "median [min … max]", "A", "B", "A/B"));
    for (name, line) in figures {
        let spread =
            |spread: &Spread| format!("{} [{} … {}]", figure(name, spread.median), figure(name, spread.min), figure(name, spread.max));
        let ratio = line
            .ratio
            .as_ref()
            .map_or_else(|| "–".to_owned(), |ratio| format!("{:.3} [{:.3} … {:.3}]", ratio.median, ratio.min, ratio.max));
        say(&format!("{name:<48} {:>28} {:>28}   {ratio}", spread(&line.a), spread(&line.b)));
    }
}

fn verdict(a: &[RunReport], b: &[RunReport], outcomes: &[Outcome]) -> u8 {
    let all = || a.iter().chain(b);
    // Thresholds of the scenarios are about one server alone; a comparison is judged by its assertions, and by every run having a meaning.
    let timing = outcomes.iter().any(|outcome| outcome.timing);
    let void = all().filter(|report| report.total.counters.clients_lost > 0 || (timing && report.verdict.saturated)).count();
    let wrong = a
        .iter()
        .filter(|report| report.total.counters.loss + report.total.counters.duplicates + report.total.counters.reordered > 0)
        .count();
    let missed = outcomes.iter().filter(|outcome| !outcome.held).count();
    let (code, text) = if void > 0 {
        (VOID, format!("VOID: {void} of {} runs say nothing", all().count()))
    } else if missed + wrong > 0 {
        (MISSED, format!("FAIL: {missed} of {} assertions missed, {wrong} runs of A with loss, duplicates or disorder", outcomes.len()))
    } else {
        (0, format!("PASS: {} of {} assertions held over {} runs", outcomes.len(), outcomes.len(), all().count()))
    };
    say(&text);
    code
}

impl Spread {
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Self { median, min: sorted[0], max: sorted[sorted.len() - 1] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads() {
        let spread = Spread::of(&[3.0, 1.0, 2.0]);
        assert_eq!((spread.median, spread.min, spread.max), (2.0, 1.0, 3.0));
        assert_eq!(Spread::of(&[4.0, 1.0]).median, 2.5);
    }
}
