//! From bytes of a socket to calls of the session side.

use std::io;
use std::rc::Rc;

use bytes::Bytes;
use tokio::io::Interest;

use super::conn::{Conn, Endpoint, Phase};
use crate::gateway::boundary::Intake;
use crate::gateway::thread::GatewayThread;
use crate::ws::encode::{self, FrameKind};
use crate::ws::{Event, Violation};

/// Whether the rest of a chunk is still wanted.
enum After {
    GoOn,
    Hold,
    Stop,
}

impl GatewayThread {
    /// One read of at most the thread's buffer, and all that follows from it.
    pub(super) fn read_once(&self, conn: &Rc<Conn>) {
        let mut buffer = self.read_buffer.borrow_mut();
        let length = match conn.stream.try_read(&mut buffer) {
            Ok(0) => return self.finish(conn),
            Ok(length) => length,
            Err(error) => {
                let comes_again = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
                if !comes_again {
                    self.finish(conn);
                }
                return;
            }
        };
        if length < buffer.len() {
            // That was all: without this the task would ask the kernel once more, in vain.
            let _nothing = conn.stream.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
        self.metrics.received_bytes.increment(length as u64);
        match conn.phase.get() {
            Phase::Open => self.ingest(conn, &mut buffer[..length]),
            Phase::Closing => self.discard(conn, length),
            Phase::Done => {}
        }
    }

    /// Decodes a chunk and acts on each event in it.
    pub(super) fn ingest(&self, conn: &Rc<Conn>, mut chunk: &mut [u8]) {
        let mut num_events = 0;
        loop {
            let step = conn.decoder.borrow_mut().step(chunk);
            let (event, rest) = match step {
                Ok((Some(event), rest)) => (event, rest),
                Ok((None, _)) => break,
                Err(violation) => {
                    self.fail(conn, violation);
                    break;
                }
            };
            num_events += 1;
            match self.on_event(conn, event) {
                After::GoOn => chunk = rest,
                After::Hold => {
                    if !rest.is_empty() {
                        conn.held_input.set(Some((&*rest).into()));
                    }
                    break;
                }
                After::Stop => break,
            }
        }
        self.metrics.frames_received.increment(num_events);
    }

    fn on_event(&self, conn: &Rc<Conn>, event: Event<'_>) -> After {
        match (event, conn.endpoint.get()) {
            (Event::Text(text), Endpoint::Session(id)) => self.after(conn, self.gateway().on_text(id, &text)),
            (Event::Binary(bytes), Endpoint::Session(id)) => self.after(conn, self.gateway().on_binary(id, &bytes)),
            (Event::Text(text), Endpoint::Echo) => self.echo(conn, encode::frame(FrameKind::Text, text.as_bytes())),
            (Event::Binary(bytes), Endpoint::Echo) => self.echo(conn, encode::frame(FrameKind::Binary, &bytes)),
            (Event::Ping(payload), _) => {
                self.pong(conn, encode::frame(FrameKind::Pong, &payload));
                After::GoOn
            }
            (Event::Close(reason), _) => {
                self.answer_close(conn, reason.map(|reason| reason.code));
                After::Stop
            }
            (Event::Pong(_), _) => After::GoOn,
            (_, Endpoint::Over) => After::Stop,
        }
    }

    fn after(&self, conn: &Conn, intake: Intake) -> After {
        if conn.phase.get() != Phase::Open {
            return After::Stop;
        }
        match intake {
            Intake::Ok => After::GoOn,
            Intake::Pause => {
                conn.is_paused.set(true);
                After::Hold
            }
        }
    }

    fn echo(&self, conn: &Rc<Conn>, frame: Bytes) -> After {
        self.enqueue(conn, [frame]);
        self.mark_dirty(conn);
        After::GoOn
    }

    fn pong(&self, conn: &Rc<Conn>, frame: Bytes) {
        // A client that pings and does not read costs one pong, not a queue of them.
        if conn.is_blocked.get() {
            conn.pong.set(Some(Box::new(frame)));
        } else {
            self.enqueue(conn, [frame]);
            self.mark_dirty(conn);
        }
    }

    fn fail(&self, conn: &Rc<Conn>, violation: Violation) {
        tracing::debug!(%violation, code = violation.code(), "websocket violation");
        let reason = violation.to_string();
        self.begin_close(conn, violation.code(), encode::close_frame(violation.code(), &reason));
    }

    fn discard(&self, conn: &Rc<Conn>, length: usize) {
        let discarded = conn.bytes_discarded.get() + length;
        conn.bytes_discarded.set(discarded);
        if discarded > self.limits.close_linger_bytes_max {
            self.finish(conn);
        }
    }
}
