//! The store as of one commit: the overlays in front of the tree.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use ::redb::{Database, ReadOnlyTable, ReadableDatabase};

use super::kv::{Engine, Source, TABLE, Visit};
use super::layers::Ticket;
use super::overlay::{Cell, Overlay};

/// The tree as of one checkpoint.
pub(crate) type Base = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The newest checkpoint of a database.
pub(crate) fn base(database: &Database) -> Engine<Base> {
    Ok(database.begin_read()?.open_table(TABLE)?)
}

/// Cells that the first fetch of a scan takes out of an overlay: most scans want one entry.
const CHUNK_MIN: usize = 2;
/// Cells that one fetch takes at most: bounds how long an overlay is locked.
const CHUNK_MAX: usize = 128;

/// Everything as of one commit. A cell is looked for in the newer layer first, so that moving cells down a layer changes nothing for readers.
pub(crate) struct View {
    pub(crate) active: Arc<Overlay>,
    pub(crate) frozen: Option<Arc<Overlay>>,
    pub(crate) base: Base,
    /// The commit.
    pub(crate) seq: u64,
    /// Keeps the versions of this commit; the writer, which always reads the newest, needs none.
    pub(crate) _ticket: Option<Ticket>,
}

impl View {
    fn overlays(&self) -> impl Iterator<Item = &Overlay> {
        std::iter::once(&*self.active).chain(self.frozen.as_deref())
    }
}

impl Source for View {
    fn with<T>(&self, key: &[u8], with: impl FnOnce(&[u8]) -> Engine<T>) -> Engine<Option<T>> {
        let mut with = Some(with);
        for overlay in self.overlays() {
            let found = overlay.with(key, self.seq, |value| value.and_then(|value| with.take().map(|with| with(value))).transpose());
            if let Some(found) = found {
                return found;
            }
        }
        match with {
            Some(with) => Source::with(&self.base, key, with),
            None => Ok(None),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8], reverse: bool, visit: Visit<'_>) -> Engine<()> {
        if from >= to {
            return Ok(());
        }
        let mut overlays = Merged {
            active: Cursor::new(&self.active, self.seq, from, to, reverse),
            frozen: self.frozen.as_ref().map(|frozen| Cursor::new(frozen, self.seq, from, to, reverse)),
        };
        let mut tree = self.base.range::<&[u8]>(from..to)?;
        let mut next_below = || if reverse { tree.next_back() } else { tree.next() }.transpose();
        let (mut above, mut below) = (overlays.next(), next_below()?);
        loop {
            let order = match (&above, &below) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((above, _)), Some((below, _))) => directed(above.as_slice().cmp(below.value()), reverse),
            };
            if order.is_eq() {
                below = next_below()?;
            }
            let flow = match (&above, &below) {
                (Some((key, Some(value))), _) if order.is_le() => visit(key, value)?,
                (_, Some((key, value))) if order.is_gt() => visit(key.value(), value.value())?,
                _ => ControlFlow::Continue(()),
            };
            if flow.is_break() {
                return Ok(());
            }
            if order.is_gt() {
                below = next_below()?;
            } else {
                above = overlays.next();
            }
        }
    }
}

fn directed(order: Ordering, reverse: bool) -> Ordering {
    if reverse { order.reverse() } else { order }
}

/// Both overlays as one, the newer hiding the older.
struct Merged<'a> {
    active: Cursor<'a>,
    frozen: Option<Cursor<'a>>,
}

impl Merged<'_> {
    fn next(&mut self) -> Option<Cell> {
        let Some(frozen) = &mut self.frozen else { return self.active.next() };
        let reverse = self.active.reverse;
        match (self.active.peek(), frozen.peek()) {
            (Some(newer), Some(older)) => match directed(newer.cmp(older), reverse) {
                Ordering::Less => self.active.next(),
                Ordering::Greater => frozen.next(),
                Ordering::Equal => {
                    drop(frozen.next());
                    self.active.next()
                }
            },
            (Some(_), None) => self.active.next(),
            (None, _) => frozen.next(),
        }
    }
}

/// Walks one overlay chunk by chunk.
struct Cursor<'a> {
    overlay: &'a Overlay,
    seq: u64,
    /// What is left of the range.
    from: Vec<u8>,
    to: Vec<u8>,
    reverse: bool,
    fetched: VecDeque<Cell>,
    chunk: usize,
    over: bool,
}

impl<'a> Cursor<'a> {
    fn new(overlay: &'a Overlay, seq: u64, from: &[u8], to: &[u8], reverse: bool) -> Self {
        let (from, to) = (from.to_vec(), to.to_vec());
        Self { overlay, seq, from, to, reverse, fetched: VecDeque::new(), chunk: CHUNK_MIN, over: false }
    }

    fn fetch(&mut self) {
        if !self.fetched.is_empty() || self.over {
            return;
        }
        self.fetched = self.overlay.chunk(&self.from, &self.to, self.reverse, self.seq, self.chunk).into();
        self.over = self.fetched.len() < self.chunk;
        self.chunk = (self.chunk * 4).min(CHUNK_MAX);
        if let Some((last, _)) = self.fetched.back() {
            if self.reverse {
                self.to.clone_from(last);
            } else {
                // The first key behind it.
                self.from.clone_from(last);
                self.from.push(0);
            }
        }
    }

    fn peek(&mut self) -> Option<&[u8]> {
        self.fetch();
        self.fetched.front().map(|(key, _)| key.as_slice())
    }

    fn next(&mut self) -> Option<Cell> {
        self.fetch();
        self.fetched.pop_front()
    }
}

#[cfg(test)]
mod tests;
