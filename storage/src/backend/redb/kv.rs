//! Bytes to bytes: what the concerns of this backend read and write through.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use ::redb::{Error, ReadableTable, TableDefinition};

use super::keys::after_prefix;
use super::record::Record;
use super::view::View;

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

/// The writer's transaction: what it writes goes to the overlay, where only it sees it until it is published, and into the commit's record.
pub(crate) struct Batch<'x> {
    view: &'x View,
    record: &'x mut Record,
    /// The oldest commit that a reader may be at.
    needed_from: u64,
}

impl<'x> Batch<'x> {
    /// An empty batch of the commit that the view is at.
    pub(crate) fn new(view: &'x View, record: &'x mut Record, needed_from: u64) -> Self {
        record.clear();
        Self { view, record, needed_from }
    }

    /// Everything as it stands, writes of this commit included.
    pub(crate) fn source(&self) -> &'x View {
        self.view
    }

    /// Whether nothing was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.record.is_empty()
    }
}

impl Cells for Batch<'_> {
    fn cell(&self, key: &[u8]) -> Engine<Option<Vec<u8>>> {
        self.view.get(key)
    }
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.record.add(&key, Some(&value));
        self.view.active.put(key, Some(value), self.view.seq, self.needed_from);
    }
    fn delete(&mut self, key: Vec<u8>) {
        self.record.add(&key, None);
        self.view.active.put(key, None, self.view.seq, self.needed_from);
    }
}
