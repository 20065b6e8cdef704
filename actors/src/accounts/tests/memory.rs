//! The three tables in memory: just enough to tell stories over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rialto_protocol::UserId;
use rialto_storage::accounts::{Account, AccountChange, Accounts, BotToken, Family, IdempotentAnswer, RefreshFamilies, Tokens};
use rialto_storage::backend::memory::MemoryStore;
use rialto_storage::records::Records;
use rialto_storage::{ErrorKind, Pending, StorageError};
use uuid::Uuid;

#[derive(Default)]
pub(super) struct Memory {
    accounts: Mutex<HashMap<UserId, Account>>,
    families: Mutex<HashMap<Uuid, Family>>,
    bots: Mutex<HashMap<Uuid, BotToken>>,
    revocations: Mutex<HashMap<Uuid, u64>>,
    answers: Mutex<HashMap<(String, String), IdempotentAnswer>>,
    records: MemoryStore,
}

impl Memory {
    pub(super) fn records(&self) -> Arc<dyn Records> {
        self.records.store().records
    }

    pub(super) fn is_empty_of_sessions(&self) -> bool {
        self.families.lock().unwrap().is_empty() && self.revocations.lock().unwrap().is_empty()
    }
}

/// Answers after one turn of the scheduler, so that callers really interleave.
fn later<T: Send + 'static>(result: Result<T, StorageError>) -> Pending<T> {
    Box::pin(async move {
        tokio::task::yield_now().await;
        result
    })
}

fn ok<T: Send + 'static>(value: T) -> Pending<T> {
    later(Ok(value))
}

impl Accounts for Memory {
    fn create(&self, account: Account) -> Pending<()> {
        let mut all = self.accounts.lock().unwrap();
        if all.contains_key(&account.id) || all.values().any(|other| other.username_key == account.username_key) {
            return later(Err(StorageError::new(ErrorKind::Conflict, "create account", "taken")));
        }
        all.insert(account.id, account);
        ok(())
    }
    fn by_id(&self, id: UserId) -> Pending<Option<Account>> {
        ok(self.accounts.lock().unwrap().get(&id).cloned())
    }
    fn by_name(&self, username_key: String) -> Pending<Option<Account>> {
        ok(self.accounts.lock().unwrap().values().find(|account| account.username_key == username_key).cloned())
    }
    fn existing(&self, ids: Vec<UserId>) -> Pending<Vec<UserId>> {
        let all = self.accounts.lock().unwrap();
        ok(ids.into_iter().filter(|id| all.contains_key(id)).collect())
    }
    fn change(&self, id: UserId, change: AccountChange) -> Pending<Option<Account>> {
        let mut all = self.accounts.lock().unwrap();
        let changed = all.remove(&id).map(|account| change.of(account));
        all.extend(changed.clone().map(|account| (id, account)));
        ok(changed)
    }
}

impl RefreshFamilies for Memory {
    fn create(&self, family: Family) -> Pending<()> {
        self.families.lock().unwrap().insert(family.id, family);
        ok(())
    }
    fn get(&self, id: Uuid) -> Pending<Option<Family>> {
        ok(self.families.lock().unwrap().get(&id).cloned())
    }
    fn replace(&self, seen: u64, family: Family) -> Pending<bool> {
        let mut all = self.families.lock().unwrap();
        let is_seen = all.get(&family.id).is_some_and(|stored| stored.serial == seen);
        if is_seen {
            all.insert(family.id, family);
        }
        ok(is_seen)
    }
    fn end(&self, id: Uuid) -> Pending<()> {
        self.families.lock().unwrap().remove(&id);
        ok(())
    }
    fn of_user(&self, user: UserId) -> Pending<Vec<Family>> {
        ok(self.families.lock().unwrap().values().filter(|family| family.user == user).cloned().collect())
    }
    fn expire(&self, before_ms: u64) -> Pending<u64> {
        let mut all = self.families.lock().unwrap();
        let before = all.len();
        all.retain(|_, family| family.expires_ms >= before_ms);
        ok((before - all.len()) as u64)
    }
}

impl Tokens for Memory {
    fn put_bot(&self, token: BotToken) -> Pending<()> {
        self.bots.lock().unwrap().insert(token.id, token);
        ok(())
    }
    fn bot(&self, id: Uuid) -> Pending<Option<BotToken>> {
        ok(self.bots.lock().unwrap().get(&id).cloned())
    }
    fn revoke(&self, id: Uuid, until_ms: u64) -> Pending<()> {
        self.revocations.lock().unwrap().insert(id, until_ms);
        ok(())
    }
    fn revocations(&self, now_ms: u64) -> Pending<Vec<(Uuid, u64)>> {
        let mut all = self.revocations.lock().unwrap();
        all.retain(|_, until_ms| *until_ms > now_ms);
        ok(all.iter().map(|(id, until_ms)| (*id, *until_ms)).collect())
    }
    fn remember(&self, scope: String, key: String, answer: IdempotentAnswer) -> Pending<IdempotentAnswer> {
        ok(self.answers.lock().unwrap().entry((scope, key)).or_insert(answer).clone())
    }
    fn recall(&self, scope: String, key: String) -> Pending<Option<IdempotentAnswer>> {
        ok(self.answers.lock().unwrap().get(&(scope, key)).cloned())
    }
}
