//! What every part of the backend does its requests with.

use std::sync::Arc;

use futures_util::TryStreamExt;
use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::response::query_result::QueryResult;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::metrics::Times;
use super::options::CqlOptions;
use super::outcome::{Conditional, failure, log_outcome};
use super::session::Profiles;
use super::statements::Statements;
use super::value::{Values, text};
use crate::limits::{CQL_FLUSHES_MAX, CQL_REQUESTS_MAX};
use crate::shard_log::Outcome;
use crate::{ErrorKind, StorageError};

/// Session, statements and limits; lives on the backend's own runtime.
pub(super) struct Core {
    pub(super) session: Session,
    pub(super) statements: Statements,
    pub(super) options: CqlOptions,
    profiles: Profiles,
    /// Appends under way: few, so that rows gather. Shards take a place before they say which rows go.
    pub(super) appends: Arc<Semaphore>,
    /// Everything else under way.
    requests: Semaphore,
    times: Times,
}

type Done<T> = Result<T, StorageError>;

impl Core {
    pub(super) fn new(session: Session, statements: Statements, profiles: Profiles, options: CqlOptions) -> Arc<Self> {
        let (appends, requests) = (Arc::new(Semaphore::new(CQL_FLUSHES_MAX)), Semaphore::new(CQL_REQUESTS_MAX));
        Arc::new(Self { session, statements, options, profiles, appends, requests, times: Times::default() })
    }

    /// A record of the store's own.
    pub(super) async fn record(&self, name: &str) -> Done<Option<String>> {
        let found: Option<(String,)> = self.first("read the store's own record", &self.statements.meta_get, vec![text(name)]).await?;
        Ok(found.map(|(value,)| value))
    }

    /// Replaces a record if it still is `seen`; answers the one that stands.
    pub(super) async fn replace_record(&self, name: &str, seen: Option<String>, new: String) -> Done<String> {
        let (what, statements) = ("replace the store's own record", &self.statements);
        let made = match seen {
            None => self.conditional(what, &statements.meta_make, vec![text(name), text(new.clone())]).await?,
            Some(seen) => self.conditional(what, &statements.meta_change, vec![text(new.clone()), text(name), text(seen)]).await?,
        };
        let stands = made.column("v").and_then(|value| value.as_text()).filter(|_| !made.applied);
        Ok(stands.map_or(new, ToString::to_string))
    }

    async fn request(&self) -> Option<SemaphorePermit<'_>> {
        self.requests.acquire().await.ok()
    }

    async fn execute(&self, what: &'static str, statement: &PreparedStatement, values: Values) -> Done<QueryResult> {
        let _permit = self.request().await;
        self.times.other.of(self.session.execute_unpaged(statement, values)).await.map_err(|error| failure(what, &error))
    }

    /// Executes a write.
    pub(super) async fn write(&self, what: &'static str, statement: &PreparedStatement, values: Values) -> Done<()> {
        self.execute(what, statement, values).await.map(drop)
    }

    /// Executes a conditional write whose outcome must be known: an unknown one is an error.
    pub(super) async fn conditional(&self, what: &'static str, statement: &PreparedStatement, values: Values) -> Done<Conditional> {
        Conditional::read(what, self.execute(what, statement, values).await?)
    }

    /// Executes a conditional write to a log.
    pub(super) async fn log_write(&self, what: &'static str, statement: &PreparedStatement, values: Values) -> Done<Outcome> {
        let _permit = self.request().await;
        log_outcome(what, self.times.other.of(self.session.execute_unpaged(statement, values)).await)
    }

    /// One conditional batch to a log. Of appends no more come than there are places for them.
    pub(super) async fn log_batch(&self, what: &'static str, statements: Vec<(&PreparedStatement, Values)>) -> Done<Outcome> {
        let (mut batch, values) = unlogged(statements);
        batch.set_execution_profile_handle(Some(self.profiles.conditional.clone()));
        log_outcome(what, self.times.append.of(self.session.batch(&batch, values)).await)
    }

    /// Plain idempotent writes to one partition: one mutation.
    pub(super) async fn write_batch(&self, what: &'static str, statements: Vec<(&PreparedStatement, Values)>) -> Done<()> {
        let _permit = self.request().await;
        let (mut batch, values) = unlogged(statements);
        batch.set_is_idempotent(true);
        batch.set_execution_profile_handle(Some(self.profiles.write.clone()));
        self.times.batch.of(self.session.batch(&batch, values)).await.map_err(|error| failure(what, &error)).map(drop)
    }

    /// The rows of a bounded read.
    pub(super) async fn select<Row>(&self, what: &'static str, statement: &PreparedStatement, values: Values) -> Done<Vec<Row>>
    where
        Row: for<'frame> DeserializeRow<'frame, 'frame>,
    {
        let result = self.execute(what, statement, values).await?;
        let rows = result.into_rows_result().map_err(|error| corrupt(what, error))?;
        let typed = rows.rows::<Row>().map_err(|error| corrupt(what, error))?;
        typed.map(|row| row.map_err(|error| corrupt(what, error))).collect()
    }

    /// The first row of a read.
    pub(super) async fn first<Row>(&self, what: &'static str, statement: &PreparedStatement, values: Values) -> Done<Option<Row>>
    where
        Row: for<'frame> DeserializeRow<'frame, 'frame>,
    {
        Ok(self.select(what, statement, values).await?.into_iter().next())
    }

    /// The rows of a read without a bound, page by page.
    pub(super) async fn select_all<Row>(&self, what: &'static str, statement: &PreparedStatement, values: Values) -> Done<Vec<Row>>
    where
        Row: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata> + 'static,
    {
        let _permit = self.request().await;
        let unavailable = |cause: &dyn std::fmt::Display| StorageError::new(ErrorKind::Unavailable, what, cause);
        let pager = self.session.execute_iter(statement.clone(), values).await.map_err(|error| unavailable(&error))?;
        let stream = pager.rows_stream::<Row>().map_err(|error| corrupt(what, error))?;
        stream.try_collect().await.map_err(|error| unavailable(&error))
    }
}

fn unlogged(statements: Vec<(&PreparedStatement, Values)>) -> (Batch, Vec<Values>) {
    let mut batch = Batch::new(BatchType::Unlogged);
    let mut values = Vec::with_capacity(statements.len());
    for (statement, bound) in statements {
        batch.append_statement(statement.clone());
        values.push(bound);
    }
    (batch, values)
}

/// What is stored cannot be read.
pub(super) fn corrupt(what: &'static str, cause: impl std::fmt::Display) -> StorageError {
    StorageError::new(ErrorKind::Corrupt, what, cause)
}

/// The request breaks a limit.
pub(super) fn limit(what: &'static str, cause: impl std::fmt::Display) -> StorageError {
    StorageError::new(ErrorKind::Limit, what, cause)
}
