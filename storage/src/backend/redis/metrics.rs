//! Whether Redis is there, reported through the `metrics` facade.

use metrics::{counter, describe_counter, describe_gauge, gauge};

const CONNECTED: &str = "rialto_redis_connected";
const FAILURES: &str = "rialto_redis_failures_total";

/// Says what each is; once, when Redis is configured.
pub(super) fn describe() {
    describe_gauge!(CONNECTED, "1 while there is a connection to Redis, 0 while it is away");
    describe_counter!(FAILURES, "Calls that Redis did not answer, by what was wanted");
    connected(false);
}

pub(super) fn connected(there: bool) {
    gauge!(CONNECTED).set(if there { 1.0 } else { 0.0 });
}

pub(super) fn failed(what: &'static str) {
    counter!(FAILURES, "call" => what).increment(1);
}
