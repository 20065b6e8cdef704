//! Which numbers a sample has, and how each follows from the metrics: from what stands there now, or from what has changed within the second.

use super::exposition::Exposition;

/// How a column follows from metrics.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// What a gauge says.
    Level(&'static str),
    /// What one series of a gauge says.
    LevelOf(&'static str, &'static str),
    /// A counter's growth per second; one that was never counted stands at 0.
    Rate(&'static str),
    /// A counter's growth per second, where there is such a counter.
    RateOf(&'static str),
    /// A histogram's quantile over the second.
    Quantile(&'static str, f64),
    /// A distribution's mean over the second.
    Mean(&'static str),
}

/// Every column but those of single threads: its name, and where it comes from.
const COLUMNS: &[(&str, Source)] = &[
    ("connections", Source::Level("rialto_connections")),
    ("http_connections", Source::Level("rialto_http_connections")),
    ("subscriptions", Source::Level("rialto_subscriptions")),
    ("rooms", Source::Level("rialto_rooms")),
    ("commands", Source::Rate("rialto_commands_total")),
    ("publications", Source::Rate("rialto_publications_total")),
    ("deliveries", Source::Rate("rialto_deliveries_total")),
    ("received_bytes", Source::Rate("rialto_received_bytes_total")),
    ("sent_bytes", Source::Rate("rialto_sent_bytes_total")),
    ("errors", Source::Rate("rialto_errors_total")),
    ("refusals", Source::Rate("rialto_refusals_total")),
    ("slow_consumers", Source::Rate("rialto_slow_consumers_total")),
    ("http_requests", Source::Rate("rialto_http_requests_total")),
    ("http_p99", Source::Quantile("rialto_http_request_seconds", 0.99)),
    ("command_p50", Source::Quantile("rialto_command_seconds", 0.5)),
    ("command_p99", Source::Quantile("rialto_command_seconds", 0.99)),
    ("append_p50", Source::Quantile("rialto_append_seconds", 0.5)),
    ("append_p99", Source::Quantile("rialto_append_seconds", 0.99)),
    ("commit_p50", Source::Quantile("rialto_storage_commit_seconds", 0.5)),
    ("commit_p99", Source::Quantile("rialto_storage_commit_seconds", 0.99)),
    ("appends", Source::Rate("rialto_append_seconds_count")),
    ("rows", Source::Rate("rialto_rows_appended_total")),
    ("commits", Source::RateOf("rialto_storage_commit_seconds_count")),
    ("rows_per_commit", Source::Mean("rialto_storage_commit_rows")),
    ("store_busy", Source::RateOf("rialto_storage_commit_seconds_sum")),
    ("store_writes_waiting", Source::LevelOf("rialto_storage_queue_length", "queue=\"write\"")),
    ("store_reads_waiting", Source::LevelOf("rialto_storage_queue_length", "queue=\"read\"")),
    ("mailboxes", Source::Level("rialto_mailbox_length")),
    ("mailbox_longest", Source::Level("rialto_mailbox_longest_length")),
    ("gateway_queue", Source::Level("rialto_gateway_queue_length")),
    ("outbox_bytes", Source::Level("rialto_outbox_bytes")),
    ("entities", Source::Level("rialto_entities")),
    ("memory_bytes", Source::Level("rialto_resident_memory_bytes")),
    ("store_free_bytes", Source::Level("rialto_storage_free_bytes")),
];

/// The busy share of each thread.
const BUSY: &str = "rialto_thread_busy_seconds_total";

/// The columns' names, for a node with this many threads.
pub(super) fn columns(threads: u16) -> Vec<String> {
    let of_threads = (0..threads).map(|thread| format!("thread_{thread}_busy"));
    COLUMNS.iter().map(|(name, _)| (*name).to_owned()).chain(of_threads).collect()
}

/// One row: the change from `before` to `now`, which lie `seconds` apart. What is not there is not a number.
pub(super) fn row(before: &Exposition<'_>, now: &Exposition<'_>, seconds: f64, threads: u16) -> Box<[f32]> {
    let rate = |then: Option<f64>, now: f64| (now - then.unwrap_or_default()).max(0.0) / seconds;
    let all = COLUMNS.iter().map(|(_, source)| match source {
        Source::Level(name) => now.sum(name),
        Source::LevelOf(name, label) => now.labelled(name, label),
        Source::Rate(name) => Some(rate(before.sum(name), now.sum(name).unwrap_or_default())),
        Source::RateOf(name) => now.sum(name).map(|value| rate(before.sum(name), value)),
        Source::Quantile(name, quantile) => of_buckets(&growth(&before.buckets(name), &now.buckets(name)), *quantile),
        Source::Mean(name) => mean(before, now, name),
    });
    let busy = (0..threads).map(|thread| {
        let label = format!("thread=\"{thread}\"");
        now.labelled(BUSY, &label).map(|value| rate(before.labelled(BUSY, &label), value))
    });
    all.chain(busy).map(|value| value.map_or(f32::NAN, short)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "seven digits are enough to draw")]
fn short(value: f64) -> f32 {
    value as f32
}

fn mean(before: &Exposition<'_>, now: &Exposition<'_>, name: &str) -> Option<f64> {
    let (sum, count) = (format!("{name}_sum"), format!("{name}_count"));
    let counted = now.sum(&count)? - before.sum(&count).unwrap_or_default();
    (counted > 0.0).then(|| (now.sum(&sum).unwrap_or_default() - before.sum(&sum).unwrap_or_default()) / counted)
}

/// What came into each bucket, by upper bound.
fn growth(before: &[(f64, f64)], now: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let then = |bound: f64| before.iter().find(|(known, _)| *known == bound).map_or(0.0, |(_, count)| *count);
    let mut below = 0.0;
    let grown = now.iter().map(|(bound, count)| {
        let cumulative = count - then(*bound);
        let own = (cumulative - below).max(0.0);
        below = cumulative;
        (*bound, own)
    });
    grown.collect()
}

/// A quantile of what buckets hold, as Prometheus' `histogram_quantile` gives it: straight through the bucket that it falls into; above all bounds the last one.
fn of_buckets(buckets: &[(f64, f64)], quantile: f64) -> Option<f64> {
    let all: f64 = buckets.iter().map(|(_, count)| count).sum();
    if all <= 0.0 {
        return None;
    }
    let (mut wanted, mut lower) = (quantile * all, 0.0);
    for (bound, count) in buckets {
        if bound.is_infinite() {
            break;
        }
        if *count > 0.0 && wanted <= *count {
            return Some(lower + (bound - lower) * wanted / count);
        }
        wanted -= count;
        lower = *bound;
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(row: &[f32], name: &str) -> f32 {
        row[columns(2).iter().position(|column| column == name).expect(name)]
    }

    #[test]
    fn a_row_is_what_changed_within_the_second_and_nothing_is_made_up() {
        let before = "rialto_commands_total 10\nrialto_storage_commit_seconds_bucket{le=\"0.001\"} 5\n\
            rialto_storage_commit_seconds_bucket{le=\"+Inf\"} 5\nrialto_storage_commit_rows_sum 5\nrialto_storage_commit_rows_count 5\n\
            rialto_thread_busy_seconds_total{thread=\"1\"} 3\n";
        let now = "rialto_commands_total 30\nrialto_connections 7\nrialto_storage_commit_seconds_bucket{le=\"0.001\"} 9\n\
            rialto_storage_commit_seconds_bucket{le=\"+Inf\"} 9\nrialto_storage_commit_rows_sum 45\nrialto_storage_commit_rows_count 9\n\
            rialto_thread_busy_seconds_total{thread=\"0\"} 1\nrialto_thread_busy_seconds_total{thread=\"1\"} 4\n";
        let row = row(&Exposition::parse(before), &Exposition::parse(now), 2.0, 2);
        assert_eq!(row.len(), columns(2).len());
        assert_eq!((value(&row, "commands"), value(&row, "connections"), value(&row, "rows_per_commit")), (10.0, 7.0, 10.0));
        assert!((value(&row, "commit_p50") - 0.000_5).abs() < 1e-9);
        assert_eq!((value(&row, "thread_0_busy"), value(&row, "thread_1_busy")), (0.5, 0.5));
        assert_eq!(value(&row, "errors"), 0.0, "what was never counted has not happened");
        for absent in ["command_p99", "memory_bytes", "commits", "store_writes_waiting"] {
            assert!(value(&row, absent).is_nan(), "{absent}");
        }
    }

    #[test]
    fn quantiles_go_straight_through_their_bucket_and_stop_at_the_last_bound() {
        let buckets = [(1.0, 10.0), (2.0, 0.0), (4.0, 10.0), (f64::INFINITY, 1.0)];
        let close = |quantile: f64, expected: f64| (of_buckets(&buckets, quantile).unwrap() - expected).abs() < 1e-9;
        assert!(close(5.0 / 21.0, 0.5) && close(15.0 / 21.0, 3.0) && close(1.0, 4.0));
        assert_eq!(of_buckets(&[(1.0, 0.0)], 0.5), None);
        assert_eq!(growth(&[(1.0, 3.0)], &[(1.0, 4.0), (2.0, 9.0)]), [(1.0, 1.0), (2.0, 8.0)]);
    }
}
