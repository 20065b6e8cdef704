//! A bounded queue per listener. The writer never waits: a listener that stays behind loses its oldest events and is told how many.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;

use super::Event;

/// A stream of events; ends after [`crate::ConnectionState::Closed`]. Read it steadily: see [`Event::Lagged`].
#[derive(Debug)]
pub struct Events {
    queue: Arc<Mutex<Queue>>,
}

/// The writer's side.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    listeners: Arc<Mutex<Listeners>>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Listeners {
    queues: Vec<Weak<Mutex<Queue>>>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Arc<Event>>,
    missed: u64,
    ended: bool,
    waker: Option<Waker>,
}

/// A panic while the lock is held leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { listeners: Arc::default(), capacity: capacity.max(1) }
    }

    /// A stream of everything from now on.
    pub(crate) fn listen(&self) -> Events {
        let mut listeners = lock(&self.listeners);
        let queue = Arc::new(Mutex::new(Queue { ended: listeners.ended, ..Queue::default() }));
        listeners.queues.retain(|other| other.strong_count() > 0);
        listeners.queues.push(Arc::downgrade(&queue));
        Events { queue }
    }

    pub(crate) fn emit(&self, event: Event) {
        let event = Arc::new(event);
        for queue in lock(&self.listeners).queues.iter().filter_map(Weak::upgrade) {
            let mut queue = lock(&queue);
            if queue.events.len() >= self.capacity {
                queue.events.pop_front();
                queue.missed += 1;
            }
            queue.events.push_back(Arc::clone(&event));
            if let Some(waker) = queue.waker.take() {
                waker.wake();
            }
        }
    }

    /// No more events, for listeners to come too.
    pub(crate) fn end(&self) {
        let mut listeners = lock(&self.listeners);
        listeners.ended = true;
        for queue in listeners.queues.drain(..).filter_map(|queue| queue.upgrade()) {
            let mut queue = lock(&queue);
            queue.ended = true;
            if let Some(waker) = queue.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queue = lock(&self.queue);
        if queue.missed > 0 {
            let missed = std::mem::take(&mut queue.missed);
            return Poll::Ready(Some(Event::Lagged { missed }));
        }
        if let Some(event) = queue.events.pop_front() {
            return Poll::Ready(Some(Arc::unwrap_or_clone(event)));
        }
        if queue.ended {
            return Poll::Ready(None);
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    fn gap(after: u64) -> Event {
        Event::Gap { channel: "c".into(), after, before: after + 2 }
    }

    #[test]
    fn a_slow_listener_is_told_what_it_missed_and_others_are_not_hurt() {
        let hub = Hub::new(2);
        let (mut slow, mut quick) = (hub.listen(), hub.listen());
        for n in 0..5 {
            hub.emit(gap(n));
            assert_eq!(quick.next().now_or_never(), Some(Some(gap(n))));
        }
        assert_eq!(slow.next().now_or_never(), Some(Some(Event::Lagged { missed: 3 })));
        assert_eq!(slow.next().now_or_never(), Some(Some(gap(3))));
        assert_eq!(slow.next().now_or_never(), Some(Some(gap(4))));
        assert_eq!(slow.next().now_or_never(), None);
    }

    #[test]
    fn an_ended_hub_ends_its_streams_and_later_ones() {
        let hub = Hub::new(2);
        let mut early = hub.listen();
        hub.emit(gap(1));
        hub.end();
        assert_eq!(early.next().now_or_never(), Some(Some(gap(1))));
        assert_eq!(early.next().now_or_never(), Some(None));
        assert_eq!(hub.listen().next().now_or_never(), Some(None));
    }

    #[test]
    fn dropped_listeners_are_forgotten() {
        let hub = Hub::new(2);
        for _ in 0..100 {
            drop(hub.listen());
        }
        let _last = hub.listen();
        assert_eq!(lock(&hub.listeners).queues.len(), 1);
    }
}
