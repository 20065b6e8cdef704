//! What the driver counts, reported through the `metrics` facade.

use std::sync::Weak;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, gauge};

use super::core::Core;

const REQUESTS: &str = "rialto_cql_requests_total";
const ERRORS: &str = "rialto_cql_errors_total";
const RETRIES: &str = "rialto_cql_retries_total";
const CONNECTIONS: &str = "rialto_cql_connections";
const LATENCY: &str = "rialto_cql_latency_mean_milliseconds";
/// Time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Says what each is; once, when a store is opened.
pub(super) fn describe() {
    describe_counter!(REQUESTS, "requests sent to the CQL engine");
    describe_counter!(ERRORS, "requests to the CQL engine that failed");
    describe_counter!(RETRIES, "requests that the driver sent again");
    describe_gauge!(CONNECTIONS, "connections to the CQL engine");
    describe_gauge!(LATENCY, "mean latency of requests to the CQL engine, milliseconds");
}

/// Reports for as long as the store is there.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub(super) async fn report(core: Weak<Core>) {
    let mut ticks = tokio::time::interval(REPORT_EVERY);
    loop {
        ticks.tick().await;
        let Some(core) = core.upgrade() else { return };
        let driver = core.session.get_metrics();
        counter!(REQUESTS).absolute(driver.get_requests_unpaged_num() + driver.get_requests_automatically_paged_num());
        counter!(ERRORS).absolute(driver.get_errors_unpaged_num() + driver.get_errors_automatically_paged_num());
        counter!(RETRIES).absolute(driver.get_retries_num());
        gauge!(CONNECTIONS).set(driver.get_total_connections() as f64);
        gauge!(LATENCY).set(driver.get_latency_avg_ms().unwrap_or_default() as f64);
    }
}
