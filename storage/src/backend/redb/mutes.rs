//! Who may not speak for a time.

use std::ops::ControlFlow;

use rialto_protocol::UserId;

use super::codec::{decode, encode};
use super::job::Class;
use super::keys::{self, space};
use super::kv::{Cells, Source};
use super::open::RedbStore;
use crate::Pending;
use crate::accounts::Mutes;

fn key(user: UserId) -> Vec<u8> {
    keys::pair(space::MUTE, user.0, None)
}

impl Mutes for RedbStore {
    fn set(&self, user: UserId, until_ms: u64, now_ms: u64) -> Pending<()> {
        // Must work on a full disk: whoever fills it may be the one to be muted.
        self.write("mute a user", Class::Keep, 64, move |transaction| {
            if until_ms > now_ms {
                transaction.batch.put(key(user), encode(&until_ms));
            } else {
                transaction.batch.delete(key(user));
            }
            Ok(Ok(()))
        })
    }

    fn standing(&self, now_ms: u64) -> Pending<Vec<(UserId, u64)>> {
        self.write("read mutes", Class::Keep, 64, move |transaction| {
            let (mut standing, mut over) = (Vec::new(), Vec::new());
            transaction.batch.source().scan_prefix(&[space::MUTE], &mut |key, value| {
                let until_ms: u64 = decode("mute", value)?;
                if until_ms <= now_ms {
                    over.push(key.to_vec());
                } else if let Some(id) = keys::last_id(key) {
                    standing.push((UserId(id), until_ms));
                }
                Ok(ControlFlow::Continue(()))
            })?;
            for key in over {
                transaction.batch.delete(key);
            }
            Ok(Ok(standing))
        })
    }
}
