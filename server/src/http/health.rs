//! Whether the process runs, whether it takes work, and its numbers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use tokio::time::Instant;

use super::bodies::{DependencyBody, LiveBody, ReadyBody};
use super::problem::Problem;
use super::state::{HttpState, Probe};

/// Time in which a dependency must answer.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(LiveBody { status: "ok" })
}

pub(super) async fn ready(state: Data<HttpState>) -> HttpResponse {
    let looked = look(&state.probes).await;
    let dependencies: BTreeMap<_, _> = looked.into_iter().map(|(name, state, ms)| (name, DependencyBody { state, ms })).collect();
    let status = if state.draining.load(Ordering::Relaxed) {
        "draining"
    } else if dependencies.values().all(|dependency| dependency.state != "failing") {
        "ok"
    } else {
        "failing"
    };
    let code = if status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(code).json(ReadyBody { status, dependencies })
}

/// Looks at everything that the node depends on: name, state, and the milliseconds that it took.
pub async fn look(probes: &[Arc<dyn Probe>]) -> Vec<(&'static str, &'static str, u64)> {
    let looks = probes.iter().map(|probe| async {
        let began = Instant::now();
        let works = matches!(tokio::time::timeout(PROBE_WITHIN, probe.look()).await, Ok(Ok(())));
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        (probe.name(), state_of(works, probe.can_be_missed()), ms)
    });
    futures_util::future::join_all(looks).await
}

fn state_of(works: bool, can_be_missed: bool) -> &'static str {
    match (works, can_be_missed) {
        (true, _) => "ok",
        (false, true) => "degraded",
        (false, false) => "failing",
    }
}

pub(super) async fn metrics(state: Data<HttpState>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body((state.metrics)())
}

/// A plain request to a WebSocket endpoint: upgrades never come this far.
pub(super) async fn upgrade_required() -> Result<HttpResponse, Problem> {
    Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "this path speaks WebSocket"))
}
