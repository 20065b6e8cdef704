//! Commands per user: all connections of a user on this node share a bucket, and nodes tell each other what their busiest users have used.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rialto_protocol::UserId;
use rialto_protocol::limits::{USER_COMMANDS_BURST_MAX, USER_COMMANDS_PER_SECOND_MAX};
use rialto_storage::shared::{Rate, RateLimits};

use super::rate::Bucket;
use crate::kernel::Moment;

/// Commands that a connection takes from its user's bucket at once, so that it rarely asks.
const TOKENS_AT_ONCE: u8 = 32;
/// Parts that lock for themselves, so that threads rarely wait for each other.
const PARTS: usize = 16;
/// Part of a second's rate that a user must have used in one for other nodes to be told: who uses less does not need to be counted everywhere.
const SHARE_TOLD_MIN: u32 = 8;
/// Users of whom other nodes are told in one round, the busiest first.
const USERS_TOLD_MAX: usize = 256;
/// Milliseconds that a user waits at most for what other nodes have let through.
const HOLD_MS_MAX: u64 = 2_000;

/// What each user of this node may still send.
#[derive(Debug)]
pub struct UserRates {
    per_second: u32,
    burst: u32,
    parts: [Mutex<HashMap<UserId, Meter>>; PARTS],
}

#[derive(Debug)]
struct Meter {
    bucket: Bucket,
    /// Taken since the last round.
    taken: u32,
    /// Monotonic time until which nothing is given.
    held_until_ms: u64,
}

impl Default for UserRates {
    fn default() -> Self {
        Self::new(USER_COMMANDS_PER_SECOND_MAX, USER_COMMANDS_BURST_MAX)
    }
}

impl UserRates {
    /// So many commands per second and user, and so many at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst: burst.max(per_second), parts: Default::default() }
    }

    fn part(&self, user: UserId) -> MutexGuard<'_, HashMap<UserId, Meter>> {
        let [.., last] = *user.0.as_bytes();
        self.parts[usize::from(last) % PARTS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commands that one of the user's connections may send; 0 = too many were sent.
    pub(super) fn take(&self, user: UserId, mono_ms: u64) -> u8 {
        let mut part = self.part(user);
        let fresh = || Meter { bucket: Bucket::full(self.burst, mono_ms), taken: 0, held_until_ms: 0 };
        let meter = part.entry(user).or_insert_with(fresh);
        if mono_ms < meter.held_until_ms {
            return 0;
        }
        let given = meter.bucket.take_up_to(TOKENS_AT_ONCE, self.per_second, self.burst, mono_ms);
        meter.taken = meter.taken.saturating_add(u32::from(given));
        given
    }

    /// One round, to be made about every second: tells what the busiest users have used here, and holds those who have used up over all nodes what they may.
    /// Forgets who rests. Without other nodes, or while they cannot be reached, each node counts for itself.
    pub async fn settle(&self, shared: Option<&dyn RateLimits>, now: Moment) {
        let busiest = self.busiest(now.mono_ms);
        let Some(shared) = shared else { return };
        let rate = Rate { burst: self.burst, refill_ms: (u64::from(self.burst) * 1_000).div_ceil(u64::from(self.per_second.max(1))) };
        let told = busiest.into_iter().map(|(user, taken)| {
            let waits = shared.spend(format!("commands:{user}"), rate, taken, now.wall_ms);
            async move { Some((user, waits.await.ok()?)) }
        });
        for (user, wait_ms) in futures_util::future::join_all(told).await.into_iter().flatten().filter(|(_, wait_ms)| *wait_ms > 0) {
            if let Some(meter) = self.part(user).get_mut(&user) {
                meter.held_until_ms = now.mono_ms + wait_ms.min(HOLD_MS_MAX);
            }
        }
    }

    fn busiest(&self, mono_ms: u64) -> Vec<(UserId, u32)> {
        let mut busy = Vec::new();
        for part in &self.parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.retain(|user, meter| {
                let taken = std::mem::take(&mut meter.taken);
                if taken >= self.per_second / SHARE_TOLD_MIN && taken > 0 {
                    busy.push((*user, taken));
                }
                mono_ms < meter.held_until_ms || !meter.bucket.is_full(self.per_second, self.burst, mono_ms)
            });
            if part.capacity() > 4 * part.len() {
                part.shrink_to_fit();
            }
        }
        busy.sort_unstable_by_key(|(user, taken)| (std::cmp::Reverse(*taken), *user));
        busy.truncate(USERS_TOLD_MAX);
        busy
    }
}

#[cfg(test)]
mod tests {
    use rialto_storage::backend::memory::MemoryShared;
    use uuid::Uuid;

    use super::*;

    const USER: UserId = UserId(Uuid::from_u128(7));

    fn at(mono_ms: u64) -> Moment {
        Moment { wall_ms: 1_790_000_000_000 + mono_ms, mono_ms, entropy: 1 }
    }

    fn takes(rates: &UserRates, mono_ms: u64) -> u32 {
        std::iter::from_fn(|| Some(rates.take(USER, mono_ms)).filter(|given| *given > 0)).map(u32::from).sum()
    }

    #[test]
    fn connections_of_a_user_share_what_the_user_may() {
        let rates = UserRates::new(100, 200);
        assert_eq!(takes(&rates, 0), 200);
        assert_eq!(takes(&rates, 500), 50);
        assert_ne!(rates.take(UserId(Uuid::from_u128(8)), 500), 0, "another user has another bucket");
    }

    #[tokio::test]
    async fn nodes_together_let_through_what_one_may() {
        let (shared, one, other) = (MemoryShared::default(), UserRates::new(100, 100), UserRates::new(100, 100));
        let mut through = 0;
        for round in 0..10 {
            let now = at(round * 1_000);
            through += takes(&one, now.mono_ms) + takes(&other, now.mono_ms);
            one.settle(Some(&shared), now).await;
            other.settle(Some(&shared), now).await;
        }
        assert!((900..=1_300).contains(&through), "{through} and not 2,000 in ten seconds");
    }

    #[tokio::test]
    async fn without_the_others_each_node_counts_for_itself_and_who_rests_is_forgotten() {
        let (shared, rates) = (MemoryShared::default(), UserRates::new(100, 100));
        shared.set_away(true);
        for round in 0..3 {
            assert_eq!(takes(&rates, round * 1_000), 100);
            rates.settle(Some(&shared), at(round * 1_000)).await;
        }
        rates.settle(None, at(60_000)).await;
        assert!(rates.parts.iter().all(|part| part.lock().unwrap().is_empty()));
    }
}
