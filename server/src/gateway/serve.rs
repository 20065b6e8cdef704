//! One gateway thread from its start to its drain.

use std::fmt::Debug;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::dev::AppConfig;
use futures_util::future::{Either, select};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::boundary::{CloseFrame, FlushHook, Gateway};
use super::head;
use super::http::{AppInitError, http_entry};
use super::limits::{ADMISSIONS_PER_ROUND, GatewayLimits};
use super::listener::Accepted;
use super::policy::UpgradePolicy;
use super::pump::Conn;
use super::thread::{GatewayThread, Hook};
use crate::ws::encode;

/// What remained when a thread stopped serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every connection was closed in time.
    All,
    /// The deadline came first; what was left has been dropped.
    Late,
}

/// Serves the sockets that come by `incoming` on the present thread, which must run a `LocalSet` (as actix arbiters
/// do). WebSockets that `policy` claims go to the gateway that `make_gateway` makes, all else to the application.
///
/// Ends by a drain: when `shutdown` resolves, or when `incoming` closes, which says 1001. From then on new sockets get
/// a 503, HTTP connections end after their response, and WebSockets are closed in paced groups with the code that
/// `shutdown` gives, until all are gone or `drain_deadline_ms` has passed.
///
/// # Errors
/// The application's factory failed.
pub async fn serve_thread<F, I, S, B>(
    incoming: mpsc::Receiver<Accepted>,
    app_factory: F,
    make_gateway: impl FnOnce(Rc<dyn FlushHook>) -> Rc<dyn Gateway>,
    policy: Rc<dyn UpgradePolicy>,
    limits: GatewayLimits,
    shutdown: impl Future<Output = CloseFrame>,
) -> Result<Drained, AppInitError>
where
    F: FnOnce() -> I,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let (http_draining, draining) = watch::channel(false);
    let http = http_entry(app_factory, &limits, draining).await?;
    let thread = GatewayThread::new(limits, policy, http, http_draining);
    thread.set_gateway(make_gateway(Rc::new(Hook(Rc::downgrade(&thread)))));
    let wheel = actix_rt::spawn(Rc::clone(&thread).run_wheel());
    let flusher = actix_rt::spawn(Rc::clone(&thread).run_flusher());
    let drained = serve_until(&thread, incoming, shutdown).await;
    wheel.abort();
    flusher.abort();
    thread.give_up(usize::MAX);
    Ok(drained)
}

async fn serve_until(
    thread: &Rc<GatewayThread>,
    mut incoming: mpsc::Receiver<Accepted>,
    shutdown: impl Future<Output = CloseFrame>,
) -> Drained {
    let mut shutdown = pin!(shutdown);
    let mut num_admitted = 0;
    let close = loop {
        match select(pin!(incoming.recv()), &mut shutdown).await {
            Either::Left((Some(accepted), _)) => {
                take_in(thread, accepted);
                num_admitted += 1;
                if num_admitted % ADMISSIONS_PER_ROUND == 0 {
                    tokio::task::yield_now().await;
                }
            }
            Either::Left((None, _)) => {
                break CloseFrame { code: 1001, reason: "going away".into() };
            }
            Either::Right((close, _)) => break close,
        }
    };
    thread.is_draining.set(true);
    let mut drain = pin!(begin_drain(thread, &close));
    loop {
        match select(pin!(incoming.recv()), &mut drain).await {
            Either::Left((Some(accepted), _)) => take_in(thread, accepted),
            Either::Left((None, _)) => return drain.await,
            Either::Right((drained, _)) => return drained,
        }
    }
}

fn take_in(thread: &Rc<GatewayThread>, accepted: Accepted) {
    match thread.connection_slot() {
        Some(slot) => {
            actix_rt::spawn(head::serve(Rc::clone(thread), accepted, slot));
        }
        None => head::refuse_at_once(thread, &accepted),
    }
}

/// Closes everything, WebSockets with `close` once their commands under way are answered, and waits until it is gone.
async fn begin_drain(thread: &Rc<GatewayThread>, close: &CloseFrame) -> Drained {
    let deadline = Duration::from_millis(thread.limits.drain_deadline_ms);
    let closing = async {
        thread.drain_http();
        thread.heads.drop_all();
        thread.hurry_closing();
        let frame = encode::close_frame(close.code, &close.reason);
        let pace = Duration::from_millis(thread.limits.drain_pace_ms);
        let settled_by = Instant::now() + Duration::from_millis(thread.limits.drain_settle_ms);
        // Upgrades whose head was complete may still come in, hence until none is left open.
        loop {
            let group = next_group(thread, Instant::now() >= settled_by);
            if group.is_empty() && thread.is_empty() {
                return;
            }
            for conn in group {
                thread.contain(&conn, || thread.begin_close(&conn, close.code, frame.clone()));
            }
            if timeout(pace, thread.all_gone()).await.is_ok() {
                return;
            }
        }
    };
    if timeout(deadline, closing).await.is_ok() {
        return Drained::All;
    }
    let left: Vec<Rc<Conn>> = thread.conns.borrow().values().cloned().collect();
    for conn in left {
        thread.contain(&conn, || thread.finish(&conn));
    }
    Drained::Late
}

fn next_group(thread: &GatewayThread, is_late: bool) -> Vec<Rc<Conn>> {
    let conns = thread.conns.borrow();
    let is_settled = |conn: &Conn| is_late || conn.session().is_none_or(|id| thread.gateway().is_settled(id));
    conns.values().filter(|conn| conn.is_open() && is_settled(conn)).take(thread.limits.drain_group).cloned().collect()
}
