//! Users, refresh families, tokens. Secrets come in as hashes; no method takes or returns a secret.

use rialto_protocol::UserId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Pending;

/// What a user is, and what their tokens say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum AccountRole {
    User,
    Bot,
    Operator,
    Admin,
}

/// Where an account comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Registered here.
    Own,
    /// A guest.
    Guest,
    /// A subject of another issuer.
    External {
        /// The issuer.
        issuer: String,
        /// Its subject.
        subject: String,
    },
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Unique, compared in its folded form (the caller folds).
    pub username: String,
    /// The folded form: the key of uniqueness.
    pub username_key: String,
    /// What people read.
    pub display_name: String,
    /// The PHC string of the password; `None` when there is none (guests, bots, other issuers).
    pub password_hash: Option<String>,
    /// What it may do.
    pub role: AccountRole,
    /// Where it comes from.
    pub origin: Origin,
    /// Milliseconds since 1970.
    pub created_ms: u64,
}

/// What can be changed of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// The PHC string of a new password.
    PasswordHash(String),
    /// What it may do.
    Role(AccountRole),
    /// What people read.
    DisplayName(String),
}

impl AccountChange {
    /// The account with this change.
    #[must_use]
    pub fn of(self, account: Account) -> Account {
        match self {
            Self::PasswordHash(hash) => Account { password_hash: Some(hash), ..account },
            Self::Role(role) => Account { role, ..account },
            Self::DisplayName(display_name) => Account { display_name, ..account },
        }
    }
}

/// Accounts.
///
/// **Guarantees.** `username_key` is unique: of two creations of one name exactly one succeeds, the other fails with kind `Conflict`. Writes are durable once they answer.
pub trait Accounts: Send + Sync {
    /// Creates an account; fails with kind `Conflict` when the name or the id is taken.
    fn create(&self, account: Account) -> Pending<()>;
    /// By id.
    fn by_id(&self, id: UserId) -> Pending<Option<Account>>;
    /// By folded name.
    fn by_name(&self, username_key: String) -> Pending<Option<Account>>;
    /// Which of these ids exist.
    fn existing(&self, ids: Vec<UserId>) -> Pending<Vec<UserId>>;
    /// Changes one thing of an account, and nothing else that others change meanwhile; answers the account as it is then, `None` when there is none.
    fn change(&self, id: UserId, change: AccountChange) -> Pending<Option<Account>>;
}

/// A refresh family: one login on one device, and its rotating token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// Its id; part of the token and of the `jti` of every access token that it gave.
    pub id: Uuid,
    /// Whose it is.
    pub user: UserId,
    /// Counts rotations: the number of the current token.
    pub serial: u64,
    /// sha-256 of the current token.
    pub current: [u8; 32],
    /// sha-256 of the one before.
    pub previous: Option<[u8; 32]>,
    /// When the rotation happened, milliseconds since 1970.
    pub rotated_ms: u64,
    /// When the family ends, milliseconds since 1970.
    pub expires_ms: u64,
    /// What the device said of itself when it logged in; empty when it said nothing.
    pub device: String,
}

/// As families were stored before they named their device: a record's last field that is missing cannot be told by the format itself.
#[derive(Deserialize)]
pub(crate) struct UnnamedFamily {
    id: Uuid,
    user: UserId,
    serial: u64,
    current: [u8; 32],
    previous: Option<[u8; 32]>,
    rotated_ms: u64,
    expires_ms: u64,
}

impl From<UnnamedFamily> for Family {
    fn from(UnnamedFamily { id, user, serial, current, previous, rotated_ms, expires_ms }: UnnamedFamily) -> Self {
        Self { id, user, serial, current, previous, rotated_ms, expires_ms, device: String::new() }
    }
}

/// Refresh families.
///
/// **Guarantees.** `replace` is a compare-and-set on `serial`. `end` is final: a later `replace` fails.
pub trait RefreshFamilies: Send + Sync {
    /// Stores a new family.
    fn create(&self, family: Family) -> Pending<()>;
    /// Reads one.
    fn get(&self, id: Uuid) -> Pending<Option<Family>>;
    /// Replaces a family if its stored serial is `seen`; true when it did.
    fn replace(&self, seen: u64, family: Family) -> Pending<bool>;
    /// Ends one family.
    fn end(&self, id: Uuid) -> Pending<()>;
    /// Every family of a user, expired ones too, in no order.
    fn of_user(&self, user: UserId) -> Pending<Vec<Family>>;
    /// Removes families that expired before; answers how many.
    fn expire(&self, before_ms: u64) -> Pending<u64>;
}

/// A bot token. The token itself is shown once and never stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotToken {
    /// Its id; part of the token.
    pub id: Uuid,
    /// The bot's account.
    pub bot: UserId,
    /// sha-256 of the token's secret part.
    pub hash: [u8; 32],
    /// What it may do: method names, or prefixes that end with `.*`.
    pub scopes: Vec<String>,
    /// When it ends, milliseconds since 1970; `None` = never.
    pub expires_ms: Option<u64>,
}

/// The answer that an idempotency key stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotentAnswer {
    /// sha-256 of the request: the same key with another request is a conflict.
    pub request: [u8; 32],
    /// What the first request made.
    pub answer: String,
    /// When it may be forgotten, milliseconds since 1970.
    pub expires_ms: u64,
}

/// Who may not speak for a time.
///
/// **Guarantees.** Durable once answered. What was set last stands.
pub trait Mutes: Send + Sync {
    /// Mutes a user until `until_ms`, milliseconds since 1970; 0 lets them speak again.
    fn set(&self, user: UserId, until_ms: u64, now_ms: u64) -> Pending<()>;
    /// Everybody who is muted at `now_ms`, and until when; forgets the others. Reads the table whole: for the start and for a slow timer.
    fn standing(&self, now_ms: u64) -> Pending<Vec<(UserId, u64)>>;
}

/// Bot tokens, revocations, idempotency keys.
///
/// **Guarantees.** Durable once answered. A revocation is kept until `until_ms`.
pub trait Tokens: Send + Sync {
    /// Stores a bot token.
    fn put_bot(&self, token: BotToken) -> Pending<()>;
    /// Reads a bot token.
    fn bot(&self, id: Uuid) -> Pending<Option<BotToken>>;
    /// Records that tokens of a family, a bot token or a user's `jti` no longer count; `until_ms` is when the last of them has expired by itself.
    fn revoke(&self, id: Uuid, until_ms: u64) -> Pending<()>;
    /// All revocations not over at `now_ms`; forgets the others, and the idempotency answers that expired before. Reads both tables whole: for the start and for a slow timer.
    fn revocations(&self, now_ms: u64) -> Pending<Vec<(Uuid, u64)>>;
    /// Stores the answer for a key unless one stands; answers the one that stands.
    fn remember(&self, scope: String, key: String, answer: IdempotentAnswer) -> Pending<IdempotentAnswer>;
    /// Reads the answer for a key.
    fn recall(&self, scope: String, key: String) -> Pending<Option<IdempotentAnswer>>;
}
