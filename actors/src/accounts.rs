//! Accounts: who somebody is, and how they prove it.
//!
//! The decisions are pure and small, a file each: [`username`], [`password`], [`throttle`], [`refresh`], [`token`]. Around them [`Accounts`] is the one
//! asynchronous service that asks the store and hashes passwords, and [`Verifier`] the one cheap, synchronous judge of tokens, called on gateway threads.
//! Nothing here knows of HTTP, cookies, sockets or files.

mod bot_records;
mod bots;
pub mod exchange;
pub mod external;
mod hasher;
pub mod keys;
mod limited;
pub mod limits;
mod login;
mod moderation;
pub mod mutes;
mod operators;
pub mod password;
mod profiles;
pub mod refresh;
mod refusals;
mod register;
pub mod revocations;
mod sessions;
pub mod throttle;
pub mod token;
pub mod username;
pub mod verifier;

use core::net::IpAddr;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rialto_protocol::rpc::Profile;
use rialto_protocol::{Refusal, UserId};
use rialto_storage::Store;
use rialto_storage::accounts::{self as stored, AccountRole};
use rialto_storage::records::Records;
use rialto_storage::shared::RateLimits;
use uuid::Uuid;

pub use bot_records::{Page, WantedBot, is_operator};
pub use bots::NewBot;
pub use keys::{KeyMaterial, KeyRing};
pub use moderation::Known;
pub use mutes::Mutes;
pub(crate) use refusals::of_storage as refusal_of_storage;
pub use register::Registration;
pub use revocations::{Revocations, Revoked};
pub use sessions::Refreshed;
pub use verifier::{SubscriptionToken, TokenProblem, Verified, Verifier};

use crate::kernel::{Clock, Moment};

/// Gives the time; shared by all threads. Tests give one that stands still.
pub type TimeSource = Arc<dyn Fn() -> Moment + Send + Sync>;

/// The time of a [`Clock`].
#[must_use]
pub fn time_of(clock: Clock) -> TimeSource {
    let clock = Mutex::new(clock);
    Arc::new(move || clock.lock().unwrap_or_else(PoisonError::into_inner).now())
}

/// The tables of the store that accounts need.
#[derive(Clone)]
pub struct Tables {
    /// Users and passwords.
    pub accounts: Arc<dyn stored::Accounts>,
    /// Refresh tokens.
    pub families: Arc<dyn stored::RefreshFamilies>,
    /// Bot tokens, revocations, idempotency keys.
    pub tokens: Arc<dyn stored::Tokens>,
    /// Limits that all nodes share; without them, and while they cannot be reached, each node has its own.
    pub limits: Option<Arc<dyn RateLimits>>,
    /// Which bots there are, and whose.
    pub records: Arc<dyn Records>,
    /// Who may not speak for a time.
    pub mutes: Arc<dyn stored::Mutes>,
}

impl From<&Store> for Tables {
    fn from(store: &Store) -> Self {
        Self {
            accounts: store.accounts.clone(),
            families: store.families.clone(),
            tokens: store.tokens.clone(),
            records: store.records.clone(),
            limits: None,
            mutes: store.mutes.clone(),
        }
    }
}

/// What an operator decides about accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether [`Accounts::guest`] makes guests.
    pub guests: bool,
    /// Seconds that an access token lives.
    pub access_ttl_s: u64,
    /// Seconds that a refresh token lives; each rotation begins anew.
    pub refresh_ttl_s: u64,
    /// Registrations (and guests) per address and minute.
    pub registrations_per_minute_max: u32,
    /// Logins, refreshes, logouts and password changes per address and minute.
    pub session_calls_per_minute_max: u32,
    /// Passwords hashed at the same time: each takes 19 MiB and a core for some 30 ms.
    pub hashes_at_once_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            guests: false,
            access_ttl_s: limits::ACCESS_TTL_S,
            refresh_ttl_s: limits::REFRESH_TTL_S,
            registrations_per_minute_max: limits::REGISTRATIONS_PER_MINUTE_MAX,
            session_calls_per_minute_max: limits::SESSION_CALLS_PER_MINUTE_MAX,
            hashes_at_once_max: 2,
        }
    }
}

/// An access token as its user gets it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The token.
    pub token: String,
    /// Seconds that it lives.
    pub expires_in_s: u64,
}

/// A refresh token as its user gets it.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The token.
    pub token: String,
    /// Seconds that it lives.
    pub expires_in_s: u64,
}

/// Secrets never reach a log.
impl fmt::Debug for AccessToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AccessToken({} s)", self.expires_in_s)
    }
}

/// Secrets never reach a log.
impl fmt::Debug for RefreshToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RefreshToken({} s)", self.expires_in_s)
    }
}

/// From where somebody asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Their address: what limits count.
    pub address: IpAddr,
    /// What their device says of itself; shown to them in the list of their sessions, and nothing else depends on it.
    pub device: String,
}

impl Visitor {
    /// A visitor whose device says `device`, which is cut to a bounded line of printable text.
    #[must_use]
    pub fn new(address: IpAddr, device: &str) -> Self {
        let device = device.chars().filter(|c| !c.is_control()).take(limits::DEVICE_CHARS_MAX).collect();
        Self { address, device }
    }
}

impl From<IpAddr> for Visitor {
    fn from(address: IpAddr) -> Self {
        Self { address, device: String::new() }
    }
}

/// Somebody is logged in.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Who.
    pub profile: Profile,
    /// For each request and connection.
    pub access: AccessToken,
    /// For the next access token.
    pub refresh: RefreshToken,
}

/// The service. Cheap to clone, shared by all threads.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    tables: Tables,
    settings: Settings,
    verifier: Verifier,
    mutes: Mutes,
    hasher: hasher::Hasher,
    throttle: Mutex<throttle::Throttle>,
    everywhere: Option<throttle::Everywhere>,
    bots: Mutex<HashMap<Uuid, bots::CachedBot>>,
    externals_seen: Mutex<std::collections::HashSet<UserId>>,
    now: TimeSource,
}

impl Accounts {
    /// The service over these tables, with what the store says is revoked.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(tables: Tables, verifier: Verifier, settings: Settings, now: TimeSource) -> Result<Self, Refusal> {
        let stored = tables.tokens.revocations(now().wall_ms).await.map_err(refusals::of_storage)?;
        verifier.revocations().load(stored);
        let mutes = Mutes::default();
        mutes.load(mutes.changes(), tables.mutes.standing(now().wall_ms).await.map_err(refusals::of_storage)?);
        let rates = throttle::Rates {
            registrations_per_minute_max: settings.registrations_per_minute_max,
            session_calls_per_minute_max: settings.session_calls_per_minute_max,
            ..throttle::Rates::default()
        };
        let everywhere = tables.limits.clone().map(|limits| throttle::Everywhere::new(limits, rates));
        let hasher = hasher::Hasher::new(settings.hashes_at_once_max);
        Ok(Self(Arc::new(Inner {
            tables,
            settings,
            verifier,
            mutes,
            hasher,
            throttle: Mutex::new(throttle::Throttle::new(rates)),
            everywhere,
            bots: Mutex::default(),
            externals_seen: Mutex::default(),
            now,
        })))
    }

    /// The judge of tokens.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Who may not speak for a time.
    #[must_use]
    pub fn mutes(&self) -> &Mutes {
        &self.0.mutes
    }

    /// Forgets what has expired. To be called every few minutes.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn sweep(&self) -> Result<(), Refusal> {
        let now = self.now();
        self.0.verifier.revocations().forget_expired(now.wall_ms);
        // Other nodes on the same store may have ended sessions too.
        let stored = self.0.tables.tokens.revocations(now.wall_ms).await.map_err(refusals::of_storage)?;
        self.0.verifier.revocations().load(stored);
        let changes = self.0.mutes.changes();
        self.0.mutes.load(changes, self.0.tables.mutes.standing(now.wall_ms).await.map_err(refusals::of_storage)?);
        self.0.tables.families.expire(now.wall_ms).await.map_err(refusals::of_storage)?;
        Ok(())
    }

    pub(crate) fn now(&self) -> Moment {
        (self.0.now)()
    }

    /// A secret of 32 bytes that follows from our own keys and a purpose: the same for ever, on every node with the same keys, and nowhere stored.
    pub(crate) fn derived_secret(&self, purpose: &str) -> Vec<u8> {
        keys::mac_sha256(self.0.verifier.keys().current().mac(purpose.as_bytes()).as_bytes(), b"derived")
    }

    /// Ends access tokens of these sessions at once: durable first, then here and on every socket.
    async fn revoke(&self, sessions: Vec<Uuid>) -> Result<(), Refusal> {
        let until_ms = self.now().wall_ms + self.0.settings.access_ttl_s * 1000 + limits::LEEWAY_MS;
        for session in &sessions {
            self.0.tables.tokens.revoke(*session, until_ms).await.map_err(refusals::of_storage)?;
        }
        self.0.verifier.revocations().add(&sessions, until_ms);
        Ok(())
    }
}

/// What a profile shows of an account.
fn profile_of(account: &stored::Account) -> Profile {
    Profile { id: account.id, username: account.username.clone(), display_name: account.display_name.clone() }
}

/// A fresh UUIDv7.
fn fresh_id(now: Moment) -> Uuid {
    let entropy = now.entropy.to_le_bytes();
    let mut random = [0_u8; 10];
    random.copy_from_slice(&entropy[..10]);
    uuid::Builder::from_unix_timestamp_millis(now.wall_ms, &random).into_uuid()
}

/// The word of a role in tokens.
#[must_use]
pub fn role_word(role: AccountRole) -> &'static str {
    match role {
        AccountRole::User => "user",
        AccountRole::Bot => "bot",
        AccountRole::Operator => "operator",
        AccountRole::Admin => "admin",
    }
}

/// The role of a word.
#[must_use]
pub fn role_of_word(word: &str) -> Option<AccountRole> {
    [AccountRole::User, AccountRole::Bot, AccountRole::Operator, AccountRole::Admin].into_iter().find(|role| role_word(*role) == word)
}

#[cfg(test)]
mod tests;
