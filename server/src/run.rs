//! The life of a node: threads, shards, sockets, drain.

use std::fmt::Debug;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{Request, Response};
use actix_rt::Arbiter;
use actix_rt::signal::unix::{SignalKind, signal};
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::dev::AppConfig;
use rialto_actors::gateway::{CloseFrame, FlushHook, Gateway};
use rialto_actors::load::ThreadLoad;
use rialto_actors::node::Node;
use rialto_protocol::CloseCode;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::gateway::boundary;
use crate::gateway::{Accepted, Acceptor, GatewayLimits, StandardPolicy, serve_thread};

/// Time between two looks at what waits in a gateway thread.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// Time between two reports of a thread's load.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What a node needs to serve.
pub struct Serving<A> {
    /// The actors.
    pub node: Node,
    /// How many threads share sockets and shards.
    pub threads: u16,
    /// Limits of each thread's sockets.
    pub limits: GatewayLimits,
    /// Which upgrades are let in.
    pub policy: StandardPolicy,
    /// The bound socket.
    pub listener: TcpListener,
    /// Makes one thread's HTTP application.
    pub app: A,
    /// Milliseconds from SIGTERM to the end.
    pub drain_timeout_ms: u64,
}

/// Why a node stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to and has drained.
    Drained,
    /// The drain's time was over.
    Late,
}

/// Serves until SIGTERM or SIGINT, then drains: commands under way are answered before their sockets close. A second signal is the caller's business. `ready` is called once requests are answered.
///
/// # Errors
/// A thread could not be set up.
pub async fn serve<A, I, S, B>(serving: Serving<A>, ready: impl FnOnce()) -> anyhow::Result<Stopped>
where
    A: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, Request> + 'static,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let Serving { node, threads, limits, policy, listener, app, drain_timeout_ms } = serving;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let arbiters: Vec<Arbiter> = (0..threads).map(|_| Arbiter::new()).collect();
    start_shards(&node, &arbiters).await?;
    let (stop, stopping) = watch::channel(false);
    let (mut queues, mut ends) = (Vec::new(), Vec::new());
    for (thread, arbiter) in (0..threads).zip(&arbiters) {
        let (queue, incoming) = mpsc::channel::<Accepted>(limits.accept_queue_max);
        let (end, ended) = oneshot::channel();
        let (node, app, policy, limits, stopping) = (node.clone(), app.clone(), policy.clone(), limits.clone(), stopping.clone());
        arbiter.spawn_fn(move || {
            actix_rt::spawn(async move {
                let make = |hook| gateway(&node, thread, hook);
                let served = serve_thread(incoming, app, make, Rc::new(policy), limits, asked_to_stop(stopping)).await;
                let _ = end.send(served.map_err(|error| error.to_string()));
            });
        });
        queues.push(queue);
        ends.push(ended);
    }
    let acceptor = Acceptor::start(listener, queues)?;
    ready();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("draining");
    let _ = stop.send(true);
    let drained = async {
        for ended in ends {
            let _ = ended.await;
        }
    };
    let stopped = tokio::select! {
        () = drained => Stopped::Drained,
        () = tokio::time::sleep(Duration::from_millis(drain_timeout_ms)) => Stopped::Late,
    };
    acceptor.stop();
    Ok(stopped)
}

/// Starts every thread's shards and opens the way to them.
async fn start_shards(node: &Node, arbiters: &[Arbiter]) -> anyhow::Result<()> {
    let mut all = Vec::new();
    for (thread, arbiter) in (0_u16..).zip(arbiters) {
        let (sender, receiver) = oneshot::channel();
        let node = node.clone();
        arbiter.spawn_fn(move || {
            let _ = sender.send(node.start_shards(thread));
        });
        all.extend(receiver.await?);
    }
    node.open(all);
    Ok(())
}

/// This thread's gateway, with what it listens to besides its sockets: its shards, and revocations.
fn gateway(node: &Node, thread: u16, hook: Rc<dyn FlushHook>) -> Rc<dyn boundary::Gateway> {
    let gateway = node.start_gateway(thread, hook);
    let from_shards = gateway.clone();
    actix_rt::spawn(async move { from_shards.run().await });
    actix_rt::spawn(follow_revocations(gateway.clone(), node.clone()));
    actix_rt::spawn(sample(gateway.clone()));
    actix_rt::spawn(report_load(node.loads().of(thread)));
    if let Some(questions) = node.desk().questions(thread) {
        let gateway = gateway.clone();
        actix_rt::spawn(async move { gateway.answer_operators(questions).await });
    }
    Rc::new(gateway)
}

async fn sample(gateway: Gateway) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    loop {
        ticks.tick().await;
        gateway.sample();
    }
}

/// Says each second how long this thread has worked in all, and what its rooms did.
async fn report_load(load: Arc<ThreadLoad>) {
    let runtime = tokio::runtime::Handle::current().metrics();
    let mut ticks = tokio::time::interval(REPORT_EVERY);
    loop {
        ticks.tick().await;
        load.report(runtime.worker_total_busy_duration(0));
    }
}

/// Ends the sockets of revoked tokens. Whoever lags behind looks at every session again.
async fn follow_revocations(gateway: Gateway, node: Node) {
    let revocations = node.accounts().verifier().revocations();
    let mut events = revocations.subscribe();
    loop {
        match events.recv().await {
            Ok(revoked) => {
                let code = if revoked.comes_back { CloseCode::ForceReconnect } else { CloseCode::InvalidToken };
                gateway.end_grants(code, |grant| revoked.sessions.contains(&grant));
            }
            Err(broadcast::error::RecvError::Lagged(_)) => gateway.end_grants(CloseCode::InvalidToken, |grant| revocations.contains(grant)),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

async fn asked_to_stop(mut stopping: watch::Receiver<bool>) -> CloseFrame {
    // A closed channel means the same: nobody is left who would ask.
    let _ = stopping.wait_for(|stop| *stop).await;
    CloseCode::Shutdown.into()
}
