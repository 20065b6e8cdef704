//! How the store fails.

/// What a failure means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no room; nothing of the request was stored.
    Full,
    /// It cannot answer now; a write may or may not have happened.
    Unavailable,
    /// A bounded queue is full; nothing happened.
    Overloaded,
    /// What must be unique exists already; nothing happened.
    Conflict,
    /// What is stored cannot be read: a defect or a damaged file.
    Corrupt,
    /// The request breaks a limit; nothing happened.
    Limit,
}

/// A failure of the store.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct StorageError {
    /// For code.
    pub kind: ErrorKind,
    /// What was tried, a verb phrase.
    pub what: &'static str,
    /// The chain below, for people.
    pub cause: String,
}

impl StorageError {
    /// A failure with its cause.
    pub fn new(kind: ErrorKind, what: &'static str, cause: impl std::fmt::Display) -> Self {
        Self { kind, what, cause: cause.to_string() }
    }
}
