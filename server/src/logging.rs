//! Logs: on standard error, for people or for machines, and the newest lines in memory for the console. Tokens and passwords never become fields: they have no
//! `Display`, and queries are not logged.

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::admin::LogRing;
use crate::config::raw::{Log, LogFormat};

/// What operators do is logged at every level that can be set.
const AUDIT: &str = "audit=info";

/// Starts logging, into `ring` too. A second call changes nothing.
pub fn start(log: &Log, ring: LogRing) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = filter.add_directive(AUDIT.parse().expect("it is a directive"));
    let to_stderr = fmt::layer().with_writer(std::io::stderr);
    let to_stderr = match log.format {
        LogFormat::Pretty => to_stderr.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => to_stderr.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
    };
    let to_ring = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false).with_writer(ring);
    // Who embeds us may have a subscriber already; theirs stays.
    let _already_started = tracing_subscriber::registry().with(filter).with(to_stderr).with(to_ring).try_init();
}
