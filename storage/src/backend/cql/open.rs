//! Opening the store, and the runtime that its requests run on.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::core::Core;
use super::options::CqlOptions;
use super::session::{Profiles, connect};
use super::statements::Statements;
use super::value::text;
use super::{check, metrics, migrate, schema};
use crate::shard_log::LogShape;
use crate::{ErrorKind, Pending, StorageError, Store};

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
            futures_util::future::try_join_all(cleared).await.map(drop).map_err(failure)
        })
        .await
    }

    /// A record of the store's own, such as its sealed keys.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn record(&self, name: &'static str) -> Result<Option<String>, StorageError> {
        let read = self.run(move |core| async move {
            let found: Option<(String,)> = core.first("read a record", &core.statements.meta_get, vec![text(name)]).await?;
            Ok(found.map(|(value,)| value))
        });
        read.await
    }

    /// Replaces a record if it still is `seen`; answers the one that stands.
    ///
    /// # Errors
    /// When the engine does not answer: the record may have been replaced.
    pub async fn replace_record(&self, name: &'static str, seen: Option<String>, new: String) -> Result<String, StorageError> {
        let replaced = self.run(move |core| async move {
            let (what, statements) = ("replace a record", &core.statements);
            let made = match seen {
                None => core.conditional(what, &statements.meta_make, vec![text(name), text(new.clone())]).await?,
                Some(seen) => core.conditional(what, &statements.meta_change, vec![text(new.clone()), text(name), text(seen)]).await?,
            };
            let stands = made.column("v").and_then(|value| value.as_text()).filter(|_| !made.applied);
            Ok(stands.map_or(new, ToString::to_string))
        });
        replaced.await
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
            mutes: Arc::new(self.clone()),
            generation: self.inner.generation.clone(),
            log_shape: LogShape { bucket_rows: self.inner.core.options.bucket_rows, consumed_on_append: false },
        }
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
    let session = connect(&options, &profiles).await;
    let session = session.map_err(|error| CqlError::Connect { hosts: options.hosts.join(", "), cause: error.to_string() })?;
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
    let generation = standing(&core, "generation", crate::store::new_generation().map_err(random)?).await?;
    Ok((core, generation.into()))
}

fn random(error: getrandom::Error) -> StorageError {
    StorageError::new(ErrorKind::Unavailable, "name a new store", error)
}

/// What stands under a key of `meta`: what is there, else what is given.
pub(super) async fn standing(core: &Core, key: &'static str, given: String) -> Result<String, StorageError> {
    let what = "read the store's own record";
    let found: Option<(String,)> = core.first(what, &core.statements.meta_get, vec![text(key)]).await?;
    if let Some((found,)) = found {
        return Ok(found);
    }
    let made = core.conditional(what, &core.statements.meta_make, vec![text(key), text(given.clone())]).await?;
    let stands = made.column("v").and_then(|value| value.as_text()).filter(|_| !made.applied);
    Ok(stands.map_or(given, ToString::to_string))
}
