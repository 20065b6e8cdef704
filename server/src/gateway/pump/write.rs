//! The flush: once per scheduler tick, everything pending of a connection in one vectored write.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Poll, Waker};

use bytes::Bytes;

use super::conn::{Conn, Phase};
use crate::gateway::boundary::Output;
use crate::gateway::limits::{SPARE_QUEUE_SLOTS_MAX, WRITE_SLICES_MAX};
use crate::gateway::thread::GatewayThread;

/// The connections with something to write, and who writes.
#[derive(Default)]
pub(crate) struct Dirty {
    conns: RefCell<Vec<Rc<Conn>>>,
    flusher: Cell<Option<Waker>>,
}

/// Frames on their way to one socket.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: VecDeque<Bytes>,
    /// Bytes of all chunks.
    bytes: usize,
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

    fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.bytes += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    fn advance(&mut self, mut written: usize) {
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
    fn drop_unsent(&mut self) {
        self.chunks.truncate(usize::from(self.is_cut));
        self.bytes = self.chunks.iter().map(Bytes::len).sum();
    }

    fn fill<'q>(&'q self, slices: &mut [IoSlice<'q>; WRITE_SLICES_MAX]) -> usize {
        let mut num_slices = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            *slice = IoSlice::new(chunk);
            num_slices += 1;
        }
        num_slices
    }
}

impl GatewayThread {
    /// Puts a connection on the list for this tick's flush; once, however often it is called.
    pub(crate) fn mark_dirty(&self, conn: &Rc<Conn>) {
        if conn.is_dirty.replace(true) {
            return;
        }
        self.dirty.conns.borrow_mut().push(Rc::clone(conn));
        if let Some(flusher) = self.dirty.flusher.take() {
            flusher.wake();
        }
    }

    /// Flushes when woken; being one task among the others, it runs after those that were ready before it.
    pub(crate) async fn run_flusher(self: Rc<Self>) {
        let mut batch = Vec::new();
        loop {
            poll_fn(|context| {
                if !self.dirty.conns.borrow().is_empty() {
                    return Poll::Ready(());
                }
                self.dirty.flusher.set(Some(context.waker().clone()));
                Poll::Pending
            })
            .await;
            std::mem::swap(&mut batch, &mut *self.dirty.conns.borrow_mut());
            for conn in batch.drain(..) {
                conn.is_dirty.set(false);
                self.contain(&conn, || self.flush(&conn));
            }
            // A flush can make others dirty; they come after the tasks that wait now.
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn enqueue(&self, conn: &Conn, chunks: impl IntoIterator<Item = Bytes>) {
        let mut queue = conn.queue.take().or_else(|| self.spare_queue.take()).unwrap_or_default();
        for chunk in chunks {
            queue.push(chunk);
        }
        self.put_back(conn, queue);
    }

    pub(super) fn drop_unsent(&self, conn: &Conn) {
        if let Some(mut queue) = conn.queue.take() {
            queue.drop_unsent();
            self.put_back(conn, queue);
        }
    }

    fn put_back(&self, conn: &Conn, queue: Box<Queue>) {
        if !queue.chunks.is_empty() {
            conn.queue.set(Some(queue));
        } else if queue.chunks.capacity() <= SPARE_QUEUE_SLOTS_MAX {
            self.spare_queue.set(Some(queue));
        }
    }

    /// Takes the session's output and writes all there is, as far as the socket takes it.
    pub(super) fn flush(&self, conn: &Rc<Conn>) {
        if conn.phase.get() == Phase::Done {
            return;
        }
        if conn.is_blocked.get() {
            // Nothing is taken, so that the outbox counts what waits; but an end must not wait.
            if conn.session().is_some_and(|id| self.gateway().is_closing(id)) {
                self.pull(conn);
            }
            return;
        }
        if let Some(pong) = conn.pong.take() {
            self.enqueue(conn, [pong]);
        }
        self.pull(conn);
        match self.write_queue(conn) {
            Ok(true) if conn.phase.get() == Phase::Closing => self.shut(conn),
            Ok(true) => {}
            Ok(false) => {
                conn.is_blocked.set(true);
                // The task waits for writability; it registers for it when it runs.
                conn.wake_task();
            }
            Err(_) => self.finish(conn),
        }
        if conn.waits_for_room.get() {
            conn.wake_task();
        }
    }

    /// Moves the content of the session's outbox into the queue; a close in it begins the end.
    pub(super) fn pull(&self, conn: &Rc<Conn>) {
        let Some(id) = conn.session() else {
            return;
        };
        let mut output = Output::default();
        self.gateway().take_output(id, &mut output);
        match output.close {
            None if output.chunks.is_empty() => {}
            None => self.enqueue(conn, output.chunks),
            Some(close) => self.close_for_session(conn, &close, output.chunks),
        }
    }

    /// Writes until the queue is empty (`true`) or the socket takes no more (`false`).
    fn write_queue(&self, conn: &Conn) -> io::Result<bool> {
        let Some(mut queue) = conn.queue.take() else {
            return Ok(true);
        };
        let bytes_before = queue.bytes;
        let outcome = write_all(conn, &mut queue);
        let written = bytes_before - queue.bytes;
        self.put_back(conn, queue);
        if written > 0 {
            self.metrics.sent_bytes.increment(written as u64);
            if let Some(id) = conn.session() {
                self.gateway().on_written(id, written);
            }
        }
        outcome
    }
}

fn write_all(conn: &Conn, queue: &mut Queue) -> io::Result<bool> {
    while !queue.chunks.is_empty() {
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let num_slices = queue.fill(&mut slices);
        match conn.stream.try_write_vectored(&slices[..num_slices]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => queue.advance(written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
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
