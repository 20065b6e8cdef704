//! What generator processes count and time, in the form in which it is sent and merged.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::limits::LATENCY_US_MAX;

/// Digits that a histogram keeps.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Latencies in microseconds.
pub(crate) type Latencies = Histogram<u64>;

/// An empty histogram.
pub(crate) fn latencies() -> Latencies {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, SIGNIFICANT_DIGITS).expect("the bounds are constants that the type accepts")
}

/// Records nanoseconds as microseconds; above the bound they count as the bound.
pub(crate) fn record_ns(histogram: &mut Latencies, ns: u64) {
    histogram.saturating_record((ns / 1_000).max(1));
}

/// A histogram as (value, count) pairs.
pub(crate) type Pairs = Vec<(u64, u64)>;

/// The pairs of what was recorded.
pub(crate) fn pairs(histogram: &Latencies) -> Pairs {
    histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
}

/// Adds pairs to a histogram.
pub(crate) fn add_pairs(histogram: &mut Latencies, pairs: &[(u64, u64)]) {
    for (value, count) in pairs {
        histogram.saturating_record_n(*value, *count);
    }
}

/// What clients do that takes time, in the order of [`crate::threshold`]'s actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// From the intended begin to the authenticated connection.
    Connect,
    /// From the intended send to the server's answer.
    Send,
    /// From the intended send to the arrival at one subscriber.
    Deliver,
    /// From the cut to authenticated, subscribed and recovered again.
    Recover,
}

/// Number of actions.
pub(crate) const ACTIONS: usize = 4;

impl Action {
    /// All, in order.
    pub(crate) const ALL: [Self; ACTIONS] = [Self::Connect, Self::Send, Self::Deliver, Self::Recover];

    /// Its name in thresholds and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Deliver => "deliver",
            Self::Recover => "recover",
        }
    }
}

/// Latencies of one persona and action.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ActionSample {
    /// The persona's number, in the order of names.
    pub(crate) persona: usize,
    /// What took the time.
    pub(crate) action: Action,
    /// From the intended time.
    pub(crate) corrected: Pairs,
    /// From the actual time.
    pub(crate) uncorrected: Pairs,
}

macro_rules! counters {
    ($( $(#[$doc:meta])* $name:ident, )*) => {
        /// What is counted.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) struct Counters {
            $( $(#[$doc])* pub(crate) $name: u64, )*
            /// Ends of connections by close code; 1006 is an end without one.
            pub(crate) closes: BTreeMap<u16, u64>,
        }

        impl Counters {
            /// Adds another's counts.
            pub(crate) fn add(&mut self, other: &Self) {
                $( self.$name += other.$name; )*
                for (code, count) in &other.closes {
                    *self.closes.entry(*code).or_default() += count;
                }
            }

            /// What no server may do: losses, duplicates, disorder, gaps.
            pub(crate) fn wrong(&self) -> u64 {
                self.loss + self.duplicates + self.reordered + self.gaps
            }

            /// A count by its name in thresholds.
            pub(crate) fn get(&self, name: &str) -> Option<u64> {
                match name {
                    $( stringify!($name) => Some(self.$name), )*
                    _ => None,
                }
            }
        }
    };
}

counters! {
    /// Messages that a live subscriber never got.
    loss,
    /// Messages that a subscriber got again.
    duplicates,
    /// Messages that a subscriber got after a later one of the same sender.
    reordered,
    /// Offsets that a subscriber's stream skipped, within a subscription or across a resume that claimed to be whole.
    gaps,
    /// Messages for rooms in which the receiver is not.
    strays,
    /// Commands that the server refused.
    errors,
    /// Messages neither answered nor delivered in time.
    timeouts,
    /// Messages whose sender was not connected, or too far behind, when they were due.
    unsent,
    /// Messages whose sender lost its connection before the answer.
    unresolved,
    /// Clients that could not connect, or lost their connection without the scenario's will.
    clients_lost,
    /// Connections authenticated for the first time.
    connects,
    /// Connections authenticated again.
    reconnects,
    /// Attempts to connect that failed and were repeated.
    retries,
    /// Subscriptions resumed without a gap, by the server's word.
    recovered,
    /// Subscriptions that the server honestly could not resume.
    unrecovered,
    /// Closes that the scenario expects.
    expected_closes,
    /// Messages sent.
    sends,
    /// Messages answered.
    acks,
    /// Messages received by subscribers.
    deliveries,
    /// Bytes received.
    bytes_received,
    /// Reads that brought bytes.
    receives,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_keep_count_and_percentiles() {
        let mut histogram = latencies();
        for value in 1..=10_000_u64 {
            record_ns(&mut histogram, value * 1_000);
        }
        record_ns(&mut histogram, u64::MAX);
        let mut again = latencies();
        add_pairs(&mut again, &pairs(&histogram));
        assert_eq!(again.len(), 10_001);
        for quantile in [0.5, 0.99, 1.0] {
            assert_eq!(again.value_at_quantile(quantile), histogram.value_at_quantile(quantile));
        }
    }

    #[test]
    fn counters_add_up() {
        let mut sum = Counters { loss: 1, ..Counters::default() };
        let other = Counters { loss: 2, acks: 3, closes: BTreeMap::from([(3008, 4)]), ..Counters::default() };
        sum.add(&other);
        sum.add(&other);
        assert_eq!((sum.get("loss"), sum.get("acks"), sum.closes[&3008], sum.get("nothing")), (Some(5), Some(6), 8, None));
    }
}
