//! How far the consumers of a node's shards are. A user's list is read from projections of many shards; it waits until what this node had made durable is in them, so that
//! whoever was answered finds it in the list.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::router::SHARDS;

/// Time that a list waits for consumers at most; then it is read as it stands.
pub const CATCH_UP_MAX: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Place {
    applied: AtomicU64,
    consumed: AtomicU64,
}

struct Shared {
    places: Vec<Place>,
    moved: Notify,
}

/// Shared by all shards of a node; cheap to clone.
#[derive(Clone)]
pub struct Progress(Arc<Shared>);

impl Default for Progress {
    fn default() -> Self {
        let places = (0..SHARDS).map(|_| Place::default()).collect();
        Self(Arc::new(Shared { places, moved: Notify::new() }))
    }
}

impl Progress {
    /// A shard's log and consumers are here.
    pub fn report(&self, shard: u16, applied: u64, consumed: u64) {
        let Some(place) = self.0.places.get(usize::from(shard)) else { return };
        place.applied.store(applied, Ordering::Release);
        place.consumed.store(consumed, Ordering::Release);
        self.0.moved.notify_waiters();
    }

    /// Comes to an end when everything that is durable now is consumed, or after [`CATCH_UP_MAX`].
    pub fn caught_up(&self) -> impl Future<Output = ()> + 'static {
        let shared = Arc::clone(&self.0);
        let behind = |(number, place): (usize, &Place)| {
            let applied = place.applied.load(Ordering::Acquire);
            (place.consumed.load(Ordering::Acquire) < applied).then_some((number, applied))
        };
        let mut wanted: Vec<(usize, u64)> = shared.places.iter().enumerate().filter_map(behind).collect();
        async move {
            let all = async {
                loop {
                    let moved = shared.moved.notified();
                    wanted.retain(|(number, applied)| shared.places[*number].consumed.load(Ordering::Acquire) < *applied);
                    if wanted.is_empty() {
                        return;
                    }
                    moved.await;
                }
            };
            // A list that is a little behind is better than none.
            drop(tokio::time::timeout(CATCH_UP_MAX, all).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_list_waits_for_what_was_durable_when_it_was_asked_for() {
        let progress = Progress::default();
        assert_eq!(progress.caught_up().now_or_never(), Some(()), "nothing to wait for");
        progress.report(3, 5, 4);
        let mut waiting = Box::pin(progress.caught_up());
        assert_eq!((&mut waiting).now_or_never(), None);
        progress.report(3, 9, 5);
        assert_eq!(waiting.now_or_never(), Some(()), "what came later is not waited for");
    }
}
