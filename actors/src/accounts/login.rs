//! Proving who one is with a password.

use core::net::IpAddr;

use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::accounts::{Account, AccountChange};
use uuid::Uuid;

use super::limits::PASSWORD_BYTES_MAX;
use super::{Accounts, Session, Visitor, password, refusals, username};

impl Accounts {
    /// Logs somebody in. A wrong password and an unknown name are one answer, in equal time.
    ///
    /// # Errors
    /// `invalid_credentials`; `rate_limited` while too many passwords were wrong (see [`super::throttle`]); `overloaded`.
    pub async fn login(&self, username: &str, password: String, from: impl Into<Visitor>) -> Result<Session, Refusal> {
        let Visitor { address, device } = from.into();
        self.count_session_call(address).await?;
        let account = self.prove(username, password, address).await?;
        self.open_session(&account, device).await
    }

    /// Replaces a password. All other sessions of the user end: their refresh tokens, access tokens and sockets.
    ///
    /// # Errors
    /// As [`Self::login`] for the old password; `invalid_argument` for a weak new one; `forbidden` for accounts without a password.
    pub async fn change_password(
        &self,
        user: UserId,
        session: Option<Uuid>,
        old: String,
        new: String,
        address: IpAddr,
    ) -> Result<(), Refusal> {
        self.count_session_call(address).await?;
        let account = self.0.tables.accounts.by_id(user).await.map_err(refusals::of_storage)?;
        let Some(account) = account.filter(|account| account.password_hash.is_some()) else {
            return Err(Refusal::because(ErrorCode::Forbidden, "this account has no password"));
        };
        password::check(&new, &account.username)?;
        let account = self.prove(&account.username, old, address).await?;
        self.put_password(account, new, session).await
    }

    /// Hashes and stores a new password, then ends every session but `keep`.
    pub(super) async fn put_password(&self, account: Account, new: String, keep: Option<Uuid>) -> Result<(), Refusal> {
        let hash = self.0.hasher.turn().await?.hash(new).await?;
        self.change(account.id, AccountChange::PasswordHash(hash)).await?;
        self.end_sessions(account.id, keep).await
    }

    /// The account whose password this is.
    async fn prove(&self, username: &str, password: String, address: IpAddr) -> Result<Account, Refusal> {
        let key = username::fold(username);
        if key.len() > super::limits::USERNAME_CHARS_MAX || password.len() > PASSWORD_BYTES_MAX {
            // Such a name or password was never taken; it must not become a key of the throttle or work for the hash.
            return Err(ErrorCode::InvalidCredentials.into());
        }
        self.may_try(&key, address).await?;
        let account = self.0.tables.accounts.by_name(key.clone()).await.map_err(refusals::of_storage)?;
        let turn = self.0.hasher.turn().await?;
        // Others may have failed while this one waited.
        self.may_still_try(&key, address)?;
        let hash = account.as_ref().and_then(|account| account.password_hash.clone());
        let fits = turn.fits(password, hash).await?;
        match account.filter(|_| fits) {
            Some(account) => {
                self.password_was_right(&key, address).await;
                metrics::counter!("rialto_logins_total", "outcome" => "accepted").increment(1);
                Ok(account)
            }
            None => {
                metrics::counter!("rialto_logins_total", "outcome" => "refused").increment(1);
                self.password_was_wrong(&key, address).await?;
                Err(ErrorCode::InvalidCredentials.into())
            }
        }
    }
}
