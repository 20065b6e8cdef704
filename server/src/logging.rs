//! Logs: on standard error, for people or for machines. Tokens and passwords never become fields: they have no `Display`, and queries are not logged.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::raw::{Log, LogFormat};

/// Starts logging. A second call changes nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let to_stderr = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Who embeds us may have a subscriber already; theirs stays.
    let _already_started = match log.format {
        LogFormat::Pretty => to_stderr.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => to_stderr.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    };
}
