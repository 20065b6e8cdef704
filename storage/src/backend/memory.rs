//! The in-memory reference: what every other backend must do, said as simply as it can be.
//!
//! It keeps rows and nothing that is derived from them: a list, a page or a dedupe look-up folds the rows when it is asked for. That is slow for large
//! stores, and obviously right. A [`Policy`] decides what becomes of each append, so that tests of whatever stands above can lose, repeat and delay
//! acknowledgements.

mod accounts;
mod consumers;
mod log;
mod mutes;
mod records;
mod rows;
mod shared;
mod views;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rialto_protocol::{ConversationId, EntityKey, UserId};
use uuid::Uuid;

use crate::accounts::{Account, BotToken, Family, IdempotentAnswer};
use crate::consumers::{Consumers, Parked};
use crate::limits::CONVERSATION_PART_ROWS;
use crate::records::{Record, RecordKey};
use crate::shard_log::{Append, BucketHead, Fence, LogShape, Outcome};
use crate::views::ReadMark;
use crate::{ErrorKind, Pending, Row, StorageError, Store};

pub use shared::MemoryShared;

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

/// What a consumer is about to write.
#[derive(Clone, Copy, Debug)]
pub enum ConsumerWrite<'a> {
    /// [`crate::consumers::Consumers::write_rows`].
    Rows(&'a [Row]),
    /// [`crate::consumers::Consumers::project`].
    Projections(&'a [Row]),
}

/// What becomes of one consumer's write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerVerdict {
    /// It is done and said so.
    Apply,
    /// It is done, and the answer is an error of this kind.
    FailApplied(ErrorKind),
    /// Nothing is done, and the answer is an error of this kind.
    Fail(ErrorKind),
}

/// Decides, for a consumer's write that is about to be done.
pub type ConsumerPolicy = Arc<dyn Fn(ConsumerWrite<'_>) -> ConsumerVerdict + Send + Sync>;

/// How the reference is cut.
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    /// Rows of one partition of the dedupe index.
    pub part_rows: u64,
    /// Rows of one bucket of a shard log.
    pub bucket_rows: u64,
    /// As [`LogShape::consumed_on_append`]; false: appends write the log only, as in a store that several processes share.
    pub consumed_on_append: bool,
    /// Identity of the timeline.
    pub generation: String,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { part_rows: CONVERSATION_PART_ROWS, bucket_rows: u64::MAX, consumed_on_append: true, generation: "memory".to_owned() }
    }
}

impl MemoryOptions {
    fn log_shape(&self) -> LogShape {
        LogShape { bucket_rows: self.bucket_rows, consumed_on_append: self.consumed_on_append }
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
    consumer_policy: Mutex<Option<ConsumerPolicy>>,
    state: Mutex<State>,
}

/// Rows by entity and seq.
type Entities = BTreeMap<EntityKey, BTreeMap<u64, Row>>;

#[derive(Default)]
struct State {
    heads: HashMap<(u16, u64), BucketHead>,
    /// Buckets whose fence counts; see [`Verdict::Full`].
    claimed: HashMap<(u16, u64), bool>,
    late: Vec<(u16, Append)>,
    /// Rows of the logs, where appends write the log only.
    log_rows: HashMap<(u16, u64), BTreeMap<u64, (Fence, Row)>>,
    first_buckets: HashMap<u16, u64>,
    rows: Entities,
    /// The rows that views are folded from.
    projected: Entities,
    parked: Vec<Parked>,
    snapshots: HashMap<EntityKey, BTreeMap<u64, Bytes>>,
    blobs: HashMap<(EntityKey, Uuid), Bytes>,
    marks: HashMap<(UserId, ConversationId), ReadMark>,
    accounts: HashMap<UserId, Account>,
    families: BTreeMap<Uuid, Family>,
    bots: HashMap<Uuid, BotToken>,
    revocations: BTreeMap<Uuid, u64>,
    idempotent: HashMap<(String, String), IdempotentAnswer>,
    records: BTreeMap<RecordKey, Record>,
    mutes: HashMap<UserId, u64>,
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
        let (policy, consumer_policy) = (Mutex::new(None), Mutex::new(None));
        Self { inner: Arc::new(Inner { options, policy, consumer_policy, state: Mutex::new(State::default()) }) }
    }

    /// Lets `policy` decide every append from now on.
    pub fn set_policy(&self, policy: impl Fn(u16, &Append) -> Verdict + Send + Sync + 'static) {
        *self.policy() = Some(Arc::new(policy));
    }

    /// Every append is done again.
    pub fn clear_policy(&self) {
        *self.policy() = None;
    }

    /// Lets `policy` decide every consumer's write from now on.
    pub fn set_consumer_policy(&self, policy: impl Fn(ConsumerWrite<'_>) -> ConsumerVerdict + Send + Sync + 'static) {
        *self.inner.consumer_policy.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(policy));
    }

    /// Does the appends that [`Verdict::UnknownLate`] held back, in their order; answers how many still met their fence.
    pub fn land_late(&self) -> usize {
        let mut state = self.state();
        let late = std::mem::take(&mut state.late);
        let options = &self.inner.options;
        let landed = late
            .iter()
            .filter(|(shard, append)| log::apply(&mut state, options, *shard, append).is_ok_and(|outcome| outcome == Outcome::Applied));
        landed.count()
    }

    /// All rows of an entity, as they stand.
    #[must_use]
    pub fn rows_of(&self, entity: EntityKey) -> Vec<Row> {
        self.state().rows.get(&entity).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// All entities with rows.
    #[must_use]
    pub fn entities(&self) -> Vec<EntityKey> {
        self.state().rows.keys().copied().collect()
    }

    /// All rows of a shard's log that are not truncated, in order. Empty where appends are consumed at once.
    #[must_use]
    pub fn log_of(&self, shard: u16) -> Vec<(u64, Row)> {
        let state = self.state();
        let buckets = state.log_rows.iter().filter(|((of, _), _)| *of == shard);
        let rows: BTreeMap<u64, Row> = buckets.flat_map(|(_, rows)| rows.iter().map(|(wseq, (_, row))| (*wseq, row.clone()))).collect();
        rows.into_iter().collect()
    }

    /// The rows whose projections were given up.
    #[must_use]
    pub fn parked(&self) -> Vec<Parked> {
        self.state().parked.clone()
    }

    /// The traits.
    #[must_use]
    pub fn store(&self) -> Store {
        Store {
            log: Arc::new(self.clone()),
            consumers: (!self.inner.options.consumed_on_append).then(|| Arc::new(self.clone()) as Arc<dyn Consumers>),
            rows: Arc::new(self.clone()),
            views: Arc::new(self.clone()),
            blobs: Arc::new(self.clone()),
            accounts: Arc::new(self.clone()),
            families: Arc::new(self.clone()),
            tokens: Arc::new(self.clone()),
            records: Arc::new(self.clone()),
            mutes: Arc::new(self.clone()),
            generation: self.inner.options.generation.as_str().into(),
            appends: None,
            log_shape: self.inner.options.log_shape(),
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
