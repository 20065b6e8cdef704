//! What one node ends, the others hear of at once: revocations through what nodes share. The store has them too, and is looked at every few minutes.

use std::collections::HashSet;

use rialto_storage::StorageError;
use rialto_storage::shared::RevocationNews;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use uuid::Uuid;

use super::{Accounts, Revoked};

/// Milliseconds by which nodes' clocks may differ, and by which a publication may be late: so far back each look goes.
pub const NEWS_OVERLAP_MS: u64 = 10_000;

/// One node's part in the exchange.
pub struct Exchange {
    accounts: Accounts,
    own: Receiver<Revoked>,
    /// Heard from others: not to be told again.
    heard: HashSet<Uuid>,
    /// Wall-clock milliseconds of the last look that worked.
    looked_ms: u64,
}

impl Exchange {
    /// Takes part from now on.
    #[must_use]
    pub fn new(accounts: Accounts) -> Self {
        let (own, looked_ms) = (accounts.verifier().revocations().subscribe(), accounts.now().wall_ms);
        Self { accounts, own, heard: HashSet::new(), looked_ms }
    }

    /// One round, to be made about every second: tells what ended here, hears what ended elsewhere.
    ///
    /// # Errors
    /// When what nodes share does not answer. The next round that works makes up for what was heard too late; what could not be told is in the store.
    pub async fn round(&mut self, news: &dyn RevocationNews) -> Result<(), StorageError> {
        let revocations = self.accounts.verifier().revocations().clone();
        let now_ms = self.accounts.now().wall_ms;
        loop {
            let told = match self.own.try_recv() {
                Ok(told) => told,
                Err(TryRecvError::Lagged(_)) => continue,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            };
            if told.comes_back {
                continue;
            }
            for session in told.sessions.iter().filter(|session| !self.heard.remove(*session)) {
                let until_ms = revocations.until(*session).unwrap_or(now_ms);
                news.publish(*session, until_ms, now_ms).await?;
            }
        }
        for (session, until_ms) in news.since(self.looked_ms.saturating_sub(NEWS_OVERLAP_MS), now_ms).await? {
            if !revocations.contains(session) {
                self.heard.insert(session);
                revocations.add(&[session], until_ms);
            }
        }
        self.looked_ms = now_ms;
        Ok(())
    }
}
