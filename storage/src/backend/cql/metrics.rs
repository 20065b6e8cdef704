//! What is reported of the engine, through the `metrics` facade: what the driver counts, and how long requests take.

use std::sync::Weak;
use std::time::{Duration, Instant};

use metrics::{Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::core::Core;
use crate::clock::monotonic;

const REQUESTS: &str = "rialto_cql_requests_total";
const ERRORS: &str = "rialto_cql_errors_total";
const TIMEOUTS: &str = "rialto_cql_timeouts_total";
const RETRIES: &str = "rialto_cql_retries_total";
const CONNECTIONS: &str = "rialto_cql_connections";
const LATENCY: &str = "rialto_cql_latency_milliseconds";
const REQUEST_SECONDS: &str = "rialto_cql_request_seconds";
/// Time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Says what each is; once, when a store is opened.
pub(super) fn describe() {
    describe_counter!(REQUESTS, "requests sent to the CQL engine");
    describe_counter!(ERRORS, "requests to the CQL engine that failed");
    describe_counter!(TIMEOUTS, "requests and connections that the CQL engine did not answer in time, by what (request, connection)");
    describe_counter!(RETRIES, "requests that the driver sent again");
    describe_gauge!(CONNECTIONS, "connections to the CQL engine");
    describe_gauge!(
        LATENCY,
        "latency of requests to the CQL engine since the start as the driver measures it, by quantile (0.5, 0.95, 0.99, 0.999)"
    );
    describe_histogram!(
        REQUEST_SECONDS,
        "seconds of one request to the CQL engine, by what it is (append = batch to a log, batch = what follows from rows, other)"
    );
}

/// The handles of what is timed, looked up once.
pub(super) struct Times {
    pub(super) append: Time,
    pub(super) batch: Time,
    pub(super) other: Time,
}

impl Default for Times {
    fn default() -> Self {
        let of = |what: &'static str| Time(histogram!(REQUEST_SECONDS, "what" => what));
        Self { append: of("append"), batch: of("batch"), other: of("other") }
    }
}

/// One sort of request.
pub(super) struct Time(Histogram);

impl Time {
    /// Times a request, however it ends; one that is given up is not counted.
    pub(super) async fn of<T>(&self, request: impl Future<Output = T>) -> T {
        let began: Instant = monotonic();
        let answer = request.await;
        self.0.record(began.elapsed().as_secs_f64());
        answer
    }
}

/// Reports for as long as the store is there.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub(super) async fn report(core: Weak<Core>) {
    let mut ticks = tokio::time::interval(REPORT_EVERY);
    loop {
        ticks.tick().await;
        let Some(core) = core.upgrade() else { return };
        let driver = core.session.get_metrics();
        let requests =
            [driver.get_requests_unpaged_num(), driver.get_requests_manually_paged_num(), driver.get_requests_automatically_paged_num()];
        let errors = [driver.get_errors_unpaged_num(), driver.get_errors_manually_paged_num(), driver.get_errors_automatically_paged_num()];
        counter!(REQUESTS).absolute(requests.iter().sum());
        counter!(ERRORS).absolute(errors.iter().sum());
        counter!(TIMEOUTS, "what" => "request").absolute(driver.get_request_timeouts());
        counter!(TIMEOUTS, "what" => "connection").absolute(driver.get_connection_timeouts());
        counter!(RETRIES).absolute(driver.get_retries_num());
        gauge!(CONNECTIONS).set(driver.get_total_connections() as f64);
        // There is none before the first request.
        if let Ok(latency) = driver.get_snapshot() {
            let quantiles = [
                ("0.5", latency.median),
                ("0.95", latency.percentile_95),
                ("0.99", latency.percentile_99),
                ("0.999", latency.percentile_99_9),
            ];
            for (quantile, ms) in quantiles {
                gauge!(LATENCY, "quantile" => quantile).set(ms as f64);
            }
        }
    }
}
