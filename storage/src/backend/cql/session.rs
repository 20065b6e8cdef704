//! The connection to the engine, and how each sort of request behaves on it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileBuilder, ExecutionProfileHandle};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::NewSessionError;
use scylla::policies::retry::{DefaultRetryPolicy, FallthroughRetryPolicy};
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::{Consistency, SerialConsistency};

use super::open::CqlError;
use super::options::CqlOptions;
use super::tls;

/// Time for one request. The engines give up after 2 s themselves; what they say is worth more than our own guess.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(3_500);
/// Time for a change of the schema.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(30);
/// Time between two signs of life asked of an idle connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_millis(1_500);
/// Time for one such sign: a node that hangs leaves the rotation after it, not after the driver's minute.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for a connection to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time after which a read is asked of a second node too: about the 99th percentile of a busy one.
const SPECULATE_AFTER: Duration = Duration::from_millis(50);

/// How each sort of request behaves.
pub(super) struct Profiles {
    pub(super) read: ExecutionProfileHandle,
    pub(super) serial: ExecutionProfileHandle,
    pub(super) write: ExecutionProfileHandle,
    pub(super) conditional: ExecutionProfileHandle,
    pub(super) schema: ExecutionProfileHandle,
}

impl Default for Profiles {
    fn default() -> Self {
        let plain = || profile().consistency(Consistency::LocalQuorum).retry_policy(Arc::new(DefaultRetryPolicy::new()));
        let once = || profile().retry_policy(Arc::new(FallthroughRetryPolicy::new()));
        let twice = SimpleSpeculativeExecutionPolicy { max_retry_count: 1, retry_interval: SPECULATE_AFTER };
        Self {
            read: plain().speculative_execution_policy(Some(Arc::new(twice))).build().into_handle(),
            serial: once().consistency(Consistency::LocalSerial).build().into_handle(),
            write: plain().build().into_handle(),
            // The default policy repeats some conditional writes whose outcome is unknown.
            conditional: once().consistency(Consistency::LocalQuorum).build().into_handle(),
            schema: plain().request_timeout(Some(SCHEMA_TIMEOUT)).build().into_handle(),
        }
    }
}

fn profile() -> ExecutionProfileBuilder {
    ExecutionProfile::builder().request_timeout(Some(REQUEST_TIMEOUT)).serial_consistency(Some(SerialConsistency::LocalSerial))
}

/// Connects, without a keyspace.
pub(super) async fn connect(options: &CqlOptions, profiles: &Profiles) -> Result<Session, CqlError> {
    let tls = options.tls.as_ref().map(tls::config).transpose()?;
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.hosts)
        .default_execution_profile_handle(profiles.schema.clone())
        .connection_timeout(CONNECT_TIMEOUT)
        .keepalive_interval(KEEPALIVE_INTERVAL)
        .keepalive_timeout(KEEPALIVE_TIMEOUT)
        .fetch_full_schema_metadata(false);
    if let Some(credentials) = &options.credentials {
        builder = builder.user(&credentials.username, &credentials.password);
    }
    builder.tls_context(tls).build().await.map_err(|error| CqlError::Connect { hosts: options.hosts.join(", "), cause: whole(&error) })
}

/// An error with what caused it: that a certificate is not trusted stands at the end of the chain.
fn whole(error: &NewSessionError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
