//! Looking users up.

use std::sync::PoisonError;

use rialto_protocol::rpc::Profile;
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::ErrorKind;
use rialto_storage::accounts::{Account, AccountChange, AccountRole, Origin};

use super::limits::{EXTERNALS_SEEN_MAX, USERNAME_CHARS_MAX};
use super::{Accounts, Verified, profile_of, refusals, username};

/// Bytes of a made name, guests' and other issuers': what may be looked up is no longer.
const MADE_NAME_BYTES_MAX: usize = USERNAME_CHARS_MAX + 8;

impl Accounts {
    /// `user.me`, `user.get`: a user by id.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn profile(&self, user: UserId) -> Result<Profile, Refusal> {
        let account = self.0.tables.accounts.by_id(user).await.map_err(refusals::of_storage)?;
        account.as_ref().map(profile_of).ok_or_else(|| ErrorCode::NotFound.into())
    }

    /// `user.find`: a user by exact name, in any case.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn find(&self, name: &str) -> Result<Profile, Refusal> {
        if name.len() > MADE_NAME_BYTES_MAX {
            return Err(ErrorCode::NotFound.into());
        }
        let account = self.0.tables.accounts.by_name(username::fold(name)).await.map_err(refusals::of_storage)?;
        account.as_ref().map(profile_of).ok_or_else(|| ErrorCode::NotFound.into())
    }

    /// `user.set`: what people read of the caller.
    ///
    /// # Errors
    /// `invalid_argument` for a bad display name; `not_found`.
    pub async fn set_profile(&self, user: UserId, display_name: &str) -> Result<Profile, Refusal> {
        let display_name = username::display_name(display_name)?;
        self.change(user, AccountChange::DisplayName(display_name)).await.map(|account| profile_of(&account))
    }

    /// Changes one thing of an account; answers the account as it is then.
    pub(super) async fn change(&self, user: UserId, change: AccountChange) -> Result<Account, Refusal> {
        let changed = self.0.tables.accounts.change(user, change).await.map_err(refusals::of_storage)?;
        changed.ok_or_else(|| ErrorCode::NotFound.into())
    }

    /// Makes sure that a user of another issuer has an account: created on first sight.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn ensure_external(&self, verified: &Verified) -> Result<(), Refusal> {
        let Some((issuer, subject)) = &verified.external else { return Ok(()) };
        if self.has_seen(verified.user) {
            return Ok(());
        }
        let known = self.0.tables.accounts.by_id(verified.user).await.map_err(refusals::of_storage)?;
        if known.is_none() {
            let origin = Origin::External { issuer: issuer.to_string(), subject: subject.to_string() };
            let display_name = verified.display_name.clone().unwrap_or_else(|| username::display_name_of_foreign(subject));
            let name = username::of_external(verified.user);
            let account = self.account(verified.user, name, display_name, None, AccountRole::User, origin);
            match self.0.tables.accounts.create(account).await {
                Ok(()) => {}
                // Another connection of theirs was faster.
                Err(error) if error.kind == ErrorKind::Conflict => {}
                Err(error) => return Err(refusals::of_storage(error)),
            }
        }
        self.remember_seen(verified.user);
        Ok(())
    }

    fn has_seen(&self, user: UserId) -> bool {
        self.0.externals_seen.lock().unwrap_or_else(PoisonError::into_inner).contains(&user)
    }

    /// Forgetting costs one read each: the set is emptied when it is full.
    fn remember_seen(&self, user: UserId) {
        let mut seen = self.0.externals_seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= EXTERNALS_SEEN_MAX {
            seen.clear();
        }
        seen.insert(user);
    }
}
