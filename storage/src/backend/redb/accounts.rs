//! Users and their names.

use rialto_protocol::UserId;

use super::codec::{decode, encode};
use super::job::{Class, ready};
use super::keys::{self, space};
use super::kv::{Cells, Engine, Source};
use super::open::RedbStore;
use crate::accounts::{Account, AccountChange, Accounts};
use crate::limits::RECORD_BYTES_MAX;
use crate::{ErrorKind, Pending, StorageError};

fn key(id: UserId) -> Vec<u8> {
    keys::pair(space::ACCOUNT, id.0, None)
}

fn by_id(source: &impl Source, id: UserId) -> Engine<Option<Account>> {
    source.with(&key(id), |value| decode("account", value))
}

/// Refuses a record that no caller with checked input makes.
pub(super) fn check(what: &'static str, bytes: usize) -> Result<(), StorageError> {
    if bytes > RECORD_BYTES_MAX {
        return Err(StorageError::new(ErrorKind::Limit, what, format_args!("a record of {bytes} bytes is more than {RECORD_BYTES_MAX}")));
    }
    Ok(())
}

impl Accounts for RedbStore {
    fn create(&self, account: Account) -> Pending<()> {
        let what = "create an account";
        let value = encode(&account);
        if let Err(error) = check(what, value.len()) {
            return ready(Err(error));
        }
        self.write(what, Class::Grow, value.len(), move |transaction| {
            let name = keys::username(&account.username_key);
            if transaction.batch.cell(&name)?.is_some() || transaction.batch.cell(&key(account.id))?.is_some() {
                return Ok(Err(StorageError::new(ErrorKind::Conflict, what, "the name or the id is taken")));
            }
            transaction.batch.put(name, account.id.0.into_bytes().to_vec());
            transaction.batch.put(key(account.id), value);
            Ok(Ok(()))
        })
    }

    fn by_id(&self, id: UserId) -> Pending<Option<Account>> {
        self.read("read an account", move |view| by_id(view, id))
    }

    fn by_name(&self, username_key: String) -> Pending<Option<Account>> {
        self.read("find an account", move |view| {
            let id = view.with(&keys::username(&username_key), |value| Ok(keys::last_id(value)))?.flatten();
            match id {
                Some(id) => by_id(view, UserId(id)),
                None => Ok(None),
            }
        })
    }

    fn existing(&self, ids: Vec<UserId>) -> Pending<Vec<UserId>> {
        self.read("look accounts up", move |view| {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                if view.with(&key(id), |_| Ok(()))?.is_some() {
                    found.push(id);
                }
            }
            Ok(found)
        })
    }

    fn change(&self, id: UserId, change: AccountChange) -> Pending<Option<Account>> {
        let what = "change an account";
        self.write(what, Class::Grow, 512, move |transaction| {
            let Some(stored) = transaction.batch.cell(&key(id))? else { return Ok(Ok(None)) };
            let changed = change.of(decode("account", &stored)?);
            let record = encode(&changed);
            if let Err(error) = check(what, record.len()) {
                return Ok(Err(error));
            }
            transaction.batch.put(key(id), record);
            Ok(Ok(Some(changed)))
        })
    }
}
