//! How busy each thread is, counted where the work is done and read from anywhere.
//!
//! A thread writes its own [`ThreadLoad`] alone, with plain stores; whoever reads it is not waited for. Nothing here allocates, locks or reads a clock per
//! message; what rooms do is counted in a sketch of the thread's own, which is handed over once a second.

mod rooms;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use rooms::{ROOMS_COUNTED_MAX, RoomLoad};
pub(crate) use rooms::{room_delivered, room_published};

/// Upper bounds of the buckets of every distribution of seconds: from a memory access to a timeout.
pub const SECONDS: [f64; 14] = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
/// The same in microseconds.
const MICROS: [u64; SECONDS.len()] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000];
/// Slices of one second of what rooms did that are kept: a minute.
pub const ROOM_SLICES_MAX: usize = 60;

/// A distribution of durations that one thread writes.
#[derive(Debug, Default)]
pub struct Times {
    buckets: [AtomicU64; SECONDS.len() + 1],
    sum_us: AtomicU64,
}

/// What a distribution held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimesRead {
    /// Durations by bucket, each counted once; the last is for those above all bounds.
    pub buckets: [u64; SECONDS.len() + 1],
    /// Microseconds of all together.
    pub sum_us: u64,
}

impl Times {
    /// Counts a duration. Only the owning thread may.
    pub fn record_us(&self, took_us: u64) {
        bump(&self.buckets[MICROS.partition_point(|bound| *bound < took_us)], 1);
        bump(&self.sum_us, took_us);
    }

    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> TimesRead {
        TimesRead {
            buckets: std::array::from_fn(|at| self.buckets[at].load(Ordering::Relaxed)),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

impl TimesRead {
    /// Adds another thread's.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine += theirs;
        }
        self.sum_us += other.sum_us;
    }
}

/// The load of one thread.
#[derive(Debug, Default)]
pub struct ThreadLoad {
    /// From a command's frame to its answer in the outbox.
    pub commands: Times,
    /// From the begin of a shard's append to its outcome.
    pub appends: Times,
    publications: AtomicU64,
    busy_us: AtomicU64,
    rooms: Mutex<VecDeque<Vec<RoomLoad>>>,
}

impl ThreadLoad {
    /// A shard of this thread has published something. Only the owning thread may say so.
    pub(crate) fn published(&self) {
        bump(&self.publications, 1);
    }

    /// Publications so far.
    #[must_use]
    pub fn publications(&self) -> u64 {
        self.publications.load(Ordering::Relaxed)
    }

    /// How long the thread has worked in all, against waiting for work.
    #[must_use]
    pub fn busy(&self) -> Duration {
        Duration::from_micros(self.busy_us.load(Ordering::Relaxed))
    }

    /// To be called by the thread itself once a second: hands over what its rooms did since, and how long it has worked in all.
    pub fn report(&self, busy: Duration) {
        self.busy_us.store(u64::try_from(busy.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let slice = rooms::take();
        let mut slices = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if slices.len() >= ROOM_SLICES_MAX {
            slices.pop_front();
        }
        slices.push_back(slice);
    }
}

/// All threads of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Loads(Arc<[Arc<ThreadLoad>]>);

impl Loads {
    /// For this many threads.
    #[must_use]
    pub fn new(threads: u16) -> Self {
        Self((0..threads.max(1)).map(|_| Arc::default()).collect())
    }

    /// One thread's.
    ///
    /// # Panics
    /// When there is no such thread.
    #[must_use]
    pub fn of(&self, thread: u16) -> Arc<ThreadLoad> {
        Arc::clone(&self.0[usize::from(thread)])
    }

    /// Every thread's, by number.
    pub fn threads(&self) -> impl Iterator<Item = &ThreadLoad> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// A distribution over all threads.
    #[must_use]
    pub fn times(&self, of: impl Fn(&ThreadLoad) -> &Times) -> TimesRead {
        let mut all = TimesRead::default();
        for thread in self.threads() {
            all.add(&of(thread).read());
        }
        all
    }

    /// The rooms with most publications and deliveries together over the last minute, busiest first. Counts are lower bounds: of the rooms that did something
    /// within one second on one thread, [`ROOMS_COUNTED_MAX`] are told apart.
    #[must_use]
    pub fn top_rooms(&self, limit: usize) -> Vec<RoomLoad> {
        let mut all: HashMap<Arc<str>, RoomLoad> = HashMap::new();
        for thread in self.threads() {
            let slices = thread.rooms.lock().unwrap_or_else(PoisonError::into_inner);
            for room in slices.iter().flatten() {
                let entry = all.entry(Arc::clone(&room.channel)).or_insert_with(|| RoomLoad::of(Arc::clone(&room.channel)));
                entry.publications += room.publications;
                entry.deliveries += room.deliveries;
            }
        }
        let mut top: Vec<RoomLoad> = all.into_values().collect();
        top.sort_unstable_by(|one, other| other.work().cmp(&one.work()).then_with(|| one.channel.cmp(&other.channel)));
        top.truncate(limit);
        top
    }
}

/// Adds to a counter that only this thread writes: no locked instruction is needed.
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fall_into_the_bucket_that_holds_them() {
        let times = Times::default();
        for took_us in [0, 50, 51, 999, 1_000, 9_000_000] {
            times.record_us(took_us);
        }
        let read = times.read();
        assert_eq!(read.buckets, [2, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(read.sum_us, 9_002_100);
        assert!(SECONDS.iter().zip(MICROS).all(|(seconds, micros)| (seconds * 1e6 - micros as f64).abs() < 1e-6));
    }

    #[test]
    fn rooms_are_summed_over_threads_and_forgotten_after_a_minute() {
        let loads = Loads::new(2);
        let (quiet, loud): (Arc<str>, Arc<str>) = ("conversation:quiet".into(), "conversation:loud".into());
        for thread in [0, 1] {
            room_delivered(&loud, 5);
            room_published(&quiet);
            loads.of(thread).report(Duration::from_millis(7));
        }
        let top = loads.top_rooms(10);
        assert_eq!(
            top.iter().map(|room| (&*room.channel, room.publications, room.deliveries)).collect::<Vec<_>>(),
            [("conversation:loud", 0, 10), ("conversation:quiet", 2, 0)]
        );
        assert_eq!(loads.top_rooms(1).len(), 1);
        assert_eq!(loads.of(1).busy(), Duration::from_millis(7));
        (0..ROOM_SLICES_MAX).for_each(|_| loads.of(0).report(Duration::ZERO));
        assert_eq!(loads.top_rooms(1)[0].deliveries, 5, "only the other thread's are left");
    }
}
