//! One connection's output: everything that waits for it in one write.

use std::io::{self, IoSlice};
use std::rc::Rc;

use bytes::Bytes;

use super::conn::{Conn, Phase};
use super::queue::Queue;
use crate::gateway::boundary::Output;
use crate::gateway::limits::{SPARE_QUEUE_SLOTS_MAX, WRITE_SLICES_MAX};
use crate::gateway::thread::GatewayThread;

impl GatewayThread {
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
        if let Some(pong) = conn.pong.take().map(|pong| *pong) {
            self.enqueue(conn, [pong]);
        }
        let outcome = match self.pull_lone(conn) {
            Some(chunk) => self.write_lone(conn, chunk),
            None => self.write_queue(conn),
        };
        match outcome {
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
        if let Some(chunk) = self.pull_lone(conn) {
            self.enqueue(conn, [chunk]);
        }
    }

    /// As [`Self::pull`], but a single chunk with nothing before it is handed out: mostly the socket takes it at once, and no queue is needed.
    fn pull_lone(&self, conn: &Rc<Conn>) -> Option<Bytes> {
        let id = conn.session()?;
        let mut output = Output::default();
        self.gateway().take_output(id, &mut output);
        match output.close {
            None if output.chunks.len() == 1 && conn.has_empty_queue() => return output.chunks.pop(),
            None if output.chunks.is_empty() => {}
            None => self.enqueue(conn, output.chunks),
            Some(close) => self.close_for_session(conn, &close, output.chunks),
        }
        None
    }

    /// Writes a chunk that nothing waits before: `false` when the socket takes no more; what it did not take is queued.
    fn write_lone(&self, conn: &Conn, chunk: Bytes) -> io::Result<bool> {
        let written = match conn.stream.try_write(&chunk) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => 0,
            Err(error) => return Err(error),
        };
        self.note_written(conn, 1, written);
        if written == chunk.len() {
            return Ok(true);
        }
        let mut queue = self.spare_queue.take().unwrap_or_default();
        queue.push(chunk);
        queue.advance(written);
        self.put_back(conn, queue);
        self.write_queue(conn)
    }

    /// Writes until the queue is empty (`true`) or the socket takes no more (`false`).
    fn write_queue(&self, conn: &Conn) -> io::Result<bool> {
        let Some(mut queue) = conn.queue.take() else {
            return Ok(true);
        };
        let bytes_before = queue.bytes;
        let mut num_writes = 0;
        let outcome = write_all(conn, &mut queue, &mut num_writes);
        let written = bytes_before - queue.bytes;
        self.put_back(conn, queue);
        self.note_written(conn, num_writes, written);
        outcome
    }

    fn note_written(&self, conn: &Conn, num_writes: u64, bytes: usize) {
        self.written.add(num_writes, bytes);
        if bytes > 0
            && let Some(id) = conn.session()
        {
            self.gateway().on_written(id, bytes);
        }
    }
}

fn write_all(conn: &Conn, queue: &mut Queue, num_writes: &mut u64) -> io::Result<bool> {
    while !queue.chunks.is_empty() {
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let num_slices = queue.fill(&mut slices);
        *num_writes += 1;
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
