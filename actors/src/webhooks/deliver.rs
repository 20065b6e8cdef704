//! One round of one webhook in one conversation: the rows behind its cursor, posted one after another.

use bytes::Bytes;
use rialto_protocol::integrations::{Delivery, DeliveryState};
use rialto_protocol::{ConversationId, Refusal};
use rialto_storage::Row;
use rialto_storage::entity_rows::RowRange;
use rialto_storage::records::{RecordKey, RecordTable};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::limits::{BEHIND_MS, DEAD_LETTERS_MAX, JITTER_PART, ROWS_PER_ROUND};
use super::record::{Cursor, OutgoingRecord, cursor, single};
use super::{Outgoing, Webhooks};
use crate::accounts::refusal_of_storage;

/// The target is no more, and says so: nothing is posted to it again.
const GONE: u16 = 410;

/// What a round came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Everything up to here is done with.
    Done(u64),
    /// There are more rows.
    More,
    /// To be gone on with after so many milliseconds.
    Later(u64),
    /// The user is not a member.
    Outside,
    /// The webhook delivers no more.
    Over,
}

/// One try.
pub(super) struct Tried {
    pub(super) delivery: Delivery,
    status: Option<u16>,
}

/// The body of a post, as standardwebhooks.com recommends.
#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'static str,
    timestamp: u64,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    conversation: ConversationId,
    offset: u64,
    event: &'a RawValue,
}

/// `webhook-id`: the same at every try.
pub(super) fn delivery_id(conversation: ConversationId, offset: u64) -> String {
    format!("msg_{}_{offset}", conversation.0.simple())
}

/// Where an event lies that was given up: in order of time, and the same whenever it is given up.
pub(super) fn letter_key(webhook: Uuid, conversation: ConversationId, row: &Row) -> RecordKey {
    let digest: [u8; 32] = Sha256::digest(delivery_id(conversation, row.seq)).into();
    let mut tail = [0; 10];
    tail.copy_from_slice(&digest[..10]);
    RecordKey {
        table: RecordTable::DeadLetter,
        part: webhook,
        id: uuid::Builder::from_unix_timestamp_millis(row.time_ms, &tail).into_uuid(),
    }
}

impl Webhooks {
    /// Posts what is next in a conversation. `wanted` is the highest row that is known to be there.
    pub(super) async fn round(&self, id: Uuid, conversation: ConversationId, wanted: u64) -> Result<Round, Refusal> {
        let Some((hook, _)) = self.load::<OutgoingRecord>(single(RecordTable::Webhook, id)).await? else { return Ok(Round::Over) };
        if hook.disabled.is_some() {
            return Ok(Round::Over);
        }
        if !self.is_member(hook.user, conversation).await? {
            return Ok(Round::Outside);
        }
        let key = cursor(id, conversation);
        let (mut at, mut version) = match self.load::<Cursor>(key).await? {
            Some(found) => found,
            None => (Cursor { seq: self.before(conversation, hook.created_ms).await?, attempts: 0 }, 0),
        };
        let rows = self.rows(conversation, at.seq + 1, ROWS_PER_ROUND).await?;
        let is_full = rows.len() == ROWS_PER_ROUND;
        for (place, row) in rows.iter().enumerate() {
            if row.seq != at.seq + 1 {
                // Where nodes share a store, rows may show out of order: the one before it comes.
                return Ok(Round::Later(BEHIND_MS));
            }
            let next = match hook.wants(row) {
                true => self.step(id, &hook, conversation, row, at).await?,
                false => Step::Passed,
            };
            let (moved, round) = match next {
                Step::Passed => (Cursor { seq: row.seq, attempts: 0 }, None),
                Step::Again(after_ms) => (Cursor { attempts: at.attempts + 1, ..at }, Some(Round::Later(after_ms))),
                Step::Over => (at, Some(Round::Over)),
            };
            // Rows that nobody wants need no write of their own.
            let is_due = hook.wants(row) || place + 1 == rows.len();
            if moved != at && is_due && !self.save(key, version, &moved).await? {
                // Another node delivers too: what it has done counts.
                return Ok(Round::More);
            }
            version += u64::from(moved != at && is_due);
            at = moved;
            if let Some(round) = round {
                return Ok(round);
            }
        }
        Ok(match (is_full, at.seq < wanted) {
            (true, _) => Round::More,
            (false, true) => Round::Later(BEHIND_MS),
            (false, false) => Round::Done(at.seq),
        })
    }

    /// One row's next try.
    async fn step(&self, id: Uuid, hook: &OutgoingRecord, conversation: ConversationId, row: &Row, at: Cursor) -> Result<Step, Refusal> {
        let Tried { mut delivery, status } = self.attempt(id, hook, conversation, row, at.attempts + 1).await;
        if delivery.state == DeliveryState::Delivered {
            self.note(id, delivery);
            return Ok(Step::Passed);
        }
        if status == Some(GONE) {
            delivery.state = DeliveryState::Dead;
            self.note(id, delivery);
            self.change(single(RecordTable::Webhook, id), |record: &mut OutgoingRecord| {
                record.disabled = Some("the target answered 410".to_owned());
            })
            .await?;
            return Ok(Step::Over);
        }
        let pause = usize::try_from(at.attempts).ok().and_then(|tries| self.0.settings.retry_after_ms.get(tries));
        let Some(pause_ms) = pause else {
            delivery.state = DeliveryState::Dead;
            self.bury(letter_key(id, conversation, row), &delivery).await?;
            self.note(id, delivery);
            return Ok(Step::Passed);
        };
        self.note(id, delivery);
        Ok(Step::Again(jittered(*pause_ms, self.0.accounts.now().entropy)))
    }

    /// Posts one row.
    pub(super) async fn attempt(&self, id: Uuid, hook: &OutgoingRecord, conversation: ConversationId, row: &Row, attempt: u32) -> Tried {
        let now_ms = self.0.accounts.now().wall_ms;
        let (delivery_id, body) = (delivery_id(conversation, row.seq), payload(conversation, row));
        let headers = self.headers(id, hook, &delivery_id, now_ms, &body);
        let answer = self.0.post.post(Outgoing { url: hook.url.clone(), headers, body }).await;
        let (status, reason) = match answer {
            Ok(status) if (200..300).contains(&status) => (Some(status), None),
            Ok(status) => (Some(status), Some(format!("the target answered {status}"))),
            Err(reason) => (None, Some(reason)),
        };
        let (state, outcome) = if reason.is_none() { (DeliveryState::Delivered, "delivered") } else { (DeliveryState::Retrying, "failed") };
        metrics::counter!("rialto_webhook_posts_total", "outcome" => outcome).increment(1);
        let (offset, attempts) = (row.seq, attempt);
        Tried { delivery: Delivery { id: delivery_id, conversation, offset, state, attempts, time: now_ms, status, reason }, status }
    }

    /// Keeps what is given up; the oldest falls out.
    async fn bury(&self, key: RecordKey, delivery: &Delivery) -> Result<(), Refusal> {
        metrics::counter!("rialto_webhook_dead_letters_total").increment(1);
        let kept = self.0.store.records.list(RecordTable::DeadLetter, key.part, None, DEAD_LETTERS_MAX).await;
        let kept = kept.map_err(refusal_of_storage)?;
        if let (Some((oldest, _)), true) = (kept.first(), kept.len() >= DEAD_LETTERS_MAX) {
            self.drop_record(RecordKey { id: *oldest, ..key }).await?;
        }
        // False means that it was given up before, by a process that died before it moved on.
        self.save(key, 0, delivery).await.map(drop)
    }

    pub(super) async fn rows(&self, conversation: ConversationId, from: u64, limit: usize) -> Result<Vec<Row>, Refusal> {
        let range = RowRange { from, to: u64::MAX, limit, reverse: false };
        self.0.store.rows.read(conversation.into(), range).await.map_err(refusal_of_storage)
    }

    /// The last row of before a time: row times never go back.
    async fn before(&self, conversation: ConversationId, time_ms: u64) -> Result<u64, Refusal> {
        let range = RowRange { from: 1, to: u64::MAX, limit: 1, reverse: true };
        let newest = self.0.store.rows.read(conversation.into(), range).await.map_err(refusal_of_storage)?;
        let (mut low, mut high) = (0, newest.first().map_or(0, |row| row.seq));
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let is_before = self.rows(conversation, middle, 1).await?.first().is_some_and(|row| row.time_ms < time_ms);
            if is_before { low = middle } else { high = middle - 1 }
        }
        Ok(low)
    }
}

enum Step {
    /// It is done with.
    Passed,
    /// It is tried again after so many milliseconds.
    Again(u64),
    /// Nothing is delivered any more.
    Over,
}

impl OutgoingRecord {
    fn wants(&self, row: &Row) -> bool {
        self.events.is_empty() || self.events.iter().any(|event| event == row.event.word())
    }
}

fn payload(conversation: ConversationId, row: &Row) -> Bytes {
    let text = String::from_utf8_lossy(&row.body).into_owned();
    let event = RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned());
    let data = Data { conversation, offset: row.seq, event: &event };
    let payload = Payload { r#type: row.event.word(), timestamp: row.time_ms, data };
    serde_json::to_vec(&payload).expect("ids, numbers and JSON serialize").into()
}

/// The pause, up to one part in [`JITTER_PART`] longer or shorter.
fn jittered(pause_ms: u64, entropy: u128) -> u64 {
    let width = pause_ms / JITTER_PART;
    let random = u64::try_from(entropy & u128::from(u64::MAX)).unwrap_or_default();
    (pause_ms - width) + random % (2 * width + 1)
}
