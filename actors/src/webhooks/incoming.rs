//! Incoming webhooks: whoever has the secret posts a message as a bot, into one conversation.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rialto_protocol::integrations::{CreateHook, Hook, HookWithSecret};
use rialto_protocol::{ClientId, ConversationId, ErrorCode, Refusal, UserId};
use rialto_storage::accounts::AccountRole;
use rialto_storage::records::RecordTable;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Webhooks;
use super::limits::{INCOMING_BUCKETS_MAX, INCOMING_BURST, INCOMING_REFILL_MS, SIGNED_WITHIN_S};
use super::record::{IncomingRecord, owned, single};
use super::registry::INCOMING;
use crate::accounts::is_operator;
use crate::entity::Caller;

/// How somebody who posts proves that they know the secret.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// The secret itself, as a bearer token.
    Secret(&'a str),
    /// A signature of the body.
    Signature {
        /// `webhook-id`.
        id: &'a str,
        /// `webhook-timestamp`.
        timestamp: &'a str,
        /// `webhook-signature`: one or several, parted by spaces.
        signatures: &'a str,
    },
}

/// As whom and where a post is to be sent.
pub struct Incoming {
    /// The bot.
    pub caller: Caller,
    /// The conversation.
    pub conversation: ConversationId,
}

/// How much each incoming webhook has left.
#[derive(Default)]
pub(super) struct Buckets(Mutex<HashMap<Uuid, Bucket>>);

struct Bucket {
    /// Thousandths of posts that are left, so that small pauses count.
    left_milli: u64,
    at_ms: u64,
}

impl Buckets {
    /// Takes one post; else the milliseconds after which there is one.
    fn take(&self, hook: Uuid, now_ms: u64) -> Result<(), u32> {
        let (full, refill_ms) = (u64::from(INCOMING_BURST) * 1000, INCOMING_REFILL_MS);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= INCOMING_BUCKETS_MAX && !all.contains_key(&hook) {
            all.retain(|_, bucket| bucket.at_ms + refill_ms > now_ms);
            if all.len() >= INCOMING_BUCKETS_MAX {
                all.clear();
            }
        }
        let bucket = all.entry(hook).or_insert(Bucket { left_milli: full, at_ms: now_ms });
        let passed_ms = now_ms.saturating_sub(bucket.at_ms).min(refill_ms);
        bucket.left_milli = full.min(bucket.left_milli + passed_ms * full / refill_ms);
        bucket.at_ms = now_ms;
        match bucket.left_milli.checked_sub(1000) {
            Some(left_milli) => {
                bucket.left_milli = left_milli;
                Ok(())
            }
            None => Err(u32::try_from((1000 - bucket.left_milli) * refill_ms / full + 1).unwrap_or(u32::MAX)),
        }
    }
}

impl Webhooks {
    /// Makes an incoming webhook for a bot of one's own. The second value is false for a repeat under the same idempotency key.
    ///
    /// # Errors
    /// `not_found` for somebody else's bot, or a conversation that the bot is not in; `conflict` when there are too many.
    pub async fn create_incoming(
        &self,
        caller: &Caller,
        wanted: CreateHook,
        key: Option<ClientId>,
    ) -> Result<(HookWithSecret, bool), Refusal> {
        let CreateHook { conversation, bot } = wanted;
        if !self.0.accounts.is_bot(bot).await? {
            return Err(Refusal::because(ErrorCode::NotFound, "there is no such bot"));
        }
        self.check_may_have(caller, bot).await?;
        self.check_member(bot, conversation).await?;
        let id = self.id_for("hook", bot, key);
        let record = IncomingRecord { bot, conversation, created_ms: self.0.accounts.now().wall_ms, serial: 1 };
        let (stands, created) = match self.load::<IncomingRecord>(single(RecordTable::Hook, id)).await? {
            Some((stands, _)) => (stands, false),
            None => {
                self.enlist(bot, id, INCOMING).await?;
                (record.clone(), self.save(single(RecordTable::Hook, id), 0, &record).await?)
            }
        };
        Ok((HookWithSecret { hook: stands.shown(id), secret: self.secret(id, stands.serial).text() }, created))
    }

    /// A bot's incoming webhooks.
    ///
    /// # Errors
    /// `not_found` for somebody else's bot.
    pub async fn list_incoming(&self, caller: &Caller, bot: UserId) -> Result<Vec<Hook>, Refusal> {
        self.0.accounts.check_acts_for(caller, bot).await?;
        let mut found = Vec::new();
        for id in self.ids_of(bot, INCOMING).await? {
            if let Some((record, _)) = self.load::<IncomingRecord>(single(RecordTable::Hook, id)).await? {
                found.push(record.shown(id));
            }
        }
        Ok(found)
    }

    /// Gives an incoming webhook another secret; the old one ends at once.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn rotate_incoming(&self, caller: &Caller, id: Uuid) -> Result<HookWithSecret, Refusal> {
        self.my_incoming(caller, id).await?;
        let rotated = self.change(single(RecordTable::Hook, id), |record: &mut IncomingRecord| record.serial += 1).await?;
        let rotated = rotated.ok_or(ErrorCode::NotFound)?;
        Ok(HookWithSecret { hook: rotated.shown(id), secret: self.secret(id, rotated.serial).text() })
    }

    /// Ends an incoming webhook.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_incoming(&self, caller: &Caller, id: Uuid) -> Result<(), Refusal> {
        let record = self.my_incoming(caller, id).await?;
        self.remove_incoming(record.bot, id).await
    }

    /// Judges a post: who sends it where. Not known, and not proven, look the same.
    ///
    /// # Errors
    /// `invalid_credentials`; `rate_limited`; `not_found` once the bot is no more.
    pub async fn receive(&self, id: Uuid, proof: Proof<'_>, body: &[u8]) -> Result<Incoming, Refusal> {
        let Some((record, _)) = self.load::<IncomingRecord>(single(RecordTable::Hook, id)).await? else {
            return Err(ErrorCode::InvalidCredentials.into());
        };
        let secret = self.secret(id, record.serial);
        let now = self.0.accounts.now();
        let is_proven = match proof {
            Proof::Secret(given) => is_same(given, &secret.text()),
            Proof::Signature { id, timestamp, signatures } => {
                let timestamp_s: u64 = timestamp.parse().map_err(|_| ErrorCode::InvalidCredentials)?;
                let is_fresh = timestamp_s.abs_diff(now.wall_ms / 1000) <= SIGNED_WITHIN_S;
                let right = secret.sign(id, timestamp_s, body);
                is_fresh && signatures.split(' ').any(|signature| is_same(signature, &right))
            }
        };
        if !is_proven {
            return Err(ErrorCode::InvalidCredentials.into());
        }
        self.0.incoming.take(id, now.mono_ms).map_err(|wait_ms| Refusal::retry(ErrorCode::RateLimited, wait_ms))?;
        if !self.0.accounts.is_bot(record.bot).await? {
            return Err(ErrorCode::NotFound.into());
        }
        let caller = Caller { user: record.bot, client: None, role: AccountRole::Bot, info: None };
        Ok(Incoming { caller, conversation: record.conversation })
    }

    pub(super) async fn remove_incoming(&self, bot: UserId, id: Uuid) -> Result<(), Refusal> {
        self.drop_record(single(RecordTable::Hook, id)).await?;
        self.drop_record(owned(bot, id)).await
    }

    async fn my_incoming(&self, caller: &Caller, id: Uuid) -> Result<IncomingRecord, Refusal> {
        let (record, _) = self.load::<IncomingRecord>(single(RecordTable::Hook, id)).await?.ok_or(ErrorCode::NotFound)?;
        if caller.user == record.bot && !is_operator(caller) {
            return Err(Refusal::because(ErrorCode::Forbidden, "a bot does not manage who speaks in its name"));
        }
        self.0.accounts.check_acts_for(caller, record.bot).await?;
        Ok(record)
    }
}

/// Digests are compared, so that the time taken says nothing about the text.
fn is_same(given: &str, right: &str) -> bool {
    Sha256::digest(given) == Sha256::digest(right)
}

/// The sender's id of a message that comes with an id of any length: a retry has the same.
#[must_use]
pub fn client_id_of(hook: Uuid, id: &str) -> ClientId {
    let digest = Sha256::digest(format!("{hook}\n{id}"));
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    ClientId::new(&format!("hook-{}", Uuid::from_bytes(half).simple())).expect("hexadecimal digits are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let (buckets, hook) = (Buckets::default(), Uuid::nil());
        let burst = (0..100).filter(|_| buckets.take(hook, 5).is_ok()).count();
        assert_eq!(burst, INCOMING_BURST as usize);
        let wait_ms = buckets.take(hook, 5).expect_err("it is empty");
        assert!(buckets.take(hook, 5 + u64::from(wait_ms) - 2).is_err());
        assert!(buckets.take(hook, 5 + u64::from(wait_ms)).is_ok(), "what was said is true");
        assert!(buckets.take(Uuid::max(), 5).is_ok(), "each has its own");
    }
}
