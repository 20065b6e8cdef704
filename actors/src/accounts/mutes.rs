//! Who may not speak for a time: a copy in memory of what the store has, asked for each thing said.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rialto_protocol::{ErrorCode, Refusal, UserId};

/// Muted users, shared by all threads. While nobody is muted, asking costs one load.
#[derive(Clone, Debug, Default)]
pub struct Mutes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    until_ms: RwLock<HashMap<UserId, u64>>,
    count: AtomicUsize,
    /// Counts changes made here: what was read from the store before one of them is too old.
    changes: AtomicU64,
}

impl Mutes {
    /// Until when a user is muted.
    #[must_use]
    pub fn until(&self, user: UserId, now_ms: u64) -> Option<u64> {
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let all = self.0.until_ms.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&user).copied().filter(|until_ms| *until_ms > now_ms)
    }

    /// Whether a user may speak.
    ///
    /// # Errors
    /// `forbidden`, with the time after which it will be otherwise.
    pub fn check(&self, user: UserId, now_ms: u64) -> Result<(), Refusal> {
        match self.until(user, now_ms) {
            None => Ok(()),
            Some(until_ms) => Err(Refusal {
                retry_after_ms: Some(u32::try_from(until_ms - now_ms).unwrap_or(u32::MAX)),
                ..Refusal::because(ErrorCode::Forbidden, "an operator has muted this user for a time")
            }),
        }
    }

    pub(super) fn set(&self, user: UserId, until_ms: u64, now_ms: u64) {
        let mut all = self.0.until_ms.write().unwrap_or_else(PoisonError::into_inner);
        self.0.changes.fetch_add(1, Ordering::SeqCst);
        all.insert(user, until_ms);
        all.retain(|_, until_ms| *until_ms > now_ms);
        self.0.count.store(all.len(), Ordering::Relaxed);
    }

    /// To be asked before the store is, for [`Self::load`].
    pub(super) fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::SeqCst)
    }

    /// Takes what the store has, other nodes' changes too, unless something was changed here meanwhile.
    pub(super) fn load(&self, changes: u64, stored: Vec<(UserId, u64)>) {
        let mut all = self.0.until_ms.write().unwrap_or_else(PoisonError::into_inner);
        if self.changes() == changes {
            *all = stored.into_iter().collect();
            self.0.count.store(all.len(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mute_ends_by_itself_and_what_was_read_too_early_is_not_taken() {
        let (mutes, ada) = (Mutes::default(), UserId(uuid::Uuid::from_u128(7)));
        let before = mutes.changes();
        mutes.set(ada, 5_000, 1_000);
        mutes.load(before, Vec::new());
        let refusal = mutes.check(ada, 2_000).unwrap_err();
        assert_eq!((refusal.code, refusal.retry_after_ms), (ErrorCode::Forbidden, Some(3_000)));
        assert_eq!(mutes.check(ada, 5_000), Ok(()));
        mutes.load(mutes.changes(), vec![(ada, 9_000)]);
        assert_eq!(mutes.until(ada, 5_000), Some(9_000));
        mutes.set(ada, 0, 5_000);
        assert_eq!((mutes.until(ada, 1), mutes.0.count.load(Ordering::Relaxed)), (None, 0));
    }
}
