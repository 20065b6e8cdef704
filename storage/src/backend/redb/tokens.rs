//! Bot tokens, revocations, idempotency keys.

use std::ops::ControlFlow;

use uuid::Uuid;

use super::accounts::check;
use super::codec::{decode, encode};
use super::job::{Class, ready};
use super::keys::{self, space};
use super::kv::{Cells, Source};
use super::open::RedbStore;
use crate::Pending;
use crate::accounts::{BotToken, IdempotentAnswer, Tokens};

fn bot(id: Uuid) -> Vec<u8> {
    keys::pair(space::BOT, id, None)
}

fn revocation(id: Uuid) -> Vec<u8> {
    keys::pair(space::REVOCATION, id, None)
}

impl Tokens for RedbStore {
    fn put_bot(&self, token: BotToken) -> Pending<()> {
        let what = "store a bot token";
        let value = encode(&token);
        if let Err(error) = check(what, value.len()) {
            return ready(Err(error));
        }
        self.write(what, Class::Grow, value.len(), move |transaction| {
            transaction.batch.put(bot(token.id), value);
            Ok(Ok(()))
        })
    }

    fn bot(&self, id: Uuid) -> Pending<Option<BotToken>> {
        self.read("read a bot token", move |view| view.with(&bot(id), |value| decode("bot token", value)))
    }

    fn revoke(&self, id: Uuid, until_ms: u64) -> Pending<()> {
        // Must work on a full disk: a stolen token is not less stolen then.
        self.write("revoke a token", Class::Keep, 64, move |transaction| {
            let stored = transaction.batch.cell(&revocation(id))?;
            let stands: u64 = stored.map(|value| decode("revocation", &value)).transpose()?.unwrap_or(0);
            transaction.batch.put(revocation(id), encode(&until_ms.max(stands)));
            Ok(Ok(()))
        })
    }

    fn revocations(&self, now_ms: u64) -> Pending<Vec<(Uuid, u64)>> {
        self.write("read revocations", Class::Keep, 256, move |transaction| {
            let (mut standing, mut over) = (Vec::new(), Vec::new());
            transaction.batch.source().scan_prefix(&[space::REVOCATION], &mut |key, value| {
                let until: u64 = decode("revocation", value)?;
                if until < now_ms {
                    over.push(key.to_vec());
                } else if let Some(id) = keys::last_id(key) {
                    standing.push((id, until));
                }
                Ok(ControlFlow::Continue(()))
            })?;
            transaction.batch.source().scan_prefix(&[space::IDEMPOTENT], &mut |key, value| {
                let answer: IdempotentAnswer = decode("idempotency key", value)?;
                if answer.expires_ms < now_ms {
                    over.push(key.to_vec());
                }
                Ok(ControlFlow::Continue(()))
            })?;
            for key in over {
                transaction.batch.delete(key);
            }
            Ok(Ok(standing))
        })
    }

    fn remember(&self, scope: String, key: String, answer: IdempotentAnswer) -> Pending<IdempotentAnswer> {
        let what = "store an idempotency key";
        let value = encode(&answer);
        if let Err(error) = check(what, scope.len() + key.len()).and_then(|()| check(what, value.len())) {
            return ready(Err(error));
        }
        self.write(what, Class::Grow, value.len() + 64, move |transaction| {
            let cell = keys::idempotent(&scope, &key);
            if let Some(stored) = transaction.batch.cell(&cell)? {
                return Ok(Ok(decode("idempotency key", &stored)?));
            }
            transaction.batch.put(cell, value);
            Ok(Ok(answer))
        })
    }

    fn recall(&self, scope: String, key: String) -> Pending<Option<IdempotentAnswer>> {
        self.read("read an idempotency key", move |view| {
            view.with(&keys::idempotent(&scope, &key), |value| decode("idempotency key", value))
        })
    }
}
