//! Refresh families.

use std::ops::ControlFlow;

use rialto_protocol::UserId;
use uuid::Uuid;

use super::codec::{damaged, encode};
use super::job::{Class, Transaction};
use super::keys::{self, space};
use super::kv::{Cells, Engine, Source};
use super::open::RedbStore;
use crate::accounts::{Family, RefreshFamilies};
use crate::layout;
use crate::{ErrorKind, Pending, StorageError};

fn key(id: Uuid) -> Vec<u8> {
    keys::pair(space::FAMILY, id, None)
}

fn of_user(user: UserId, id: Option<Uuid>) -> Vec<u8> {
    keys::pair(space::FAMILY_OF_USER, user.0, id)
}

pub(super) fn read(value: &[u8]) -> Engine<Family> {
    layout::decode_family(value).map_err(|error| damaged(&error))
}

fn stored(transaction: &Transaction<'_>, id: Uuid) -> Engine<Option<Family>> {
    transaction.batch.cell(&key(id))?.map(|value| read(&value)).transpose()
}

fn end(transaction: &mut Transaction<'_>, id: Uuid) -> Engine<()> {
    if let Some(family) = stored(transaction, id)? {
        transaction.batch.delete(key(id));
        transaction.batch.delete(of_user(family.user, Some(id)));
    }
    Ok(())
}

impl RefreshFamilies for RedbStore {
    fn create(&self, family: Family) -> Pending<()> {
        let what = "create a refresh family";
        self.write(what, Class::Grow, 160, move |transaction| {
            if stored(transaction, family.id)?.is_some() {
                return Ok(Err(StorageError::new(ErrorKind::Conflict, what, "the id is taken")));
            }
            transaction.batch.put(key(family.id), encode(&family));
            transaction.batch.put(of_user(family.user, Some(family.id)), Vec::new());
            Ok(Ok(()))
        })
    }

    fn get(&self, id: Uuid) -> Pending<Option<Family>> {
        self.read("read a refresh family", move |view| view.with(&key(id), read))
    }

    fn replace(&self, seen: u64, family: Family) -> Pending<bool> {
        // A rotation adds nothing that stays: with a full disk people must still be able to stay logged in.
        self.write("rotate a refresh token", Class::Keep, 160, move |transaction| {
            match stored(transaction, family.id)? {
                Some(stands) if stands.serial == seen && stands.user == family.user => {}
                _ => return Ok(Ok(false)),
            }
            transaction.batch.put(key(family.id), encode(&family));
            Ok(Ok(true))
        })
    }

    fn end(&self, id: Uuid) -> Pending<()> {
        self.write("end a refresh family", Class::Keep, 64, move |transaction| end(transaction, id).map(Ok))
    }

    fn of_user(&self, user: UserId) -> Pending<Vec<Family>> {
        self.read("list a user's refresh families", move |view| {
            let mut ids = Vec::new();
            view.scan_prefix(&of_user(user, None), &mut |key, _| {
                ids.extend(keys::last_id(key));
                Ok(ControlFlow::Continue(()))
            })?;
            ids.into_iter().filter_map(|id| view.with(&key(id), read).transpose()).collect()
        })
    }

    fn expire(&self, before_ms: u64) -> Pending<u64> {
        self.write("expire refresh families", Class::Keep, 256, move |transaction| {
            let mut over = Vec::new();
            transaction.batch.source().scan_prefix(&[space::FAMILY], &mut |_, value| {
                let family = read(value)?;
                if family.expires_ms < before_ms {
                    over.push(family.id);
                }
                Ok(ControlFlow::Continue(()))
            })?;
            for id in &over {
                end(transaction, *id)?;
            }
            Ok(Ok(over.len() as u64))
        })
    }
}
