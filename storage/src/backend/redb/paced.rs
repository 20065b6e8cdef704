//! How a checkpoint is written while callers wait for other things.
//!
//! It has some 16 MiB to write, and the sync at its end would have the disk write them at once: the journal's syncs would stand behind that for 60 to 130 ms
//! (measured, with 27,000 durable sends a second), and on one processor callers would wait for the scheduler's slices too. So, where there is time, what was written
//! is synced every [`SYNC_EVERY_BYTES`] by the thread that writes it, which also offers the processor to others all the time. It takes twice as long that way, and
//! where writers come too fast for it nothing of this is done: then they would wait for its end.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ::redb::{BackendError, StorageBackend};

/// A file of the journal that took so long to fill leaves the checkpoint time: done slowly it takes half of this.
pub(crate) const SLOW_FROM: Duration = Duration::from_millis(400);
/// Bytes after which a slow checkpoint syncs what it wrote: what a sync of the journal may stand behind.
const SYNC_EVERY_BYTES: u64 = 512 * 1024;
/// Cells after which a slow checkpoint offers the processor to others: some 50 µs of work.
const CELLS_PER_TURN: usize = 32;

/// Whether the checkpoint under way has time.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicBool);

impl Pace {
    /// A checkpoint begins.
    pub(crate) fn begin(&self, has_time: bool) {
        self.0.store(has_time, Ordering::Relaxed);
    }

    /// Writers are about to wait for it.
    pub(crate) fn hurry(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Cell number `number` comes next.
    pub(crate) fn step(&self, number: usize) {
        if number.is_multiple_of(CELLS_PER_TURN) && self.has_time() {
            std::thread::yield_now();
        }
    }

    fn has_time(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The tree's file, which never has much to sync at once. A sync more than the engine asks for changes nothing that it relies on.
#[derive(Debug)]
pub(crate) struct Paced {
    backend: Box<dyn StorageBackend>,
    pace: Arc<Pace>,
    /// Bytes written since the last sync.
    unsynced: AtomicU64,
}

impl Paced {
    pub(crate) fn new(backend: Box<dyn StorageBackend>, pace: Arc<Pace>) -> Self {
        Self { backend, pace, unsynced: AtomicU64::new(0) }
    }
}

impl StorageBackend for Paced {
    fn len(&self) -> io::Result<u64> {
        self.backend.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.backend.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.backend.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.unsynced.store(0, Ordering::Relaxed);
        self.backend.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.backend.write(offset, data)?;
        let unsynced = self.unsynced.fetch_add(data.len() as u64, Ordering::Relaxed) + data.len() as u64;
        if unsynced >= SYNC_EVERY_BYTES && self.pace.has_time() { self.sync_data() } else { Ok(()) }
    }
    fn close(&self) -> io::Result<()> {
        self.backend.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_range(start, end)
    }
    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_shared_range(start, end)
    }
    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_range(start, end)
    }
    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_shared_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.unlock_range(start, end)
    }
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts what it is asked to sync.
    #[derive(Debug, Default)]
    struct Counting(Arc<AtomicUsize>);

    impl StorageBackend for Counting {
        fn len(&self) -> io::Result<u64> {
            Ok(0)
        }
        fn read(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
            Ok(())
        }
        fn set_len(&self, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn sync_data(&self) -> io::Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        fn write(&self, _: u64, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_checkpoint_with_time_syncs_in_small_pieces_and_one_in_a_hurry_does_not() {
        let (syncs, pace) = (Arc::default(), Arc::new(Pace::default()));
        let file = Paced::new(Box::new(Counting(Arc::clone(&syncs))), Arc::clone(&pace));
        let write = |bytes: u64| (0..bytes / 4096).for_each(|page| file.write(page * 4096, &[0; 4096]).unwrap());
        write(SYNC_EVERY_BYTES * 2);
        assert_eq!(syncs.load(Ordering::Relaxed), 0, "nobody said that there is time");
        file.sync_data().unwrap();
        pace.begin(true);
        write(SYNC_EVERY_BYTES * 3);
        assert_eq!(syncs.load(Ordering::Relaxed), 1 + 3);
        pace.hurry();
        write(SYNC_EVERY_BYTES * 3);
        assert_eq!(syncs.load(Ordering::Relaxed), 1 + 3, "writers are about to wait");
    }
}
