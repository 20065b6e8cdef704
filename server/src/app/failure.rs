//! Why a command or the node ends, with its exit code.

use std::fmt;
use std::process::ExitCode;

use rialto_protocol::{ErrorCode, Refusal};
use rialto_storage::StorageError;
use rialto_storage::backend::cql::CqlError;
use rialto_storage::backend::redb::OpenError;
use rialto_storage::backup::{BackupError, RestoreError, VerifyError};
use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

/// What an exit code means. The numbers are part of the command line's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Anything without a number of its own.
    Failed = 1,
    /// Bad usage or configuration.
    Usage = 2,
    /// The store is held by another process.
    Held = 3,
    /// Storage failed.
    Storage = 4,
}

/// One clear line and an exit code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// The line.
    pub message: String,
}

impl Failure {
    /// A failure with its line.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    /// The process's exit code.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let exit = match error {
            OpenError::Held(_) => Exit::Held,
            OpenError::Newer { .. } | OpenError::Failed(_) => Exit::Storage,
        };
        Self::new(exit, error)
    }
}

impl From<CqlError> for Failure {
    fn from(error: CqlError) -> Self {
        let exit = match error {
            CqlError::Tls(_) | CqlError::Unsafe(_) | CqlError::Shape { .. } | CqlError::Restoring(_) => Exit::Usage,
            CqlError::Connect { .. } | CqlError::Newer { .. } | CqlError::Schema(_) | CqlError::Storage(_) => Exit::Storage,
        };
        Self::new(exit, error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::new(Exit::Storage, error)
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let exit = match error {
            BackupError::NotEmpty(_) => Exit::Usage,
            BackupError::Closed => Exit::Failed,
            BackupError::Io(_) | BackupError::Store(_) => Exit::Storage,
        };
        Self::new(exit, error)
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let exit = match error {
            RestoreError::Held(_) => Exit::Held,
            RestoreError::NotEmpty(_) | RestoreError::Unfinished(_) => Exit::Usage,
            _ => Exit::Storage,
        };
        Self::new(exit, error)
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        let exit = if matches!(error, VerifyError::Closed) { Exit::Failed } else { Exit::Storage };
        Self::new(exit, error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let exit = match refusal.code {
            ErrorCode::InvalidArgument => Exit::Usage,
            ErrorCode::StorageFull | ErrorCode::Unavailable | ErrorCode::Internal => Exit::Storage,
            _ => Exit::Failed,
        };
        Self::new(exit, refusal)
    }
}
