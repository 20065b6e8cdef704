//! The figures of a comparison: spreads, ratios, and what the assertions make of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::{plain_number, unit};
use crate::result::{RunReport, saturated};
use crate::threshold::{Metric, Threshold};

/// Version of the comparison's form.
const FORMAT: &str = "rialto-load-compare/1";

/// Spread of a figure over runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// The one in the middle.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) min: f64,
    /// The largest.
    pub(crate) max: f64,
}

/// One figure of both sides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Of A.
    pub(crate) a: Spread,
    /// Of B; absent without B.
    pub(crate) b: Option<Spread>,
    /// A/B of each pair; absent where B is 0.
    pub(crate) ratio: Option<Spread>,
}

/// What became of an assertion.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Judged {
    /// As written.
    pub(crate) threshold: String,
    /// Whether it held for the medians.
    pub(crate) held: bool,
    /// Whether it rests on times that a saturated generator measured.
    pub(crate) void: bool,
    /// The left side, evaluated for each run or pair.
    pub(crate) left: Option<Spread>,
    /// The right side's median.
    pub(crate) right: Option<f64>,
}

/// All of a comparison.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Comparison {
    /// [`FORMAT`].
    pub(crate) format: String,
    /// Runs of each side.
    pub(crate) runs: usize,
    /// All figures by name.
    pub(crate) figures: BTreeMap<String, Line>,
    /// All assertions.
    pub(crate) asserts: Vec<Judged>,
    /// The reports of A.
    pub(crate) a: Vec<RunReport>,
    /// The reports of B.
    pub(crate) b: Option<Vec<RunReport>>,
}

impl Comparison {
    /// Compares; with B all values are ratios of pairs, without it A's own.
    pub(crate) fn of(a: Vec<RunReport>, b: Option<Vec<RunReport>>, asserts: &[Threshold]) -> Self {
        let figures =
            a.first().map(|first| first.metrics.keys().filter_map(|name| Some((name.clone(), line(name, &a, b.as_deref())?))).collect());
        let asserts = asserts.iter().map(|threshold| judge(threshold, &a, b.as_deref())).collect();
        Self { format: FORMAT.to_owned(), runs: a.len(), figures: figures.unwrap_or_default(), asserts, a, b }
    }
}

fn line(name: &str, a: &[RunReport], b: Option<&[RunReport]>) -> Option<Line> {
    let of = |reports: &[RunReport]| reports.iter().map(|report| report.metrics.get(name).copied()).collect::<Option<Vec<f64>>>();
    let values = of(a)?;
    let Some(others) = b.and_then(of) else { return Some(Line { a: Spread::of(&values), b: None, ratio: None }) };
    let ratios: Option<Vec<f64>> = values.iter().zip(&others).map(|(a, b)| (*b != 0.0).then(|| a / b)).collect();
    Some(Line { a: Spread::of(&values), b: Some(Spread::of(&others)), ratio: ratios.as_deref().map(Spread::of) })
}

fn judge(threshold: &Threshold, a: &[RunReport], b: Option<&[RunReport]>) -> Judged {
    let each = (0..a.len()).map(|run| {
        let look_up = |metric: &Metric| {
            let name = metric.to_string();
            let value = a[run].metrics.get(&name).copied()?;
            let Some(b) = b else { return Some(value) };
            let other = b.get(run)?.metrics.get(&name).copied()?;
            (other != 0.0).then(|| value / other)
        };
        threshold.evaluate(&look_up)
    });
    let each: Vec<_> = each.collect();
    let left = each.iter().map(|outcome| outcome.left).collect::<Option<Vec<f64>>>().map(|values| Spread::of(&values));
    let right = each.iter().map(|outcome| outcome.right).collect::<Option<Vec<f64>>>().map(|values| Spread::of(&values).median);
    let held = threshold.holds(left.as_ref().map(|left| left.median), right);
    let mut reports = a.iter().chain(b.into_iter().flatten());
    let void = reports.any(|report| threshold.metrics().into_iter().any(|metric| saturated(metric, &report.phases, &report.total)));
    Judged { threshold: threshold.text.clone(), held, void, left, right }
}

impl Judged {
    /// The name that gives the left side its unit: a ratio has none.
    pub(crate) fn left_unit(&self, is_ratio: bool) -> &str {
        if is_ratio { "" } else { self.name() }
    }

    /// The left side as written; the name of a figure when it is no more than one.
    pub(crate) fn name(&self) -> &str {
        let end = self.threshold.find(['<', '>', '=', '!']).unwrap_or(self.threshold.len());
        self.threshold[..end].trim()
    }

    /// What is wanted of it: the comparison with the right side.
    pub(crate) fn wanted(&self) -> &str {
        let start = self.threshold.find(['<', '>', '=', '!']).unwrap_or(self.threshold.len());
        self.threshold[start..].trim()
    }

    /// One word.
    pub(crate) fn mark(&self) -> &'static str {
        match (self.void, self.held) {
            (true, _) => "VOID  ",
            (false, true) => "held  ",
            (false, false) => "MISSED",
        }
    }
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Self { median, min: sorted[0], max: sorted[sorted.len() - 1] }
    }

    /// Median, and what it lies between, in the unit that the figure's name implies.
    pub(crate) fn text(&self, name: &str) -> String {
        let (factor, unit) = unit(name, self.median);
        let [median, min, max] = [self.median, self.min, self.max].map(|value| plain_number(value / factor));
        format!("{median} [{min} … {max}]{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(cost: f64, count: f64) -> RunReport {
        let metrics = BTreeMap::from([("server.cpu_per_delivery".to_owned(), cost), ("p99(a.deliver@x)".to_owned(), count)]);
        RunReport { metrics, ..RunReport::default() }
    }

    fn judged(text: &str, b: Option<Vec<RunReport>>) -> Judged {
        let a = vec![report(2.0, 8.0), report(3.0, 9.0), report(1.0, 10.0)];
        Comparison::of(a, b, &[Threshold::parse(text).unwrap()]).asserts.remove(0)
    }

    #[test]
    fn spreads() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of(&[4.0, 1.0]).median, 2.5);
    }

    #[test]
    fn one_side_is_judged_by_its_medians() {
        let outcome = judged("server.cpu_per_delivery <= 2", None);
        assert!(outcome.held && !outcome.void);
        assert_eq!(outcome.left, Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert!(!judged("p99(a.deliver@x) / server.cpu_per_delivery < 4", None).held, "4 3 10");
        assert!(!judged("p99(b.deliver@x) < 4", None).held, "no data");
    }

    #[test]
    fn two_sides_are_judged_by_the_ratios_of_pairs() {
        let b = || Some(vec![report(4.0, 8.0), report(3.0, 9.0), report(4.0, 5.0)]);
        assert_eq!(judged("server.cpu_per_delivery <= 0.5", b()).left, Some(Spread { median: 0.5, min: 0.25, max: 1.0 }));
        assert!(judged("p99(a.deliver@x) <= 1", b()).held);
        let without = Some(vec![report(0.0, 1.0), report(1.0, 1.0), report(1.0, 1.0)]);
        assert!(!judged("server.cpu_per_delivery <= 100", without).held, "nothing can be divided by 0");
    }
}
