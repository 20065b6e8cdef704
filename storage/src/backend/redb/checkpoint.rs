//! The thread that moves cells from the journal to the tree: many commits in one transaction, each cell once, in order of keys.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ::redb::{CursorError, Database, Durability, Error, Table};

use super::codec::encode;
use super::journal::{MARK_KEY, Mark};
use super::kv::{Engine, TABLE};
use super::metrics;
use super::open::Shared;
use super::overlay::Overlay;
use super::paced::Pace;
use crate::clock::monotonic;

/// How much less of a busy processor this thread gets than others: it has some 16 MiB to write within the time in which the journal's other file fills, and
/// callers wait for everybody else. Where it has no rival it is as fast as ever; writers that wait for it leave it the processor.
const NICENESS: i32 = 10;

/// Runs until the store closes.
pub(crate) fn run(shared: &Shared) {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "the checkpoint thread has the priority of all others");
    }
    while let Some(frozen) = shared.layers.next_frozen() {
        // Held until the layers know of it: the database is not closed and opened again in between.
        let guard = shared.database();
        let Some(database) = guard.as_ref() else { continue };
        let began = monotonic();
        let pace = &shared.options.pace;
        pace.begin(frozen.has_time);
        let written = catch_unwind(AssertUnwindSafe(|| write(database, &frozen.overlay, Some(frozen.mark), pace)));
        let outcome = written.unwrap_or_else(|_| Err(Error::Corrupted("the engine panicked".to_owned())));
        let failed = outcome.is_err();
        if !failed {
            metrics::checkpoint(began.elapsed());
        }
        shared.layers.checkpointed(&frozen, outcome);
        drop(guard);
        if failed {
            // The writer decides what to do about it, at once.
            shared.writes.nudge();
        }
    }
}

/// Writes an overlay's cells to the tree in one durable transaction, with the mark that says so.
pub(crate) fn write(database: &Database, overlay: &Overlay, mark: Option<Mark>, pace: &Pace) -> Engine<()> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate).map_err(|error| Error::Corrupted(error.to_string()))?;
    // Stored with the commit: what lets a store that was not closed be opened without reading it whole.
    transaction.set_quick_repair(true);
    {
        let mut table = transaction.open_table(TABLE)?;
        if let Some(mark) = mark {
            table.insert(MARK_KEY, encode(&mark).as_slice())?;
        }
        overlay.all(|cells| put(&mut table, cells, pace))?;
    }
    Ok(transaction.commit()?)
}

/// Writes cells that come in order of keys. Most are runs of new neighbours (a conversation's rows, ids in order of time): behind the first of a run the
/// others go through a cursor, which costs a third of as many insertions from the root.
fn put(
    table: &mut Table<'_, &'static [u8], &'static [u8]>,
    cells: &mut dyn Iterator<Item = (&[u8], Option<&[u8]>)>,
    pace: &Pace,
) -> Engine<()> {
    let mut cells = cells.enumerate().inspect(|(number, _)| pace.step(*number)).map(|(_, cell)| cell).peekable();
    while let Some((key, value)) = cells.next() {
        let Some(value) = value else {
            table.remove(key)?;
            continue;
        };
        let is_new = table.insert(key, value)?.is_none();
        if !is_new || cells.peek().is_none_or(|(_, value)| value.is_none()) {
            continue;
        }
        let mut cursor = table.upper_bound_mut(Bound::Included(key))?;
        while let Some((key, Some(value))) = cells.peek() {
            match cursor.insert_before(*key, *value) {
                Ok(()) => drop(cells.next()),
                // It stands already, or others stand before it.
                Err(CursorError::UnorderedKey) => break,
                Err(error) => return Err(error.into()),
            }
        }
        cursor.close()?;
    }
    Ok(())
}
