//! What no longer counts although it has not expired.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::broadcast;
use uuid::Uuid;

use super::limits::REVOCATION_BACKLOG_MAX;

/// News: these sessions are over, their sockets are to be closed with `invalid token`; or what their tokens say has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Refresh families, bot tokens, or the `jti` of tokens without a family: what [`super::Verified::session`] names.
    pub sessions: Arc<[Uuid]>,
    /// Whether their tokens still count: then the sockets are closed with `force reconnect`, and come back with what the tokens say now.
    pub comes_back: bool,
}

/// The set of revoked sessions, shared by all threads. Bounded by time: an entry stays as long as the longest token that it ends could live.
#[derive(Clone, Debug)]
pub struct Revocations {
    until_ms: Arc<RwLock<HashMap<Uuid, u64>>>,
    news: broadcast::Sender<Revoked>,
}

impl Default for Revocations {
    fn default() -> Self {
        Self { until_ms: Arc::default(), news: broadcast::Sender::new(REVOCATION_BACKLOG_MAX) }
    }
}

impl Revocations {
    /// Whether a session's tokens no longer count.
    #[must_use]
    pub fn contains(&self, session: Uuid) -> bool {
        self.until_ms.read().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// Until when a revocation is to be known.
    #[must_use]
    pub fn until(&self, session: Uuid) -> Option<u64> {
        self.until_ms.read().unwrap_or_else(PoisonError::into_inner).get(&session).copied()
    }

    /// News from now on. A receiver that lagged has missed some: it then asks [`Self::contains`] for each of its sessions.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Revoked> {
        self.news.subscribe()
    }

    /// Adds sessions and tells everybody. Whoever looks after the news has come sees them in the set.
    pub(super) fn add(&self, sessions: &[Uuid], until_ms: u64) {
        if sessions.is_empty() {
            return;
        }
        {
            let mut all = self.until_ms.write().unwrap_or_else(PoisonError::into_inner);
            all.extend(sessions.iter().map(|session| (*session, until_ms)));
        }
        self.tell(sessions, false);
    }

    /// What these sessions' tokens say has changed: their sockets are to come back.
    pub(super) fn recall(&self, sessions: &[Uuid]) {
        self.tell(sessions, true);
    }

    fn tell(&self, sessions: &[Uuid], comes_back: bool) {
        // An error means that nobody listens, which is fine.
        let _listeners = self.news.send(Revoked { sessions: sessions.into(), comes_back });
    }

    /// Takes what the store has, silently: at the start there are no sockets.
    pub(super) fn load(&self, stored: Vec<(Uuid, u64)>) {
        self.until_ms.write().unwrap_or_else(PoisonError::into_inner).extend(stored);
    }

    /// Drops entries whose tokens have all expired.
    pub(super) fn forget_expired(&self, now_ms: u64) {
        self.until_ms.write().unwrap_or_else(PoisonError::into_inner).retain(|_, until_ms| *until_ms > now_ms);
    }
}
