//! The small tables.

use rialto_protocol::UserId;
use uuid::Uuid;

use super::MemoryStore;
use crate::accounts::{Account, AccountChange, Accounts, BotToken, Family, IdempotentAnswer, RefreshFamilies, Tokens};
use crate::limits::RECORD_BYTES_MAX;
use crate::{ErrorKind, Pending, StorageError};

fn conflict(what: &'static str) -> StorageError {
    StorageError::new(ErrorKind::Conflict, what, "it exists already")
}

pub(super) fn check(what: &'static str, bytes: usize) -> Result<(), StorageError> {
    if bytes > RECORD_BYTES_MAX { Err(StorageError::new(ErrorKind::Limit, what, "too large")) } else { Ok(()) }
}

fn bytes_of(account: &Account) -> usize {
    account.username.len() + account.username_key.len() + account.display_name.len() + account.password_hash.as_ref().map_or(0, String::len)
}

impl Accounts for MemoryStore {
    fn create(&self, account: Account) -> Pending<()> {
        self.try_now(|state| {
            check("create an account", bytes_of(&account))?;
            let taken = state.accounts.values().any(|known| known.username_key == account.username_key);
            if taken || state.accounts.contains_key(&account.id) {
                return Err(conflict("create an account"));
            }
            state.accounts.insert(account.id, account);
            Ok(())
        })
    }

    fn by_id(&self, id: UserId) -> Pending<Option<Account>> {
        self.now(|state| state.accounts.get(&id).cloned())
    }

    fn by_name(&self, username_key: String) -> Pending<Option<Account>> {
        self.now(|state| state.accounts.values().find(|account| account.username_key == username_key).cloned())
    }

    fn existing(&self, ids: Vec<UserId>) -> Pending<Vec<UserId>> {
        self.now(|state| ids.into_iter().filter(|id| state.accounts.contains_key(id)).collect())
    }

    fn change(&self, id: UserId, change: AccountChange) -> Pending<Option<Account>> {
        self.try_now(|state| {
            let Some(known) = state.accounts.get_mut(&id) else { return Ok(None) };
            let changed = change.of(known.clone());
            check("change an account", bytes_of(&changed))?;
            known.clone_from(&changed);
            Ok(Some(changed))
        })
    }
}

impl RefreshFamilies for MemoryStore {
    fn create(&self, family: Family) -> Pending<()> {
        self.try_now(|state| {
            if state.families.contains_key(&family.id) {
                return Err(conflict("create a refresh family"));
            }
            state.families.insert(family.id, family);
            Ok(())
        })
    }

    fn get(&self, id: Uuid) -> Pending<Option<Family>> {
        self.now(|state| state.families.get(&id).cloned())
    }

    fn replace(&self, seen: u64, family: Family) -> Pending<bool> {
        self.now(|state| match state.families.get_mut(&family.id) {
            Some(known) if known.serial == seen && known.user == family.user => {
                *known = family;
                true
            }
            _ => false,
        })
    }

    fn end(&self, id: Uuid) -> Pending<()> {
        self.now(|state| {
            state.families.remove(&id);
        })
    }

    fn of_user(&self, user: UserId) -> Pending<Vec<Family>> {
        self.now(|state| state.families.values().filter(|family| family.user == user).cloned().collect())
    }

    fn expire(&self, before_ms: u64) -> Pending<u64> {
        self.now(|state| {
            let before = state.families.len();
            state.families.retain(|_, family| family.expires_ms >= before_ms);
            (before - state.families.len()) as u64
        })
    }
}

impl Tokens for MemoryStore {
    fn put_bot(&self, token: BotToken) -> Pending<()> {
        self.try_now(|state| {
            check("store a bot token", token.scopes.iter().map(String::len).sum())?;
            state.bots.insert(token.id, token);
            Ok(())
        })
    }

    fn bot(&self, id: Uuid) -> Pending<Option<BotToken>> {
        self.now(|state| state.bots.get(&id).cloned())
    }

    fn revoke(&self, id: Uuid, until_ms: u64) -> Pending<()> {
        self.now(|state| {
            let until = state.revocations.entry(id).or_default();
            *until = until_ms.max(*until);
        })
    }

    fn revocations(&self, now_ms: u64) -> Pending<Vec<(Uuid, u64)>> {
        self.now(|state| {
            state.revocations.retain(|_, until| *until >= now_ms);
            state.idempotent.retain(|_, answer| answer.expires_ms >= now_ms);
            state.revocations.iter().map(|(id, until)| (*id, *until)).collect()
        })
    }

    fn remember(&self, scope: String, key: String, answer: IdempotentAnswer) -> Pending<IdempotentAnswer> {
        self.try_now(|state| {
            check("store an idempotency key", scope.len() + key.len())
                .and_then(|()| check("store an idempotency key", answer.answer.len()))?;
            Ok(state.idempotent.entry((scope, key)).or_insert(answer).clone())
        })
    }

    fn recall(&self, scope: String, key: String) -> Pending<Option<IdempotentAnswer>> {
        self.now(|state| state.idempotent.get(&(scope, key)).cloned())
    }
}
