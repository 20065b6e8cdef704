//! What an answer of the engine means. Of a conditional write only `[applied]` is certain; almost every error leaves open whether it was, or will be, applied.

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::response::query_result::QueryResult;
use scylla::value::{CqlValue, Row};

use crate::shard_log::Outcome;
use crate::{ErrorKind, StorageError};

/// The answer to a conditional write. Its shape differs from engine to engine and from call to call: columns are found by name, a missing one is null.
pub(super) struct Conditional {
    /// Whether it was done.
    pub(super) applied: bool,
    columns: Vec<(String, Option<CqlValue>)>,
}

impl Conditional {
    pub(super) fn read(what: &'static str, result: QueryResult) -> Result<Self, StorageError> {
        let corrupt = |cause: &dyn std::fmt::Display| StorageError::new(ErrorKind::Corrupt, what, cause);
        let rows = result.into_rows_result().map_err(|error| corrupt(&error))?;
        let row: Row = rows.first_row().map_err(|error| corrupt(&error))?;
        let names = rows.column_specs().iter().map(|spec| spec.name().to_owned());
        let columns: Vec<_> = names.zip(row.columns).collect();
        let applied = columns.iter().find(|(name, _)| name == "[applied]").and_then(|(_, value)| value.as_ref()?.as_boolean());
        let applied = applied.ok_or_else(|| corrupt(&"an answer without [applied]"))?;
        Ok(Self { applied, columns })
    }

    /// A column's present value, where the engine says it.
    pub(super) fn column(&self, name: &str) -> Option<&CqlValue> {
        self.columns.iter().find(|(of, _)| of == name).and_then(|(_, value)| value.as_ref())
    }
}

/// The outcome of a conditional write to a log.
pub(super) fn log_outcome(what: &'static str, result: Result<QueryResult, ExecutionError>) -> Result<Outcome, StorageError> {
    match result {
        Ok(result) => Ok(if Conditional::read(what, result)?.applied { Outcome::Applied } else { Outcome::Fenced }),
        Err(error) if was_not_tried(&error) => Err(failure(what, &error)),
        Err(error) => {
            tracing::debug!(what, %error, "outcome unknown");
            Ok(Outcome::Unknown)
        }
    }
}

/// Whether nothing of a conditional write can have happened, now or later.
fn was_not_tried(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::BadQuery(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::PrepareError(_)
        | ExecutionError::ConnectionPoolError(_)
        | ExecutionError::LastAttemptError(RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_)) => {
            true
        }
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(DbError::Unavailable { consistency, .. }, _)) => {
            // At any other level it may come after the commit.
            matches!(consistency, scylla::statement::Consistency::LocalSerial | scylla::statement::Consistency::Serial)
        }
        error => is_refused(error),
    }
}

/// Whether the engine finds the request itself wrong.
fn is_refused(error: &ExecutionError) -> bool {
    use DbError::{ConfigError, Invalid, SyntaxError, Unauthorized};
    match error {
        ExecutionError::BadQuery(_) => true,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(kind, _)) => {
            matches!(kind, Invalid | SyntaxError | Unauthorized | ConfigError)
        }
        _ => false,
    }
}

/// An error as callers see it.
pub(super) fn failure(what: &'static str, error: &ExecutionError) -> StorageError {
    let kind = if is_refused(error) { ErrorKind::Limit } else { ErrorKind::Unavailable };
    StorageError::new(kind, what, error)
}

#[cfg(test)]
mod tests {
    use scylla::errors::WriteType;
    use scylla::statement::Consistency;

    use super::*;

    fn said(error: DbError) -> Result<Outcome, ErrorKind> {
        let error = ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "as the engine says".to_owned()));
        log_outcome("append", Err(error)).map_err(|error| error.kind)
    }

    #[test]
    fn a_timeout_is_neither_success_nor_failure() {
        let write_type = WriteType::Cas;
        let timeout =
            DbError::WriteTimeout { consistency: Consistency::LocalSerial, received: 1, required: 2, write_type: write_type.clone() };
        assert_eq!(said(timeout), Ok(Outcome::Unknown));
        let failure = DbError::WriteFailure { consistency: Consistency::LocalSerial, received: 0, required: 1, numfailures: 1, write_type };
        assert_eq!(said(failure), Ok(Outcome::Unknown));
        for error in [DbError::ServerError, DbError::Overloaded, DbError::IsBootstrapping, DbError::Other(0x1700)] {
            assert_eq!(said(error), Ok(Outcome::Unknown));
        }
        let timeout = ExecutionError::RequestTimeout(std::time::Duration::from_secs(1));
        assert_eq!(log_outcome("append", Err(timeout)).unwrap(), Outcome::Unknown);
    }

    #[test]
    fn unavailable_is_certain_only_before_the_commit() {
        let at = |consistency| DbError::Unavailable { consistency, required: 2, alive: 1 };
        assert_eq!(said(at(Consistency::LocalSerial)), Err(ErrorKind::Unavailable));
        assert_eq!(said(at(Consistency::LocalQuorum)), Ok(Outcome::Unknown));
    }

    #[test]
    fn a_request_that_is_wrong_was_not_done() {
        assert_eq!(said(DbError::Invalid), Err(ErrorKind::Limit));
        assert_eq!(said(DbError::SyntaxError), Err(ErrorKind::Limit));
    }
}
