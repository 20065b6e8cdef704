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

/// The bytes of one file: as they are read, as they are sure to be after a power cut, and what lies between.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bytes {
    pub(crate) live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The two files of the journal, and the store's.
    pub(crate) files: [Bytes; 3],
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

/// The place of the store's file.
const STORE: usize = 2;

#[derive(Debug)]
struct DiskFile(Disk, usize);

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
            // Small, so that the files of the journal take turns all the time.
            journal_file_bytes: 32 * 1024,
            ..RedbOptions::default()
        }
    }

    /// The disk as the next process finds it when this one was killed: everything written is there.
    pub(crate) fn after_kill(&self) -> Self {
        let mut files = self.state().files.clone();
        for file in &mut files {
            file.durable.clone_from(&file.live);
            file.pending.clear();
        }
        Self(Arc::new(Mutex::new(State { files, free: u64::MAX, ..State::default() })))
    }

    /// The disk after a power cut: of what was not synced, any part may be there, down to single sectors.
    pub(crate) fn after_cut(&self, random: &mut Random) -> Self {
        let luck = random.below(4);
        let files = std::array::from_fn(|number| self.state().files[number].after_cut(random, luck));
        Self(Arc::new(Mutex::new(State { files, free: u64::MAX, ..State::default() })))
    }
}

impl Bytes {
    fn after_cut(&self, random: &mut Random, luck: u64) -> Self {
        let mut image = self.durable.clone();
        for pending in &self.pending {
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
        Self { live: image.clone(), durable: image, pending: Vec::new() }
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

    fn room(&self, file: usize, end: u64) -> io::Result<()> {
        let others: usize = self.files.iter().enumerate().filter(|(number, _)| *number != file).map(|(_, bytes)| bytes.live.len()).sum();
        let grows = end > self.files[file].live.len() as u64;
        if grows && self.capacity.is_some_and(|capacity| end + others as u64 > capacity) {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error()));
        }
        Ok(())
    }
}

impl StorageBackend for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.state().files[self.1].live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.state();
        let from = usize::try_from(offset).unwrap();
        let bytes = state.files[self.1].live.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.0.state();
        state.step()?;
        state.room(self.1, len)?;
        let file = &mut state.files[self.1];
        file.live.resize(usize::try_from(len).unwrap(), 0);
        file.pending.push(Pending::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.state();
        state.step()?;
        let file = &mut state.files[self.1];
        for pending in std::mem::take(&mut file.pending) {
            match pending {
                Pending::Length(length) => file.durable.resize(usize::try_from(length).unwrap(), 0),
                Pending::Write(offset, data) => {
                    let from = usize::try_from(offset).unwrap();
                    file.durable[from..from + data.len()].copy_from_slice(&data);
                }
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.0.state();
        state.step()?;
        state.room(self.1, offset + data.len() as u64)?;
        let file = &mut state.files[self.1];
        let from = usize::try_from(offset).unwrap();
        file.live[from..from + data.len()].copy_from_slice(data);
        file.pending.push(Pending::Write(offset, data.to_vec()));
        Ok(())
    }
}

impl Medium for Disk {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        self.state().opened += 1;
        Ok(Box::new(DiskFile(self.clone(), STORE)))
    }

    fn open_journal(&self, number: usize) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(DiskFile(self.clone(), number)))
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
