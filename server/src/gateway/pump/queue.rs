//! What a socket did not take yet.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use crate::gateway::limits::WRITE_SLICES_MAX;
use crate::ws::encode;

/// Frames on their way to one socket.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(super) chunks: VecDeque<Bytes>,
    /// Bytes to be sent of all chunks.
    pub(super) bytes: usize,
    /// Bytes of the first chunk that have been sent. The chunk stays whole, because only from its begin is it known where its frames end.
    num_sent: usize,
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

    pub(super) fn advance(&mut self, written: usize) {
        self.bytes -= written;
        self.num_sent += written;
        while let Some(first) = self.chunks.front() {
            if self.num_sent < first.len() {
                return;
            }
            self.num_sent -= first.len();
            self.chunks.pop_front();
        }
    }

    /// Drops all frames of which nothing has been sent. What is left of one sent in part is copied: the chunk may be a room's, which many share.
    pub(super) fn drop_unsent(&mut self) {
        let num_sent = std::mem::take(&mut self.num_sent);
        let first = self.chunks.pop_front();
        self.chunks = VecDeque::new();
        self.bytes = 0;
        if let Some(first) = first.filter(|_| num_sent > 0) {
            self.push(Bytes::copy_from_slice(&first[num_sent..end_of_frame_at(&first, num_sent)]));
        }
    }

    pub(super) fn fill<'q>(&'q self, slices: &mut [IoSlice<'q>; WRITE_SLICES_MAX]) -> usize {
        let mut num_slices = 0;
        let mut num_sent = self.num_sent;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(&chunk[std::mem::take(&mut num_sent)..]);
            num_slices += 1;
        }
        num_slices
    }
}

/// The first end of a frame at or behind `position` in a chunk of whole frames. All of a chunk that holds no frames of ours: the answer to the upgrade.
fn end_of_frame_at(chunk: &[u8], position: usize) -> usize {
    let mut end = 0;
    while end < position {
        match encode::frame_bytes(&chunk[end..]) {
            Some(frame_bytes) if frame_bytes <= chunk.len() - end => end += frame_bytes,
            _ => return chunk.len(),
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::Queue;
    use crate::ws::encode::{FrameKind, frame};

    fn waiting(queue: &Queue) -> Vec<u8> {
        let mut bytes = queue.chunks.iter().flatten().copied().collect::<Vec<_>>();
        bytes.drain(..queue.num_sent);
        bytes
    }

    #[test]
    fn a_frame_sent_in_part_survives_the_drop_of_the_rest() {
        // Frames with lengths of all three forms, several in a chunk as a room's buffer has them.
        let frames: Vec<Bytes> = [5, 125, 126, 1000, 70_000, 3].map(|length| frame(FrameKind::Text, &vec![b'x'; length])).into();
        let room: Bytes = frames.concat().into();
        let ends = frames.iter().scan(0, |end, frame| {
            *end += frame.len();
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        for sent in (0..room.len()).filter(|sent| sent % 997 < 5) {
            let mut queue = Queue::default();
            queue.push(room.clone());
            queue.push(Bytes::from_static(b"behind"));
            queue.advance(sent);
            queue.drop_unsent();
            let end = if sent == 0 { 0 } else { *ends.iter().find(|end| **end >= sent).unwrap() };
            assert_eq!(waiting(&queue), room[sent..end], "{sent}");
            assert_eq!(queue.bytes, end - sent);
        }
    }

    #[test]
    fn what_is_no_frame_is_kept_whole_and_a_sent_one_not_at_all() {
        let mut queue = Queue::default();
        queue.push(Bytes::from_static(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"));
        queue.push(frame(FrameKind::Text, b"first"));
        queue.advance(4);
        queue.drop_unsent();
        assert_eq!(waiting(&queue), b"/1.1 101 Switching Protocols\r\n\r\n");
        queue.advance(queue.bytes);
        queue.push(frame(FrameKind::Text, b"second"));
        queue.drop_unsent();
        assert!(queue.chunks.is_empty() && queue.bytes == 0);
    }
}
