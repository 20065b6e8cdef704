//! A against B, in turn (ABAB…), so that what drifts on the machine meets both; ratios per pair with their spread. Or A alone, several times.

mod figures;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

pub(crate) use figures::{Comparison, Spread};

use crate::controller::{self, Plan};
use crate::result::RunReport;
use crate::threshold::{Metric, Threshold};
use crate::view::{say, view};

/// Runs of each side at most.
const RUNS_MAX: usize = 100;
/// Exit code: an assertion was missed, or a run had losses, duplicates or disorder.
const MISSED: u8 = 1;
/// Exit code: a run was void.
const VOID: u8 = 3;

/// `rialto-load compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Scenario A: the side that is judged.
    a: PathBuf,
    /// Scenario B: the side to compare with. Without it A's own figures are shown and judged.
    b: Option<PathBuf>,
    /// Runs of each.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Server of A.
    #[arg(long, value_name = "URL")]
    target_a: Option<String>,
    /// Server of B.
    #[arg(long, value_name = "URL")]
    target_b: Option<String>,
    /// Command that starts A's server, anew for each run; or rialto, ws, socketio, file.
    #[arg(long, value_name = "COMMAND")]
    spawn_a: Option<String>,
    /// Command that starts B's server, anew for each run; or rialto, ws, socketio, file.
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
    /// What the median of the ratios A/B must hold (without B: of A's values), for example `server.cpu_per_delivery@depth4 <= 0.22`.
    #[arg(long = "assert", value_name = "THRESHOLD")]
    asserts: Vec<String>,
    /// Keeps the servers on the first CPU and the generator on the second.
    #[arg(long)]
    pin: bool,
    /// Writes all figures as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Lets the targets be other machines than this one.
    #[arg(long)]
    allow_remote: bool,
}

/// Runs both sides and prints the comparison.
///
/// # Errors
/// When a run cannot begin.
pub(crate) fn compare(args: &CompareArgs) -> Result<u8> {
    ensure!((1..=RUNS_MAX).contains(&args.runs), "--runs is not within 1 to {RUNS_MAX}");
    let asserts = args.asserts.iter().map(|text| Threshold::parse(text)).collect::<Result<Vec<_>>>()?;
    let wanted: Vec<Metric> = asserts.iter().flat_map(Threshold::metrics).cloned().collect();
    let mut plans = vec![("A", args.plan(&args.a, &args.target_a, &args.spawn_a, &args.sets_a, &wanted))];
    if let Some(b) = &args.b {
        plans.push(("B", args.plan(b, &args.target_b, &args.spawn_b, &args.sets_b, &wanted)));
    }
    let mut reports: Vec<Vec<RunReport>> = plans.iter().map(|_| Vec::new()).collect();
    for number in 1..=args.runs {
        for ((name, plan), reports) in plans.iter().zip(&mut reports) {
            let report = controller::run(plan, view(true).as_mut()).with_context(|| format!("run {number} of {name}"))?;
            say(&format!("{name}{number}: {}", report.verdict.text));
            reports.push(report);
        }
    }
    let mut reports = reports.into_iter();
    let (a, b) = (reports.next().unwrap_or_default(), reports.next());
    let comparison = Comparison::of(a, b, &asserts);
    print(&comparison);
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_string_pretty(&comparison)? + "\n").with_context(|| path.display().to_string())?;
    }
    let (code, text) = verdict(&comparison);
    say(&text);
    Ok(code)
}

impl CompareArgs {
    /// Whether both scenarios can be read, and know what the assertions name.
    ///
    /// # Errors
    /// What is wrong.
    #[cfg(test)]
    pub(crate) fn check(&self) -> Result<()> {
        for (path, own, spawn) in [(Some(&self.a), &self.sets_a, &self.spawn_a), (self.b.as_ref(), &self.sets_b, &self.spawn_b)] {
            let Some(path) = path else { continue };
            let spawn = crate::launch::launch(spawn.as_deref().context("rows say what to start")?);
            let sets = [&spawn.sets[..], &self.sets[..], own].concat();
            let scenario = crate::scenario::load(path, &sets)?;
            self.asserts.iter().try_for_each(|text| Threshold::parse(text)?.check_names(&scenario))?;
        }
        Ok(())
    }

    fn plan(&self, path: &Path, url: &Option<String>, spawn: &Option<String>, own: &[String], wanted: &[Metric]) -> Plan {
        Plan {
            path: path.to_path_buf(),
            sets: [&self.sets[..], own].concat(),
            url: url.clone(),
            spawn: spawn.clone(),
            allow_remote: self.allow_remote,
            pin: self.pin,
            wanted: wanted.to_vec(),
        }
    }
}

fn print(comparison: &Comparison) {
    say(&format!("{:<48} {:>28} {:>28}   {}", "median [min … max]", "A", "B", "A/B"));
    let absent = || "–".to_owned();
    for (name, line) in &comparison.figures {
        let side = |spread: &Spread| spread.text(name);
        let b = line.b.as_ref().map_or_else(absent, side);
        let ratio = line.ratio.as_ref().map_or_else(absent, |ratio| ratio.text(""));
        say(&format!("{name:<48} {:>28} {b:>28}   {ratio}", side(&line.a)));
    }
    for judged in &comparison.asserts {
        let value = judged.left.as_ref().map_or_else(|| "no data".to_owned(), |left| left.text(judged.left_unit(comparison.b.is_some())));
        say(&format!("{} {}   [{value}]", judged.mark(), judged.threshold));
    }
}

/// Thresholds of the scenarios are about one server alone; a comparison is judged by its assertions, and by every run having a meaning.
fn verdict(comparison: &Comparison) -> (u8, String) {
    let runs = || comparison.a.iter().chain(comparison.b.iter().flatten());
    let lost = runs().filter(|report| report.is_void()).count();
    let void = comparison.asserts.iter().filter(|judged| judged.void).count();
    let wrong = runs().filter(|report| report.total.counters.wrong() > 0).count();
    let (missed, asserts) = (comparison.asserts.iter().filter(|judged| !judged.held).count(), comparison.asserts.len());
    if lost > 0 {
        (VOID, format!("VOID: {lost} of {} runs say nothing", runs().count()))
    } else if void > 0 {
        (VOID, format!("VOID: {void} of {asserts} assertions rest on times that a saturated generator measured"))
    } else if missed + wrong > 0 {
        (MISSED, format!("FAIL: {missed} of {asserts} assertions missed, {wrong} runs with loss, duplicates, disorder or gaps"))
    } else {
        (0, format!("PASS: {asserts} of {asserts} assertions held over {} runs", runs().count()))
    }
}
