//! The judge of tokens: synchronous, cheap, shared by all threads.
//!
//! Which key may verify a token is decided before its signature is looked at, and never by the token alone: a `kid` of ours means that key and HS256; else `iss`
//! names an issuer of the configuration, and the token's `alg` must be the one pinned there. A key is thus never used with an algorithm that it was not made for,
//! and there is no way to say "none".

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use rialto_protocol::limits::{CHANNEL_BYTES_MAX, TOKEN_BYTES_MAX};
use rialto_protocol::reply::RawJson;
use rialto_protocol::{ErrorCode, Refusal, UserId};
use rialto_storage::accounts::AccountRole;
use uuid::Uuid;

use super::external::ExternalIssuer;
use super::keys::KeyRing;
use super::limits::{LEEWAY_MS, SUBJECT_BYTES_MAX, TOKEN_CHANNELS_MAX};
use super::revocations::Revocations;
use super::token::{Claims, OWN_ALGORITHM, session_of};
use super::{role_of_word, username};

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// Malformed, forged, of an unknown issuer, for somebody else, or not yet valid.
    #[error("invalid token")]
    Invalid,
    /// Genuine, but over: fetch a new one.
    #[error("token expired")]
    Expired,
    /// Genuine, but ended before its time.
    #[error("token revoked")]
    Revoked,
}

impl From<TokenProblem> for Refusal {
    fn from(problem: TokenProblem) -> Self {
        match problem {
            TokenProblem::Invalid => Self::because(ErrorCode::InvalidCredentials, "the token is invalid"),
            TokenProblem::Expired => Self::because(ErrorCode::TokenExpired, "the token has expired"),
            TokenProblem::Revoked => Self::because(ErrorCode::InvalidCredentials, "the token has been revoked"),
        }
    }
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The user; nil for an anonymous token.
    pub user: UserId,
    /// What they may do. Tokens of other issuers are always plain users.
    pub role: AccountRole,
    /// When it ends, milliseconds since 1970; `None` = never.
    pub expires_ms: Option<u64>,
    /// What a revocation names: refresh family, bot token or own `jti`. `None` for other issuers.
    pub session: Option<Uuid>,
    /// `info`: shown to others beside the user.
    pub info: Option<RawJson>,
    /// Channels that the server subscribes the connection to.
    pub channels: Vec<String>,
    /// Issuer and subject, for users of other issuers.
    pub external: Option<(Box<str>, Box<str>)>,
    /// What the issuer calls them.
    pub display_name: Option<String>,
    /// Methods that a bot token is limited to; `None` = all that the role allows.
    pub scopes: Option<Vec<String>>,
}

impl Verified {
    /// Whether the token's scopes include a method; `conversation.*` includes all of that entity.
    #[must_use]
    pub fn allows(&self, method: &str) -> bool {
        let Some(scopes) = &self.scopes else { return true };
        scopes.iter().any(|scope| match scope.strip_suffix('*') {
            Some(prefix) => method.starts_with(prefix),
            None => scope == method,
        })
    }

    /// Whether nobody is named.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.user.0.is_nil()
    }
}

/// What a subscription token grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionToken {
    /// The one channel.
    pub channel: String,
    /// For whom: the id that the issuer's subject stands for, and the subject itself where it is an id of ours. Empty = for everybody.
    users: Vec<UserId>,
    /// When it ends, milliseconds since 1970; `None` = never.
    pub expires_ms: Option<u64>,
    /// `info`: shown to others beside the subscription.
    pub info: Option<RawJson>,
}

impl SubscriptionToken {
    /// Whether this user may use it for this channel.
    #[must_use]
    pub fn admits(&self, user: UserId, channel: &str) -> bool {
        self.channel == channel && (self.users.is_empty() || self.users.contains(&user))
    }
}

/// The judge. Cheap to clone.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    keys: KeyRing,
    issuers: Vec<ExternalIssuer>,
    anonymous: bool,
    revocations: Revocations,
}

/// Whose signature it was.
enum Signer<'a> {
    Own,
    External(&'a ExternalIssuer),
}

impl Verifier {
    /// A judge over our keys and those of other issuers. `anonymous`: whether a genuine token without `sub` is taken.
    #[must_use]
    pub fn new(keys: KeyRing, issuers: Vec<ExternalIssuer>, anonymous: bool) -> Self {
        Self(Arc::new(Inner { keys, issuers, anonymous, revocations: Revocations::default() }))
    }

    /// Our keys.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    /// What is revoked.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.0.revocations
    }

    /// Judges an access or connection token. Bot tokens, which are no JWT, are judged by [`super::Accounts::authenticate`].
    ///
    /// # Errors
    /// See [`TokenProblem`].
    pub fn verify(&self, token: &str, now_ms: u64) -> Result<Verified, TokenProblem> {
        let (signer, claims) = self.open(token)?;
        if claims.channel.is_some() || claims.channels.len() > TOKEN_CHANNELS_MAX {
            // A subscription token says what may be heard, not who somebody is.
            return Err(TokenProblem::Invalid);
        }
        let verified = match signer {
            Signer::Own => self.own(claims, now_ms)?,
            Signer::External(issuer) => self.external(issuer, claims, now_ms)?,
        };
        match verified.session {
            Some(session) if self.0.revocations.contains(session) => Err(TokenProblem::Revoked),
            _ => Ok(verified),
        }
    }

    /// Judges a subscription token.
    ///
    /// # Errors
    /// See [`TokenProblem`].
    pub fn verify_subscription(&self, token: &str, now_ms: u64) -> Result<SubscriptionToken, TokenProblem> {
        let (signer, claims) = self.open(token)?;
        check_dates(&claims, now_ms)?;
        let channel = claims.channel.filter(|channel| channel.len() <= CHANNEL_BYTES_MAX).ok_or(TokenProblem::Invalid)?;
        let mut users = Vec::new();
        if let Some(subject) = claims.sub.filter(|subject| !subject.is_empty()) {
            if let Signer::External(issuer) = signer {
                users.push(UserId::of_issuer(&issuer.issuer, &subject));
            }
            users.extend(Uuid::try_parse(&subject).ok().map(UserId));
            if users.is_empty() {
                return Err(TokenProblem::Invalid);
            }
        }
        Ok(SubscriptionToken { channel, users, expires_ms: claims.exp, info: claims.info.map(RawJson::new) })
    }

    fn own(&self, claims: Claims, now_ms: u64) -> Result<Verified, TokenProblem> {
        let user = claims.sub.as_deref().and_then(|sub| Uuid::try_parse(sub).ok()).ok_or(TokenProblem::Invalid)?;
        let role = claims.role.as_deref().and_then(role_of_word).ok_or(TokenProblem::Invalid)?;
        let session = claims.jti.as_deref().and_then(session_of).ok_or(TokenProblem::Invalid)?;
        let expires_ms = claims.exp.ok_or(TokenProblem::Invalid)?;
        check_dates(&claims, now_ms)?;
        Ok(Verified {
            user: UserId(user),
            role,
            expires_ms: Some(expires_ms),
            session: Some(session),
            info: None,
            channels: Vec::new(),
            external: None,
            display_name: None,
            scopes: None,
        })
    }

    fn external(&self, issuer: &ExternalIssuer, claims: Claims, now_ms: u64) -> Result<Verified, TokenProblem> {
        check_dates(&claims, now_ms)?;
        let subject = claims.sub.filter(|subject| !subject.is_empty());
        let user = match &subject {
            Some(subject) if subject.len() > SUBJECT_BYTES_MAX => return Err(TokenProblem::Invalid),
            Some(subject) => UserId::of_issuer(&issuer.issuer, subject),
            None if self.0.anonymous => UserId(Uuid::nil()),
            None => return Err(TokenProblem::Invalid),
        };
        Ok(Verified {
            user,
            role: AccountRole::User,
            expires_ms: claims.exp,
            session: None,
            info: claims.info.map(RawJson::new),
            channels: claims.channels,
            external: subject.as_deref().map(|subject| (issuer.issuer.clone(), subject.into())),
            display_name: claims.name.as_deref().or(subject.as_deref()).map(username::display_name_of_foreign),
            scopes: None,
        })
    }

    /// Signature and audience; dates are the caller's matter, because an expired token must be told from a forged one.
    fn open(&self, token: &str) -> Result<(Signer<'_>, Claims), TokenProblem> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenProblem::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenProblem::Invalid)?;
        if header.crit.is_some() {
            // It demands something that we do not know.
            return Err(TokenProblem::Invalid);
        }
        let claims = claims_of(token)?;
        let own_keys = self.0.keys.current();
        if let Some(own) = header.kid.as_deref().and_then(|kid| own_keys.by_kid(kid)) {
            return if header.alg == OWN_ALGORITHM && is_signed(token, &own.verifying, OWN_ALGORITHM) {
                Ok((Signer::Own, claims))
            } else {
                Err(TokenProblem::Invalid)
            };
        }
        let issuer = self
            .0
            .issuers
            .iter()
            .filter(|issuer| issuer.may_have_signed(header.alg, claims.iss.as_deref()))
            .find(|issuer| is_signed(token, &issuer.key, issuer.algorithm))
            .ok_or(TokenProblem::Invalid)?;
        let is_for_us = match &issuer.audience {
            Some(audience) => claims.aud.as_ref().is_some_and(|all| all.contains(audience)),
            None => true,
        };
        if is_for_us { Ok((Signer::External(issuer), claims)) } else { Err(TokenProblem::Invalid) }
    }
}

fn check_dates(claims: &Claims, now_ms: u64) -> Result<(), TokenProblem> {
    let ahead_max = now_ms.saturating_add(LEEWAY_MS);
    if claims.nbf.is_some_and(|date| date > ahead_max) || claims.iat.is_some_and(|date| date > ahead_max) {
        return Err(TokenProblem::Invalid);
    }
    if claims.exp.is_some_and(|date| date <= now_ms) {
        return Err(TokenProblem::Expired);
    }
    Ok(())
}

fn claims_of(token: &str) -> Result<Claims, TokenProblem> {
    let payload = token.split('.').nth(1).ok_or(TokenProblem::Invalid)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenProblem::Invalid)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenProblem::Invalid)
}

fn is_signed(token: &str, key: &DecodingKey, algorithm: Algorithm) -> bool {
    let Some((message, signature)) = token.rsplit_once('.') else { return false };
    jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, algorithm).unwrap_or(false)
}

#[cfg(test)]
mod tests;
