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

async fn get(core: &Core, family: Uuid) -> Done<Option<Family>> {
    let found: Option<(Vec<u8>,)> = core.first("read a refresh family", &core.statements.family_get, vec![id(family)]).await?;
    found.map(|(data,)| decode("read a refresh family", &data)).transpose()
}

async fn replace(core: &Core, seen: u64, family: Family) -> Done<bool> {
    let values = vec![big(family.serial), big(family.expires_ms), bytes(&encode(&family)), id(family.id), big(seen), id(family.user.0)];
    Ok(core.conditional("replace a refresh family", &core.statements.family_change, values).await?.applied)
}

async fn end(core: &Core, family: Uuid) -> Done<bool> {
    Ok(core.conditional("end a refresh family", &core.statements.family_end, vec![id(family)]).await?.applied)
}

async fn end_all(core: &Core, user: UserId, keep: Option<Uuid>) -> Done<Vec<Uuid>> {
    let what = "end a user's refresh families";
    let indexed: Vec<(Uuid,)> = core.select_all(what, &core.statements.user_families, vec![id(user.0)]).await?;
    let mut ended = Vec::new();
    for (family,) in indexed.into_iter().filter(|(family,)| Some(*family) != keep) {
        // An id of somebody else's, which a refused creation has left here.
        if get(core, family).await?.is_some_and(|found| found.user != user) {
            continue;
        }
        if end(core, family).await? {
            ended.push(family);
        }
        core.write(what, &core.statements.user_family_cut, vec![id(user.0), id(family)]).await?;
    }
    Ok(ended)
}

async fn expire(core: &Core, before_ms: u64) -> Done<u64> {
    let what = "forget refresh families";
    let all: Vec<(Uuid, Option<Uuid>, Option<i64>)> = core.select_all(what, &core.statements.families, Vec::new()).await?;
    let mut forgotten = 0;
    for (family, user, expires) in all {
        if expires.is_none_or(|expires| unsigned(expires) >= before_ms) {
            continue;
        }
        forgotten += u64::from(end(core, family).await?);
        if let Some(user) = user {
            core.write(what, &core.statements.user_family_cut, vec![id(user), id(family)]).await?;
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

    fn end_all(&self, user: UserId, keep: Option<Uuid>) -> Pending<Vec<Uuid>> {
        self.run(move |core| async move { end_all(&core, user, keep).await })
    }

    fn expire(&self, before_ms: u64) -> Pending<u64> {
        self.run(move |core| async move { expire(&core, before_ms).await })
    }
}
