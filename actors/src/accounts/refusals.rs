//! How failures of the store look to whoever asked.

use rialto_protocol::{ErrorCode, Refusal};
use rialto_storage::{ErrorKind, StorageError};

/// Milliseconds after which asking again makes sense when the store cannot answer now.
const RETRY_MS: u32 = 1_000;

/// The refusal of a storage failure. What has no meaning for a caller is logged here and becomes `internal`.
pub(crate) fn of_storage(error: StorageError) -> Refusal {
    match error.kind {
        ErrorKind::Full => ErrorCode::StorageFull.into(),
        ErrorKind::Unavailable => Refusal::retry(ErrorCode::Unavailable, RETRY_MS),
        ErrorKind::Overloaded => Refusal::retry(ErrorCode::Overloaded, RETRY_MS),
        ErrorKind::Conflict => ErrorCode::Conflict.into(),
        ErrorKind::Limit => ErrorCode::TooLarge.into(),
        ErrorKind::Corrupt => {
            tracing::error!(%error, "account tables cannot be read");
            ErrorCode::Internal.into()
        }
    }
}
