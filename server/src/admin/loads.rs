//! What the threads count by themselves, as metrics.

use std::fmt::Write as _;

use metrics::{counter, gauge};
use rialto_actors::load::{Loads, SECONDS, TimesRead};
use rialto_actors::node::Node;

/// The distributions that are rendered here: name and meaning.
const TIMES: [(&str, &str); 2] = [
    ("rialto_command_seconds", "Time from a command of a client to its answer"),
    ("rialto_append_seconds", "Time from the begin of an append of a shard to its outcome"),
];

/// Reports what is only worth a look now and then: mailboxes, and how busy the threads are.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub fn report(node: &Node) {
    let (sum, longest) = node.mailboxes().fold((0, 0), |(sum, longest), length| (sum + length, longest.max(length)));
    gauge!("rialto_mailbox_length").set(sum as f64);
    gauge!("rialto_mailbox_longest_length").set(longest as f64);
    counter!("rialto_publications_total").absolute(node.loads().threads().map(|thread| thread.publications()).sum());
    if let Some(bytes) = resident_bytes() {
        gauge!("rialto_resident_memory_bytes").set(bytes as f64);
    }
}

/// What the kernel says that the process occupies, where it says so.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Adds to the text of all metrics those that the threads keep themselves.
pub fn render(text: &mut String, loads: &Loads) {
    let reads = [loads.times(|thread| &thread.commands), loads.times(|thread| &thread.appends)];
    for ((name, about), read) in TIMES.iter().zip(&reads) {
        // Writing to a text cannot fail.
        let _ = histogram(text, name, about, read);
    }
    let _ = writeln!(
        text,
        "# HELP rialto_thread_busy_seconds_total Time that a thread has worked, against waiting for work\n\
         # TYPE rialto_thread_busy_seconds_total counter"
    );
    for (number, thread) in loads.threads().enumerate() {
        let _ = writeln!(text, "rialto_thread_busy_seconds_total{{thread=\"{number}\"}} {}", thread.busy().as_secs_f64());
    }
    text.push('\n');
}

#[expect(clippy::cast_precision_loss, reason = "a sum of seconds is a float")]
fn histogram(text: &mut String, name: &str, about: &str, read: &TimesRead) -> std::fmt::Result {
    writeln!(text, "# HELP {name} {about}\n# TYPE {name} histogram")?;
    let mut count = 0;
    for (bound, own) in SECONDS.iter().zip(read.buckets) {
        count += own;
        writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}")?;
    }
    count += read.buckets[SECONDS.len()];
    writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {}\n{name}_count {count}\n", read.sum_us as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_count_is_rendered_as_prometheus_wants_it() {
        let loads = Loads::new(2);
        loads.of(0).commands.record_us(60);
        loads.of(1).commands.record_us(7_000_000);
        let mut text = String::from("other 1\n");
        render(&mut text, &loads);
        for line in [
            "# TYPE rialto_command_seconds histogram",
            "rialto_command_seconds_bucket{le=\"0.00005\"} 0",
            "rialto_command_seconds_bucket{le=\"0.0001\"} 1",
            "rialto_command_seconds_bucket{le=\"5\"} 1",
            "rialto_command_seconds_bucket{le=\"+Inf\"} 2",
            "rialto_command_seconds_count 2",
            "rialto_append_seconds_count 0",
            "rialto_thread_busy_seconds_total{thread=\"1\"} 0",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        assert!(resident_bytes().is_none_or(|bytes| bytes > 1024 * 1024));
    }
}
