//! Who may not speak for a time. The engine forgets each entry a while after its end.

use rialto_protocol::UserId;
use uuid::Uuid;

use super::open::CqlStore;
use super::value::{Values, big, id, seconds, unsigned};
use crate::Pending;
use crate::accounts::Mutes;

/// Seconds that an entry is kept beyond its end, and the end of a mute beyond its writing: an older write that comes late finds it there.
const KEPT_BEYOND_S: u64 = 24 * 3600;
/// An entry that would live longer than these seconds, a year, is kept for ever: engines know no date behind January 2038.
const TTL_S_MAX: u64 = 365 * 24 * 3600;
/// Kept for ever.
const NO_TTL: u64 = 0;

/// What an entry is made of.
pub(super) fn values(user: UserId, until_ms: u64, now_ms: u64) -> Values {
    let ttl_s =
        Some((until_ms.saturating_sub(now_ms) / 1000).saturating_add(KEPT_BEYOND_S)).filter(|ttl_s| *ttl_s <= TTL_S_MAX).unwrap_or(NO_TTL);
    vec![id(user.0), big(until_ms), seconds(ttl_s)]
}

impl Mutes for CqlStore {
    fn set(&self, user: UserId, until_ms: u64, now_ms: u64) -> Pending<()> {
        let values = values(user, until_ms, now_ms);
        self.run(move |core| async move { core.write("mute a user", &core.statements.mute_put, values).await })
    }

    fn standing(&self, now_ms: u64) -> Pending<Vec<(UserId, u64)>> {
        self.run(move |core| async move {
            let all: Vec<(Uuid, i64)> = core.select_all("read mutes", &core.statements.mutes, Vec::new()).await?;
            let all = all.into_iter().map(|(user, until)| (UserId(user), unsigned(until)));
            Ok(all.filter(|(_, until_ms)| *until_ms > now_ms).collect())
        })
    }
}
