//! What operators do to users from the console: look, end sessions, mute.

use rialto_protocol::rpc::Profile;
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::accounts::{AccountRole, Origin};
use uuid::Uuid;

use super::{Accounts, profile_of, refusals};

/// What operators see of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// What everybody sees.
    pub profile: Profile,
    /// What it may do.
    pub role: AccountRole,
    /// `own`, `guest`, or the issuer that vouches for it.
    pub origin: String,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Until when it is muted, milliseconds since 1970.
    pub muted_until_ms: Option<u64>,
}

impl Accounts {
    /// A user by id, or else by exact name in any case.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn known(&self, id_or_name: &str) -> Result<Known, Refusal> {
        let user = match id_or_name.parse() {
            Ok(id) => id,
            Err(_) => self.find(id_or_name).await?.id,
        };
        let account = self.0.tables.accounts.by_id(user).await.map_err(refusals::of_storage)?;
        let account = account.ok_or_else(|| Refusal::because(ErrorCode::NotFound, "no such user"))?;
        let origin = match &account.origin {
            Origin::Own => "own".to_owned(),
            Origin::Guest => "guest".to_owned(),
            Origin::External { issuer, .. } => issuer.clone(),
        };
        let muted_until_ms = self.0.mutes.until(user, self.now().wall_ms);
        Ok(Known { profile: profile_of(&account), role: account.role, origin, created_ms: account.created_ms, muted_until_ms })
    }

    /// Mutes a user for so long, durably; 0 lets them speak again. Answers until when.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn mute(&self, user: UserId, duration_ms: u64) -> Result<Option<u64>, Refusal> {
        let now_ms = self.now().wall_ms;
        let until_ms = if duration_ms == 0 { 0 } else { now_ms.saturating_add(duration_ms) };
        self.0.tables.mutes.set(user, until_ms, now_ms).await.map_err(refusals::of_storage)?;
        self.0.mutes.set(user, until_ms, now_ms);
        Ok((duration_ms > 0).then_some(until_ms))
    }

    /// Ends all sessions of a user: refresh families, and of the connected ones also those that have none (bots, other issuers), each with the time at which
    /// its token ends by itself.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn end_everywhere(&self, user: UserId, connected: &[(Uuid, Option<u64>)]) -> Result<(), Refusal> {
        self.end_sessions(user, None).await?;
        for (grant, expires_ms) in connected {
            if !self.0.verifier.revocations().contains(*grant) {
                let until_ms = expires_ms.unwrap_or(u64::MAX);
                self.0.tables.tokens.revoke(*grant, until_ms).await.map_err(refusals::of_storage)?;
                self.0.verifier.revocations().add(&[*grant], until_ms);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rialto_storage::backend::memory::MemoryStore;
    use std::sync::Arc;

    use super::*;
    use crate::accounts::{KeyMaterial, KeyRing, Settings, Tables, Verifier, time_of};
    use crate::kernel::Clock;

    async fn accounts(store: &MemoryStore) -> Accounts {
        let verifier = Verifier::new(KeyRing::new(&KeyMaterial::generate(1)).unwrap(), Vec::new(), false);
        let now = time_of(Clock::new(Clock::process_start()));
        Accounts::open(Tables::from(&store.store()), verifier, Settings::default(), now).await.unwrap()
    }

    #[tokio::test]
    async fn a_mute_outlives_the_process_and_is_taken_back() {
        let store = MemoryStore::default();
        let first = accounts(&store).await;
        let ada = first.add_user("ada", "a long enough secret".to_owned(), AccountRole::Operator).await.unwrap();
        assert!(first.mute(ada.id, 60_000).await.unwrap().is_some());
        let second = accounts(&store).await;
        let known = second.known("ADA").await.unwrap();
        assert_eq!((known.role, &*known.origin, known.profile.id), (AccountRole::Operator, "own", ada.id));
        assert_eq!(known.muted_until_ms, second.known(&ada.id.to_string()).await.unwrap().muted_until_ms);
        assert!(known.muted_until_ms.is_some(), "it is durable");
        assert_eq!(second.mute(ada.id, 0).await.unwrap(), None);
        first.sweep().await.unwrap();
        assert_eq!(first.known("ada").await.unwrap().muted_until_ms, None, "other nodes hear of it from the store");
        assert_eq!(first.known("nobody").await.unwrap_err().code, ErrorCode::NotFound);
        let _shared = Arc::new(store);
    }
}
