//! Password hashing: argon2id on the blocking pool, a few at a time, with a bounded queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use rialto_protocol::{ErrorCode, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{HASH_QUEUE_MAX, HASH_RETRY_MS};

/// What is compared when there is no such user, so that both cases take equal time. Nobody knows the password that it belongs to: the salt is a text and the hash all zero.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$cmlhbHRvLW5vYm9keS4u$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The queue for the blocking pool.
pub(super) struct Hasher {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A turn at the pool. Given back when dropped.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
}

/// Takes a waiting caller out of the count even when it is cancelled.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hasher {
    pub(super) fn new(at_once_max: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once_max.max(1))), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// `overloaded` when [`HASH_QUEUE_MAX`] wait already.
    pub(super) async fn turn(&self) -> Result<Turn, Refusal> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        metrics::gauge!("rialto_password_hashes_waiting").set(u32::try_from(before).unwrap_or(u32::MAX));
        if before >= HASH_QUEUE_MAX {
            return Err(Refusal::retry(ErrorCode::Overloaded, HASH_RETRY_MS));
        }
        let permit = self.turns.clone().acquire_owned().await;
        permit.map(|permit| Turn { _permit: permit }).map_err(|_| ErrorCode::Unavailable.into())
    }
}

impl Turn {
    /// The PHC string of a password.
    ///
    /// # Errors
    /// `internal` when the pool is shutting down.
    pub(super) async fn hash(self, password: String) -> Result<String, Refusal> {
        self.run(move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).ok())
            .await?
            .ok_or_else(|| ErrorCode::Internal.into())
    }

    /// Whether a password fits; with no hash it does not, after the same work.
    ///
    /// # Errors
    /// `internal` when the pool is shutting down.
    pub(super) async fn fits(self, password: String, hash: Option<String>) -> Result<bool, Refusal> {
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
            let fits = match PasswordHash::new(&hash) {
                Ok(parsed) => Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok(),
                Err(_) => false,
            };
            fits && known
        })
        .await
    }

    /// The turn goes into the closure: a caller that gives up does not free it while the work goes on.
    async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let running = tokio::task::spawn_blocking(move || {
            let _turn = self;
            work()
        });
        running.await.map_err(|error| {
            tracing::error!(%error, "password work failed");
            ErrorCode::Internal.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        let hasher = Hasher::new(1);
        let hash = hasher.turn().await.unwrap().hash("right one".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        for (password, stored, expected) in
            [("right one", Some(hash.clone()), true), ("wrong one", Some(hash.clone()), false), ("right one", None, false)]
        {
            assert_eq!(hasher.turn().await.unwrap().fits(password.into(), stored).await.unwrap(), expected);
        }
    }

    #[test]
    fn nobody_costs_what_a_real_hash_costs() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let real = Argon2::default().hash_password(b"a password").unwrap();
        assert_eq!(nobody.algorithm, real.algorithm);
        assert_eq!(nobody.params, real.params);
        assert_eq!(nobody.hash.unwrap().len(), real.hash.unwrap().len());
    }

    #[tokio::test]
    async fn a_full_queue_says_so() {
        let hasher = Hasher::new(1);
        let _taken = hasher.turn().await.unwrap();
        hasher.waiting.store(HASH_QUEUE_MAX, Ordering::Relaxed);
        let refused = hasher.turn().await.err().unwrap();
        assert_eq!(refused.code, ErrorCode::Overloaded);
        assert!(refused.retry_after_ms.is_some());
    }
}
