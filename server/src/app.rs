//! The composition root: the one place that knows all parts.

pub mod failure;
pub mod keys;
mod serve;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rialto_actors::accounts::{Accounts, KeyRing, Tables, TimeSource, Verifier, time_of};
use rialto_actors::entity::Caller;
use rialto_actors::kernel::Clock;
use rialto_actors::node::Node;
use rialto_protocol::rpc::Request;
use rialto_protocol::{Refusal, UserId};
use rialto_storage::Store;
use rialto_storage::backend::redb::{RedbOptions, RedbStore};
use uuid::Uuid;

use crate::config::Config;
use crate::http::state::RenderMetrics;
use crate::http::{Answering, HttpState, Origins, Probe, Requests};
use failure::{Exit, Failure};

pub use serve::{serve, serve_with};

/// Time between two sweeps of expired sessions and revocations.
const SWEEP_EVERY: Duration = Duration::from_secs(300);

/// What everything else stands on: store, keys, accounts. Commands beside a node and the node itself open the same.
#[derive(Clone)]
pub struct Foundation {
    /// The configuration.
    pub config: Arc<Config>,
    /// The embedded store, for backup and verification.
    pub embedded: RedbStore,
    /// The store, for the actors.
    pub store: Store,
    /// Our own keys.
    pub keys: KeyRing,
    /// Accounts and tokens.
    pub accounts: Accounts,
    /// The time.
    pub now: TimeSource,
    /// When the process began.
    pub started: Instant,
}

impl Foundation {
    /// Opens it. The data folder and the keys are made on first start. A commit that fails for good ends the process with exit code 4.
    ///
    /// # Errors
    /// With the exit code that says why.
    pub async fn open(config: Config) -> Result<Self, Failure> {
        let started = Clock::process_start();
        let now = time_of(Clock::new(started));
        keys::make_folder(&config.data_dir)?;
        let embedded = open_store(&config)?;
        let store = embedded.store();
        let ring = key_ring(&config, &now)?;
        let verifier = Verifier::new(ring.clone(), config.auth.issuers.clone(), config.auth.anonymous);
        let accounts = Accounts::open(Tables::from(&store), verifier, config.auth.settings.clone(), now.clone()).await?;
        Ok(Self { config: Arc::new(config), embedded, store, keys: ring, accounts, now, started })
    }

    /// Reads the key file again, after a rotation. On an error the old keys stay.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn reload_keys(&self) -> Result<(), Failure> {
        let material = keys::open(&self.config.auth.keys_file, (self.now)().wall_ms)?;
        self.keys.replace(&material).map_err(|error| Failure::new(Exit::Usage, error))
    }

    /// The state of the HTTP API over these parts.
    #[must_use]
    pub fn http_state(&self, requests: Arc<dyn Requests>, draining: Arc<AtomicBool>, metrics: RenderMetrics) -> HttpState {
        HttpState {
            accounts: self.accounts.clone(),
            requests,
            now: self.now.clone(),
            origins: Origins::new(&self.config.server.allowed_origins),
            trusted_proxies: self.config.server.trusted_proxies.clone(),
            probes: vec![Arc::new(StoreProbe(self.store.clone()))],
            draining,
            metrics,
        }
    }

    /// Forgets what has expired, for as long as it is polled.
    pub async fn sweep(&self) {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        loop {
            ticks.tick().await;
            if let Err(refusal) = self.accounts.sweep().await {
                tracing::warn!(%refusal, "sweep accounts");
            }
        }
    }
}

fn open_store(config: &Config) -> Result<RedbStore, Failure> {
    let options = RedbOptions {
        cache_bytes: usize::try_from(config.store.cache_bytes).unwrap_or(usize::MAX),
        free_bytes_min: config.store.free_bytes_min,
        ..RedbOptions::default()
    };
    let opened = RedbStore::open(&config.data_dir, options, |cause| {
        tracing::error!(%cause, "a commit failed, nothing of it was acknowledged");
        std::process::exit(Exit::Storage as i32);
    });
    Ok(opened?)
}

/// The keys of the configured file.
///
/// # Errors
/// When the file cannot be used.
pub fn key_ring(config: &Config, now: &TimeSource) -> Result<KeyRing, Failure> {
    let material = keys::open(&config.auth.keys_file, now().wall_ms)?;
    KeyRing::new(&material).map_err(|error| Failure::new(Exit::Usage, error))
}

/// Calls go to the node's actors.
impl Requests for Node {
    fn request(&self, caller: Caller, request: Request) -> Answering {
        let node = self.clone();
        Box::pin(async move { Self::request(&node, &caller, request).await })
    }
}

/// Whether the store answers.
struct StoreProbe(Store);

impl Probe for StoreProbe {
    fn name(&self) -> &'static str {
        "store"
    }

    fn look(&self) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>> {
        let reading = self.0.accounts.by_id(UserId(Uuid::nil()));
        Box::pin(async move {
            let answered = reading.await.map(|_nobody| ());
            answered.map_err(|error| Refusal::because(rialto_protocol::ErrorCode::Unavailable, error.to_string()))
        })
    }
}
