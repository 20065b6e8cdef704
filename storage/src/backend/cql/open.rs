//! Opening the store, and the runtime that its requests run on.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use super::core::Core;
use super::options::CqlOptions;
use super::restore::RESTORING;
use super::session::{Profiles, connect};
use super::statements::Statements;
use super::value::text;
use super::{check, metrics, migrate, schema};
use crate::shard_log::LogShape;
use crate::{ErrorKind, Pending, StorageError, Store};

/// The record that names the store's timeline.
pub(super) const GENERATION: &str = "generation";
/// Threads that send requests and take answers apart.
const RUNTIME_THREADS: usize = 2;

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum CqlError {
    /// No node of the engine answers, or it does not let us in.
    #[error("connect to {hosts}: {cause}")]
    Connect {
        /// Where.
        hosts: String,
        /// Why not.
        cause: String,
    },
    /// Certificates or keys cannot be used.
    #[error("store.cql.tls: {0}")]
    Tls(String),
    /// The engine would lose acknowledged rows.
    #[error("{0}; store.cql.allow_unsafe = true overrides this")]
    Unsafe(String),
    /// The tables belong to a newer program.
    #[error("the tables are of version {found}, this program knows up to {}: use a newer one", schema::SCHEMA_VERSION)]
    Newer {
        /// Their version.
        found: u32,
    },
    /// Keyspace or tables cannot be made or used.
    #[error("prepare the tables: {0}")]
    Schema(String),
    /// The store was cut another way than is asked for.
    #[error("the store was made with {key} = {found}, not {wanted}")]
    Shape {
        /// What is different.
        key: &'static str,
        /// As stored.
        found: String,
        /// As asked for.
        wanted: String,
    },
    /// A restore into the keyspace is under way, or was broken off.
    #[error("a restore into keyspace {0} has not come to its end: do it again, or drop the keyspace")]
    Restoring(String),
    /// A request failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The store on a CQL engine; clones are the same store.
#[derive(Clone)]
pub struct CqlStore {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    generation: Arc<str>,
    threads: Threads,
}

/// The store's own runtime.
struct Threads(Option<Runtime>);

impl Threads {
    fn start() -> Result<Self, StorageError> {
        let built = Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).thread_name("cql").enable_all().build();
        let failed = |error| StorageError::new(ErrorKind::Unavailable, "start the engine's threads", error);
        Ok(Self(Some(built.map_err(failed)?)))
    }

    async fn run<T: Send + 'static>(running: Option<JoinHandle<Result<T, StorageError>>>) -> Result<T, StorageError> {
        let gone = |cause: &dyn std::fmt::Display| StorageError::new(ErrorKind::Unavailable, "carry a request out", cause);
        match running {
            Some(running) => running.await.unwrap_or_else(|error| Err(gone(&error))),
            None => Err(gone(&"the store is closed")),
        }
    }

    fn spawn<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<JoinHandle<T>> {
        self.0.as_ref().map(|runtime| runtime.spawn(future))
    }
}

/// A runtime must not wait for its threads where others must not wait.
impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl CqlStore {
    /// Connects, checks that the engine can keep what we promise, makes keyspace and tables or brings them up to date.
    ///
    /// # Errors
    /// When no node answers, the engine is unsafe, or the tables cannot be used.
    pub async fn open(options: CqlOptions) -> Result<Self, CqlError> {
        let store = Self::open_to_restore(options).await?;
        match store.record(RESTORING).await? {
            None => Ok(store),
            Some(_) => Err(CqlError::Restoring(store.inner.core.options.keyspace.clone())),
        }
    }

    /// Opens it for [`Self::restore`] only, which may go on with one that was broken off.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_to_restore(options: CqlOptions) -> Result<Self, CqlError> {
        let threads = Threads::start()?;
        metrics::describe();
        // What the opening says is wrapped twice, so that its errors keep their kind.
        let (core, generation) = Threads::run(threads.spawn(async { Ok(open(options).await) })).await??;
        threads.spawn(metrics::report(Arc::downgrade(&core)));
        Ok(Self { inner: Arc::new(Inner { core, generation, threads }) })
    }

    /// Removes everything that is stored but the schema and the generation. For tests.
    ///
    /// # Errors
    /// When the engine does not do it.
    #[doc(hidden)]
    pub async fn clear(&self) -> Result<(), StorageError> {
        self.run(|core| async move {
            let cleared = schema::TABLES.map(|table| core.session.query_unpaged(format!("TRUNCATE {table}"), ()));
            let failure = |error| StorageError::new(ErrorKind::Unavailable, "clear the store", error);
            futures_util::future::try_join_all(cleared).await.map_err(failure)?;
            if let Some(standing) = core.record(RESTORING).await? {
                core.conditional("clear the store", &core.statements.meta_cut, vec![text(RESTORING), text(standing)]).await?;
            }
            Ok(())
        })
        .await
    }

    /// A record of the store's own, such as its sealed keys.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn record(&self, name: &'static str) -> Result<Option<String>, StorageError> {
        self.run(move |core| async move { core.record(name).await }).await
    }

    /// Replaces a record if it still is `seen`; answers the one that stands.
    ///
    /// # Errors
    /// When the engine does not answer: the record may have been replaced.
    pub async fn replace_record(&self, name: &'static str, seen: Option<String>, new: String) -> Result<String, StorageError> {
        self.run(move |core| async move { core.replace_record(name, seen, new).await }).await
    }

    /// The traits.
    #[must_use]
    pub fn store(&self) -> Store {
        Store {
            log: Arc::new(self.clone()),
            consumers: Some(Arc::new(self.clone())),
            rows: Arc::new(self.clone()),
            views: Arc::new(self.clone()),
            blobs: Arc::new(self.clone()),
            accounts: Arc::new(self.clone()),
            families: Arc::new(self.clone()),
            tokens: Arc::new(self.clone()),
            records: Arc::new(self.clone()),
            mutes: Arc::new(self.clone()),
            generation: self.inner.generation.clone(),
            appends: Some(Arc::clone(&self.inner.core.appends)),
            log_shape: LogShape::shared(self.inner.core.options.bucket_rows),
        }
    }

    /// Identity of this store's timeline.
    #[must_use]
    pub fn generation(&self) -> &str {
        &self.inner.generation
    }

    /// What long works stand on; `None` when the store is closed.
    pub(super) fn parts(&self) -> Option<(&Handle, &Arc<Core>)> {
        Some((self.inner.threads.0.as_ref()?.handle(), &self.inner.core))
    }

    /// Runs a request on the store's own runtime: it goes on when nobody waits for it any more.
    pub(super) fn run<T, F>(&self, request: impl FnOnce(Arc<Core>) -> F) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StorageError>> + Send + 'static,
    {
        Box::pin(Threads::run(self.inner.threads.spawn(request(Arc::clone(&self.inner.core)))))
    }
}

async fn open(options: CqlOptions) -> Result<(Arc<Core>, Arc<str>), CqlError> {
    let profiles = Profiles::default();
    let session = connect(&options, &profiles).await?;
    let engine = check::engine(&session).await;
    check::check(&session, engine, &options).await?;
    migrate::migrate(&session, engine, &options).await?;
    check::warn_of_single_replica(&session, &options.keyspace).await;
    let statements = Box::pin(Statements::prepare(&session, &profiles)).await.map_err(|error| CqlError::Schema(error.to_string()))?;
    let core = Core::new(session, statements, profiles, options);
    for (key, wanted) in [("part_rows", core.options.part_rows), ("bucket_rows", core.options.bucket_rows)] {
        let wanted = wanted.to_string();
        let found = standing(&core, key, wanted.clone()).await?;
        if found != wanted {
            return Err(CqlError::Shape { key, found, wanted });
        }
    }
    let generation = standing(&core, GENERATION, crate::store::new_generation().map_err(random)?).await?;
    Ok((core, generation.into()))
}

fn random(error: getrandom::Error) -> StorageError {
    StorageError::new(ErrorKind::Unavailable, "name a new store", error)
}

/// What stands under a name in the store's own records: what is there, else what is given.
async fn standing(core: &Core, name: &'static str, given: String) -> Result<String, StorageError> {
    match core.record(name).await? {
        Some(found) => Ok(found),
        None => core.replace_record(name, None, given).await,
    }
}
