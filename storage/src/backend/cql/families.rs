//! Refresh families: conditional writes on their serial.

use rialto_protocol::UserId;
use uuid::Uuid;

use super::codec::{decode, encode};
use super::core::Core;
use super::open::CqlStore;
use super::value::{big, bytes, id, unsigned};
use crate::accounts::{Family, RefreshFamilies};
use crate::{ErrorKind, Pending, StorageError};

type Done<T> = Result<T, StorageError>;

async fn create(core: &Core, family: Family) -> Done<()> {
    let what = "create a refresh family";
    // The index first: a family that it lacks could not be ended with the others.
    core.write(what, &core.statements.user_family_put, vec![id(family.user.0), id(family.id)]).await?;
    let values = vec![id(family.id), id(family.user.0), big(family.serial), big(family.expires_ms), bytes(&encode(&family))];
    let made = core.conditional(what, &core.statements.family_make, values).await?;
    if made.applied { Ok(()) } else { Err(StorageError::new(ErrorKind::Conflict, what, "it exists already")) }
}

fn read(data: &[u8]) -> Done<Family> {
    decode("read a refresh family", data)
}

async fn get(core: &Core, family: Uuid) -> Done<Option<Family>> {
    let found: Option<(Vec<u8>,)> = core.first("read a refresh family", &core.statements.family_get, vec![id(family)]).await?;
    found.map(|(data,)| read(&data)).transpose()
}

async fn replace(core: &Core, seen: u64, family: Family) -> Done<bool> {
    let values = vec![big(family.serial), big(family.expires_ms), bytes(&encode(&family)), id(family.id), big(seen), id(family.user.0)];
    Ok(core.conditional("replace a refresh family", &core.statements.family_change, values).await?.applied)
}

async fn end(core: &Core, family: Uuid) -> Done<bool> {
    let what = "end a refresh family";
    let Some(found) = get(core, family).await? else { return Ok(false) };
    let ended = core.conditional(what, &core.statements.family_end, vec![id(family)]).await?.applied;
    core.write(what, &core.statements.user_family_cut, vec![id(found.user.0), id(family)]).await?;
    Ok(ended)
}

async fn of_user(core: &Core, user: UserId) -> Done<Vec<Family>> {
    let what = "list a user's refresh families";
    let indexed: Vec<(Uuid,)> = core.select_all(what, &core.statements.user_families, vec![id(user.0)]).await?;
    let mut standing = Vec::new();
    for (family,) in indexed {
        // Others have ended, are just being made (their index comes first), or are somebody else's: a refused creation has left them here.
        standing.extend(get(core, family).await?.filter(|found| found.user == user));
    }
    Ok(standing)
}

async fn expire(core: &Core, before_ms: u64) -> Done<u64> {
    let what = "forget refresh families";
    let all: Vec<(Uuid, Option<i64>)> = core.select_all(what, &core.statements.families, Vec::new()).await?;
    let mut forgotten = 0;
    for (family, expires) in all {
        if expires.is_some_and(|expires| unsigned(expires) < before_ms) {
            forgotten += u64::from(end(core, family).await?);
        }
    }
    Ok(forgotten)
}

impl RefreshFamilies for CqlStore {
    fn create(&self, family: Family) -> Pending<()> {
        self.run(move |core| async move { create(&core, family).await })
    }

    fn get(&self, family: Uuid) -> Pending<Option<Family>> {
        self.run(move |core| async move { get(&core, family).await })
    }

    fn replace(&self, seen: u64, family: Family) -> Pending<bool> {
        self.run(move |core| async move { replace(&core, seen, family).await })
    }

    fn end(&self, family: Uuid) -> Pending<()> {
        self.run(move |core| async move { end(&core, family).await.map(drop) })
    }

    fn of_user(&self, user: UserId) -> Pending<Vec<Family>> {
        self.run(move |core| async move { of_user(&core, user).await })
    }

    fn expire(&self, before_ms: u64) -> Pending<u64> {
        self.run(move |core| async move { expire(&core, before_ms).await })
    }
}
