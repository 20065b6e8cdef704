//! The newest rows in memory: applied, in flight and queued. They answer recovery, deduplication and questions about recent messages without a read.

use std::collections::VecDeque;

use rialto_storage::{Row, RowSender};

use super::limits::{RECENT_BYTES_MAX, ROW_OVERHEAD_BYTES};

/// A gapless run of rows that ends at the top. Rows that are not durable never leave it.
#[derive(Debug)]
pub(crate) struct Recent {
    rows: VecDeque<Row>,
    /// Rows held up to `applied` at most.
    rows_max: u64,
    /// Seq of the first row held; one above the top when none is.
    first: u64,
    applied: u64,
    /// Cost of the rows held up to `applied`.
    bytes_applied: usize,
}

impl Recent {
    /// Holds nothing; the next row is `next`. Of the durable rows it will hold at most `rows_max`.
    pub(crate) fn new(next: u64, rows_max: u64) -> Self {
        Self { rows: VecDeque::new(), rows_max, first: next, applied: next.saturating_sub(1), bytes_applied: 0 }
    }

    /// Takes the next row.
    pub(crate) fn push(&mut self, row: Row) {
        debug_assert_eq!(row.seq, self.first + self.rows.len() as u64, "rows are dense");
        self.rows.push_back(row);
    }

    /// Rows up to here are durable: the oldest may leave.
    pub(crate) fn apply(&mut self, seq: u64) {
        let top = (self.first + self.rows.len() as u64).saturating_sub(1);
        while self.applied < seq.min(top) {
            self.applied += 1;
            self.bytes_applied += self.get(self.applied).map_or(0, cost);
        }
        while self.first <= self.applied && (self.applied - self.first >= self.rows_max || self.bytes_applied > RECENT_BYTES_MAX) {
            let Some(row) = self.rows.pop_front() else { return };
            self.bytes_applied = self.bytes_applied.saturating_sub(cost(&row));
            self.first += 1;
        }
    }

    /// The highest durable row.
    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    /// Seq of the first row held; one above the top when none is.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Whether this row and all later ones are held.
    pub(crate) fn reaches(&self, seq: u64) -> bool {
        seq >= self.first
    }

    /// A row, if it is held.
    pub(crate) fn get(&self, seq: u64) -> Option<&Row> {
        self.rows.get(usize::try_from(seq.checked_sub(self.first)?).ok()?)
    }

    /// The rows held from this seq on.
    pub(crate) fn since(&self, seq: u64) -> impl Iterator<Item = &Row> {
        let skip = usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX).min(self.rows.len());
        self.rows.range(skip..)
    }

    /// The last row of a sender's request, if it is held.
    pub(crate) fn find(&self, sender: &RowSender) -> Option<&Row> {
        self.rows.iter().rev().find(|row| row.remaining == 0 && row.sender == *sender)
    }
}

fn cost(row: &Row) -> usize {
    row.body.len() + ROW_OVERHEAD_BYTES
}
