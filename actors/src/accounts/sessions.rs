//! Sessions: refresh families, from login to logout.

use core::cmp::Reverse;
use core::net::IpAddr;

use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::accounts::{Account, Family};
use uuid::Uuid;

use super::keys::KeySet;
use super::limits::{REFRESH_TRIES_MAX, SESSIONS_SHOWN_MAX};
use super::refresh::{self, Decision, Presented};
use super::token::{self, Grant};
use super::{AccessToken, Accounts, RefreshToken, Session, fresh_id, profile_of, refusals};

/// What a refresh gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// The next access token.
    pub access: AccessToken,
    /// The next refresh token.
    pub refresh: RefreshToken,
}

impl Accounts {
    /// Trades a refresh token for its successor and an access token. The previous token gives the same answer for a second.
    ///
    /// # Errors
    /// `invalid_credentials` for a token that does not count; one used again later than that ends its whole family, access tokens and sockets too.
    /// `token_expired`; `rate_limited`; `unavailable`.
    pub async fn refresh(&self, presented: &str, address: IpAddr) -> Result<Refreshed, Refusal> {
        self.count_session_call(address).await?;
        let keys = self.0.verifier.keys().current();
        let presented = refresh::parse(&keys, presented).ok_or(ErrorCode::InvalidCredentials)?;
        for _try in 0..REFRESH_TRIES_MAX {
            let stored = self.0.tables.families.get(presented.family).await.map_err(refusals::of_storage)?;
            let family = stored.ok_or(ErrorCode::InvalidCredentials)?;
            if let Some(standing) = self.step(&keys, family, presented).await? {
                let account = self.0.tables.accounts.by_id(standing.user).await.map_err(refusals::of_storage)?;
                return Ok(self.tokens_of(&account.ok_or(ErrorCode::InvalidCredentials)?, &standing));
            }
        }
        Err(Refusal::retry(ErrorCode::Unavailable, 1000))
    }

    /// One look at the family: the one that stands now, or `None` when another refresh was faster.
    async fn step(&self, keys: &KeySet, family: Family, presented: Presented) -> Result<Option<Family>, Refusal> {
        let now_ms = self.now().wall_ms;
        let expires_ms = now_ms + self.0.settings.refresh_ttl_s * 1000;
        match refresh::decide(keys, &family, presented, now_ms, expires_ms) {
            Decision::Rotate(next) => {
                let replaced = self.0.tables.families.replace(family.serial, next.clone()).await;
                Ok(replaced.map_err(refusals::of_storage)?.then_some(next))
            }
            Decision::Repeat => Ok(Some(family)),
            Decision::Reuse => {
                tracing::warn!(user = %family.user, session = %family.id, "refresh token was used twice, session ended");
                metrics::counter!("rialto_refresh_reuses_total").increment(1);
                self.end_session(family.id).await?;
                Err(ErrorCode::InvalidCredentials.into())
            }
            Decision::Expired => {
                self.0.tables.families.end(family.id).await.map_err(refusals::of_storage)?;
                Err(Refusal::because(ErrorCode::TokenExpired, "the session has expired"))
            }
            Decision::Invalid => Err(ErrorCode::InvalidCredentials.into()),
        }
    }

    /// Ends the session of a refresh token, or of an access token. Ending one that is over is fine.
    ///
    /// # Errors
    /// `rate_limited`; when the store cannot be written.
    pub async fn logout(&self, presented: Option<&str>, session: Option<Uuid>, address: IpAddr) -> Result<(), Refusal> {
        self.count_session_call(address).await?;
        let keys = self.0.verifier.keys().current();
        let by_refresh = presented.and_then(|text| refresh::parse(&keys, text)).map(|presented| presented.family);
        if let Some(family) = by_refresh {
            self.end_session(family).await?;
        }
        match session {
            Some(session) if Some(session) != by_refresh => self.end_session(session).await,
            _ => Ok(()),
        }
    }

    /// A new family for somebody who has proven who they are.
    pub(super) async fn open_session(&self, account: &Account, device: String) -> Result<Session, Refusal> {
        let now = self.now();
        let id = fresh_id(now);
        let first = refresh::token(&self.0.verifier.keys().current(), id, 1);
        let family = Family {
            id,
            user: account.id,
            serial: 1,
            current: refresh::hash(&first),
            previous: None,
            rotated_ms: now.wall_ms,
            expires_ms: now.wall_ms + self.0.settings.refresh_ttl_s * 1000,
            device,
        };
        self.0.tables.families.create(family.clone()).await.map_err(refusals::of_storage)?;
        let tokens = self.tokens_of(account, &family);
        Ok(Session { profile: profile_of(account), access: tokens.access, refresh: tokens.refresh })
    }

    /// Ends a family with its access tokens. The family goes first: a crash in between leaves access tokens that expire by themselves, and no way to get more.
    async fn end_session(&self, family: Uuid) -> Result<(), Refusal> {
        self.0.tables.families.end(family).await.map_err(refusals::of_storage)?;
        self.revoke(vec![family]).await
    }

    /// Where a user is logged in, the most recently used first; at most [`SESSIONS_SHOWN_MAX`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Family>, Refusal> {
        let now_ms = self.now().wall_ms;
        let mut standing = self.0.tables.families.of_user(user).await.map_err(refusals::of_storage)?;
        standing.retain(|family| family.expires_ms > now_ms);
        standing.sort_by_key(|family| Reverse(family.rotated_ms));
        standing.truncate(SESSIONS_SHOWN_MAX);
        Ok(standing)
    }

    /// Ends one of a user's own sessions: its refresh token, access tokens and sockets.
    ///
    /// # Errors
    /// `not_found`, also for somebody else's; when the store cannot be written.
    pub async fn end_one_session(&self, user: UserId, session: Uuid) -> Result<(), Refusal> {
        let family = self.0.tables.families.get(session).await.map_err(refusals::of_storage)?;
        family.filter(|family| family.user == user).ok_or(ErrorCode::NotFound)?;
        self.end_session(session).await
    }

    /// Ends all sessions of a user but one.
    ///
    /// # Errors
    /// When the store cannot be written: some may have ended.
    pub async fn end_sessions(&self, user: UserId, keep: Option<Uuid>) -> Result<(), Refusal> {
        let standing = self.0.tables.families.of_user(user).await.map_err(refusals::of_storage)?;
        let over: Vec<Uuid> = standing.iter().map(|family| family.id).filter(|id| Some(*id) != keep).collect();
        let ending: Vec<_> = over.iter().map(|id| self.0.tables.families.end(*id)).collect();
        for ended in ending {
            ended.await.map_err(refusals::of_storage)?;
        }
        self.revoke(over).await
    }

    /// Both tokens that a family stands for: dated by its rotation, so that two who ask for the same get the same.
    fn tokens_of(&self, account: &Account, family: &Family) -> Refreshed {
        let ttl_s = self.0.settings.access_ttl_s;
        let grant = Grant {
            user: account.id,
            role: account.role,
            jti: format!("{}.{}", family.id, family.serial),
            issued_s: family.rotated_ms / 1000,
            ttl_s,
        };
        let keys = self.0.verifier.keys();
        Refreshed {
            access: AccessToken { token: token::sign(keys, &grant), expires_in_s: ttl_s },
            refresh: RefreshToken {
                token: refresh::token(&keys.current(), family.id, family.serial),
                expires_in_s: self.0.settings.refresh_ttl_s,
            },
        }
    }
}
