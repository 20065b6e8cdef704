//! Bytes to bytes: what the concerns of this backend read and write through.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use ::redb::{Error, ReadableTable, Table, TableDefinition};

use super::keys::after_prefix;

/// The one table.
pub(crate) const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rialto");

/// What the engine answers.
pub(crate) type Engine<T> = Result<T, Error>;

/// What a scan does with each entry.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Engine<ControlFlow<()>>;

/// Something to read from.
pub(crate) trait Source {
    /// The value of a key, handed to `with`.
    fn with<T>(&self, key: &[u8], with: impl FnOnce(&[u8]) -> Engine<T>) -> Engine<Option<T>>;
    /// Every entry with `from <= key < to`, in order or backwards.
    fn scan(&self, from: &[u8], to: &[u8], reverse: bool, visit: Visit<'_>) -> Engine<()>;

    /// The value of a key.
    fn get(&self, key: &[u8]) -> Engine<Option<Vec<u8>>> {
        self.with(key, |value| Ok(value.to_vec()))
    }

    /// Every entry with a prefix, in order.
    fn scan_prefix(&self, prefix: &[u8], visit: Visit<'_>) -> Engine<()> {
        self.scan(prefix, &after_prefix(prefix), false, visit)
    }
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Source for T {
    fn with<R>(&self, key: &[u8], with: impl FnOnce(&[u8]) -> Engine<R>) -> Engine<Option<R>> {
        match ReadableTable::get(self, key)? {
            Some(value) => with(value.value()).map(Some),
            None => Ok(None),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8], reverse: bool, visit: Visit<'_>) -> Engine<()> {
        if from >= to {
            return Ok(());
        }
        let mut range = self.range::<&[u8]>(from..to)?;
        loop {
            let next = if reverse { range.next_back() } else { range.next() };
            let Some(entry) = next else { return Ok(()) };
            let (key, value) = entry?;
            if visit(key.value(), value.value())?.is_break() {
                return Ok(());
            }
        }
    }
}

/// Somewhere to keep derived cells: the writer's transaction, or `verify`'s rebuild in memory.
pub(crate) trait Cells {
    /// A cell as it stands, writes of this transaction included.
    fn cell(&self, key: &[u8]) -> Engine<Option<Vec<u8>>>;
    /// Writes a cell.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>);
    /// Removes a cell.
    fn delete(&mut self, key: Vec<u8>);
}

impl Cells for BTreeMap<Vec<u8>, Vec<u8>> {
    fn cell(&self, key: &[u8]) -> Engine<Option<Vec<u8>>> {
        Ok(self.get(key).cloned())
    }
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.insert(key, value);
    }
    fn delete(&mut self, key: Vec<u8>) {
        self.remove(&key);
    }
}

/// The writer's transaction: writes wait in memory, one per cell, and go to the tree sorted when the commit is due.
pub(crate) struct Batch<'t, 'x> {
    table: &'x mut Table<'t, &'static [u8], &'static [u8]>,
    pending: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    wrote: bool,
}

impl<'t, 'x> Batch<'t, 'x> {
    /// An empty batch over a table.
    pub(crate) fn new(table: &'x mut Table<'t, &'static [u8], &'static [u8]>) -> Self {
        Self { table, pending: BTreeMap::new(), wrote: false }
    }

    /// Writes what waits to the tree; answers whether anything was ever written.
    pub(crate) fn flush(&mut self) -> Engine<bool> {
        self.wrote |= !self.pending.is_empty();
        for (key, value) in std::mem::take(&mut self.pending) {
            match value {
                Some(value) => drop(self.table.insert(key.as_slice(), value.as_slice())?),
                None => drop(self.table.remove(key.as_slice())?),
            }
        }
        Ok(self.wrote)
    }

    /// The tree with everything written so far in it, for scans.
    pub(crate) fn source(&mut self) -> Engine<&Table<'t, &'static [u8], &'static [u8]>> {
        self.flush()?;
        Ok(self.table)
    }

    /// The last entry of a key range in the tree, without what waits.
    pub(crate) fn last_in_tree<T>(&self, from: &[u8], to: &[u8], mut with: impl FnMut(&[u8], &[u8]) -> Engine<T>) -> Engine<Option<T>> {
        let mut found = None;
        Source::scan(self.table, from, to, true, &mut |key, value| {
            found = Some(with(key, value)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }
}

impl Cells for Batch<'_, '_> {
    fn cell(&self, key: &[u8]) -> Engine<Option<Vec<u8>>> {
        match self.pending.get(key) {
            Some(value) => Ok(value.clone()),
            None => Source::get(self.table, key),
        }
    }
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.pending.insert(key, Some(value));
    }
    fn delete(&mut self, key: Vec<u8>) {
        self.pending.insert(key, None);
    }
}
