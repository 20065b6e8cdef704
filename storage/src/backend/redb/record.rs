//! The bytes of the journal's files.
//!
//! A file begins with a header sector: magic, format version (u32), the journal's salt (u64), checksum of these (u64). Records follow, each at a multiple of
//! [`SECTOR_BYTES`]: checksum (u64), salt (u64), seq (u64), bytes of its cells (u64), then the cells, then zeros to the next sector. A cell is key length (u32),
//! value length (u32; [`REMOVED`] = the cell is removed), key, value. Numbers are little-endian; a checksum is xxh3 over everything behind it, with the salt as seed.
//!
//! A record never shares a sector with another one, so that writing a record cannot damage those before it. The salt is random for each opening of a store that was
//! closed, so that neither an older record nor a message that looks like one is ever taken for a record.

use std::io;

use ::redb::{Error, StorageBackend};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::kv::Engine;
use super::overlay::Overlay;

/// What a disk writes whole or not at all.
pub(crate) const SECTOR_BYTES: usize = 512;
/// The format that this program writes.
const FORMAT_VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"RLTOJRNL";
/// Bytes of magic, version and salt, and with the checksum.
const HEADER_BYTES: usize = 20;
/// Bytes in front of a record's cells.
const PREFIX_BYTES: usize = 32;
/// The value length that stands for a removed cell.
const REMOVED: u32 = u32::MAX;

/// A record that is being put together; its memory is used again for the next one.
#[derive(Default)]
pub(crate) struct Record(Vec<u8>);

impl Record {
    /// Forgets the cells.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether there is no cell.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a cell; `None` removes it.
    pub(crate) fn add(&mut self, key: &[u8], value: Option<&[u8]>) {
        if self.0.is_empty() {
            self.0.resize(PREFIX_BYTES, 0);
        }
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(REMOVED - 1).to_le_bytes();
        self.0.extend_from_slice(&length(key));
        self.0.extend_from_slice(&value.map_or(REMOVED.to_le_bytes(), length));
        self.0.extend_from_slice(key);
        self.0.extend_from_slice(value.unwrap_or_default());
    }

    /// The bytes to write.
    pub(crate) fn seal(&mut self, salt: u64, seq: u64) -> &[u8] {
        let cells = (self.0.len() - PREFIX_BYTES) as u64;
        for (at, number) in [(8, salt), (16, seq), (24, cells)] {
            self.0[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        let checksum = xxh3_64_with_seed(&self.0[8..], salt);
        self.0[..8].copy_from_slice(&checksum.to_le_bytes());
        self.0.resize(self.0.len().next_multiple_of(SECTOR_BYTES), 0);
        &self.0
    }
}

/// One record as it was read.
pub(crate) struct Found {
    /// The commit.
    pub(crate) seq: u64,
    cells: Vec<u8>,
}

impl Found {
    /// Writes its cells into an overlay.
    pub(crate) fn replay(&self, overlay: &Overlay) -> Engine<()> {
        let mut rest = self.cells.as_slice();
        while !rest.is_empty() {
            let (key, value) = cell(&mut rest).ok_or_else(|| Error::Corrupted(format!("journal: cannot read record {}", self.seq)))?;
            overlay.put(key.to_vec(), value.map(<[u8]>::to_vec), self.seq, self.seq);
        }
        Ok(())
    }
}

fn cell<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    let (lengths, bytes) = rest.split_first_chunk::<8>()?;
    let key = u32::from_le_bytes(lengths[..4].try_into().ok()?);
    let value = u32::from_le_bytes(lengths[4..].try_into().ok()?);
    let (key, bytes) = bytes.split_at_checked(key as usize)?;
    let (value, bytes) = if value == REMOVED {
        (None, bytes)
    } else {
        let (value, bytes) = bytes.split_at_checked(value as usize)?;
        (Some(value), bytes)
    };
    *rest = bytes;
    Some((key, value))
}

/// The header sector.
pub(crate) fn header(salt: u64) -> [u8; SECTOR_BYTES] {
    let mut sector = [0; SECTOR_BYTES];
    sector[..8].copy_from_slice(MAGIC);
    sector[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    sector[12..HEADER_BYTES].copy_from_slice(&salt.to_le_bytes());
    let checksum = xxh3_64_with_seed(&sector[..HEADER_BYTES], 0);
    sector[HEADER_BYTES..HEADER_BYTES + 8].copy_from_slice(&checksum.to_le_bytes());
    sector
}

/// What a file of the journal holds.
#[derive(Default)]
pub(crate) struct Contents {
    /// The salt of its header; `None` for a file without one: nothing was ever written to it.
    pub(crate) salt: Option<u64>,
    /// Its valid records with that salt, in order of place.
    pub(crate) records: Vec<Found>,
}

/// Reads a file of the journal. Bytes that are no valid record are passed over: what is missing then shows in the seqs.
///
/// # Errors
/// Fails when the file cannot be read, is no journal's, or has a newer format.
pub(crate) fn read(file: &dyn StorageBackend) -> Engine<Contents> {
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    file.read(0, &mut bytes)?;
    let Some(sector) = bytes.get(..SECTOR_BYTES).filter(|sector| sector.iter().any(|byte| *byte != 0)) else {
        return Ok(Contents::default());
    };
    let version = u32::from_le_bytes(number(sector, 8));
    if &sector[..8] == MAGIC && version > FORMAT_VERSION {
        return Err(Error::Corrupted(format!("journal: its format is version {version}, this program knows {FORMAT_VERSION}")));
    }
    let salt = u64::from_le_bytes(number(sector, 12));
    if *sector != header(salt) {
        return Err(Error::Corrupted("journal: a file's header is damaged, or the file is no journal's".to_owned()));
    }
    let mut records = Vec::new();
    let mut at = SECTOR_BYTES;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match record(rest, salt) {
            Some((record, length)) => {
                records.push(record);
                at += length.next_multiple_of(SECTOR_BYTES);
            }
            None => at += SECTOR_BYTES,
        }
    }
    Ok(Contents { salt: Some(salt), records })
}

/// The record at the start of these bytes, with its length.
fn record(bytes: &[u8], salt: u64) -> Option<(Found, usize)> {
    let prefix = bytes.get(..PREFIX_BYTES)?;
    if u64::from_le_bytes(number(prefix, 8)) != salt {
        return None;
    }
    let length = PREFIX_BYTES.checked_add(usize::try_from(u64::from_le_bytes(number(prefix, 24))).ok()?)?;
    let whole = bytes.get(..length)?;
    if u64::from_le_bytes(number(prefix, 0)) != xxh3_64_with_seed(&whole[8..], salt) {
        return None;
    }
    Some((Found { seq: u64::from_le_bytes(number(prefix, 16)), cells: whole[PREFIX_BYTES..].to_vec() }, length))
}

fn number<const BYTES: usize>(bytes: &[u8], at: usize) -> [u8; BYTES] {
    bytes[at..at + BYTES].try_into().expect("the caller looked at the length")
}
