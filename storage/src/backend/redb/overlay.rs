//! Cells that are in the log but not yet in the tree: ordered, in memory, several versions of each where readers still need an older one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Key and value; `None` = removed.
pub(crate) type Cell = (Vec<u8>, Option<Vec<u8>>);

/// One version of a cell, with those before it that a reader may still want.
struct Version {
    /// The commit that wrote it.
    seq: u64,
    value: Option<Vec<u8>>,
    older: Option<Box<Version>>,
}

impl Version {
    /// The newest version that a reader of this commit sees.
    fn at(&self, seq: u64) -> Option<&Self> {
        let mut version = self;
        while version.seq > seq {
            version = version.older.as_deref()?;
        }
        Some(version)
    }

    /// Forgets what no reader of commit `needed_from` or a later one sees.
    fn prune(&mut self, needed_from: u64) {
        let mut version = self;
        while version.seq > needed_from {
            match &mut version.older {
                Some(older) => version = older,
                None => return,
            }
        }
        version.older = None;
    }
}

/// The cells of the commits of one log file. Locks are held for one look-up or one short chunk, never across a read.
#[derive(Default)]
pub(crate) struct Overlay {
    cells: RwLock<BTreeMap<Vec<u8>, Version>>,
}

impl Overlay {
    fn cells(&self) -> RwLockReadGuard<'_, BTreeMap<Vec<u8>, Version>> {
        self.cells.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a cell as part of commit `seq`, which is above all before it. No reader is, or will be, at a commit below `needed_from`.
    pub(crate) fn put(&self, key: Vec<u8>, value: Option<Vec<u8>>, seq: u64, needed_from: u64) {
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        let mut stands = match cells.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Version { seq, value, older: None });
                return;
            }
            Entry::Occupied(stands) => stands,
        };
        let stands = stands.get_mut();
        if stands.seq == seq {
            stands.value = value;
            return;
        }
        stands.prune(needed_from);
        let older = std::mem::replace(stands, Version { seq, value, older: None });
        stands.older = Some(Box::new(older));
    }

    /// Hands a cell as of commit `seq` to `with`, which must not read again; `None` when it is not in here.
    pub(crate) fn with<T>(&self, key: &[u8], seq: u64, with: impl FnOnce(Option<&[u8]>) -> T) -> Option<T> {
        let cells = self.cells();
        let version = cells.get(key)?.at(seq)?;
        Some(with(version.value.as_deref()))
    }

    /// Up to `limit` cells with `from <= key < to` as of commit `seq`, in order or backwards.
    pub(crate) fn chunk(&self, from: &[u8], to: &[u8], reverse: bool, seq: u64, limit: usize) -> Vec<Cell> {
        let cells = self.cells();
        let mut range = cells.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let mut found = Vec::new();
        while found.len() < limit {
            let next = if reverse { range.next_back() } else { range.next() };
            let Some((key, version)) = next else { break };
            if let Some(version) = version.at(seq) {
                found.push((key.clone(), version.value.clone()));
            }
        }
        found
    }

    /// Hands every cell's newest version, in order of keys, to `read`. For an overlay that is written to no more.
    pub(crate) fn all<T>(&self, read: impl FnOnce(&mut dyn Iterator<Item = (&[u8], Option<&[u8]>)>) -> T) -> T {
        read(&mut self.cells().iter().map(|(key, version)| (key.as_slice(), version.value.as_deref())))
    }

    /// Whether there is no cell.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(overlay: &Overlay, key: &[u8], seq: u64) -> Option<Option<Vec<u8>>> {
        overlay.with(key, seq, |value| value.map(<[u8]>::to_vec))
    }

    #[test]
    fn a_reader_sees_its_commit() {
        let overlay = Overlay::default();
        for seq in 1..=5 {
            overlay.put(b"k".to_vec(), (seq != 3).then(|| vec![u8::try_from(seq).unwrap()]), seq, 0);
        }
        assert_eq!(at(&overlay, b"k", 0), None, "not yet written");
        assert_eq!(at(&overlay, b"k", 2), Some(Some(vec![2])));
        assert_eq!(at(&overlay, b"k", 3), Some(None), "removed");
        assert_eq!(at(&overlay, b"k", 9), Some(Some(vec![5])));
        assert_eq!(overlay.chunk(b"", b"z", false, 3, 9), vec![(b"k".to_vec(), None)]);
    }

    #[test]
    fn versions_that_nobody_needs_are_forgotten() {
        let overlay = Overlay::default();
        for seq in 1..=1000 {
            overlay.put(b"k".to_vec(), Some(vec![1]), seq, seq - 1);
        }
        let cells = overlay.cells();
        let (mut count, mut version) = (0, cells.get(b"k".as_slice()));
        while let Some(one) = version {
            (count, version) = (count + 1, one.older.as_deref());
        }
        assert_eq!(count, 2, "the newest, and the one that a reader of the commit before sees");
    }

    #[test]
    fn chunks_go_both_ways() {
        let overlay = Overlay::default();
        for key in 0..10_u8 {
            overlay.put(vec![key], Some(vec![key]), 1, 0);
        }
        let keys = |chunk: Vec<Cell>| chunk.into_iter().map(|(key, _)| key[0]).collect::<Vec<_>>();
        assert_eq!(keys(overlay.chunk(&[2], &[6], false, 1, 3)), vec![2, 3, 4]);
        assert_eq!(keys(overlay.chunk(&[2], &[6], true, 1, 3)), vec![5, 4, 3]);
    }
}
