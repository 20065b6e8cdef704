//! Who may not speak for a time.

use rialto_protocol::UserId;

use super::MemoryStore;
use crate::Pending;
use crate::accounts::Mutes;

impl Mutes for MemoryStore {
    fn set(&self, user: UserId, until_ms: u64, now_ms: u64) -> Pending<()> {
        self.now(|state| {
            state.mutes.insert(user, until_ms);
            state.mutes.retain(|_, until| *until > now_ms);
        })
    }

    fn standing(&self, now_ms: u64) -> Pending<Vec<(UserId, u64)>> {
        self.now(|state| {
            state.mutes.retain(|_, until| *until > now_ms);
            state.mutes.iter().map(|(user, until)| (*user, *until)).collect()
        })
    }
}
