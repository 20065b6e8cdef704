//! The in-memory reference: what every other backend must do, said as simply as it can be.
//!
//! It keeps rows and nothing that is derived from them: a list, a page or a dedupe look-up folds the rows when it is asked for. That is slow for large
//! stores, and obviously right. A [`Policy`] decides what becomes of each append, so that tests of whatever stands above can lose, repeat and delay
//! acknowledgements.

mod accounts;
mod log;
mod rows;
mod views;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rialto_protocol::{ConversationId, EntityKey, UserId};
use uuid::Uuid;

use crate::accounts::{Account, BotToken, Family, IdempotentAnswer};
use crate::limits::CONVERSATION_PART_ROWS;
use crate::shard_log::{Append, BucketHead, LogShape};
use crate::views::ReadMark;
use crate::{ErrorKind, Pending, Row, StorageError, Store};

/// What becomes of one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done and said so, if its fence holds.
    Apply,
    /// Nothing is done; the answer is [`crate::shard_log::Outcome::Fenced`], and the fence is void: only a new claim helps.
    Fenced,
    /// It is done if its fence holds, and the answer is [`crate::shard_log::Outcome::Unknown`].
    UnknownApplied,
    /// Nothing is done, and the answer is [`crate::shard_log::Outcome::Unknown`].
    UnknownNot,
    /// As `UnknownNot`, but [`MemoryStore::land_late`] does it later, if its fence holds then.
    UnknownLate,
    /// Nothing is done; the answer is [`crate::shard_log::Outcome::Full`], and all fences are void as after a store was opened again.
    Full,
    /// Nothing is done; the answer is an error of this kind.
    Fail(ErrorKind),
}

/// Decides, for the append of a shard that is about to be done.
pub type Policy = Arc<dyn Fn(u16, &Append) -> Verdict + Send + Sync>;

/// How the reference is cut.
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    /// Rows of one partition of the dedupe index.
    pub part_rows: u64,
    /// Rows of one bucket of a shard log.
    pub bucket_rows: u64,
    /// Identity of the timeline.
    pub generation: String,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { part_rows: CONVERSATION_PART_ROWS, bucket_rows: u64::MAX, generation: "memory".to_owned() }
    }
}

/// The reference; clones are the same store.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    options: MemoryOptions,
    policy: Mutex<Option<Policy>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    heads: HashMap<(u16, u64), BucketHead>,
    /// Buckets whose fence counts; see [`Verdict::Full`].
    claimed: HashMap<(u16, u64), bool>,
    late: Vec<(u16, Append)>,
    rows: BTreeMap<EntityKey, Vec<Row>>,
    snapshots: HashMap<EntityKey, BTreeMap<u64, Bytes>>,
    blobs: HashMap<(EntityKey, Uuid), Bytes>,
    marks: HashMap<(UserId, ConversationId), ReadMark>,
    accounts: HashMap<UserId, Account>,
    families: BTreeMap<Uuid, Family>,
    bots: HashMap<Uuid, BotToken>,
    revocations: BTreeMap<Uuid, u64>,
    idempotent: HashMap<(String, String), IdempotentAnswer>,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MemoryStore").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(MemoryOptions::default())
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        Self { inner: Arc::new(Inner { options, policy: Mutex::new(None), state: Mutex::new(State::default()) }) }
    }

    /// Lets `policy` decide every append from now on.
    pub fn set_policy(&self, policy: impl Fn(u16, &Append) -> Verdict + Send + Sync + 'static) {
        *self.policy() = Some(Arc::new(policy));
    }

    /// Every append is done again.
    pub fn clear_policy(&self) {
        *self.policy() = None;
    }

    /// Does the appends that [`Verdict::UnknownLate`] held back, in their order; answers how many still met their fence.
    pub fn land_late(&self) -> usize {
        let mut state = self.state();
        let late = std::mem::take(&mut state.late);
        late.into_iter()
            .filter(|(shard, append)| matches!(log::apply(&mut state, *shard, append), Ok(crate::shard_log::Outcome::Applied)))
            .count()
    }

    /// All rows of an entity, as they stand.
    #[must_use]
    pub fn rows_of(&self, entity: EntityKey) -> Vec<Row> {
        self.state().rows.get(&entity).cloned().unwrap_or_default()
    }

    /// All entities with rows.
    #[must_use]
    pub fn entities(&self) -> Vec<EntityKey> {
        self.state().rows.keys().copied().collect()
    }

    /// The traits.
    #[must_use]
    pub fn store(&self) -> Store {
        Store {
            log: Arc::new(self.clone()),
            rows: Arc::new(self.clone()),
            views: Arc::new(self.clone()),
            blobs: Arc::new(self.clone()),
            accounts: Arc::new(self.clone()),
            families: Arc::new(self.clone()),
            tokens: Arc::new(self.clone()),
            generation: self.inner.options.generation.as_str().into(),
            log_shape: LogShape { bucket_rows: self.inner.options.bucket_rows, consumed_on_append: true },
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn policy(&self) -> MutexGuard<'_, Option<Policy>> {
        self.inner.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now<T: Send + 'static>(&self, run: impl FnOnce(&mut State) -> T) -> Pending<T> {
        let value = run(&mut self.state());
        Box::pin(std::future::ready(Ok(value)))
    }

    fn try_now<T: Send + 'static>(&self, run: impl FnOnce(&mut State) -> Result<T, StorageError>) -> Pending<T> {
        let value = run(&mut self.state());
        Box::pin(std::future::ready(value))
    }
}
