//! Webhooks. Outgoing ones post the events of conversations to a target, signed as standardwebhooks.com says; incoming ones let somebody post a message as a bot.
//!
//! The log is the truth: for each webhook and conversation a durable cursor says how far it has delivered, and the rows behind it are read from the store, so that
//! a crash skips nothing. Delivery is at least once, in order within a conversation, with retries over hours, and dead letters behind them. A webhook sees what its
//! user sees: membership is looked at before each round.
//!
//! A reader starts at `dispatch` (what is due), goes on to `deliver` (one conversation's next rows) and `registry` (who may make what).

mod changes;
mod deliver;
mod dispatch;
mod incoming;
pub mod limits;
mod record;
mod registry;
mod sign;

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rialto_protocol::Refusal;
use rialto_protocol::integrations::Delivery;
use rialto_storage::Store;
use tokio::sync::Notify;
use uuid::Uuid;

pub use changes::Changes;
pub use incoming::{Incoming, Proof, client_id_of};

use crate::accounts::Accounts;
use limits::RECENT_DELIVERIES_MAX;

/// One post to a target.
#[derive(Clone)]
pub struct Outgoing {
    /// Where to.
    pub url: String,
    /// Headers beside those that every post has.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Bytes,
}

/// What became of a post: the target's status, or why there is none. Neither holds anything that the target said.
pub type Posting = Pin<Box<dyn Future<Output = Result<u16, String>> + Send>>;

/// The way to targets. It follows no redirect, reaches public addresses only unless an operator allows others, and gives up after a limited time.
pub trait Post: Send + Sync {
    /// Whether a URL may be a target at all.
    ///
    /// # Errors
    /// `invalid_argument`.
    fn check(&self, url: &str) -> Result<(), Refusal>;
    /// Posts.
    fn post(&self, outgoing: Outgoing) -> Posting;
}

/// What an operator decides about webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Milliseconds after which each further try is made; behind the last an event is a dead letter.
    pub retry_after_ms: Vec<u64>,
    /// Posts under way at the same time, to all targets.
    pub at_once_max: usize,
}

/// The service. Cheap to clone, shared by all threads.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    store: Store,
    accounts: Accounts,
    changes: Changes,
    post: Arc<dyn Post>,
    settings: Settings,
    /// Which webhooks there are has changed here.
    registered: Notify,
    recent: Mutex<HashMap<Uuid, VecDeque<Delivery>>>,
    incoming: incoming::Buckets,
}

impl Webhooks {
    /// The service over this store. Nothing is delivered until [`Webhooks::run`] is polled.
    #[must_use]
    pub fn new(store: Store, accounts: Accounts, changes: Changes, post: Arc<dyn Post>, settings: Settings) -> Self {
        let (registered, recent) = (Notify::new(), Mutex::default());
        Self(Arc::new(Inner { store, accounts, changes, post, settings, registered, recent, incoming: incoming::Buckets::default() }))
    }

    /// Remembers a delivery for people; the newest of each event.
    fn note(&self, hook: Uuid, delivery: Delivery) {
        let mut recent = self.0.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = recent.entry(hook).or_default();
        ring.retain(|known| known.id != delivery.id);
        if ring.len() >= RECENT_DELIVERIES_MAX {
            ring.pop_back();
        }
        ring.push_front(delivery);
    }

    fn recent(&self, hook: Uuid) -> Vec<Delivery> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner).get(&hook).into_iter().flatten().cloned().collect()
    }

    fn forget_recent(&self, hook: Uuid) {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner).remove(&hook);
    }
}

#[cfg(test)]
mod tests;
