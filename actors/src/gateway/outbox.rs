//! What waits for one socket: whole frames, counted, and at last a close.

use bytes::Bytes;
use smallvec::SmallVec;

use super::{CloseFrame, Output};

/// Bytes up to which frames of a session's own are put behind each other, so that they leave as one piece.
const TOGETHER_BYTES_MAX: usize = 16 * 1024;

/// Whole frames.
#[derive(Debug)]
enum Chunk {
    /// Of many sessions.
    Shared(Bytes),
    /// Of this one.
    Own(Vec<u8>),
}

impl From<Chunk> for Bytes {
    fn from(chunk: Chunk) -> Self {
        match chunk {
            Chunk::Shared(bytes) => bytes,
            Chunk::Own(bytes) => bytes.into(),
        }
    }
}

/// One session's outbox. Idle it owns no memory beyond itself.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Most flushes find one chunk: it needs no memory of its own.
    chunks: SmallVec<[Chunk; 1]>,
    /// What only the begin and the end of a connection need.
    rare: Option<Box<Rare>>,
    bytes: usize,
    connected: bool,
    closed: bool,
}

#[derive(Debug, Default)]
struct Rare {
    /// What channels published before the connect reply went out: it must follow it.
    held: Vec<Bytes>,
    close: Option<CloseFrame>,
}

impl Outbox {
    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether this many bytes more stay within `limit`. What is empty takes anything: the limit is about being behind.
    pub(super) fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.bytes == 0 || self.bytes + bytes <= limit
    }

    /// Queues a frame that others get too; false when more than `limit` bytes would wait.
    pub(super) fn push(&mut self, frame: Bytes, limit: usize) -> bool {
        if self.closed {
            return true;
        }
        let fits = self.has_room(frame.len(), limit);
        self.bytes += frame.len();
        self.chunks.push(Chunk::Shared(frame));
        fits
    }

    /// Queues a frame of this session's own, behind others of its own in one piece; false when more than `limit` bytes would wait.
    pub(super) fn push_own(&mut self, frame: Vec<u8>, limit: usize) -> bool {
        if self.closed {
            return true;
        }
        let fits = self.has_room(frame.len(), limit);
        self.bytes += frame.len();
        match self.chunks.last_mut() {
            Some(Chunk::Own(own)) if own.len() + frame.len() <= TOGETHER_BYTES_MAX => own.extend_from_slice(&frame),
            _ => self.chunks.push(Chunk::Own(frame)),
        }
        fits
    }

    /// Queues a frame of any size that is bounded elsewhere: nobody is behind for having asked for it.
    pub(super) fn push_apart(&mut self, frame: Vec<u8>) {
        if !self.closed {
            self.chunks.push(Chunk::Shared(frame.into()));
        }
    }

    /// Queues what a channel published; false when more than `limit` bytes would wait.
    pub(super) fn publish(&mut self, frame: Bytes, limit: usize) -> bool {
        if self.connected || self.closed {
            return self.push(frame, limit);
        }
        let fits = self.has_room(frame.len(), limit);
        self.bytes += frame.len();
        self.rare.get_or_insert_default().held.push(frame);
        fits
    }

    /// Queues the connect reply and behind it what was held.
    pub(super) fn connected(&mut self, reply: Vec<u8>, limit: usize) -> bool {
        self.connected = true;
        let fits = self.push_own(reply, limit);
        if let Some(rare) = self.rare.take() {
            self.chunks.extend(rare.held.into_iter().map(Chunk::Shared));
            self.rare = rare.close.map(|close| Box::new(Rare { held: Vec::new(), close: Some(close) }));
        }
        fits
    }

    /// Moves everything out.
    pub(super) fn take(&mut self, output: &mut Output) {
        if self.chunks.spilled() {
            output.chunks.extend(std::mem::take(&mut self.chunks).into_iter().map(Bytes::from));
        } else {
            output.chunks.extend(self.chunks.pop().map(Bytes::from));
        }
        self.bytes = self.rare.as_ref().map_or(0, |rare| rare.held.iter().map(Bytes::len).sum());
        if let Some(close) = self.rare.as_mut().and_then(|rare| rare.close.take()) {
            output.close = Some(close);
        }
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.chunks = SmallVec::new();
        if let Some(rare) = &mut self.rare {
            rare.held = Vec::new();
        }
        self.bytes = 0;
    }

    /// Closes behind what waits; the first close counts, nothing is taken after it.
    pub(super) fn close(&mut self, frame: CloseFrame) {
        if !self.closed {
            self.closed = true;
            self.rare.get_or_insert_default().close = Some(frame);
        }
    }

    /// Whether a close waits to be taken.
    pub(super) fn is_closing(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.close.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(outbox: &mut Outbox) -> (Vec<Bytes>, Option<u16>) {
        let mut output = Output::default();
        outbox.take(&mut output);
        (output.chunks.to_vec(), output.close.map(|close| close.code))
    }

    #[test]
    fn publications_wait_for_the_connect_reply() {
        let mut outbox = Outbox::default();
        assert!(outbox.publish("early".into(), 100));
        assert_eq!(taken(&mut outbox), (vec![], None));
        assert!(outbox.connected(b"hello".to_vec(), 100));
        assert!(outbox.publish("late".into(), 100));
        assert_eq!(taken(&mut outbox), (vec!["hello".into(), "early".into(), "late".into()], None));
    }

    #[test]
    fn the_first_close_counts_and_nothing_follows_it() {
        let mut outbox = Outbox::default();
        assert!(outbox.push("last".into(), 100));
        outbox.close(rialto_protocol::CloseCode::Slow.into());
        outbox.close(rialto_protocol::CloseCode::Shutdown.into());
        assert!(outbox.push("never".into(), 100));
        assert!(outbox.is_closing());
        assert_eq!(taken(&mut outbox), (vec!["last".into()], Some(3008)));
        assert_eq!(taken(&mut outbox), (vec![], None));
    }

    #[test]
    fn frames_of_ones_own_leave_in_one_piece_and_in_their_order() {
        let mut outbox = Outbox::default();
        assert!(outbox.connected(b"a".to_vec(), 100));
        assert!(outbox.push_own(b"b".to_vec(), 100) && outbox.publish("room".into(), 100));
        assert!(outbox.push_own(b"c".to_vec(), 100) && outbox.push_own(b"d".to_vec(), 100));
        assert_eq!(outbox.bytes(), 8);
        assert_eq!(taken(&mut outbox), (vec!["ab".into(), "room".into(), "cd".into()], None));
        let frame = vec![0; TOGETHER_BYTES_MAX / 2];
        for _ in 0..3 {
            assert!(outbox.push_own(frame.clone(), usize::MAX));
        }
        let (chunks, _) = taken(&mut outbox);
        assert_eq!(chunks.iter().map(Bytes::len).collect::<Vec<_>>(), [TOGETHER_BYTES_MAX, frame.len()]);
        assert_eq!(size_of::<Chunk>(), size_of::<Bytes>());
    }

    #[test]
    fn whoever_falls_behind_is_noticed() {
        let mut outbox = Outbox::default();
        assert!(outbox.connected(Vec::new(), 10));
        assert!(outbox.push("12345".into(), 10));
        assert!(outbox.publish("67890".into(), 10));
        assert!(!outbox.publish("x".into(), 10));
        outbox.clear();
        assert!(outbox.push("1".into(), 10));
    }

    #[test]
    fn one_frame_of_any_size_fits_and_none_behind_it() {
        let mut outbox = Outbox::default();
        assert!(outbox.push(Bytes::from_static(&[0; 9]), 8), "nothing waits, so nobody is behind");
        assert!(!outbox.push(Bytes::from_static(&[0]), 8));
        let mut output = Output::default();
        outbox.take(&mut output);
        assert_eq!(output.chunks.len(), 2);
        assert!(outbox.push(Bytes::from_static(&[0; 4]), 8) && outbox.push(Bytes::from_static(&[0; 4]), 8));
        assert!(!outbox.has_room(1, 8) && outbox.has_room(0, 8));
    }
}
