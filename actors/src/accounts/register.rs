//! New accounts: registered ones and guests.

use rialto_protocol::{ClientId, ErrorCode, Refusal, UserId};
use rialto_storage::accounts::{Account, AccountRole, IdempotentAnswer, Origin};
use rialto_storage::{ErrorKind, StorageError};
use sha2::{Digest as _, Sha256};

use super::limits::IDEMPOTENCY_KEY_MS;
use super::{Accounts, Session, Visitor, fresh_id, password, refusals, username};

/// Where idempotency keys of registrations lie.
const IDEMPOTENCY_SCOPE: &str = "register";

/// What somebody who registers says.
#[derive(Clone)]
pub struct Registration {
    /// The name wanted.
    pub username: String,
    /// The password wanted.
    pub password: String,
    /// What people read; the user name when absent.
    pub display_name: Option<String>,
    /// Makes a repeat of this registration lead to the same account.
    pub idempotency_key: Option<ClientId>,
}

impl Accounts {
    /// Registers somebody and logs them in. The second value is false for a repeat under the same idempotency key.
    ///
    /// # Errors
    /// `invalid_argument` for a bad name or a weak password; `conflict` when the name is taken, or the key stands for another request; `rate_limited`; `overloaded`.
    pub async fn register(&self, wanted: Registration, from: impl Into<Visitor>) -> Result<(Session, bool), Refusal> {
        let Visitor { address, device } = from.into();
        self.count_registration(address).await?;
        let display_name = check(&wanted)?;
        let id = self.id_for(&wanted, &display_name).await?;
        let turn = self.0.hasher.turn().await?;
        let hash = turn.hash(wanted.password.clone()).await?;
        let account = self.account(UserId(id), wanted.username, display_name, Some(hash), AccountRole::User, Origin::Own);
        match self.0.tables.accounts.create(account.clone()).await {
            Ok(()) => {
                self.password_was_right(&account.username_key, address).await;
                Ok((self.open_session(&account, device).await?, true))
            }
            Err(error) if error.kind == ErrorKind::Conflict && wanted.idempotency_key.is_some() => {
                let stands = self.0.tables.accounts.by_id(account.id).await.map_err(refusals::of_storage)?;
                match stands.filter(|stands| stands.username_key == account.username_key) {
                    Some(stands) => Ok((self.open_session(&stands, device).await?, false)),
                    None => Err(taken(error)),
                }
            }
            Err(error) => Err(taken(error)),
        }
    }

    /// Makes a guest and logs them in.
    ///
    /// # Errors
    /// `not_configured` unless guests are wanted; `invalid_argument` for a bad display name; `rate_limited`.
    pub async fn guest(&self, display_name: &str, from: impl Into<Visitor>) -> Result<Session, Refusal> {
        let Visitor { address, device } = from.into();
        if !self.0.settings.guests {
            return Err(Refusal::because(ErrorCode::NotConfigured, "guests are not enabled here"));
        }
        self.count_registration(address).await?;
        let display_name = username::display_name(display_name)?;
        let id = fresh_id(self.now());
        let account = self.account(UserId(id), username::of_guest(id), display_name, None, AccountRole::User, Origin::Guest);
        self.0.tables.accounts.create(account.clone()).await.map_err(refusals::of_storage)?;
        self.open_session(&account, device).await
    }

    pub(super) fn account(
        &self,
        id: UserId,
        username: String,
        display_name: String,
        password_hash: Option<String>,
        role: AccountRole,
        origin: Origin,
    ) -> Account {
        let username_key = username::fold(&username);
        Account { id, username, username_key, display_name, password_hash, role, origin, created_ms: self.now().wall_ms }
    }

    /// The id of the account to come: that of the first request with the same key, if there was one. It is remembered before the account is made, so that a
    /// repeat after a crash in between finishes what was begun.
    async fn id_for(&self, wanted: &Registration, display_name: &str) -> Result<uuid::Uuid, Refusal> {
        let now = self.now();
        let fresh = fresh_id(now);
        let Some(key) = &wanted.idempotency_key else { return Ok(fresh) };
        // A keyed digest: the password must not be guessable from what is stored.
        let text = format!("register\n{}\n{}\n{display_name}", wanted.username, wanted.password);
        let request: [u8; 32] = Sha256::digest(self.0.verifier.keys().current().mac(text.as_bytes())).into();
        let mine = IdempotentAnswer { request, answer: fresh.to_string(), expires_ms: now.wall_ms + IDEMPOTENCY_KEY_MS };
        let stands = self.0.tables.tokens.remember(IDEMPOTENCY_SCOPE.into(), key.as_str().into(), mine).await;
        let stands = stands.map_err(refusals::of_storage)?;
        if stands.request != request {
            return Err(Refusal::because(ErrorCode::Conflict, "this idempotency key was used for another request"));
        }
        stands.answer.parse().map_err(|_| ErrorCode::Internal.into())
    }
}

fn check(wanted: &Registration) -> Result<String, Refusal> {
    username::check(&wanted.username)?;
    password::check(&wanted.password, &wanted.username)?;
    match &wanted.display_name {
        Some(display_name) => username::display_name(display_name),
        None => Ok(wanted.username.clone()),
    }
}

pub(super) fn taken(error: StorageError) -> Refusal {
    match error.kind {
        ErrorKind::Conflict => Refusal::because(ErrorCode::Conflict, "this username is taken"),
        _ => refusals::of_storage(error),
    }
}
