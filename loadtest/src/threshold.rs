//! Thresholds: `p99(chat.deliver) < 50ms`, `loss == 0`, `p99(steady.deliver@storm) <= 2 * p99(steady.deliver@before)`.
//!
//! Latencies are microseconds, memory is bytes; numbers may carry `us ms s B KiB MiB GiB %`. A metric without data misses its threshold.

mod metric;
mod parse;

use anyhow::{Context as _, Result};

pub(crate) use metric::{Metric, Statistic};

use crate::scenario::Scenario;

/// One comparison.
#[derive(Clone, Debug)]
pub(crate) struct Threshold {
    /// As written.
    pub(crate) text: String,
    left: Expression,
    comparison: Comparison,
    right: Expression,
}

#[derive(Clone, Debug)]
enum Expression {
    Number(f64),
    Metric(Metric),
    Binary(Box<Expression>, char, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Equal,
    NotEqual,
}

/// What became of a threshold.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Outcome {
    /// The threshold as written.
    pub(crate) threshold: String,
    /// Whether it held.
    pub(crate) held: bool,
    /// Value of the left side; null without data.
    pub(crate) left: Option<f64>,
    /// Value of the right side; null without data.
    pub(crate) right: Option<f64>,
    /// Whether it rests on latency or throughput, which a saturated generator voids.
    pub(crate) timing: bool,
    /// Whether the generator was saturated where that was measured.
    pub(crate) void: bool,
}

impl Threshold {
    /// # Errors
    /// Where the text stops making sense.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        parse::threshold(text).with_context(|| format!("threshold {text:?}"))
    }

    /// # Errors
    /// When a metric, persona or phase does not exist.
    pub(crate) fn check_names(&self, scenario: &Scenario) -> Result<()> {
        self.metrics().iter().try_for_each(|metric| metric.check_names(scenario)).with_context(|| format!("threshold {:?}", self.text))
    }

    /// Its value; `look_up` knows the metrics.
    pub(crate) fn evaluate(&self, look_up: &dyn Fn(&Metric) -> Option<f64>) -> Outcome {
        let (left, right) = (self.left.value(look_up), self.right.value(look_up));
        let held = self.holds(left, right);
        let timing = self.metrics().iter().any(|metric| metric.rests_on_timing());
        Outcome { threshold: self.text.clone(), held, left, right, timing, void: false }
    }

    /// Whether both sides have a value, and these hold.
    pub(crate) fn holds(&self, left: Option<f64>, right: Option<f64>) -> bool {
        left.zip(right).is_some_and(|(left, right)| self.comparison.holds(left, right))
    }

    /// Every metric in it.
    pub(crate) fn metrics(&self) -> Vec<&Metric> {
        let mut found = Vec::new();
        self.left.collect(&mut found);
        self.right.collect(&mut found);
        found
    }
}

impl Comparison {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::More => left > right,
            Self::MoreOrEqual => left >= right,
            Self::Equal => (left - right).abs() < f64::EPSILON,
            Self::NotEqual => (left - right).abs() >= f64::EPSILON,
        }
    }
}

impl Expression {
    fn value(&self, look_up: &dyn Fn(&Metric) -> Option<f64>) -> Option<f64> {
        let value = match self {
            Self::Number(number) => *number,
            Self::Metric(metric) => look_up(metric)?,
            Self::Binary(left, operator, right) => {
                let (left, right) = (left.value(look_up)?, right.value(look_up)?);
                match operator {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    _ => left / right,
                }
            }
        };
        value.is_finite().then_some(value)
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a Metric>) {
        match self {
            Self::Number(_) => {}
            Self::Metric(metric) => found.push(metric),
            Self::Binary(left, _, right) => {
                left.collect(found);
                right.collect(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str) -> bool {
        let values = |metric: &Metric| match metric.to_string().as_str() {
            "p99(chat.deliver)" => Some(49_000.0),
            "p99(chat.deliver@storm)" => Some(80_000.0),
            "loss" => Some(0.0),
            "server.memory_per_connection" => Some(2_400.0),
            _ => None,
        };
        Threshold::parse(text).unwrap().evaluate(&values).held
    }

    #[test]
    fn comparisons_units_and_arithmetic() {
        assert!(held("p99(chat.deliver) < 50ms"));
        assert!(!held("p99(chat.deliver) < 49000 us"));
        assert!(held("p99(chat.deliver)<=0.049s"));
        assert!(held("loss == 0"));
        assert!(held("server.memory_per_connection <= 2.5KiB"));
        assert!(held("p99(chat.deliver@storm) < 2 * p99(chat.deliver)"));
        assert!(held("p99(chat.deliver@storm) / p99(chat.deliver) < (1 + 1) * 100%"));
        assert!(held("loss + 1 != loss"));
        assert!(held("2 - 1 - 1 >= 0"));
    }

    #[test]
    fn no_data_is_a_miss() {
        assert!(!held("p50(chat.send) < 1s"));
        assert!(!held("p50(chat.send) >= 0"));
        assert!(!held("loss / loss == 0"));
    }

    #[test]
    fn what_rests_on_timing() {
        let timing = |text: &str| Threshold::parse(text).unwrap().evaluate(&|_| None).timing;
        assert!(timing("p99(a.deliver) < 1s"));
        assert!(timing("rate(a.deliver) > 5"));
        assert!(timing("loss <= 0 * seconds@storm"));
        assert!(!timing("loss == 0"));
        assert!(!timing("server.cpu_per_delivery < 2us"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "loss",
            "loss == ",
            "== 0",
            "loss = 0",
            "loss == 0 0",
            "p99(x < 1",
            "(loss == 0",
            "1 < 2 < 3",
            "5furlongs < 1",
            "nothing == 0",
            "p101(a.send) < 1",
        ] {
            assert!(Threshold::parse(text).is_err(), "{text}");
        }
    }
}
