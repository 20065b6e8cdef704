//! Bots: accounts without a password whose tokens are long, random, limited to scopes, and shown once.

use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rialto_protocol::limits::METHOD_BYTES_MAX;
use rialto_protocol::rpc::Profile;
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::accounts::{AccountRole, BotToken, Origin};
use uuid::Uuid;

use super::keys::random;
use super::limits::{BOT_CACHE_MAX, BOT_CACHE_MS, BOT_SCOPES_MAX, SECRET_BYTES};
use super::refresh::hash;
use super::register::taken;
use super::{Accounts, TokenProblem, Verified, fresh_id, profile_of, refusals, username};

/// What a bot token begins with: secret scanners know it by that.
pub(super) const PREFIX: &str = "rlt_bot_";
/// Hexadecimal digits of the id in a bot token.
const ID_DIGITS: usize = 32;

/// A bot token that the store has vouched for a moment ago.
pub(super) struct CachedBot {
    token: BotToken,
    until_mono_ms: u64,
}

/// A bot that was just made.
#[derive(Clone)]
pub struct NewBot {
    /// Its profile.
    pub profile: Profile,
    /// Its token: to be shown once.
    pub token: String,
}

impl Accounts {
    /// Makes a bot with a token of its own, or another token for a bot that exists. `ttl_s`: seconds that the token lives, `None` = for ever.
    ///
    /// # Errors
    /// `invalid_argument` for a bad name or scope; `conflict` when the name belongs to somebody who is no bot.
    pub async fn create_bot(&self, name: &str, scopes: Vec<String>, ttl_s: Option<u64>) -> Result<NewBot, Refusal> {
        username::check(name)?;
        check_scopes(&scopes)?;
        let known = self.0.tables.accounts.by_name(username::fold(name)).await.map_err(refusals::of_storage)?;
        let account = match known {
            Some(known) if known.role == AccountRole::Bot => known,
            Some(_) => return Err(Refusal::because(ErrorCode::Conflict, "this username is taken")),
            None => {
                let id = UserId(fresh_id(self.now()));
                let account = self.account(id, name.to_owned(), name.to_owned(), None, AccountRole::Bot, Origin::Own);
                self.0.tables.accounts.create(account.clone()).await.map_err(taken)?;
                account
            }
        };
        self.record_of_operators(&account, &scopes).await?;
        let token = self.issue(account.id, scopes, ttl_s).await?;
        Ok(NewBot { profile: profile_of(&account), token })
    }

    /// Makes a token of a bot that has a record, and notes it there first: a token that nobody knows of could never be ended.
    pub(super) async fn issue(&self, bot: UserId, scopes: Vec<String>, ttl_s: Option<u64>) -> Result<String, Refusal> {
        let now = self.now();
        let id = fresh_id(now);
        let secret = URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>());
        let expires_ms = ttl_s.map(|ttl_s| now.wall_ms.saturating_add(ttl_s.saturating_mul(1000)));
        self.note_token(bot, id, expires_ms).await?;
        let stored = BotToken { id, bot, hash: hash(&secret), scopes, expires_ms };
        self.0.tables.tokens.put_bot(stored).await.map_err(refusals::of_storage)?;
        Ok(format!("{PREFIX}{}_{secret}", id.simple()))
    }

    /// Forgets what was remembered of a token: the store is asked again.
    pub(super) fn forget_cached(&self, id: Uuid) {
        self.0.bots.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Ends a bot token, its connections too. `token_id` is the hexadecimal part of the token.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn revoke_bot(&self, token_id: Uuid) -> Result<(), Refusal> {
        // A bot token may live for ever, and so must its end.
        self.0.tables.tokens.revoke(token_id, u64::MAX).await.map_err(refusals::of_storage)?;
        self.0.verifier.revocations().add(&[token_id], u64::MAX);
        Ok(())
    }

    /// Judges any token: a bot's through the store, any other by its signature; a user of another issuer gets an account.
    ///
    /// # Errors
    /// `invalid_credentials`, `token_expired`, or why the store does not answer.
    pub async fn authenticate(&self, token: &str) -> Result<Verified, Refusal> {
        if token.starts_with(PREFIX) {
            return self.authenticate_bot(token).await;
        }
        let verified = self.0.verifier.verify(token, self.now().wall_ms)?;
        self.ensure_external(&verified).await?;
        Ok(verified)
    }

    async fn authenticate_bot(&self, token: &str) -> Result<Verified, Refusal> {
        let (id, secret) = parts(token).ok_or(TokenProblem::Invalid)?;
        let now = self.now();
        let stored = match self.cached(id, now.mono_ms) {
            Some(stored) => stored,
            None => {
                let stored = self.0.tables.tokens.bot(id).await.map_err(refusals::of_storage)?;
                let stored = stored.ok_or(TokenProblem::Invalid)?;
                self.cache(stored.clone(), now.mono_ms);
                stored
            }
        };
        // Hashes are compared, so that the time taken says nothing about the secret.
        if stored.hash != hash(secret) {
            return Err(TokenProblem::Invalid.into());
        }
        if stored.expires_ms.is_some_and(|expires_ms| expires_ms <= now.wall_ms) {
            return Err(TokenProblem::Expired.into());
        }
        if self.0.verifier.revocations().contains(id) {
            return Err(TokenProblem::Revoked.into());
        }
        Ok(Verified {
            user: stored.bot,
            role: AccountRole::Bot,
            expires_ms: stored.expires_ms,
            session: Some(id),
            info: None,
            channels: Vec::new(),
            external: None,
            display_name: None,
            scopes: Some(stored.scopes),
        })
    }

    fn cached(&self, id: Uuid, mono_ms: u64) -> Option<BotToken> {
        let cache = self.0.bots.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(&id).filter(|bot| bot.until_mono_ms > mono_ms).map(|bot| bot.token.clone())
    }

    fn cache(&self, token: BotToken, mono_ms: u64) {
        let mut cache = self.0.bots.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= BOT_CACHE_MAX {
            cache.clear();
        }
        cache.insert(token.id, CachedBot { token, until_mono_ms: mono_ms + BOT_CACHE_MS });
    }
}

fn parts(token: &str) -> Option<(Uuid, &str)> {
    let rest = token.strip_prefix(PREFIX)?;
    let (id, secret) = rest.split_at_checked(ID_DIGITS)?;
    Some((Uuid::try_parse(id).ok()?, secret.strip_prefix('_')?))
}

/// A scope is a method name, or a prefix that ends with `.*`, or `*`.
pub(super) fn check_scopes(scopes: &[String]) -> Result<(), Refusal> {
    let is_fit = |scope: &String| {
        let name = scope.strip_suffix('*').unwrap_or(scope);
        let whole_words = name.len() == scope.len() || name.is_empty() || name.ends_with('.');
        let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_'));
        !scope.is_empty() && scope.len() <= METHOD_BYTES_MAX && whole_words && letters
    };
    if !scopes.is_empty() && scopes.len() <= BOT_SCOPES_MAX && scopes.iter().all(is_fit) {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::InvalidArgument, "scopes are 1 to 64 method names such as conversation.send, or conversation.*"))
}
