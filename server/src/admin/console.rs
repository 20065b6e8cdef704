//! What the console's calls and feeds work with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rialto_actors::gateway::operator::Desk;
use rialto_protocol::admin::{FeedHistory, FeedMessage, FeedRow};
use rialto_storage::views::ConversationViews;
use tokio::sync::broadcast;

use super::limits::{FEEDS_MAX, SAMPLES_PER_FRAME_MAX, SAMPLES_WAITING_MAX};
use super::log_ring::LogRing;
use super::ring::{Ring, Sample};
use super::series;

/// What the console shows of the node that does not change.
pub struct Facts {
    /// `embedded` or `cql`.
    pub store: &'static str,
    /// When the process began, milliseconds since 1970.
    pub started_ms: u64,
    /// Threads that share sockets and shards.
    pub threads: u16,
    /// The effective configuration as TOML, secrets masked.
    pub configuration: String,
}

/// Shared by all threads.
pub struct Console {
    /// What does not change.
    pub facts: Facts,
    /// The way to the gateway threads.
    pub desk: Desk,
    /// For looking at conversations.
    pub views: Arc<dyn ConversationViews>,
    /// The newest log lines.
    pub log: LogRing,
    ring: Mutex<Ring>,
    news: broadcast::Sender<Arc<str>>,
    feeds: AtomicUsize,
}

/// A feed's place among [`FEEDS_MAX`], given back by dropping it.
pub(super) struct FeedPlace(Arc<Console>);

impl Console {
    /// A console that has measured nothing yet.
    #[must_use]
    pub fn new(facts: Facts, desk: Desk, views: Arc<dyn ConversationViews>, log: LogRing) -> Self {
        let news = broadcast::Sender::new(SAMPLES_WAITING_MAX);
        Self { facts, desk, views, log, ring: Mutex::default(), news, feeds: AtomicUsize::new(0) }
    }

    /// Keeps a sample and tells it to the feeds, as text made only if there are any.
    pub(super) fn tell(&self, sample: Sample, frame: impl FnOnce(FeedRow) -> FeedMessage) {
        if self.news.receiver_count() > 0
            && let Ok(text) = serde_json::to_string(&frame(sample.row()))
        {
            // An error means that the last feed has just gone.
            let _feeds = self.news.send(text.into());
        }
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
    }

    /// The frames that a feed begins with, and what follows them.
    pub(super) fn listen(&self) -> (Vec<String>, broadcast::Receiver<Arc<str>>) {
        // First the news: a sample may then come twice, but none is missed.
        let news = self.news.subscribe();
        let rows = self.ring.lock().unwrap_or_else(PoisonError::into_inner).rows();
        let columns = series::columns(self.facts.threads);
        let frames = rows.len().div_ceil(SAMPLES_PER_FRAME_MAX).max(1);
        let frame = |number: usize| {
            let samples = rows.iter().skip(number * SAMPLES_PER_FRAME_MAX).take(SAMPLES_PER_FRAME_MAX).cloned().collect();
            let history = FeedHistory { columns: columns.clone(), samples, more: number + 1 < frames };
            serde_json::to_string(&FeedMessage::History(history)).unwrap_or_default()
        };
        ((0..frames).map(frame).collect(), news)
    }

    /// A place for one more feed, if there is one.
    pub(super) fn place(self: &Arc<Self>) -> Option<FeedPlace> {
        let take = |feeds: usize| (feeds < FEEDS_MAX).then_some(feeds + 1);
        self.feeds.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok().map(|_| FeedPlace(Arc::clone(self)))
    }
}

impl Drop for FeedPlace {
    fn drop(&mut self) {
        self.0.feeds.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use rialto_storage::backend::memory::MemoryStore;
    use serde_json::Value;

    use super::*;

    fn console() -> Arc<Console> {
        let facts = Facts { store: "embedded", started_ms: 1, threads: 1, configuration: String::new() };
        Arc::new(Console::new(facts, Desk::new(0), MemoryStore::default().store().views, LogRing::default()))
    }

    #[test]
    fn a_feed_begins_with_all_that_is_kept_in_bounded_frames() {
        let console = console();
        let width = series::columns(1).len();
        for time_ms in 0..SAMPLES_PER_FRAME_MAX as u64 + 3 {
            console.tell(Sample { time_ms, values: vec![0.5; width].into() }, |_| unreachable!("nobody listens"));
        }
        let (frames, _news) = console.listen();
        let frames: Vec<Value> = frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
        let lengths: Vec<usize> = frames.iter().map(|frame| frame["samples"].as_array().unwrap().len()).collect();
        assert_eq!(lengths, [SAMPLES_PER_FRAME_MAX, 3]);
        assert_eq!((frames[0]["more"].as_bool(), frames[1]["more"].as_bool()), (Some(true), Some(false)));
        assert_eq!(frames[1]["samples"][0]["values"].as_array().unwrap().len(), frames[1]["columns"].as_array().unwrap().len());
    }

    #[test]
    fn places_are_bounded_and_come_back() {
        let console = console();
        let places: Vec<FeedPlace> = (0..FEEDS_MAX).filter_map(|_| console.place()).collect();
        assert_eq!(places.len(), FEEDS_MAX);
        assert!(console.place().is_none());
        drop(places);
        assert!(console.place().is_some());
    }
}
