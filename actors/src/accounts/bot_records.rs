//! Which bots there are, whose, and which tokens each has: bots made over HTTP and those of the command line.
//!
//! Operators and admins may do everything with every bot; everybody else who has registered here may make a limited number of bots and manage those. Bots and guests make none.

use rialto_protocol::integrations::{Bot, BotWithToken};
use rialto_protocol::{ClientId, ErrorCode, Refusal, UserId};
use rialto_storage::ErrorKind;
use rialto_storage::accounts::{Account, AccountRole, Origin};
use rialto_storage::records::{RecordKey, RecordTable};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bots::check_scopes;
use super::limits::{BOTS_PER_USER_MAX, RECORD_TRIES_MAX, TOKENS_PER_BOT_MAX};
use super::register::taken;
use super::{Accounts, fresh_id, refusals, username};
use crate::entity::Caller;

/// What somebody wants who makes a bot.
#[derive(Clone, Debug)]
pub struct WantedBot {
    /// Its unique name.
    pub username: String,
    /// What people read; the user name when absent.
    pub display_name: Option<String>,
    /// What its token may do.
    pub scopes: Vec<String>,
    /// Seconds that the token lives; `None` = for ever.
    pub ttl_s: Option<u64>,
    /// Makes a repeat lead to the same bot.
    pub idempotency_key: Option<ClientId>,
}

/// Which part of a list by id.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Behind which id.
    pub after: Option<Uuid>,
    /// How many.
    pub limit: usize,
}

/// A bot as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BotRecord {
    owner: Option<UserId>,
    scopes: Vec<String>,
    created_ms: u64,
    tokens: Vec<TokenNote>,
}

/// A token of a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TokenNote {
    id: Uuid,
    expires_ms: Option<u64>,
}

fn key(bot: UserId) -> RecordKey {
    RecordKey { table: RecordTable::Bot, part: Uuid::nil(), id: bot.0 }
}

fn owned_key(owner: UserId, bot: UserId) -> RecordKey {
    RecordKey { table: RecordTable::BotOfOwner, part: owner.0, id: bot.0 }
}

/// Whether somebody may do everything with everybody's bots and webhooks.
#[must_use]
pub fn is_operator(caller: &Caller) -> bool {
    matches!(caller.role, AccountRole::Operator | AccountRole::Admin)
}

impl Accounts {
    /// Makes a bot. The second value is false for a repeat under the same idempotency key: it gives a fresh token, and the first, which nobody has, ends.
    ///
    /// # Errors
    /// `forbidden` for bots and guests; `invalid_argument` for a bad name or scope; `conflict` when the name is taken or the caller has too many bots.
    pub async fn make_bot(&self, caller: &Caller, wanted: WantedBot) -> Result<(BotWithToken, bool), Refusal> {
        self.may_own_bots(caller).await?;
        username::check(&wanted.username)?;
        check_scopes(&wanted.scopes)?;
        let display_name = wanted.display_name.as_deref().map(username::display_name).transpose()?;
        let display_name = display_name.unwrap_or_else(|| wanted.username.clone());
        let id = match &wanted.idempotency_key {
            Some(key) => Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("rialto:bot\n{}\n{}", caller.user, key.as_str()).as_bytes()),
            None => fresh_id(self.now()),
        };
        if !self.is_bot(UserId(id)).await? {
            self.check_number_of_bots(caller).await?;
        }
        let account = self.account(UserId(id), wanted.username, display_name, None, AccountRole::Bot, Origin::Own);
        let created = self.create_account_of_bot(&account).await?;
        self.record(&account, Some(caller.user).filter(|_| !is_operator(caller)), &wanted.scopes).await?;
        if created {
            let token = self.issue(account.id, wanted.scopes, wanted.ttl_s).await?;
            return Ok((BotWithToken { bot: self.shown(account.id).await?, token }, true));
        }
        Ok((self.rotate_bot(caller, account.id, wanted.ttl_s).await?, false))
    }

    /// A page of the bots that the caller may manage, in order of id.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn bots(&self, caller: &Caller, page: Page) -> Result<Vec<Bot>, Refusal> {
        let (table, part) = if is_operator(caller) { (RecordTable::Bot, Uuid::nil()) } else { (RecordTable::BotOfOwner, caller.user.0) };
        let listed = self.0.tables.records.list(table, part, page.after, page.limit).await.map_err(refusals::of_storage)?;
        let mut bots = Vec::with_capacity(listed.len());
        for (id, _) in listed {
            match self.shown(UserId(id)).await {
                Ok(bot) => bots.push(bot),
                // It was deleted a moment ago.
                Err(refusal) if refusal.code == ErrorCode::NotFound => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(bots)
    }

    /// One bot.
    ///
    /// # Errors
    /// `not_found`, also for one that the caller may not manage and is not.
    pub async fn bot(&self, caller: &Caller, bot: UserId) -> Result<Bot, Refusal> {
        self.check_manages(caller, bot).await?;
        self.shown(bot).await
    }

    /// Ends all tokens of a bot, their connections too, and makes another one.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for the bot itself.
    pub async fn rotate_bot(&self, caller: &Caller, bot: UserId, ttl_s: Option<u64>) -> Result<BotWithToken, Refusal> {
        let record = self.managed(caller, bot).await?;
        self.end_tokens(bot, &record.tokens).await?;
        let token = self.issue(bot, record.scopes, ttl_s).await?;
        Ok(BotWithToken { bot: self.shown(bot).await?, token })
    }

    /// Changes what all tokens of a bot may do. Its connections come back with it; other nodes on the same store hear of it within half a minute.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for the bot itself; `invalid_argument` for a bad scope.
    pub async fn set_bot_scopes(&self, caller: &Caller, bot: UserId, scopes: Vec<String>) -> Result<Bot, Refusal> {
        check_scopes(&scopes)?;
        self.managed(caller, bot).await?;
        let changed = self.change_record(bot, |record| record.scopes.clone_from(&scopes)).await?;
        let ids: Vec<Uuid> = changed.tokens.iter().map(|note| note.id).collect();
        for id in &ids {
            if let Some(mut token) = self.0.tables.tokens.bot(*id).await.map_err(refusals::of_storage)? {
                token.scopes.clone_from(&scopes);
                self.0.tables.tokens.put_bot(token).await.map_err(refusals::of_storage)?;
            }
            self.forget_cached(*id);
        }
        self.0.verifier.revocations().recall(&ids);
        self.shown(bot).await
    }

    /// Whether the caller manages a bot, and is not the bot itself.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub async fn check_manages_other(&self, caller: &Caller, bot: UserId) -> Result<(), Refusal> {
        self.managed(caller, bot).await.map(drop)
    }

    /// Ends a bot for good: its tokens, its connections, its place in lists. Its account stays, because messages name it.
    ///
    /// # Errors
    /// `not_found`; `forbidden` for the bot itself.
    pub async fn delete_bot(&self, caller: &Caller, bot: UserId) -> Result<(), Refusal> {
        let record = self.managed(caller, bot).await?;
        self.end_tokens(bot, &record.tokens).await?;
        if let Some(owner) = record.owner {
            self.forget(owned_key(owner, bot)).await?;
        }
        self.forget(key(bot)).await
    }

    /// Whether somebody may act for a user in what concerns webhooks and commands: for oneself, for a bot of one's own, an operator for everybody.
    ///
    /// # Errors
    /// `not_found` when not.
    pub async fn check_acts_for(&self, caller: &Caller, user: UserId) -> Result<(), Refusal> {
        if caller.user == user || is_operator(caller) {
            return Ok(());
        }
        self.check_manages(caller, user).await
    }

    /// Whether somebody has come without registering.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn is_guest(&self, user: UserId) -> Result<bool, Refusal> {
        let account = self.0.tables.accounts.by_id(user).await.map_err(refusals::of_storage)?;
        Ok(account.is_none_or(|account| account.origin == Origin::Guest))
    }

    /// Whether there is such a bot.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn is_bot(&self, user: UserId) -> Result<bool, Refusal> {
        Ok(self.0.tables.records.get(key(user)).await.map_err(refusals::of_storage)?.is_some())
    }

    /// The record of a bot that the command line makes or finds.
    pub(super) async fn record_of_operators(&self, account: &Account, scopes: &[String]) -> Result<(), Refusal> {
        self.record(account, None, scopes).await
    }

    /// Notes a token of a bot before it is made.
    pub(super) async fn note_token(&self, bot: UserId, id: Uuid, expires_ms: Option<u64>) -> Result<(), Refusal> {
        let (now_ms, revocations) = (self.now().wall_ms, self.0.verifier.revocations().clone());
        let noted = self.change_record(bot, |record| {
            record.tokens.retain(|note| note.expires_ms.is_none_or(|at| at > now_ms) && !revocations.contains(note.id));
            record.tokens.push(TokenNote { id, expires_ms });
            // One above is not written: see below.
            record.tokens.truncate(TOKENS_PER_BOT_MAX);
        });
        if noted.await?.tokens.iter().any(|note| note.id == id) {
            return Ok(());
        }
        Err(Refusal::because(ErrorCode::Conflict, "a bot has at most 16 tokens; rotate them"))
    }

    async fn may_own_bots(&self, caller: &Caller) -> Result<(), Refusal> {
        if is_operator(caller) {
            return Ok(());
        }
        if self.is_guest(caller.user).await? || caller.role != AccountRole::User {
            return Err(Refusal::because(ErrorCode::Forbidden, "bots and guests make no bots"));
        }
        Ok(())
    }

    async fn check_number_of_bots(&self, caller: &Caller) -> Result<(), Refusal> {
        let owned = self.0.tables.records.list(RecordTable::BotOfOwner, caller.user.0, None, BOTS_PER_USER_MAX).await;
        if owned.map_err(refusals::of_storage)?.len() >= BOTS_PER_USER_MAX && !is_operator(caller) {
            return Err(Refusal::because(ErrorCode::Conflict, "a user has at most 20 bots"));
        }
        Ok(())
    }

    /// False when it stands already: an earlier request with the same key made it.
    async fn create_account_of_bot(&self, account: &Account) -> Result<bool, Refusal> {
        let Err(error) = self.0.tables.accounts.create(account.clone()).await else { return Ok(true) };
        if error.kind == ErrorKind::Conflict {
            let stands = self.0.tables.accounts.by_id(account.id).await.map_err(refusals::of_storage)?;
            if stands.is_some_and(|stands| stands.username_key == account.username_key) {
                return Ok(false);
            }
        }
        Err(taken(error))
    }

    /// Makes the record of a bot unless it stands.
    async fn record(&self, account: &Account, owner: Option<UserId>, scopes: &[String]) -> Result<(), Refusal> {
        let records = &self.0.tables.records;
        if let Some(owner) = owner {
            // First, so that a bot without its place in its owner's list cannot be.
            records.put(owned_key(owner, account.id), 0, bytes::Bytes::new()).await.map_err(refusals::of_storage)?;
        }
        let record = BotRecord { owner, scopes: scopes.to_vec(), created_ms: account.created_ms, tokens: Vec::new() };
        records.put(key(account.id), 0, encode(&record)).await.map(drop).map_err(refusals::of_storage)
    }

    async fn shown(&self, bot: UserId) -> Result<Bot, Refusal> {
        let (record, _) = self.read_record(bot).await?;
        let BotRecord { owner, scopes, created_ms, .. } = record;
        Ok(Bot { user: self.profile(bot).await?, owner, scopes, created: created_ms })
    }

    /// The record, for whoever manages the bot: its owner or an operator, not the bot itself.
    async fn managed(&self, caller: &Caller, bot: UserId) -> Result<BotRecord, Refusal> {
        if caller.user == bot {
            return Err(Refusal::because(ErrorCode::Forbidden, "a bot does not manage itself"));
        }
        self.check_manages(caller, bot).await?;
        Ok(self.read_record(bot).await?.0)
    }

    async fn check_manages(&self, caller: &Caller, bot: UserId) -> Result<(), Refusal> {
        let (record, _) = self.read_record(bot).await?;
        let may = is_operator(caller) || caller.user == bot || record.owner == Some(caller.user);
        if may { Ok(()) } else { Err(ErrorCode::NotFound.into()) }
    }

    async fn read_record(&self, bot: UserId) -> Result<(BotRecord, u64), Refusal> {
        let stored = self.0.tables.records.get(key(bot)).await.map_err(refusals::of_storage)?.ok_or(ErrorCode::NotFound)?;
        let record = serde_json::from_slice(&stored.data).map_err(|error| {
            tracing::error!(%bot, %error, "the record of a bot cannot be read");
            Refusal::from(ErrorCode::Internal)
        })?;
        Ok((record, stored.version))
    }

    async fn change_record(&self, bot: UserId, change: impl Fn(&mut BotRecord)) -> Result<BotRecord, Refusal> {
        for _try in 0..RECORD_TRIES_MAX {
            let (mut record, version) = self.read_record(bot).await?;
            change(&mut record);
            if self.0.tables.records.put(key(bot), version, encode(&record)).await.map_err(refusals::of_storage)? {
                return Ok(record);
            }
        }
        Err(Refusal::retry(ErrorCode::Unavailable, 1000))
    }

    async fn end_tokens(&self, bot: UserId, tokens: &[TokenNote]) -> Result<(), Refusal> {
        for note in tokens {
            self.revoke_bot(note.id).await?;
        }
        self.change_record(bot, |record| record.tokens.retain(|note| !tokens.contains(note))).await.map(drop)
    }

    async fn forget(&self, key: RecordKey) -> Result<(), Refusal> {
        for _try in 0..RECORD_TRIES_MAX {
            let Some(stored) = self.0.tables.records.get(key).await.map_err(refusals::of_storage)? else { return Ok(()) };
            if self.0.tables.records.remove(key, stored.version).await.map_err(refusals::of_storage)? {
                return Ok(());
            }
        }
        Err(Refusal::retry(ErrorCode::Unavailable, 1000))
    }
}

fn encode(record: &BotRecord) -> bytes::Bytes {
    serde_json::to_vec(record).expect("ids, texts and numbers serialize").into()
}
