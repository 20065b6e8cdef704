//! Accounts. A name is taken by a conditional write of its own before the account is made.

use rialto_protocol::UserId;
use uuid::Uuid;

use super::codec::{decode, encode};
use super::core::{Core, limit};
use super::open::CqlStore;
use super::outcome::Conditional;
use super::value::{Value, big, bytes, id, text, unsigned};
use crate::accounts::{Account, AccountChange, Accounts};
use crate::clock::wall_ms;
use crate::limits::RECORD_BYTES_MAX;
use crate::{ErrorKind, Pending, StorageError};

/// Milliseconds after which a name without an account may be taken by somebody else: whoever took it has died between the two writes.
const NAME_ABANDONED_MS: u64 = 60_000;
/// Times that a change is tried against others at once.
const CHANGE_ATTEMPTS_MAX: u32 = 8;

type Done<T> = Result<T, StorageError>;

fn conflict(what: &'static str) -> StorageError {
    StorageError::new(ErrorKind::Conflict, what, "it exists already")
}

/// A name as key: the engine has no empty ones.
fn name(key: &str) -> Value {
    text(format!("={key}"))
}

fn check(what: &'static str, data: &[u8]) -> Done<()> {
    if data.len() > RECORD_BYTES_MAX { Err(limit(what, format_args!("{} bytes", data.len()))) } else { Ok(()) }
}

async fn by_id(core: &Core, user: Uuid) -> Done<Option<Account>> {
    let found: Option<(Vec<u8>,)> = core.first("read an account", &core.statements.account_get, vec![id(user)]).await?;
    found.map(|(data,)| decode("read an account", &data)).transpose()
}

/// Whether a name that somebody took may be taken over: it never became an account.
async fn retake(core: &Core, account: &Account, taken: &Conditional) -> Done<bool> {
    let what = "create an account";
    let (holder, since) =
        (taken.column("user_id").and_then(|value| value.as_uuid()), taken.column("taken").and_then(|value| value.as_bigint()));
    let (Some(holder), Some(since)) = (holder, since) else { return Ok(false) };
    let now = wall_ms();
    let made: Option<(Vec<u8>,)> = core.first(what, &core.statements.account_get_serial, vec![id(holder)]).await?;
    if made.is_some() || now.saturating_sub(unsigned(since)) < NAME_ABANDONED_MS {
        return Ok(false);
    }
    let values = vec![id(account.id.0), big(now), name(&account.username_key), id(holder), big(unsigned(since))];
    Ok(core.conditional(what, &core.statements.name_retake, values).await?.applied)
}

async fn create(core: &Core, account: Account) -> Done<()> {
    let (what, data) = ("create an account", encode(&account));
    check(what, &data)?;
    let values = vec![name(&account.username_key), id(account.id.0), big(wall_ms())];
    let taken = core.conditional(what, &core.statements.name_take, values).await?;
    if !taken.applied && !retake(core, &account, &taken).await? {
        return Err(conflict(what));
    }
    let made = core.conditional(what, &core.statements.account_make, vec![id(account.id.0), bytes(&data)]).await?;
    if made.applied {
        return Ok(());
    }
    core.conditional(what, &core.statements.name_free, vec![name(&account.username_key), id(account.id.0)]).await?;
    Err(conflict(what))
}

/// Creates an account, or finds it as it is; false when its name is somebody else's.
pub(super) async fn restore(core: &Core, account: &Account) -> Done<bool> {
    let what = "restore an account";
    let values = vec![name(&account.username_key), id(account.id.0), big(wall_ms())];
    let taken = core.conditional(what, &core.statements.name_take, values).await?;
    if !taken.applied && taken.column("user_id").and_then(|value| value.as_uuid()) != Some(account.id.0) {
        return Ok(false);
    }
    core.conditional(what, &core.statements.account_make, vec![id(account.id.0), bytes(&encode(account))]).await?;
    Ok(true)
}

/// Who holds a name.
pub(super) async fn holder(core: &Core, key: &str) -> Done<Option<UserId>> {
    let found: Option<(Uuid,)> = core.first("look a name up", &core.statements.name_get, vec![name(key)]).await?;
    Ok(found.map(|(user,)| UserId(user)))
}

async fn by_name(core: &Core, key: String) -> Done<Option<Account>> {
    let Some(user) = holder(core, &key).await? else { return Ok(None) };
    Ok(by_id(core, user.0).await?.filter(|account| account.username_key == key))
}

async fn existing(core: &Core, ids: Vec<UserId>) -> Done<Vec<UserId>> {
    use futures_util::{StreamExt, TryStreamExt, stream};
    let looked = stream::iter(ids).map(|user| async move { Ok(by_id(core, user.0).await?.map(|_| user)) });
    let found: Vec<Option<UserId>> = looked.buffered(16).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn change(core: &Core, user: UserId, change: AccountChange) -> Done<Option<Account>> {
    let what = "change an account";
    for _ in 0..CHANGE_ATTEMPTS_MAX {
        let found: Option<(Vec<u8>,)> = core.first(what, &core.statements.account_get_serial, vec![id(user.0)]).await?;
        let Some((before,)) = found else { return Ok(None) };
        let changed = change.clone().of(decode(what, &before)?);
        let after = encode(&changed);
        check(what, &after)?;
        let values = vec![bytes(&after), id(user.0), bytes(&before)];
        if core.conditional(what, &core.statements.account_change, values).await?.applied {
            return Ok(Some(changed));
        }
    }
    Err(StorageError::new(ErrorKind::Unavailable, what, "others change it all the time"))
}

impl Accounts for CqlStore {
    fn create(&self, account: Account) -> Pending<()> {
        self.run(move |core| async move { create(&core, account).await })
    }

    fn by_id(&self, user: UserId) -> Pending<Option<Account>> {
        self.run(move |core| async move { by_id(&core, user.0).await })
    }

    fn by_name(&self, username_key: String) -> Pending<Option<Account>> {
        self.run(move |core| async move { by_name(&core, username_key).await })
    }

    fn existing(&self, ids: Vec<UserId>) -> Pending<Vec<UserId>> {
        self.run(move |core| async move { existing(&core, ids).await })
    }

    fn change(&self, id: UserId, change: AccountChange) -> Pending<Option<Account>> {
        self.run(move |core| async move { self::change(&core, id, change).await })
    }
}
