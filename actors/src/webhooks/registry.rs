//! Who may have which webhooks.
//!
//! A webhook belongs to the user whose conversations it sees: somebody who has registered here, or a bot, whose owner and the operators manage it too.

use bytes::Bytes;
use rialto_protocol::event::EventTag;
use rialto_protocol::integrations::{CreateWebhook, Delivery, DeliveryState, Webhook, WebhookWithSecret};
use rialto_protocol::{ClientId, ConversationId, ErrorCode, Refusal, UserId};
use rialto_storage::accounts::AccountRole;
use rialto_storage::records::{RecordKey, RecordTable};
use uuid::Uuid;

use super::Webhooks;
use super::deliver::letter_key;
use super::limits::{WEBHOOKS_MAX, WEBHOOKS_PER_USER_MAX};
use super::record::{OutgoingRecord, owned, parse, single};
use crate::accounts::{Page, refusal_of_storage};
use crate::entity::Caller;
use crate::route::uuid_v7;

/// What the entry of an outgoing webhook in its user's list holds.
pub(super) const OUTGOING: &[u8] = b"o";
/// What that of an incoming one holds.
pub(super) const INCOMING: &[u8] = b"i";

impl Webhooks {
    /// Makes an outgoing webhook. The second value is false for a repeat under the same idempotency key.
    ///
    /// # Errors
    /// `invalid_argument` for a bad URL or event; `not_found` for somebody else's bot or a conversation that the user is not in; `conflict` when there are too many.
    pub async fn create(
        &self,
        caller: &Caller,
        wanted: CreateWebhook,
        key: Option<ClientId>,
    ) -> Result<(WebhookWithSecret, bool), Refusal> {
        let user = wanted.user.unwrap_or(caller.user);
        self.check_may_have(caller, user).await?;
        self.0.post.check(&wanted.url)?;
        check_events(&wanted.events)?;
        if let Some(conversation) = wanted.conversation {
            self.check_member(user, conversation).await?;
        }
        let now = self.0.accounts.now();
        let id = self.id_for("webhook", user, key);
        let record = OutgoingRecord {
            url: wanted.url,
            user,
            conversation: wanted.conversation,
            events: wanted.events,
            created_ms: now.wall_ms,
            serial: 1,
            rotated_ms: now.wall_ms,
            disabled: None,
        };
        let (stands, created) = match self.load::<OutgoingRecord>(single(RecordTable::Webhook, id)).await? {
            Some((stands, _)) => (stands, false),
            None => {
                self.enlist(user, id, OUTGOING).await?;
                let made = self.save(single(RecordTable::Webhook, id), 0, &record).await?;
                (record, made)
            }
        };
        self.0.registered.notify_one();
        Ok((WebhookWithSecret { webhook: stands.shown(id), secret: self.secret(id, stands.serial).text() }, created))
    }

    /// A page of a user's outgoing webhooks, in order of id.
    ///
    /// # Errors
    /// `not_found` for somebody else's.
    pub async fn list(&self, caller: &Caller, user: Option<UserId>) -> Result<Vec<Webhook>, Refusal> {
        let user = user.unwrap_or(caller.user);
        self.0.accounts.check_acts_for(caller, user).await?;
        let mut found = Vec::new();
        for id in self.ids_of(user, OUTGOING).await? {
            if let Some((record, _)) = self.load::<OutgoingRecord>(single(RecordTable::Webhook, id)).await? {
                found.push(record.shown(id));
            }
        }
        Ok(found)
    }

    /// One outgoing webhook.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn get(&self, caller: &Caller, id: Uuid) -> Result<Webhook, Refusal> {
        Ok(self.mine(caller, id).await?.shown(id))
    }

    /// Ends an outgoing webhook; what is not delivered is not delivered any more.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete(&self, caller: &Caller, id: Uuid) -> Result<(), Refusal> {
        let record = self.mine(caller, id).await?;
        self.remove(record.user, id).await
    }

    /// Gives an outgoing webhook another secret, and lets it deliver again if its target had ended it. For a day the old secret signs too.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn rotate(&self, caller: &Caller, id: Uuid) -> Result<WebhookWithSecret, Refusal> {
        self.mine(caller, id).await?;
        let now_ms = self.0.accounts.now().wall_ms;
        let rotated = self.change(single(RecordTable::Webhook, id), |record: &mut OutgoingRecord| {
            record.serial += 1;
            record.rotated_ms = now_ms;
            record.disabled = None;
        });
        let rotated = rotated.await?.ok_or(ErrorCode::NotFound)?;
        self.0.registered.notify_one();
        Ok(WebhookWithSecret { webhook: rotated.shown(id), secret: self.secret(id, rotated.serial).text() })
    }

    /// What this node has delivered of late, newest first, or is trying.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn deliveries(&self, caller: &Caller, id: Uuid) -> Result<Vec<Delivery>, Refusal> {
        self.mine(caller, id).await?;
        Ok(self.recent(id))
    }

    /// A page of what was given up, oldest first.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn dead_letters(&self, caller: &Caller, id: Uuid, page: Page) -> Result<Vec<(Uuid, Delivery)>, Refusal> {
        self.mine(caller, id).await?;
        let listed = self.0.store.records.list(RecordTable::DeadLetter, id, page.after, page.limit).await.map_err(refusal_of_storage)?;
        let letter = |(letter, stored): (Uuid, rialto_storage::records::Record)| {
            Ok((letter, parse(RecordKey { table: RecordTable::DeadLetter, part: id, id: letter }, &stored.data)?))
        };
        listed.into_iter().map(letter).collect()
    }

    /// Posts one event again, once, and says what became of it. A dead letter that is delivered is one no more.
    ///
    /// # Errors
    /// `not_found` for a webhook, a conversation or an event that is not there.
    pub async fn redeliver(&self, caller: &Caller, id: Uuid, conversation: ConversationId, offset: u64) -> Result<Delivery, Refusal> {
        let record = self.mine(caller, id).await?;
        if record.conversation.is_some_and(|only| only != conversation) {
            return Err(ErrorCode::NotFound.into());
        }
        self.check_member(record.user, conversation).await?;
        let row = self.rows(conversation, offset, 1).await?.pop().filter(|row| row.seq == offset).ok_or(ErrorCode::NotFound)?;
        let tried = self.attempt(id, &record, conversation, &row, 1).await;
        let mut delivery = tried.delivery;
        if delivery.state == DeliveryState::Delivered {
            self.drop_record(letter_key(id, conversation, &row)).await?;
        } else {
            // By hand there is one try: what was given up stays so.
            delivery.state = DeliveryState::Dead;
        }
        self.note(id, delivery.clone());
        Ok(delivery)
    }

    /// Ends all webhooks of a user who is no more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn remove_all_of(&self, user: UserId) -> Result<(), Refusal> {
        for id in self.ids_of(user, OUTGOING).await? {
            self.remove(user, id).await?;
        }
        for id in self.ids_of(user, INCOMING).await? {
            self.remove_incoming(user, id).await?;
        }
        Ok(())
    }

    async fn remove(&self, user: UserId, id: Uuid) -> Result<(), Refusal> {
        // First what makes it deliver, last what leads here: a repeat finishes what was begun.
        self.drop_record(single(RecordTable::Webhook, id)).await?;
        self.0.registered.notify_one();
        self.drop_all(RecordTable::Cursor, id).await?;
        self.drop_all(RecordTable::DeadLetter, id).await?;
        self.forget_recent(id);
        self.drop_record(owned(user, id)).await
    }

    async fn mine(&self, caller: &Caller, id: Uuid) -> Result<OutgoingRecord, Refusal> {
        let (record, _) = self.load::<OutgoingRecord>(single(RecordTable::Webhook, id)).await?.ok_or(ErrorCode::NotFound)?;
        self.0.accounts.check_acts_for(caller, record.user).await?;
        Ok(record)
    }

    pub(super) async fn check_may_have(&self, caller: &Caller, user: UserId) -> Result<(), Refusal> {
        self.0.accounts.check_acts_for(caller, user).await?;
        if caller.role == AccountRole::User && self.0.accounts.is_guest(caller.user).await? {
            return Err(Refusal::because(ErrorCode::Forbidden, "guests have no webhooks"));
        }
        Ok(())
    }

    pub(super) async fn check_member(&self, user: UserId, conversation: ConversationId) -> Result<(), Refusal> {
        if self.is_member(user, conversation).await? { Ok(()) } else { Err(ErrorCode::NotFound.into()) }
    }

    pub(super) async fn is_member(&self, user: UserId, conversation: ConversationId) -> Result<bool, Refusal> {
        let summary = self.0.store.views.summary(conversation, user).await.map_err(refusal_of_storage)?;
        Ok(summary.is_some_and(|summary| summary.role.is_some()))
    }

    /// The id of what is made: that of the first request with the same key, if there was one.
    pub(super) fn id_for(&self, what: &str, user: UserId, key: Option<ClientId>) -> Uuid {
        match key {
            Some(key) => Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("rialto:{what}\n{user}\n{}", key.as_str()).as_bytes()),
            None => uuid_v7(self.0.accounts.now()),
        }
    }

    /// Puts a webhook into its user's list, if there is room.
    pub(super) async fn enlist(&self, user: UserId, id: Uuid, kind: &'static [u8]) -> Result<(), Refusal> {
        let listed = self.0.store.records.list(RecordTable::HookOfOwner, user.0, None, WEBHOOKS_PER_USER_MAX).await;
        let listed = listed.map_err(refusal_of_storage)?;
        if listed.len() >= WEBHOOKS_PER_USER_MAX && !listed.iter().any(|(known, _)| *known == id) {
            return Err(Refusal::because(ErrorCode::Conflict, "a user has at most 20 webhooks"));
        }
        if kind == OUTGOING && self.all().await?.len() >= WEBHOOKS_MAX {
            return Err(Refusal::because(ErrorCode::Conflict, "there are too many webhooks here"));
        }
        self.0.store.records.put(owned(user, id), 0, Bytes::from_static(kind)).await.map(drop).map_err(refusal_of_storage)
    }

    pub(super) async fn ids_of(&self, user: UserId, kind: &[u8]) -> Result<Vec<Uuid>, Refusal> {
        let listed = self.0.store.records.list(RecordTable::HookOfOwner, user.0, None, 2 * WEBHOOKS_PER_USER_MAX).await;
        let listed = listed.map_err(refusal_of_storage)?;
        Ok(listed.into_iter().filter(|(_, record)| record.data == kind).map(|(id, _)| id).collect())
    }

    /// All outgoing webhooks.
    pub(super) async fn all(&self) -> Result<Vec<(Uuid, OutgoingRecord)>, Refusal> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map(|(id, _): &(Uuid, OutgoingRecord)| *id);
            let page = self.0.store.records.list(RecordTable::Webhook, Uuid::nil(), after, 256).await.map_err(refusal_of_storage)?;
            let is_last = page.len() < 256;
            for (id, stored) in page {
                all.push((id, parse(single(RecordTable::Webhook, id), &stored.data)?));
            }
            if is_last || all.len() >= WEBHOOKS_MAX {
                return Ok(all);
            }
        }
    }
}

/// Every word that a webhook may be limited to.
fn check_events(events: &[String]) -> Result<(), Refusal> {
    let known: Vec<&str> = (1..=u8::MAX).map_while(EventTag::from_number).map(EventTag::word).collect();
    if events.len() <= known.len() && events.iter().all(|event| known.contains(&event.as_str())) {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::InvalidArgument, format!("events are of {}", known.join(", "))))
}
