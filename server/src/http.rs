//! The HTTP API: one table of calls, each a short function that reads a request, asks accounts or actors, and writes an answer. No business rules.

pub mod address;
mod admin;
mod asking;
mod assets;
mod auth;
pub mod bodies;
mod bots;
mod conversations;
mod docs;
mod edge;
pub mod extract;
mod health;
mod hooks;
mod messages;
mod openapi;
pub mod origin;
pub mod problem;
mod routes;
pub mod state;
mod users;
mod webhooks;

use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data, ServiceConfig};

pub use health::look;
pub use origin::Origins;
pub use state::{Answering, HttpState, Probe, Requests};

/// Registers everything: for each worker's `App`.
pub fn configure(services: &mut ServiceConfig, state: Data<HttpState>) {
    let mut all = web::scope("").app_data(state.clone());
    for resource in routes::resources() {
        all = all.service(resource);
    }
    let all = all.default_service(web::to(assets::fallback)).wrap(Compress::default()).wrap(from_fn(edge::edge));
    services.app_data(state).service(all);
}

#[cfg(test)]
mod tests;
