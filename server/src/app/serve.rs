//! `rialto serve`: everything put together, from the configuration to the last goodbye.

use std::io::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_rt::signal::unix::{SignalKind, signal};
use actix_web::App;
use actix_web::web::Data;
use metrics_exporter_prometheus::PrometheusHandle;
use rialto_actors::entities::Entities;
use rialto_actors::entity::EntityFactory;
use rialto_actors::node::{FactoryMaker, Node, NodeParts};
use rialto_actors::presence::Board;
use rialto_actors::session::{SessionConfig, UserRates};
use rialto_actors::shard::ShardConfig;
use rialto_actors::webhooks::Webhooks;

use super::Foundation;
use super::failure::{Exit, Failure};
use crate::admin::sampler::Sampler;
use crate::admin::{self, LogRing};
use crate::cli::control::Control;
use crate::config::Config;
use crate::gateway::{GatewayLimits, StandardPolicy, bind};
use crate::http::state::RenderMetrics;
use crate::http::{self, Origins};
use crate::run::{self, Serving};
use crate::webhooks::Client;
use crate::{logging, metrics};

/// Time between two rounds of upkeep of the histograms, which else keep every sample since the last look.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Time in which other nodes are told that nobody is here any more.
const CLOSE_PRESENCE: Duration = Duration::from_millis(500);
/// Milliseconds of the drain's time that are kept for closing the store.
const CLOSE_STORE_MS: u64 = 500;

/// Serves until SIGTERM, then drains.
///
/// # Errors
/// Why it does not start, with the exit code that says so.
pub fn serve(config: Config) -> Result<(), Failure> {
    serve_with(config, Arc::new(|| Rc::new(Entities) as Rc<dyn EntityFactory>))
}

/// Serves with entities of the caller's making: test programs wrap the product's.
///
/// # Errors
/// As [`serve`].
pub fn serve_with(config: Config, factory: FactoryMaker) -> Result<(), Failure> {
    let log = LogRing::default();
    logging::start(&config.log, log.clone());
    let recorder = metrics::install().map_err(|error| Failure::new(Exit::Failed, format!("start metrics: {error}")))?;
    for warning in &config.warnings {
        // On one's own machine the development switches are there to be used.
        if config.server.listen.ip().is_loopback() {
            tracing::info!("{warning}");
        } else {
            tracing::warn!("{warning}");
        }
    }
    actix_rt::System::new().block_on(async move {
        let foundation = Foundation::open(config).await?;
        let draining = Arc::new(AtomicBool::new(false));
        let signals = actix_rt::spawn(follow_signals(draining.clone()));
        let served = serve_on(&foundation, factory, recorder, log, draining).await;
        // Beside this thread, which must hear of a second signal.
        let backend = foundation.backend.clone();
        let closed = actix_rt::task::spawn_blocking(move || backend.close()).await;
        signals.abort();
        served?;
        closed.map_err(|error| Failure::new(Exit::Storage, format!("close the store: {error}")))
    })
}

async fn serve_on(
    foundation: &Foundation,
    factory: FactoryMaker,
    recorder: PrometheusHandle,
    log: LogRing,
    draining: Arc<AtomicBool>,
) -> Result<(), Failure> {
    let config = &foundation.config;
    let cannot = |what: &str, error: &dyn std::fmt::Display| Failure::new(Exit::Failed, format!("{what}: {error}"));
    let listen = config.server.listen;
    let listener = bind(listen).map_err(|error| cannot(&format!("listen on {listen}"), &error))?;
    let address = listener.local_addr().map_err(|error| cannot("listen", &error))?;
    let control = Control::bind(&config.data_dir).map_err(|error| cannot("open the control socket", &error))?;
    let rates = UserRates::new(config.limits.user_commands_per_second_max, config.limits.user_commands_burst_max);
    let (user_rates, presence) = (Arc::new(rates), foundation.presence());
    let node = node(foundation, factory, user_rates.clone(), presence.clone());
    let metrics = render(recorder.clone(), node.clone());
    let console = Arc::new(foundation.console(&node, log));
    let (loads, probes, now) = (node.loads().clone(), foundation.probes(), foundation.now.clone());
    let sampler = Sampler { metrics: metrics.clone(), loads, probes, now, console: console.clone() };
    let beside = [
        actix_rt::spawn(sampler.run()),
        actix_rt::spawn(control.serve(foundation.clone())),
        actix_rt::spawn(sweep(foundation.clone())),
        actix_rt::spawn(upkeep(recorder.clone())),
        actix_rt::spawn(reload_keys(foundation.clone())),
        actix_rt::spawn(follow_keys(foundation.clone())),
        actix_rt::spawn(exchange_revocations(foundation.clone())),
        actix_rt::spawn(settle_user_rates(foundation.clone(), Arc::clone(&user_rates))),
    ];
    let telling = presence.clone().map(|board| actix_rt::spawn(async move { board.run().await }));
    let webhooks = webhooks(foundation, &node)?;
    let state = foundation.http_state((node.commands().clone(), webhooks.clone()), Arc::new(node.clone()), draining, metrics, console);
    let state = Data::new(state);
    let serving = Serving {
        node,
        threads: threads(config),
        limits: gateway_limits(config),
        policy: StandardPolicy {
            serves_echo: config.debug.echo,
            origins: Origins::new(&config.server.allowed_origins),
            trusted_proxies: config.server.trusted_proxies.clone(),
        },
        listener,
        app: move || {
            let state = state.clone();
            App::new().configure(move |services| http::configure(services, state))
        },
        drain_timeout_ms: drain_ms(config),
    };
    let delivering = actix_rt::spawn(async move { webhooks.run().await });
    let stopped = run::serve(serving, || greet(config, address)).await;
    delivering.abort();
    for task in beside.into_iter().chain(telling) {
        task.abort();
    }
    if let Some(board) = presence {
        // Whoever is not told sees those who were here until their time is over.
        let _told = tokio::time::timeout(CLOSE_PRESENCE, board.close()).await;
    }
    let stopped = stopped.map_err(|error| cannot("serve", &error))?;
    tracing::info!(?stopped, "stopped");
    Ok(())
}

/// The actors of this node.
fn node(foundation: &Foundation, factory: FactoryMaker, user_rates: Arc<UserRates>, presence: Option<Board>) -> Node {
    let (config, limits) = (&foundation.config, &foundation.config.limits);
    let verifier = foundation.accounts.verifier().clone();
    let sessions = SessionConfig {
        commands_per_second: limits.commands_per_second_max,
        commands_burst: limits.commands_burst_max,
        user_rates,
        subscriptions_max: limits.subscriptions_per_connection_max,
        connect_within_ms: limits.connect_within_ms,
        ping_interval_ms: limits.ping_interval_ms,
        pong_within_ms: limits.pong_within_ms,
        expiry_grace_ms: limits.expiry_grace_ms,
        anonymous: config.auth.anonymous,
        mutes: foundation.accounts.mutes().clone(),
        ..SessionConfig::new(Arc::new(config.topics.clone()), verifier, "rialto".into())
    };
    Node::new(NodeParts {
        store: foundation.store.clone(),
        accounts: foundation.accounts.clone(),
        sessions: Arc::new(sessions),
        shards: ShardConfig {
            connections_per_user_max: limits.connections_per_user_max,
            // Nobody else can take a shard of the embedded store.
            reclaim_ms: if config.store.cql.is_some() { config.reclaim_ms } else { 0 },
            ..ShardConfig::default()
        },
        outbox_bytes_max: limits.outbox_bytes_max,
        presence,
        factory,
        started: foundation.started,
        threads: threads(config),
    })
}

/// Webhooks over the node's store.
fn webhooks(foundation: &Foundation, node: &Node) -> Result<Webhooks, Failure> {
    let config = &foundation.config;
    let client = Client::new(config.webhook_client.clone());
    let client = client.map_err(|problem| Failure::new(Exit::Usage, format!("webhooks.ca_file: {problem}")))?;
    let (store, accounts, changes) = (foundation.store.clone(), foundation.accounts.clone(), node.changes().clone());
    Ok(Webhooks::new(store, accounts, changes, Arc::new(client), config.webhooks.clone()))
}

fn threads(config: &Config) -> u16 {
    u16::try_from(config.server.threads).unwrap_or(u16::MAX)
}

fn gateway_limits(config: &Config) -> GatewayLimits {
    let message_bytes_max = u32::try_from(config.limits.frame_bytes_max).unwrap_or(u32::MAX);
    GatewayLimits {
        // Each thread has its share.
        connections_max: config.limits.connections_max.div_ceil(config.server.threads),
        message_bytes_max,
        echo_message_bytes_max: config.debug.echo_bytes_max,
        drain_settle_ms: drain_ms(config) / 10 * 5,
        // Who never answers is dropped before the drain's time is over.
        drain_deadline_ms: drain_ms(config) / 10 * 8,
        ..GatewayLimits::default()
    }
}

/// From SIGTERM to the end of the drain.
fn drain_ms(config: &Config) -> u64 {
    let all_ms = u64::try_from(config.drain_timeout.as_millis()).unwrap_or(u64::MAX);
    all_ms.saturating_sub(CLOSE_STORE_MS).max(all_ms / 2)
}

/// What whoever started it needs to know; programs read the first line.
fn greet(config: &Config, address: SocketAddr) {
    let folder = std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone());
    let text = format!(
        "listening on http://{address}\ndata in {}\nopen the address in a browser and register, or add a user with: rialto user add NAME\n",
        folder.display()
    );
    let mut out = std::io::stdout();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::debug!(%error, "nobody reads standard output");
    }
    tracing::info!(%address, data = %folder.display(), "serving");
}

/// All metrics as text, those that are looked at now included.
fn render(recorder: PrometheusHandle, node: Node) -> RenderMetrics {
    Arc::new(move || {
        admin::report(&node);
        let mut text = recorder.render();
        admin::render(&mut text, node.loads());
        text
    })
}

async fn sweep(foundation: Foundation) {
    foundation.sweep().await;
}

async fn follow_keys(foundation: Foundation) {
    foundation.follow_keys().await;
}

async fn exchange_revocations(foundation: Foundation) {
    foundation.exchange_revocations().await;
}

async fn settle_user_rates(foundation: Foundation, rates: Arc<UserRates>) {
    foundation.settle_user_rates(&rates).await;
}

async fn upkeep(recorder: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        recorder.run_upkeep();
    }
}

/// SIGHUP: the key file has changed.
async fn reload_keys(foundation: Foundation) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    while hangups.recv().await.is_some() {
        match foundation.reload_keys().await {
            Ok(()) => tracing::info!("keys read again"),
            Err(failure) => tracing::error!(%failure, "keys not read, the old ones stay"),
        }
    }
}

/// From the first signal on the node is not ready any more; the second ends the process wherever it is: in the drain, or while the store closes. What was
/// acknowledged is durable at any time.
async fn follow_signals(draining: Arc<AtomicBool>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else { return };
    for is_second in [false, true] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        draining.store(true, Ordering::Relaxed);
        if is_second {
            tracing::warn!("asked twice, stopped at once");
            std::process::exit(0);
        }
    }
}
