//! Metrics: one recorder for the process, rendered as Prometheus text. Names are `rialto_<noun>_<unit>[_total]`.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rialto_actors::kernel::Clock;
use rialto_actors::load::SECONDS;

/// Installs the recorder. Whoever gets the handle renders it, and calls `run_upkeep` every few seconds.
///
/// # Errors
/// When the process has a recorder already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?.install_recorder()?;
    describe();
    Ok(handle)
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Only grows; its name ends with `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution of seconds; its name ends with `_seconds`.
    Histogram,
}

/// Every metric of ours but the store's, which describes its own when it is opened.
const METRICS: &[(Kind, &str, &str)] = &[
    // Sockets.
    (Kind::Gauge, "rialto_connections", "WebSockets open"),
    (Kind::Counter, "rialto_connections_total", "WebSockets taken in"),
    (Kind::Gauge, "rialto_http_connections", "HTTP connections open"),
    (Kind::Counter, "rialto_received_bytes_total", "Bytes read from WebSockets"),
    (Kind::Counter, "rialto_sent_bytes_total", "Bytes written to WebSockets"),
    (Kind::Counter, "rialto_socket_writes_total", "Writes to WebSockets; deliveries per write say how well fan-out gathers"),
    (Kind::Counter, "rialto_frames_received_total", "WebSocket messages and control frames read"),
    (Kind::Counter, "rialto_closed_total", "WebSockets closed, by close code; 1006 = without one"),
    (Kind::Counter, "rialto_accept_errors_total", "Sockets that the system did not give"),
    (Kind::Counter, "rialto_http_heads_refused_total", "Connections and upgrades refused before anything was asked, by reason"),
    // Sessions and fan-out.
    (Kind::Gauge, "rialto_sessions", "Sessions, by thread"),
    (Kind::Gauge, "rialto_subscriptions", "Subscriptions, by thread; looked at every few seconds"),
    (Kind::Gauge, "rialto_rooms", "Channels with listeners, by thread; looked at every few seconds"),
    (Kind::Gauge, "rialto_outbox_bytes", "Bytes that wait for sockets, by thread; looked at every few seconds"),
    (Kind::Gauge, "rialto_gateway_queue_length", "Messages of shards that wait for a gateway, by thread; looked at every few seconds"),
    (Kind::Counter, "rialto_commands_total", "Commands of clients"),
    (Kind::Counter, "rialto_errors_total", "Commands refused, by code"),
    (Kind::Counter, "rialto_deliveries_total", "Shared chunks of publications given to an outbox each"),
    (Kind::Counter, "rialto_publications_dropped_total", "Publications that a full gateway queue did not take; its listeners recover"),
    (Kind::Counter, "rialto_slow_consumers_total", "Connections closed with 3008 because too much waited"),
    (Kind::Counter, "rialto_publications_total", "Publications to channels that somebody listens to; looked at every second"),
    // Shards and entities.
    (Kind::Gauge, "rialto_mailbox_length", "Inputs that wait in the mailboxes of all shards; looked at every second"),
    (Kind::Gauge, "rialto_mailbox_longest_length", "Inputs that wait in the fullest mailbox; looked at every second"),
    (Kind::Gauge, "rialto_entities", "Entities in memory"),
    (Kind::Counter, "rialto_entity_activations_total", "Entities that came into memory"),
    (Kind::Counter, "rialto_entity_passivations_total", "Entities that left memory"),
    (Kind::Counter, "rialto_entity_panics_total", "Panics of entities, each caught"),
    (Kind::Counter, "rialto_actor_panics_total", "Panics of sessions, shards and gateway threads, each caught, by actor"),
    (Kind::Counter, "rialto_rows_appended_total", "Rows acknowledged as durable"),
    (Kind::Counter, "rialto_log_appends_total", "Appends to shard logs, by outcome; resolved = unknown at first, then found in the log"),
    (Kind::Counter, "rialto_shard_losses_total", "Times that a shard lost its fence"),
    (Kind::Counter, "rialto_consumer_failures_total", "Writes of what follows from rows that failed, each tried again"),
    (Kind::Counter, "rialto_projections_parked_total", "Rows whose projections were given up, which is a defect"),
    (Kind::Counter, "rialto_refusals_total", "Requests refused because something was full, by reason"),
    (Kind::Counter, "rialto_tells_dropped_total", "Inbox news that a full shard did not take; lists heal them"),
    // Accounts.
    (Kind::Counter, "rialto_logins_total", "Passwords looked at, by outcome"),
    (Kind::Counter, "rialto_refresh_reuses_total", "Refresh tokens used twice, each of which ended a session"),
    (Kind::Gauge, "rialto_password_hashes_waiting", "Passwords that wait for their turn to be hashed"),
    // Webhooks.
    (Kind::Counter, "rialto_webhook_posts_total", "Posts to targets of webhooks, by outcome"),
    (Kind::Counter, "rialto_webhook_dead_letters_total", "Events that a webhook gave up"),
    // HTTP and process.
    (Kind::Counter, "rialto_http_requests_total", "HTTP requests answered, by method, route and status"),
    (Kind::Histogram, "rialto_http_request_seconds", "Time from head to answer of an HTTP request, by route"),
    (Kind::Gauge, "rialto_resident_memory_bytes", "What the process occupies; looked at every second"),
    (Kind::Gauge, "rialto_start_time_seconds", "When the process began, seconds since 1970"),
];

fn describe() {
    for (kind, name, about) in METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *about),
            Kind::Gauge => metrics::describe_gauge!(*name, *about),
            Kind::Histogram => metrics::describe_histogram!(*name, metrics::Unit::Seconds, *about),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and milliseconds since 1970 fit one")]
    let now_s = Clock::new(Clock::process_start()).now().wall_ms as f64 / 1_000.0;
    metrics::gauge!("rialto_start_time_seconds").set(now_s);
}

#[cfg(test)]
mod tests;
