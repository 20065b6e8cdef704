//! Metrics: one recorder for the process, rendered as Prometheus text. Names are `rialto_<noun>_<unit>[_total]`.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of every histogram of seconds: from a memory access to a timeout.
const SECONDS: [f64; 14] = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Installs the recorder. Whoever gets the handle renders it, and calls `run_upkeep` every few seconds.
///
/// # Errors
/// When the process has a recorder already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?.install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    metrics::describe_counter!("rialto_http_requests_total", "HTTP requests answered, by route and status");
    metrics::describe_histogram!("rialto_http_request_seconds", metrics::Unit::Seconds, "Time from head to answer of an HTTP request");
    metrics::describe_counter!("rialto_logins_total", "Passwords looked at, by outcome");
    metrics::describe_counter!("rialto_refresh_reuses_total", "Refresh tokens used twice, each of which ended a session");
    metrics::describe_gauge!("rialto_password_hashes_waiting", "Passwords that wait for their turn to be hashed");
    metrics::describe_gauge!("rialto_start_time_seconds", metrics::Unit::Seconds, "When the process began, seconds since 1970");
}
