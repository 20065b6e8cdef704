//! What a socket did not take yet.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use crate::gateway::limits::WRITE_SLICES_MAX;

/// Frames on their way to one socket.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(super) chunks: VecDeque<Bytes>,
    /// Bytes of all chunks.
    pub(super) bytes: usize,
    /// The first chunk has been sent in part; what is left of it must be sent before any other frame.
    is_cut: bool,
}

impl Queue {
    /// Bytes that wait in a connection's queue.
    pub(super) fn bytes_in(cell: &Cell<Option<Box<Self>>>) -> usize {
        let queue = cell.take();
        let bytes = queue.as_ref().map_or(0, |queue| queue.bytes);
        cell.set(queue);
        bytes
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.bytes += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    pub(super) fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        while let Some(first) = self.chunks.front_mut() {
            if written < first.len() {
                self.is_cut |= written > 0;
                bytes::Buf::advance(first, written);
                return;
            }
            written -= first.len();
            self.is_cut = false;
            self.chunks.pop_front();
        }
    }

    /// Drops all frames of which nothing has been sent.
    pub(super) fn drop_unsent(&mut self) {
        self.chunks.truncate(usize::from(self.is_cut));
        self.bytes = self.chunks.iter().map(Bytes::len).sum();
    }

    pub(super) fn fill<'q>(&'q self, slices: &mut [IoSlice<'q>; WRITE_SLICES_MAX]) -> usize {
        let mut num_slices = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk);
            num_slices += 1;
        }
        num_slices
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Queue;

    #[test]
    fn a_frame_sent_in_part_survives_the_drop_of_the_rest() {
        let mut queue = Queue::default();
        for frame in ["first", "second", "third"] {
            queue.push(Bytes::from_static(frame.as_bytes()));
        }
        queue.advance(7);
        queue.drop_unsent();
        assert_eq!(queue.chunks, [Bytes::from_static(b"cond")]);
        assert_eq!(queue.bytes, 4);
        queue.advance(4);
        queue.push(Bytes::from_static(b"whole"));
        queue.drop_unsent();
        assert!(queue.chunks.is_empty() && queue.bytes == 0);
    }
}
