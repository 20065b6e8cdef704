//! Bot tokens, revocations, idempotency keys.

use uuid::Uuid;

use super::codec::{decode, encode};
use super::core::{Core, limit};
use super::open::CqlStore;
use super::value::{big, bytes, id, text, unsigned};
use crate::accounts::{BotToken, IdempotentAnswer, Tokens};
use crate::limits::RECORD_BYTES_MAX;
use crate::{Pending, StorageError};

type Done<T> = Result<T, StorageError>;

fn check(what: &'static str, bytes: usize) -> Done<()> {
    if bytes > RECORD_BYTES_MAX { Err(limit(what, format_args!("{bytes} bytes"))) } else { Ok(()) }
}

/// What is over is removed with the timestamp that it was written with: a longer revocation that comes late stays.
async fn revocations(core: &Core, now_ms: u64) -> Done<Vec<(Uuid, u64)>> {
    let what = "read revocations";
    let all: Vec<(Uuid, i64)> = core.select_all(what, &core.statements.revocations, Vec::new()).await?;
    let mut standing = Vec::with_capacity(all.len());
    for (of, until_ms) in all.into_iter().map(|(of, until)| (of, unsigned(until))) {
        if until_ms >= now_ms {
            standing.push((of, until_ms));
        } else {
            core.write(what, &core.statements.revocation_cut, vec![big(until_ms), id(of)]).await?;
        }
    }
    let answers: Vec<(String, String, Option<i64>)> = core.select_all(what, &core.statements.answers, Vec::new()).await?;
    for (scope, key, expires) in answers {
        let Some(expires) = expires.map(unsigned).filter(|expires| *expires < now_ms) else { continue };
        core.conditional(what, &core.statements.answer_cut, vec![text(scope), text(key), big(expires)]).await?;
    }
    Ok(standing)
}

async fn remember(core: &Core, scope: String, key: String, answer: IdempotentAnswer) -> Done<IdempotentAnswer> {
    let (what, data) = ("store an idempotency key", encode(&answer));
    // Parts of a key are shorter than 64 KiB.
    check(what, (scope.len() + key.len()).saturating_mul(4))?;
    check(what, data.len())?;
    let values = vec![text(scope), text(key), big(answer.expires_ms), bytes(&data)];
    let made = core.conditional(what, &core.statements.answer_make, values).await?;
    match made.column("data").and_then(|data| data.as_blob()).filter(|_| !made.applied) {
        Some(stands) => decode(what, stands),
        None => Ok(answer),
    }
}

async fn recall(core: &Core, scope: String, key: String) -> Done<Option<IdempotentAnswer>> {
    let found: Option<(Vec<u8>,)> =
        core.first("read an idempotency key", &core.statements.answer_get, vec![text(scope), text(key)]).await?;
    found.map(|(data,)| decode("read an idempotency key", &data)).transpose()
}

async fn put_bot(core: &Core, token: BotToken) -> Done<()> {
    let (what, data) = ("store a bot token", encode(&token));
    check(what, data.len())?;
    core.write(what, &core.statements.bot_put, vec![id(token.id), bytes(&data)]).await
}

async fn bot(core: &Core, token: Uuid) -> Done<Option<BotToken>> {
    let found: Option<(Vec<u8>,)> = core.first("read a bot token", &core.statements.bot_get, vec![id(token)]).await?;
    found.map(|(data,)| decode("read a bot token", &data)).transpose()
}

impl Tokens for CqlStore {
    fn put_bot(&self, token: BotToken) -> Pending<()> {
        self.run(move |core| async move { put_bot(&core, token).await })
    }

    fn bot(&self, token: Uuid) -> Pending<Option<BotToken>> {
        self.run(move |core| async move { bot(&core, token).await })
    }

    fn revoke(&self, of: Uuid, until_ms: u64) -> Pending<()> {
        self.run(move |core| async move { core.write("revoke", &core.statements.revoke, vec![id(of), big(until_ms), big(until_ms)]).await })
    }

    fn revocations(&self, now_ms: u64) -> Pending<Vec<(Uuid, u64)>> {
        self.run(move |core| async move { revocations(&core, now_ms).await })
    }

    fn remember(&self, scope: String, key: String, answer: IdempotentAnswer) -> Pending<IdempotentAnswer> {
        self.run(move |core| async move { remember(&core, scope, key, answer).await })
    }

    fn recall(&self, scope: String, key: String) -> Pending<Option<IdempotentAnswer>> {
        self.run(move |core| async move { recall(&core, scope, key).await })
    }
}
