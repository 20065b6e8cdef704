//! What the calls work with.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rialto_actors::accounts::{Accounts, TimeSource};
use rialto_actors::commands::Commands;
use rialto_actors::entity::{Answer, Caller};
use rialto_actors::webhooks::Webhooks;
use rialto_protocol::Refusal;
use rialto_protocol::rpc::Request;

use super::origin::Origins;
use crate::admin::Console;
use crate::config::Network;

/// An answer under way.
pub type Answering = Pin<Box<dyn Future<Output = Result<Answer, Refusal>> + Send>>;

/// The way into the actors.
pub trait Requests: Send + Sync {
    /// Asks the entity that a request names.
    fn request(&self, caller: Caller, request: Request) -> Answering;
}

/// Looks whether something that the node depends on answers.
pub trait Probe: Send + Sync {
    /// Its name in `/health/ready`.
    fn name(&self) -> &'static str;
    /// Whether the node can serve without it, worse.
    fn can_be_missed(&self) -> bool {
        false
    }
    /// Answers once it is known to work.
    fn look(&self) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;
}

/// Renders all metrics as Prometheus text.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Shared by all threads.
pub struct HttpState {
    /// Accounts and tokens.
    pub accounts: Accounts,
    /// What bots understand.
    pub commands: Commands,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// The actors.
    pub requests: Arc<dyn Requests>,
    /// The time.
    pub now: TimeSource,
    /// Which browser origins may call.
    pub origins: Origins,
    /// Whose word about the client's address is believed.
    pub trusted_proxies: Vec<Network>,
    /// What `/health/ready` looks at.
    pub probes: Vec<Arc<dyn Probe>>,
    /// Set when the node stops taking new work.
    pub draining: Arc<AtomicBool>,
    /// For `/metrics`.
    pub metrics: RenderMetrics,
    /// For operators.
    pub console: Arc<Console>,
}
