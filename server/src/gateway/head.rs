//! From an accepted socket to whoever serves it: reads the request head and decides.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::boundary::TransportInfo;
use super::http::HttpIo;
use super::judge::{Upgrade, Verdict, judge};
use super::listener::Accepted;
use super::metrics::RefusalReason;
use super::refuse::Refusal;
use super::thread::{ConnectionSlot, Due, GatewayThread};
use super::wheel::TimerId;

/// All connections of the thread that no server has taken yet, oldest first.
#[derive(Default)]
pub(crate) struct Heads {
    waiting: RefCell<BTreeMap<u64, Rc<Waiting>>>,
    next: Cell<u64>,
}

struct Waiting {
    end: Cell<Option<End>>,
    waker: Cell<Option<Waker>>,
    timer: Cell<Option<TimerId>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Timeout,
    Crowded,
}

impl Heads {
    pub(crate) fn expire(&self, number: u64) {
        let waiting = self.waiting.borrow().get(&number).cloned();
        if let Some(waiting) = waiting {
            waiting.finish(End::Timeout);
        }
    }

    /// Drops all connections that have not said what they want.
    pub(crate) fn drop_all(&self) {
        for waiting in self.waiting.borrow().values() {
            waiting.finish(End::Crowded);
        }
    }
}

impl Waiting {
    fn finish(&self, end: End) {
        self.end.set(Some(end));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A connection's place among the half-open ones; left by dropping it.
struct Place {
    thread: Rc<GatewayThread>,
    number: u64,
    waiting: Rc<Waiting>,
}

impl Place {
    /// Takes a place, if need be that of the oldest, and starts the deadline.
    fn enter(thread: &Rc<GatewayThread>) -> Self {
        let heads = &thread.heads;
        let oldest = if heads.waiting.borrow().len() < thread.limits.heads_max {
            None
        } else {
            let waiting = heads.waiting.borrow();
            waiting.values().find(|oldest| oldest.end.get().is_none()).cloned()
        };
        if let Some(oldest) = oldest {
            oldest.finish(End::Crowded);
        }
        let number = heads.next.get();
        heads.next.set(number + 1);
        let waiting = Rc::new(Waiting { end: Cell::new(None), waker: Cell::new(None), timer: Cell::new(None) });
        heads.waiting.borrow_mut().insert(number, Rc::clone(&waiting));
        let place = Self { thread: Rc::clone(thread), number, waiting };
        place.set_deadline(thread.limits.head_deadline_ms);
        place
    }

    fn set_deadline(&self, after_ms: u64) {
        let timer = self.thread.set_timer(after_ms, Due::Head(self.number));
        self.thread.cancel_timer(self.waiting.timer.replace(Some(timer)));
    }

    /// Waits for input. `Err` when the place is lost before any comes.
    async fn readable(&self, stream: &TcpStream) -> Result<(), End> {
        poll_fn(|context| {
            if let Some(end) = self.waiting.end.get() {
                return Poll::Ready(Err(end));
            }
            self.waiting.waker.set(Some(context.waker().clone()));
            // An error is found by the read that follows.
            stream.poll_read_ready(context).map(|_| Ok(()))
        })
        .await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.thread.cancel_timer(self.waiting.timer.take());
        self.thread.heads.waiting.borrow_mut().remove(&self.number);
    }
}

/// How reading a head ended.
enum Head {
    /// The client is gone, or lost its place.
    Gone,
    Refused(RefusalReason, Refusal),
    Known(Verdict),
}

/// Serves one socket from accept to its end, or to the moment when the pump takes it over.
pub(crate) async fn serve(thread: Rc<GatewayThread>, accepted: Accepted, slot: ConnectionSlot) {
    let peer = accepted.peer;
    let stream = match TcpStream::from_std(accepted.stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, %peer, "register socket");
            return;
        }
    };
    let place = Place::enter(&thread);
    let mut bytes = Vec::new();
    if thread.is_draining.get() {
        refuse(&place, &stream, RefusalReason::Full, Refusal::UNAVAILABLE).await;
        return;
    }
    loop {
        let verdict = match read_head(&place, &stream, peer, &mut bytes).await {
            Head::Gone => return,
            Head::Refused(reason, refusal) => {
                return refuse(&place, &stream, reason, refusal).await;
            }
            Head::Known(verdict) => verdict,
        };
        match verdict {
            Verdict::Incomplete => {}
            Verdict::Http => {
                drop(place);
                return serve_http(&thread, stream, peer, bytes, slot).await;
            }
            Verdict::Upgrade(upgrade) => {
                let Upgrade { answer, head_bytes, transport } = *upgrade;
                drop(place);
                let rest = &bytes[head_bytes..];
                return take_over(&thread, stream, slot, answer, rest, transport);
            }
            Verdict::Refuse { reason, refusal, head_bytes, keeps_alive: true } => {
                // The client may go on with plain requests, those sent already included.
                thread.metrics.refused(reason);
                if stream.try_write(&refusal.response(true)).is_err() {
                    return;
                }
                bytes.drain(..head_bytes);
                place.set_deadline(thread.limits.head_deadline_ms);
            }
            Verdict::Refuse { reason, refusal, .. } => {
                return refuse(&place, &stream, reason, refusal).await;
            }
        }
    }
}

/// Refuses a connection for which there is no room, without keeping it.
pub(crate) fn refuse_at_once(thread: &GatewayThread, accepted: &Accepted) {
    thread.metrics.refused(RefusalReason::Full);
    super::refuse::answer_and_drop(&accepted.stream, Refusal::UNAVAILABLE);
}

fn take_over(thread: &Rc<GatewayThread>, stream: TcpStream, slot: ConnectionSlot, answer: Vec<u8>, rest: &[u8], transport: TransportInfo) {
    thread.adopt(stream, slot, Bytes::from(answer), rest, transport);
}

async fn serve_http(thread: &Rc<GatewayThread>, stream: TcpStream, peer: SocketAddr, bytes: Vec<u8>, slot: ConnectionSlot) {
    thread.metrics.http_connections.increment(1);
    let service = (thread.http)(HttpIo::new(stream, Bytes::from(bytes)), peer);
    service.await;
    thread.metrics.http_connections.decrement(1);
    drop(slot);
}

/// Reads on until `bytes` hold a head that can be judged; they may hold more behind it.
async fn read_head(place: &Place, stream: &TcpStream, peer: SocketAddr, bytes: &mut Vec<u8>) -> Head {
    let thread = &place.thread;
    let head_bytes_max = thread.limits.head_bytes_max;
    let mut searched = 0;
    loop {
        if !bytes.is_empty() {
            match judge(bytes, searched, head_bytes_max, thread.policy.as_ref(), peer.ip()) {
                Verdict::Incomplete if bytes.len() > head_bytes_max => {
                    return Head::Refused(RefusalReason::TooLarge, Refusal::HEAD_TOO_LARGE);
                }
                Verdict::Incomplete => searched = bytes.len(),
                verdict => return Head::Known(verdict),
            }
        }
        match place.readable(stream).await {
            Ok(()) => {}
            Err(End::Timeout) => {
                return Head::Refused(RefusalReason::Timeout, Refusal::TIMEOUT);
            }
            Err(End::Crowded) => {
                thread.metrics.refused(RefusalReason::Crowded);
                return Head::Gone;
            }
        }
        match read_more(thread, stream, bytes) {
            Ok(0) => {
                if !bytes.is_empty() {
                    thread.metrics.refused(RefusalReason::Aborted);
                }
                return Head::Gone;
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Head::Gone,
        }
    }
}

fn read_more(thread: &GatewayThread, stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = thread.read_buffer.borrow_mut();
    let length = stream.try_read(&mut buffer)?;
    bytes.reserve_exact(length);
    bytes.extend_from_slice(&buffer[..length]);
    Ok(length)
}

/// Answers, ends writing, and discards input for a while, so that the answer is not lost to a reset.
async fn refuse(place: &Place, stream: &TcpStream, reason: RefusalReason, refusal: Refusal) {
    let thread = &place.thread;
    thread.metrics.refused(reason);
    let answered = stream.try_write(&refusal.response(false)).and_then(|_| SockRef::from(stream).shutdown(std::net::Shutdown::Write));
    if answered.is_err() {
        return;
    }
    place.waiting.end.set(None);
    place.set_deadline(thread.limits.close_linger_ms);
    let mut discarded = 0;
    while discarded < thread.limits.close_linger_bytes_max {
        if place.readable(stream).await.is_err() {
            return;
        }
        match stream.try_read(&mut thread.read_buffer.borrow_mut()) {
            Ok(0) => return,
            Ok(length) => discarded += length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
