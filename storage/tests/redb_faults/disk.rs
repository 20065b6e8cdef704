//! A disk that can be full, broken, or cut from its power.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;
use rialto_storage::backend::redb::{Medium, RedbOptions};

const SECTOR_BYTES: usize = 512;

/// What was written since the last sync: in a power cut each of these may or may not reach the disk.
#[derive(Clone, Debug)]
enum Pending {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug, Default)]
pub(crate) struct State {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
    /// Bytes that the disk holds.
    pub(crate) capacity: Option<u64>,
    /// What `free_bytes` says.
    pub(crate) free: u64,
    /// Every write and sync fails with EIO.
    pub(crate) broken: bool,
    /// The power goes when this many operations are over.
    pub(crate) cut_after: Option<u64>,
    pub(crate) operations: u64,
    pub(crate) opened: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub(crate) fn with_free(free: u64) -> Self {
        let disk = Self::default();
        disk.state().free = free;
        disk
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn options(&self) -> RedbOptions {
        RedbOptions {
            free_bytes_min: 1000,
            free_bytes_every: std::time::Duration::ZERO,
            medium: Some(Arc::new(self.clone())),
            cache_bytes: 4 * 1024 * 1024,
            ..RedbOptions::default()
        }
    }

    /// The disk after a power cut: of what was not synced, any part may be there, down to single sectors.
    pub(crate) fn after_cut(&self, random: &mut Random) -> Self {
        let state = self.state();
        let mut image = state.durable.clone();
        let luck = random.below(4);
        for pending in &state.pending {
            match pending {
                Pending::Length(length) if random.below(4) >= luck => image.resize(usize::try_from(*length).unwrap(), 0),
                Pending::Write(offset, data) => {
                    for (number, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                        let from = usize::try_from(*offset).unwrap() + number * SECTOR_BYTES;
                        if random.below(4) >= luck && from + sector.len() <= image.len() {
                            image[from..from + sector.len()].copy_from_slice(sector);
                        }
                    }
                }
                Pending::Length(_) => {}
            }
        }
        Self(Arc::new(Mutex::new(State { live: image.clone(), durable: image, free: u64::MAX, ..State::default() })))
    }
}

impl State {
    fn step(&mut self) -> io::Result<()> {
        self.operations += 1;
        if self.broken || self.cut_after.is_some_and(|after| self.operations > after) {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()));
        }
        Ok(())
    }

    fn room(&self, end: u64) -> io::Result<()> {
        if self.capacity.is_some_and(|capacity| end > capacity) {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error()));
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let from = usize::try_from(offset).unwrap();
        let bytes = state.live.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.room(len)?;
        state.live.resize(usize::try_from(len).unwrap(), 0);
        state.pending.push(Pending::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        for pending in std::mem::take(&mut state.pending) {
            match pending {
                Pending::Length(length) => state.durable.resize(usize::try_from(length).unwrap(), 0),
                Pending::Write(offset, data) => {
                    let from = usize::try_from(offset).unwrap();
                    state.durable[from..from + data.len()].copy_from_slice(&data);
                }
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.room(offset + data.len() as u64)?;
        let from = usize::try_from(offset).unwrap();
        state.live[from..from + data.len()].copy_from_slice(data);
        state.pending.push(Pending::Write(offset, data.to_vec()));
        Ok(())
    }
}

impl Medium for Disk {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        self.state().opened += 1;
        Ok(Box::new(self.clone()))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.state().free)
    }
}

/// Repeats from its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
