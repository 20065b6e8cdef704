//! How webhooks are kept: JSON records, without their secrets.

use rialto_protocol::integrations::{Hook, Webhook};
use rialto_protocol::{ConversationId, ErrorCode, Refusal, UserId};
use rialto_storage::records::{RecordKey, RecordTable};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Webhooks;
use super::limits::RECORD_TRIES_MAX;
use crate::accounts::refusal_of_storage;

/// An outgoing webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutgoingRecord {
    pub(super) url: String,
    pub(super) user: UserId,
    pub(super) conversation: Option<ConversationId>,
    pub(super) events: Vec<String>,
    pub(super) created_ms: u64,
    /// Counts its secrets from 1.
    pub(super) serial: u32,
    pub(super) rotated_ms: u64,
    pub(super) disabled: Option<String>,
}

impl OutgoingRecord {
    pub(super) fn shown(&self, id: Uuid) -> Webhook {
        let Self { url, user, conversation, events, created_ms, disabled, .. } = self.clone();
        Webhook { id, url, user, conversation, events, created: created_ms, disabled }
    }
}

/// An incoming webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IncomingRecord {
    pub(super) bot: UserId,
    pub(super) conversation: ConversationId,
    pub(super) created_ms: u64,
    /// Counts its secrets from 1.
    pub(super) serial: u32,
}

impl IncomingRecord {
    pub(super) fn shown(&self, id: Uuid) -> Hook {
        Hook { id, bot: self.bot, conversation: self.conversation, created: self.created_ms }
    }
}

/// How far a webhook has come in one conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The last row that is done with.
    pub(super) seq: u64,
    /// Tries of the row behind it.
    pub(super) attempts: u32,
}

/// Who delivers for all nodes on one store, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) node: Uuid,
    pub(super) until_ms: u64,
}

/// In the partition of all.
pub(super) fn single(table: RecordTable, id: Uuid) -> RecordKey {
    RecordKey { table, part: Uuid::nil(), id }
}

pub(super) fn owned(user: UserId, id: Uuid) -> RecordKey {
    RecordKey { table: RecordTable::HookOfOwner, part: user.0, id }
}

pub(super) fn cursor(webhook: Uuid, conversation: ConversationId) -> RecordKey {
    RecordKey { table: RecordTable::Cursor, part: webhook, id: conversation.0 }
}

pub(super) fn parse<T: DeserializeOwned>(key: RecordKey, data: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(data).map_err(|error| {
        tracing::error!(table = ?key.table, id = %key.id, %error, "a record cannot be read");
        ErrorCode::Internal.into()
    })
}

impl Webhooks {
    /// A record with its version; `None` when there is none.
    pub(super) async fn load<T: DeserializeOwned>(&self, key: RecordKey) -> Result<Option<(T, u64)>, Refusal> {
        let Some(stored) = self.0.store.records.get(key).await.map_err(refusal_of_storage)? else { return Ok(None) };
        Ok(Some((parse(key, &stored.data)?, stored.version)))
    }

    /// Writes a record if its version is `seen`.
    pub(super) async fn save<T: Serialize>(&self, key: RecordKey, seen: u64, value: &T) -> Result<bool, Refusal> {
        let data = serde_json::to_vec(value).expect("ids, texts and numbers serialize");
        self.0.store.records.put(key, seen, data.into()).await.map_err(refusal_of_storage)
    }

    /// Changes a record whatever others do to it meanwhile. `None` when there is none.
    pub(super) async fn change<T: Serialize + DeserializeOwned>(
        &self,
        key: RecordKey,
        change: impl Fn(&mut T),
    ) -> Result<Option<T>, Refusal> {
        for _try in 0..RECORD_TRIES_MAX {
            let Some((mut value, version)) = self.load::<T>(key).await? else { return Ok(None) };
            change(&mut value);
            if self.save(key, version, &value).await? {
                return Ok(Some(value));
            }
        }
        Err(Refusal::retry(ErrorCode::Unavailable, 1000))
    }

    /// Removes a record, if it is there.
    pub(super) async fn drop_record(&self, key: RecordKey) -> Result<(), Refusal> {
        for _try in 0..RECORD_TRIES_MAX {
            let Some(stored) = self.0.store.records.get(key).await.map_err(refusal_of_storage)? else { return Ok(()) };
            if self.0.store.records.remove(key, stored.version).await.map_err(refusal_of_storage)? {
                return Ok(());
            }
        }
        Err(Refusal::retry(ErrorCode::Unavailable, 1000))
    }

    /// Removes a whole partition.
    pub(super) async fn drop_all(&self, table: RecordTable, part: Uuid) -> Result<(), Refusal> {
        loop {
            let page = self.0.store.records.list(table, part, None, 256).await.map_err(refusal_of_storage)?;
            if page.is_empty() {
                return Ok(());
            }
            for (id, _) in page {
                self.drop_record(RecordKey { table, part, id }).await?;
            }
        }
    }
}
