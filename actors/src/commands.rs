//! Slash commands: bots say what they understand, and people's clients ask what works in a conversation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rialto_protocol::limits::ANSWER_BYTES_MAX;
use rialto_protocol::rpc::{BotCommand, Command, Page, SetCommands};
use rialto_protocol::{Channel, ConversationId, ErrorCode, Refusal, UserId};
use rialto_storage::accounts::AccountRole;
use rialto_storage::records::{RecordKey, RecordTable, Records};
use uuid::Uuid;

use crate::accounts::{Accounts, refusal_of_storage};
use crate::entity::{Answer, Ask, Caller};
use crate::router::{Router, entity_of};

/// Bots with commands on one store. Above: `conflict`, for each call for a conversation's commands looks through them.
pub const BOTS_WITH_COMMANDS_MAX: usize = 10_000;
/// Bots whose commands stand in one answer.
pub const BOTS_PER_ANSWER_MAX: usize = 100;
/// Milliseconds that the list of bots with commands is believed: nodes on the same store change it too.
const BOTS_BELIEVED_MS: u64 = 5_000;
/// Records of one read.
const PAGE_RECORDS: usize = 1_000;
/// Times that a record is written again when somebody else was faster.
const TRIES_MAX: usize = 8;

/// The service. Cheap to clone, shared by all threads.
#[derive(Clone)]
pub struct Commands(Arc<Inner>);

struct Inner {
    records: Arc<dyn Records>,
    accounts: Accounts,
    router: Router,
    known: Mutex<Option<Known>>,
}

/// The bots with commands as they were a moment ago.
#[derive(Clone)]
struct Known {
    bots: Arc<[UserId]>,
    until_mono_ms: u64,
}

fn key(bot: UserId) -> RecordKey {
    RecordKey { table: RecordTable::Commands, part: Uuid::nil(), id: bot.0 }
}

impl Commands {
    /// The service over this store.
    #[must_use]
    pub fn new(records: Arc<dyn Records>, accounts: Accounts, router: Router) -> Self {
        Self(Arc::new(Inner { records, accounts, router, known: Mutex::default() }))
    }

    /// `bot.set_commands`: the calling bot's.
    ///
    /// # Errors
    /// `forbidden` for people; `invalid_argument`, `too_large`, `conflict`.
    pub async fn set_own(&self, caller: &Caller, set: SetCommands) -> Result<(), Refusal> {
        if caller.role != AccountRole::Bot {
            return Err(Refusal::because(ErrorCode::Forbidden, "only bots have commands"));
        }
        self.store(caller.user, set.commands).await
    }

    /// Replaces the commands of a bot that the caller is or manages.
    ///
    /// # Errors
    /// `not_found`; else as [`Self::set_own`].
    pub async fn set(&self, caller: &Caller, bot: UserId, set: SetCommands) -> Result<(), Refusal> {
        if caller.user == bot {
            return self.set_own(caller, set).await;
        }
        self.0.accounts.bot(caller, bot).await?;
        self.store(bot, set.commands).await
    }

    /// Takes a bot's commands away, without asking who wants it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn remove(&self, bot: UserId) -> Result<(), Refusal> {
        self.store(bot, Vec::new()).await
    }

    /// `conversation.commands`: those of the bots that are members, in order of name; at most [`BOTS_PER_ANSWER_MAX`] bots' and as many as one answer holds.
    ///
    /// # Errors
    /// `not_found` or `not_a_member` for somebody who may not read there.
    pub async fn of(&self, caller: &Caller, conversation: ConversationId) -> Result<Page<Command>, Refusal> {
        let ask = Ask::Among(self.known().await?);
        let entity = entity_of(&Channel::Conversation(conversation));
        let Answer::Users(bots) = self.0.router.request(entity, caller.clone(), ask).await? else { return Err(ErrorCode::Internal.into()) };
        let (mut sorted, mut bytes) = (BTreeMap::new(), 0);
        for bot in bots.into_iter().take(BOTS_PER_ANSWER_MAX) {
            let Some(stored) = self.0.records.get(key(bot)).await.map_err(refusal_of_storage)? else { continue };
            bytes += stored.data.len();
            if bytes > ANSWER_BYTES_MAX {
                break;
            }
            for BotCommand { name, description, options } in read(bot, &stored.data)? {
                sorted.insert((name.clone(), bot), Command { bot, name, description, options });
            }
        }
        Ok(Page { items: sorted.into_values().collect(), next: None })
    }

    async fn store(&self, bot: UserId, commands: Vec<BotCommand>) -> Result<(), Refusal> {
        if !commands.is_empty() {
            let known = self.known().await?;
            if known.len() >= BOTS_WITH_COMMANDS_MAX && !known.contains(&bot) {
                return Err(Refusal::because(ErrorCode::Conflict, "too many bots have commands here"));
            }
        }
        let data: Bytes = serde_json::to_vec(&commands).expect("texts serialize").into();
        for _try in 0..TRIES_MAX {
            let version = self.0.records.get(key(bot)).await.map_err(refusal_of_storage)?.map_or(0, |stored| stored.version);
            let done = match (commands.is_empty(), version) {
                (true, 0) => true,
                (true, version) => self.0.records.remove(key(bot), version).await.map_err(refusal_of_storage)?,
                (false, version) => self.0.records.put(key(bot), version, data.clone()).await.map_err(refusal_of_storage)?,
            };
            if done {
                *self.cached() = None;
                return Ok(());
            }
        }
        Err(Refusal::retry(ErrorCode::Unavailable, 1000))
    }

    /// All bots with commands.
    async fn known(&self) -> Result<Arc<[UserId]>, Refusal> {
        let mono_ms = self.0.accounts.now().mono_ms;
        if let Some(known) = self.cached().as_ref().filter(|known| known.until_mono_ms > mono_ms) {
            return Ok(Arc::clone(&known.bots));
        }
        let mut bots: Vec<UserId> = Vec::new();
        loop {
            let after = bots.last().map(|bot| bot.0);
            let page = self.0.records.list(RecordTable::Commands, Uuid::nil(), after, PAGE_RECORDS).await.map_err(refusal_of_storage)?;
            bots.extend(page.iter().map(|(id, _)| UserId(*id)));
            if page.len() < PAGE_RECORDS || bots.len() >= BOTS_WITH_COMMANDS_MAX {
                break;
            }
        }
        let bots: Arc<[UserId]> = bots.into();
        *self.cached() = Some(Known { bots: Arc::clone(&bots), until_mono_ms: mono_ms + BOTS_BELIEVED_MS });
        Ok(bots)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(bot: UserId, data: &[u8]) -> Result<Vec<BotCommand>, Refusal> {
    serde_json::from_slice(data).map_err(|error| {
        tracing::error!(%bot, %error, "the commands of a bot cannot be read");
        ErrorCode::Internal.into()
    })
}
