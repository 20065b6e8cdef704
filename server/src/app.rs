//! The composition root: the one place that knows all parts.

pub mod backend;
pub mod failure;
pub mod keys;
mod sealed_keys;
mod serve;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rialto_actors::accounts::exchange::Exchange;
use rialto_actors::accounts::{Accounts, KeyMaterial, KeyRing, Tables, TimeSource, Verifier, time_of};
use rialto_actors::commands::Commands;
use rialto_actors::entity::Caller;
use rialto_actors::kernel::Clock;
use rialto_actors::node::Node;
use rialto_actors::presence::Board;
use rialto_actors::session::UserRates;
use rialto_actors::webhooks::Webhooks;
use rialto_protocol::rpc::Request;
use rialto_protocol::{Refusal, UserId};
use rialto_storage::Store;
use rialto_storage::backend::redis::RedisShared;
use rialto_storage::shared::RateLimits;
use uuid::Uuid;

use crate::admin::console::Facts;
use crate::admin::{Console, LogRing};
use crate::config::{Config, KeySource};
use crate::http::state::RenderMetrics;
use crate::http::{Answering, HttpState, Origins, Probe, Requests};
use backend::Backend;
use failure::{Exit, Failure};

pub use serve::{serve, serve_with};

/// Time between two sweeps of expired sessions and revocations.
const SWEEP_EVERY: Duration = Duration::from_secs(300);

/// Time between two looks for keys that another node has made.
const FOLLOW_KEYS_EVERY: Duration = Duration::from_secs(10);

/// Time between two rounds of telling other nodes which sessions have ended.
const EXCHANGE_EVERY: Duration = Duration::from_secs(1);

/// Time between two rounds of counting the commands of users.
const SETTLE_RATES_EVERY: Duration = Duration::from_secs(1);

/// What everything else stands on: store, keys, accounts. Commands beside a node and the node itself open the same.
#[derive(Clone)]
pub struct Foundation {
    /// The configuration.
    pub config: Arc<Config>,
    /// The store that is open, for what only one sort of store can do.
    pub backend: Backend,
    /// The store, for the actors.
    pub store: Store,
    /// What nodes share beside the store, when there is such a thing.
    pub shared: Option<RedisShared>,
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
        let backend = Backend::open(&config).await?;
        let store = backend.store();
        let shared = open_shared(&config, &store)?;
        let material = key_material(&config, &backend, now().wall_ms).await?;
        let ring = KeyRing::new(&material).map_err(|error| Failure::new(Exit::Usage, error))?;
        let verifier = Verifier::new(ring.clone(), config.auth.issuers.clone(), config.auth.anonymous);
        let limits = shared.clone().map(|shared| Arc::new(shared) as Arc<dyn RateLimits>);
        let tables = Tables { limits, ..Tables::from(&store) };
        let accounts = Accounts::open(tables, verifier, config.auth.settings.clone(), now.clone()).await?;
        Ok(Self { config: Arc::new(config), backend, store, shared, keys: ring, accounts, now, started })
    }

    /// Reads the keys again, after a rotation. On an error the old keys stay.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn reload_keys(&self) -> Result<(), Failure> {
        let material = key_material(&self.config, &self.backend, (self.now)().wall_ms).await?;
        self.keys.replace(&material).map_err(|error| Failure::new(Exit::Usage, error))
    }

    /// The state of the HTTP API over these parts.
    #[must_use]
    pub fn http_state(
        &self,
        (commands, webhooks): (Commands, Webhooks),
        requests: Arc<dyn Requests>,
        draining: Arc<AtomicBool>,
        metrics: RenderMetrics,
        console: Arc<Console>,
    ) -> HttpState {
        HttpState {
            accounts: self.accounts.clone(),
            commands,
            webhooks,
            requests,
            now: self.now.clone(),
            origins: Origins::new(&self.config.server.allowed_origins),
            trusted_proxies: self.config.server.trusted_proxies.clone(),
            probes: self.probes(),
            draining,
            metrics,
            console,
        }
    }

    /// The operators' console of a node over these parts.
    #[must_use]
    pub fn console(&self, node: &Node, log: LogRing) -> Console {
        let facts = Facts {
            store: if self.config.store.cql.is_some() { "cql" } else { "embedded" },
            started_ms: self.started_ms(),
            threads: u16::try_from(self.config.server.threads).unwrap_or(u16::MAX),
            configuration: self.config.effective.to_print(),
        };
        Console::new(facts, node.desk().clone(), self.store.views.clone(), log)
    }

    /// When the process began, milliseconds since 1970.
    fn started_ms(&self) -> u64 {
        let now = (self.now)();
        now.wall_ms.saturating_sub(now.mono_ms)
    }

    fn probes(&self) -> Vec<Arc<dyn Probe>> {
        let name = match self.backend {
            Backend::Embedded(_) => "store",
            Backend::Cql(_) => "cql",
        };
        let mut probes: Vec<Arc<dyn Probe>> = vec![Arc::new(StoreProbe { name, store: self.store.clone() })];
        if let Some(shared) = &self.shared {
            probes.push(Arc::new(SharedProbe(shared.clone())));
        }
        probes
    }

    /// Tells other nodes which sessions have ended here and hears which have ended there, for as long as it is polled. Without Redis the store's list is all there is.
    pub async fn exchange_revocations(&self) {
        let Some(shared) = &self.shared else { return };
        let (mut exchange, mut ticks, mut was_away) = (Exchange::new(self.accounts.clone()), tokio::time::interval(EXCHANGE_EVERY), false);
        loop {
            ticks.tick().await;
            let away = exchange.round(shared).await.err();
            match (&away, was_away) {
                (Some(error), false) => {
                    tracing::warn!(%error, "Redis is away: limits and presence are this node's own, sessions ended elsewhere are heard of from the store")
                }
                (None, true) => tracing::info!("Redis is back"),
                _ => {}
            }
            was_away = away.is_some();
        }
    }

    /// Who listens on other nodes, where nodes share that.
    #[must_use]
    pub fn presence(&self) -> Option<Board> {
        self.shared.clone().map(|shared| Board::new(Arc::new(shared), self.now.clone()))
    }

    /// Counts the commands of each user with the other nodes, for as long as it is polled.
    pub async fn settle_user_rates(&self, rates: &UserRates) {
        let mut ticks = tokio::time::interval(SETTLE_RATES_EVERY);
        loop {
            ticks.tick().await;
            let shared = self.shared.as_ref().map(|shared| shared as &dyn RateLimits);
            rates.settle(shared, (self.now)()).await;
        }
    }

    /// Keys in the store may be rotated by another node: looks for new ones, for as long as it is polled.
    pub async fn follow_keys(&self) {
        if matches!(self.config.auth.keys, KeySource::File(_)) {
            return;
        }
        let mut ticks = tokio::time::interval(FOLLOW_KEYS_EVERY);
        loop {
            ticks.tick().await;
            if let Err(failure) = self.reload_keys().await {
                tracing::warn!(%failure, "keys not read, the old ones stay");
            }
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

fn open_shared(config: &Config, store: &Store) -> Result<Option<RedisShared>, Failure> {
    let Some(options) = &config.redis else { return Ok(None) };
    RedisShared::new(options, &store.generation).map(Some).map_err(|error| Failure::new(Exit::Usage, error))
}

/// The keys, from where the configuration says.
async fn key_material(config: &Config, backend: &Backend, now_ms: u64) -> Result<KeyMaterial, Failure> {
    match (&config.auth.keys, backend) {
        (KeySource::File(path), _) => keys::open(path, now_ms),
        (KeySource::Store(master), Backend::Cql(store)) => sealed_keys::open(store, master, now_ms).await,
        (KeySource::Store(_), Backend::Embedded(_)) => Err(Failure::new(Exit::Usage, "auth.master_key_file needs store.kind = \"cql\"")),
    }
}

/// The keys alone, for commands that only sign.
///
/// # Errors
/// When they cannot be read.
pub async fn key_ring(config: &Config, now: &TimeSource) -> Result<KeyRing, Failure> {
    let material = match (&config.auth.keys, &config.store.cql) {
        (KeySource::Store(master), Some(options)) => sealed_keys::open(&backend::open_cql(options).await?, master, now().wall_ms).await?,
        (KeySource::File(path), _) => keys::open(path, now().wall_ms)?,
        (KeySource::Store(_), None) => return Err(Failure::new(Exit::Usage, "auth.master_key_file needs store.kind = \"cql\"")),
    };
    KeyRing::new(&material).map_err(|error| Failure::new(Exit::Usage, error))
}

/// Adds a key that signs from now on. Answers its name.
///
/// # Errors
/// When the keys cannot be read or written.
pub async fn rotate_keys(config: &Config, now: &TimeSource) -> Result<String, Failure> {
    match (&config.auth.keys, &config.store.cql) {
        (KeySource::Store(master), Some(options)) => sealed_keys::rotate(&backend::open_cql(options).await?, master, now().wall_ms).await,
        (KeySource::File(path), _) => keys::rotate(path, now().wall_ms),
        (KeySource::Store(_), None) => Err(Failure::new(Exit::Usage, "auth.master_key_file needs store.kind = \"cql\"")),
    }
}

/// Calls go to the node's actors.
impl Requests for Node {
    fn request(&self, caller: Caller, request: Request) -> Answering {
        let node = self.clone();
        Box::pin(async move { Self::request(&node, &caller, request).await })
    }
}

/// Whether Redis answers.
struct SharedProbe(RedisShared);

impl Probe for SharedProbe {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn can_be_missed(&self) -> bool {
        true
    }

    fn look(&self) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>> {
        let pong = self.0.ping();
        Box::pin(async move { pong.await.map_err(|error| Refusal::because(rialto_protocol::ErrorCode::Unavailable, error.to_string())) })
    }
}

/// Whether the store answers.
struct StoreProbe {
    name: &'static str,
    store: Store,
}

impl Probe for StoreProbe {
    fn name(&self) -> &'static str {
        self.name
    }

    fn look(&self) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>> {
        let reading = self.store.accounts.by_id(UserId(Uuid::nil()));
        Box::pin(async move {
            let answered = reading.await.map(|_nobody| ());
            answered.map_err(|error| Refusal::because(rialto_protocol::ErrorCode::Unavailable, error.to_string()))
        })
    }
}
