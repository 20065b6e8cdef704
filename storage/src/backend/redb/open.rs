//! Opening and closing a store.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use ::redb::{Builder, Database, Durability, Error, ReadableDatabase};
use tokio::sync::oneshot;

use super::job::{Class, Closure, Job, Transaction, full, pending, ready};
use super::journal::Journal;
use super::keys::space;
use super::kv::{Engine, Source, TABLE};
use super::layers::Layers;
use super::lock::DataLock;
use super::medium::{FileMedium, Medium};
use super::overlay::Overlay;
use super::paced::{Pace, Paced};
use super::queue::Queue;
use super::reader::{self, ReadJob};
use super::space::Space;
use super::view::View;
use super::writer::{OnFatal, Writer};
use super::{checkpoint, codec, metrics};
use crate::limits::{CONVERSATION_PART_ROWS, FREE_BYTES_MIN, JOURNAL_FILE_BYTES, READ_QUEUE_MAX, WRITER_QUEUE_MAX};
use crate::shard_log::LogShape;
use crate::{ErrorKind, Pending, StorageError, Store};

pub(crate) use crate::layout::SCHEMA_VERSION;

/// The same with a journal in front of the tree: while the store is open, and after it was not closed.
pub(crate) const JOURNAL_SCHEMA_VERSION: u64 = 2;
/// The store's file in the data folder.
pub(crate) const FILE_NAME: &str = "store.redb";

/// How an embedded store is opened.
#[derive(Clone, Debug)]
pub struct RedbOptions {
    /// Bytes that the engine may cache.
    pub cache_bytes: usize,
    /// Bytes that must be free on the file system; below, what grows the store is refused.
    pub free_bytes_min: u64,
    /// How often the free bytes are looked at.
    pub free_bytes_every: Duration,
    /// Rows of one partition of the dedupe index.
    pub part_rows: u64,
    /// Threads that read.
    pub readers: usize,
    /// Bytes after which a file of the journal is full and its rows are moved to the tree, many commits at once.
    pub journal_file_bytes: u64,
    /// What the store lies on; `None` = the files `store.redb`, `journal-0` and `journal-1` in the data folder.
    pub medium: Option<Arc<dyn Medium>>,
}

impl Default for RedbOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 1024 * 1024,
            free_bytes_min: FREE_BYTES_MIN,
            free_bytes_every: Duration::from_secs(1),
            part_rows: CONVERSATION_PART_ROWS,
            readers: 2,
            journal_file_bytes: JOURNAL_FILE_BYTES,
            medium: None,
        }
    }
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it, or another part of this one.
    #[error("the store in {0} is held by another process")]
    Held(String),
    /// It was written by a newer program.
    #[error("the store has schema version {found}, this program knows {known}")]
    Newer {
        /// What it says.
        found: u64,
        /// What we know.
        known: u64,
    },
    /// Anything else.
    #[error("open the store: {0}")]
    Failed(String),
}

/// What the threads of a store share.
pub(crate) struct Shared {
    pub(crate) options: Resolved,
    pub(crate) generation: Arc<str>,
    pub(crate) writes: Queue<Box<dyn Job>>,
    pub(crate) reads: Queue<ReadJob>,
    /// The database is about to be closed: long reads must let go of it.
    pub(crate) closing: AtomicBool,
    /// What lies in front of the tree.
    pub(crate) layers: Layers,
    database: RwLock<Option<Database>>,
}

/// Options with what they lie on.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) cache_bytes: usize,
    pub(crate) part_rows: u64,
    pub(crate) journal_file_bytes: u64,
    pub(crate) medium: Arc<dyn Medium>,
    /// Of the checkpoint under way.
    pub(crate) pace: Arc<Pace>,
}

impl Shared {
    /// The database for reading from or committing to; `None` while it is opened again.
    pub(crate) fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the database; waits until nobody uses it.
    pub(crate) fn database_slot(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open embedded store; clones are the same store. Closing the last one waits for what is queued and closes the file cleanly.
#[derive(Clone)]
pub struct RedbStore {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<DataLock>>,
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RedbStore").field("generation", &self.inner.shared.generation).finish_non_exhaustive()
    }
}

impl RedbStore {
    /// Opens the store of a data folder, making both when absent. `on_fatal` is called once, from the writer's thread, when a commit failed for
    /// another reason than lack of space: nothing of it was acknowledged, nothing later will be, and the process should end (exit code 4).
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(folder: &Path, options: RedbOptions, on_fatal: impl Fn(String) + Send + 'static) -> Result<Self, OpenError> {
        let failed = |error: &dyn fmt::Display| OpenError::Failed(error.to_string());
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let lock = hold(folder)?;
        let medium = options.medium.clone().unwrap_or_else(|| Arc::new(FileMedium::new(&folder.join(FILE_NAME))));
        let resolved = Resolved {
            cache_bytes: options.cache_bytes,
            part_rows: options.part_rows,
            journal_file_bytes: options.journal_file_bytes,
            medium,
            pace: Arc::default(),
        };
        let database = open_database(&resolved).map_err(|error| match error {
            Error::DatabaseAlreadyOpen => OpenError::Held(folder.display().to_string()),
            error => failed(&error),
        })?;
        let generation = check_or_create(&database)?;
        let opened = Journal::open(&database, &*resolved.medium, resolved.journal_file_bytes).map_err(|error| failed(&error))?;
        metrics::describe();
        Self::start(lock, (database, opened), resolved, generation, &options, Box::new(on_fatal)).map_err(|error| failed(&error))
    }

    fn start(
        lock: DataLock,
        (database, (journal, missing)): (Database, (Journal, Overlay)),
        resolved: Resolved,
        generation: Arc<str>,
        options: &RedbOptions,
        on_fatal: OnFatal,
    ) -> io::Result<Self> {
        let space = Space::new(Arc::clone(&resolved.medium), options.free_bytes_min, options.free_bytes_every);
        let shared = Arc::new(Shared {
            options: resolved,
            generation,
            writes: Queue::new(WRITER_QUEUE_MAX),
            reads: Queue::new(READ_QUEUE_MAX),
            closing: AtomicBool::new(false),
            layers: Layers::new(missing, journal.next_seq() - 1, journal.mark()),
            database: RwLock::new(Some(database)),
        });
        let inner = Arc::new(Inner { shared: Arc::clone(&shared), threads: Mutex::new(Vec::new()), lock: Mutex::new(Some(lock)) });
        let store = Self { inner };
        let writer = Writer::new(Arc::clone(&shared), journal, space, on_fatal);
        store.spawn("store-writer", move || writer.run())?;
        let checkpointed = Arc::clone(&shared);
        store.spawn("store-checkpoint", move || checkpoint::run(&checkpointed))?;
        for _ in 0..options.readers.max(1) {
            let shared = Arc::clone(&shared);
            store.spawn("store-reader", move || reader::run(&shared))?;
        }
        Ok(store)
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// The traits.
    #[must_use]
    pub fn store(&self) -> Store {
        Store {
            log: Arc::new(self.clone()),
            consumers: None,
            rows: Arc::new(self.clone()),
            views: Arc::new(self.clone()),
            blobs: Arc::new(self.clone()),
            accounts: Arc::new(self.clone()),
            families: Arc::new(self.clone()),
            tokens: Arc::new(self.clone()),
            records: Arc::new(self.clone()),
            mutes: Arc::new(self.clone()),
            generation: Arc::clone(&self.inner.shared.generation),
            appends: None,
            log_shape: LogShape::EMBEDDED,
        }
    }

    /// Identity of this store's timeline.
    #[must_use]
    pub fn generation(&self) -> Arc<str> {
        Arc::clone(&self.inner.shared.generation)
    }

    /// Finishes what is queued, closes the file cleanly and lets go of the lock; blocks. Later calls on any clone answer `Overloaded` or `Unavailable`.
    pub fn close(&self) {
        self.inner.close();
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    pub(crate) fn read<T, F>(&self, what: &'static str, read: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&View) -> Engine<T> + Send + 'static,
    {
        reader::submit(&self.inner.shared, what, read)
    }

    pub(crate) fn write<T, F>(&self, what: &'static str, class: Class, bytes: usize, run: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Engine<Result<T, StorageError>> + Send + 'static,
    {
        self.submit(Closure { what, class, bytes, rows: 0, run: Some(run), answer: None, full, done: oneshot::channel().0 })
    }

    /// Queues a job, with a new way back to the caller.
    pub(crate) fn submit<T, F>(&self, mut job: Closure<T, F>) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Engine<Result<T, StorageError>> + Send + 'static,
    {
        let (done, wait) = oneshot::channel();
        let what = job.what;
        job.done = done;
        match self.inner.shared.writes.push(Box::new(job)) {
            Ok(()) => pending(what, wait),
            Err(_) => {
                metrics::failure("overloaded");
                ready(Err(StorageError::new(ErrorKind::Overloaded, what, "too many writes wait")))
            }
        }
    }
}

impl Inner {
    fn close(&self) {
        self.shared.closing.store(true, std::sync::atomic::Ordering::SeqCst);
        self.shared.writes.close();
        self.shared.reads.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has said so; there is nothing to add here.
            let _panicked = thread.join();
        }
        *self.shared.database_slot() = None;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Takes the folder's lock.
pub(crate) fn hold(folder: &Path) -> Result<DataLock, OpenError> {
    match DataLock::take(folder) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(OpenError::Held(folder.display().to_string())),
        Err(error) => Err(OpenError::Failed(error.to_string())),
    }
}

/// Opens the engine over the medium, repairing it when it was not closed.
pub(crate) fn open_database(options: &Resolved) -> Engine<Database> {
    let backend = options.medium.open()?;
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes);
    builder.set_repair_callback(|session| tracing::info!(progress = session.progress(), "the store was not closed cleanly; repairing it"));
    Ok(builder.create_with_backend(Paced::new(backend, Arc::clone(&options.pace)))?)
}

/// The stored generation, or a new one in a new store.
fn check_or_create(database: &Database) -> Result<Arc<str>, OpenError> {
    let failed = |error: Error| OpenError::Failed(error.to_string());
    if let Some((schema, generation)) = identity(database).map_err(failed)? {
        if schema > JOURNAL_SCHEMA_VERSION {
            return Err(OpenError::Newer { found: schema, known: JOURNAL_SCHEMA_VERSION });
        }
        return Ok(generation.into());
    }
    let generation = crate::store::new_generation().map_err(|error| OpenError::Failed(error.to_string()))?;
    create(database, &generation).map_err(failed)?;
    Ok(generation.into())
}

pub(crate) const SCHEMA_KEY: &[u8] = &[space::STORE, 1];
pub(crate) const GENERATION_KEY: &[u8] = &[space::STORE, 2];

fn identity(database: &Database) -> Engine<Option<(u64, String)>> {
    let transaction = database.begin_read()?;
    let table = match transaction.open_table(TABLE) {
        Ok(table) => table,
        Err(::redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(schema) = table.with(SCHEMA_KEY, |value| codec::decode("schema version", value))? else { return Ok(None) };
    let generation = table.with(GENERATION_KEY, |value| codec::decode("generation", value))?;
    Ok(Some((schema, generation.ok_or_else(|| codec::corrupt("generation"))?)))
}

/// Makes the table with the store's identity in it.
pub(crate) fn create(database: &Database, generation: &str) -> Engine<()> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate).map_err(|error| Error::Corrupted(error.to_string()))?;
    {
        let mut table = transaction.open_table(TABLE)?;
        table.insert(SCHEMA_KEY, codec::encode(&SCHEMA_VERSION).as_slice())?;
        table.insert(GENERATION_KEY, codec::encode(&generation).as_slice())?;
    }
    Ok(transaction.commit()?)
}
