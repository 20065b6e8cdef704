//! The traits of one backend in one value.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::StorageError;
use crate::accounts::{Accounts, Mutes, RefreshFamilies, Tokens};
use crate::blobs::Blobs;
use crate::consumers::Consumers;
use crate::entity_rows::EntityRows;
use crate::records::Records;
use crate::shard_log::ShardLog;
use crate::views::ConversationViews;

/// A storage operation under way. Dropping it does not undo it.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send>>;

/// One backend, shared by all threads.
#[derive(Clone)]
pub struct Store {
    /// Fenced shard logs.
    pub log: Arc<dyn ShardLog>,
    /// Places for appends under way; `None` where their number does not matter. Who appends takes a place first and only then says which rows go, so that rows gather while it
    /// waits, and gives it back with the answer.
    pub appends: Option<Arc<Semaphore>>,
    /// What follows the logs; `None` where appends do it themselves ([`crate::shard_log::LogShape::consumed_on_append`]).
    pub consumers: Option<Arc<dyn Consumers>>,
    /// Rows by entity, the dedupe index, snapshots.
    pub rows: Arc<dyn EntityRows>,
    /// What is derived from conversation rows for reading, and read markers.
    pub views: Arc<dyn ConversationViews>,
    /// Large bodies.
    pub blobs: Arc<dyn Blobs>,
    /// Users and passwords.
    pub accounts: Arc<dyn Accounts>,
    /// Refresh tokens.
    pub families: Arc<dyn RefreshFamilies>,
    /// Bot tokens, revocations, idempotency keys.
    pub tokens: Arc<dyn Tokens>,
    /// Bots, their commands, webhooks.
    pub records: Arc<dyn Records>,
    /// Who may not speak for a time.
    pub mutes: Arc<dyn Mutes>,
    /// Identity of this store's timeline: a short random word that every epoch begins with; `restore` makes a new one.
    pub generation: Arc<str>,
    /// How the shard log is cut.
    pub log_shape: crate::shard_log::LogShape,
}

/// A word of eight characters that nobody has seen before.
pub(crate) fn new_generation() -> Result<String, getrandom::Error> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random)?;
    Ok(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}
