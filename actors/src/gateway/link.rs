//! From shards to one gateway thread: everything for the thread in one ordered queue that wakes it once, however much is put in meanwhile.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use metrics::{Counter, counter};
use rialto_protocol::{Refusal, UserId};
use tokio::sync::Notify;

use crate::entity::Answer;
use crate::reply_to::SessionReply;

/// Publications that may wait for one gateway thread. Above, a publication is dropped and its channel's listeners on that thread are told to
/// recover (code 2500). Answers are not counted: each stands for a command in flight, and those are bounded per session.
pub const PUBLICATIONS_WAITING_MAX: usize = 65_536;
/// Bytes of publications that may wait for one gateway thread; as above.
pub const PUBLICATION_BYTES_WAITING_MAX: usize = 64 * 1024 * 1024;

/// What a shard sends to a gateway thread.
#[derive(Debug)]
pub enum FromShard {
    /// An answer to a session's command.
    Answer {
        /// Whose.
        reply: SessionReply,
        /// What.
        answer: Result<Answer, Refusal>,
    },
    /// A publication for all listeners of a channel.
    Publication {
        /// The channel.
        channel: Arc<str>,
        /// One whole WebSocket frame.
        frame: Bytes,
        /// The position; 0 = ephemeral.
        offset: u64,
    },
    /// A join or leave push for those listeners who want them.
    Presence {
        /// The channel.
        channel: Arc<str>,
        /// One whole WebSocket frame.
        frame: Bytes,
    },
    /// Listeners of a channel may have missed something: they must recover.
    Missed {
        /// The channel.
        channel: Arc<str>,
    },
    /// The end of a user's subscriptions to a channel.
    Unsubscribe {
        /// The channel.
        channel: Arc<str>,
        /// Whose.
        user: UserId,
    },
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<FromShard>,
    publications: usize,
    bytes: usize,
    /// Channels that lost a publication.
    lagged: HashSet<Arc<str>>,
}

/// The queue of one gateway thread.
struct Link {
    queue: Mutex<Queue>,
    wake: Notify,
    dropped: Counter,
}

/// The queues of all gateway threads, by number.
#[derive(Clone)]
pub struct GatewayLinks(Arc<[Link]>);

impl GatewayLinks {
    /// Queues for this many threads.
    #[must_use]
    pub fn new(threads: u16) -> Self {
        let dropped = counter!("rialto_publications_dropped_total");
        let link = |_| Link { queue: Mutex::default(), wake: Notify::new(), dropped: dropped.clone() };
        Self((0..threads).map(link).collect())
    }

    /// Sends to one thread.
    pub fn send(&self, thread: u16, message: FromShard) {
        let Some(link) = self.0.get(usize::from(thread)) else { return };
        {
            let mut queue = link.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if let FromShard::Publication { channel, frame, .. } = &message {
                if queue.publications >= PUBLICATIONS_WAITING_MAX || queue.bytes >= PUBLICATION_BYTES_WAITING_MAX {
                    link.dropped.increment(1);
                    let channel = Arc::clone(channel);
                    queue.lagged.insert(channel);
                    return;
                }
                queue.publications += 1;
                queue.bytes += frame.len();
            }
            queue.messages.push_back(message);
        }
        link.wake.notify_one();
    }

    /// Waits until there is something for this thread.
    pub async fn wait(&self, thread: u16) {
        if let Some(link) = self.0.get(usize::from(thread)) {
            link.wake.notified().await;
        }
    }

    /// How many messages wait for this thread.
    pub fn waiting(&self, thread: u16) -> usize {
        let link = self.0.get(usize::from(thread));
        link.map_or(0, |link| link.queue.lock().unwrap_or_else(PoisonError::into_inner).messages.len())
    }

    /// Takes all that waits for this thread into `messages`, whose memory is what the queue fills next; answers the channels that lost something behind it.
    pub fn take(&self, thread: u16, messages: &mut VecDeque<FromShard>) -> HashSet<Arc<str>> {
        messages.clear();
        let Some(link) = self.0.get(usize::from(thread)) else { return HashSet::default() };
        let mut queue = link.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.publications = 0;
        queue.bytes = 0;
        std::mem::swap(&mut queue.messages, messages);
        std::mem::take(&mut queue.lagged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_holds_and_a_full_queue_names_the_channel_that_lost_something() {
        let links = GatewayLinks::new(1);
        let publication = |channel: &str| FromShard::Publication { channel: channel.into(), frame: Bytes::from_static(b"x"), offset: 1 };
        for _ in 0..PUBLICATIONS_WAITING_MAX {
            links.send(0, publication("busy"));
        }
        links.send(0, publication("late"));
        links.send(0, FromShard::Unsubscribe { channel: "busy".into(), user: UserId(uuid::Uuid::nil()) });
        let mut messages = VecDeque::new();
        let lagged = links.take(0, &mut messages);
        assert_eq!(messages.len(), PUBLICATIONS_WAITING_MAX + 1, "what is no publication is never dropped");
        assert!(matches!(messages.back(), Some(FromShard::Unsubscribe { .. })));
        assert_eq!(lagged.into_iter().collect::<Vec<_>>(), [Arc::<str>::from("late")]);
        links.send(0, publication("late"));
        assert!(links.take(0, &mut messages).is_empty());
        assert_eq!(messages.len(), 1, "there is room again");
    }
}
