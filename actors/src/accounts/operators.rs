//! What operators do to accounts, from the command line.

use rialto_protocol::rpc::Profile;
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::accounts::{Account, AccountChange, AccountRole, Origin};

use super::register::taken;
use super::{Accounts, fresh_id, password, profile_of, refusals, username};

impl Accounts {
    /// Adds an account with any role.
    ///
    /// # Errors
    /// `invalid_argument` for a bad name or a weak password; `conflict` when the name is taken.
    pub async fn add_user(&self, name: &str, password: String, role: AccountRole) -> Result<Profile, Refusal> {
        username::check(name)?;
        password::check(&password, name)?;
        let hash = self.0.hasher.turn().await?.hash(password).await?;
        let id = UserId(fresh_id(self.now()));
        let account = self.account(id, name.to_owned(), name.to_owned(), Some(hash), role, Origin::Own);
        self.0.tables.accounts.create(account.clone()).await.map_err(taken)?;
        Ok(profile_of(&account))
    }

    /// Replaces a password and ends all sessions of the user.
    ///
    /// # Errors
    /// `not_found`; `invalid_argument` for a weak password.
    pub async fn reset_password(&self, name: &str, password: String) -> Result<Profile, Refusal> {
        let account = self.named(name).await?;
        password::check(&password, &account.username)?;
        let profile = profile_of(&account);
        self.put_password(account, password, None).await?;
        Ok(profile)
    }

    /// Changes a role and ends all sessions of the user, because their tokens carry the old one.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn set_role(&self, name: &str, role: AccountRole) -> Result<Profile, Refusal> {
        let changed = self.change(self.named(name).await?.id, AccountChange::Role(role)).await?;
        self.end_sessions(changed.id, None).await?;
        Ok(profile_of(&changed))
    }

    async fn named(&self, name: &str) -> Result<Account, Refusal> {
        let account = self.0.tables.accounts.by_name(username::fold(name)).await.map_err(refusals::of_storage)?;
        account.ok_or_else(|| Refusal::because(ErrorCode::NotFound, "no such user"))
    }
}
