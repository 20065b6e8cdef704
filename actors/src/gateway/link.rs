//! From shards to one gateway thread: everything for the thread in one ordered queue that wakes it once, however much is put in meanwhile.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use metrics::{Counter, counter};
use rialto_protocol::limits::OUTBOX_BYTES_MAX;
use rialto_protocol::{Channel, Refusal, UserId};
use tokio::sync::Notify;

use super::SessionId;
use crate::entity::Answer;
use crate::reply_to::SessionReply;

/// Publications that may wait for one gateway thread. Above, a publication is dropped and its channel's listeners on that thread are told to
/// recover (code 2500). Answers are not counted: each stands for a command in flight, and those are bounded per session.
pub const PUBLICATIONS_WAITING_MAX: usize = 65_536;
/// Bytes of publications that may wait for one gateway thread; as above.
pub const PUBLICATION_BYTES_WAITING_MAX: usize = 64 * 1024 * 1024;
/// Bytes of one inbox's publications that are taken beyond these: as much as waits for one socket. An inbox is a server-side subscription, which recovers
/// by a new connection only, and nobody is closed for what others send. A burst into many conversations is copied into the inboxes of all their members
/// at once; it would wait in their outboxes a moment later anyway. Above, the inbox's connections are closed with 3010 and recover when they are back.
pub const INBOX_BYTES_WAITING_MAX: usize = OUTBOX_BYTES_MAX;

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
    /// A shard has begun anew after a panic: it knows of no listener of its channels any more.
    Lost {
        /// Which.
        shard: u16,
    },
    /// The end of a user's subscriptions to a channel.
    Unsubscribe {
        /// The channel.
        channel: Arc<str>,
        /// Whose.
        user: UserId,
    },
}

impl FromShard {
    /// The session that waits for it.
    pub(super) fn asker(&self) -> Option<SessionId> {
        match self {
            Self::Answer { reply, .. } => Some(reply.address.session),
            _ => None,
        }
    }
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<FromShard>,
    publications: usize,
    bytes: usize,
    /// Bytes of each inbox's publications among those that came when the limits above were reached.
    inboxes: HashMap<Arc<str>, usize>,
    /// Channels that lost a publication.
    lagged: HashSet<Arc<str>>,
}

impl Queue {
    /// Counts a publication in, if there is room for it. Once a channel has lost one it gets no other until the thread has heard of that: its listeners
    /// must not see what comes behind a gap.
    fn takes(&mut self, channel: &Arc<str>, bytes: usize) -> bool {
        if self.publications < PUBLICATIONS_WAITING_MAX && self.bytes < PUBLICATION_BYTES_WAITING_MAX {
            self.publications += 1;
            self.bytes += bytes;
            return true;
        }
        if !matches!(Channel::parse(channel), Ok(Channel::User(_))) || self.lagged.contains(channel) {
            return false;
        }
        let waiting = self.inboxes.entry(Arc::clone(channel)).or_default();
        let fits = *waiting + bytes <= INBOX_BYTES_WAITING_MAX;
        *waiting += bytes;
        fits
    }
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
            if let FromShard::Publication { channel, frame, .. } = &message
                && !queue.takes(channel, frame.len())
            {
                link.dropped.increment(1);
                queue.lagged.insert(Arc::clone(channel));
                return;
            }
            queue.messages.push_back(message);
        }
        link.wake.notify_one();
    }

    /// Waits until there is something for this thread. No wake-up is lost: a message is put in before the thread is notified, the notification is kept when
    /// the thread does not wait, and whoever waits takes all there is afterwards. What came between that and the notification kept for it makes the next
    /// wait find nothing, which is harmless. A wait that is given up (for its time is over) leaves the notification to the next.
    pub async fn wait(&self, thread: u16) {
        if let Some(link) = self.0.get(usize::from(thread)) {
            link.wake.notified().await;
        }
    }

    /// Sends to all threads.
    pub fn send_all(&self, message: impl Fn() -> FromShard) {
        for thread in (0_u16..).take(self.0.len()) {
            self.send(thread, message());
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
        queue.inboxes = HashMap::new();
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

    #[test]
    fn an_inbox_is_not_crowded_out_by_what_others_publish() {
        let links = GatewayLinks::new(1);
        let inbox: Arc<str> = Channel::User(UserId(uuid::Uuid::from_u128(7))).name();
        let publish = |channel: &Arc<str>, offset, bytes: usize| {
            links.send(0, FromShard::Publication { channel: Arc::clone(channel), frame: vec![0; bytes].into(), offset });
        };
        let room: Arc<str> = "busy".into();
        (0..PUBLICATIONS_WAITING_MAX).for_each(|_| publish(&room, 0, 1));
        let half = INBOX_BYTES_WAITING_MAX / 2;
        publish(&inbox, 1, half);
        publish(&inbox, 2, half);
        let mut messages = VecDeque::new();
        let lagged = links.take(0, &mut messages);
        assert_eq!((messages.len(), lagged.len()), (PUBLICATIONS_WAITING_MAX + 2, 0));
        // It has a limit of its own, and behind a gap it gets nothing, however small.
        (0..PUBLICATIONS_WAITING_MAX).for_each(|_| publish(&room, 0, 1));
        publish(&inbox, 3, half);
        publish(&inbox, 4, half + 1);
        publish(&inbox, 5, 1);
        let mut messages = VecDeque::new();
        let lagged = links.take(0, &mut messages);
        let inbox_offsets: Vec<u64> = messages
            .drain(PUBLICATIONS_WAITING_MAX..)
            .filter_map(|message| match message {
                FromShard::Publication { offset, .. } => Some(offset),
                _ => None,
            })
            .collect();
        assert_eq!(inbox_offsets, [3]);
        assert!(lagged.contains(&inbox), "its connections are told");
        publish(&inbox, 6, 1);
        links.take(0, &mut messages);
        assert_eq!(messages.len(), 1, "there is room again");
    }
}
