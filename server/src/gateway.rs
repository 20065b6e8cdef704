//! The socket side of a gateway thread: one port for HTTP and WebSocket.
//!
//! ```text
//! listener: one accepting thread ──Accepted──► serve: one worker thread each, bounded queue
//!   head: reads the request head (limit, deadline, cap)      judge: what does it mean?
//!     ├─ a WebSocket that the policy claims ──► pump: decoder ─► boundary::Gateway ─► outbox ─► flush
//!     └─ everything else, bytes already read included ──► http: actix-http with the actix-web application
//! wheel: all deadlines of the thread      limits: every limit, with what happens when it is hit
//! ```
//!
//! No payload is looked at here. Sessions stand behind [`boundary::Gateway`]; the only protocol that the pump speaks
//! itself is the echo for conformance suites. Everything runs on its thread: nothing here is `Send` but
//! [`Acceptor`] and [`Accepted`], and no lock is taken.

pub mod boundary;
mod head;
mod http;
mod judge;
mod limits;
mod listener;
mod metrics;
mod policy;
mod pump;
mod refuse;
mod serve;
mod slots;
mod thread;
pub mod wheel;

#[cfg(test)]
mod tests;

pub use http::AppInitError;
pub use limits::{GatewayLimits, LISTEN_BACKLOG};
pub use listener::{Accepted, Acceptor, bind};
pub use policy::{Admission, CLIENT_PATH, ECHO_PATH, StandardPolicy, UpgradePolicy, UpgradeRequest};
pub use refuse::Refusal;
pub use serve::{Drained, serve_thread};
