//! The listening socket and the one thread that accepts from it.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Receiver as StopReceiver;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use metrics::{Counter, counter};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::limits::LISTEN_BACKLOG;
use super::metrics::{RefusalReason, refused_counter};
use super::refuse::{Refusal, answer_and_drop};

/// Pause after an accept that failed for want of descriptors or memory: closing sockets need the time.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// A socket as accepted: not blocking, without Nagle's delay.
#[derive(Debug)]
pub struct Accepted {
    /// The socket.
    pub stream: TcpStream,
    /// The other end of it, which may be a proxy.
    pub peer: SocketAddr,
}

/// Binds the address with a backlog of [`LISTEN_BACKLOG`]. Port 0 takes a free one; ask `local_addr` which.
///
/// # Errors
/// The address is taken or not of this machine.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restarted server takes its port again at once, whatever old connections still fade out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}

/// The accepting thread. Dropping it stops accepting too.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Acceptor {
    /// Starts the thread. Sockets go to `workers` in turn; a full queue is passed over, and when all are full the
    /// client gets a 503.
    ///
    /// # Errors
    /// The system gives no thread or no descriptor.
    pub fn start(listener: TcpListener, workers: Vec<mpsc::Sender<Accepted>>) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let accept_loop = AcceptLoop {
            listener: listener.try_clone()?,
            stopped,
            workers,
            next: 0,
            num_errors: counter!("rialto_accept_errors_total"),
            num_refused: refused_counter(RefusalReason::Full),
        };
        let thread = std::thread::Builder::new().name("accept".to_owned()).spawn(|| accept_loop.run())?;
        Ok(Self { listener, stop: Some(stop), thread: Some(thread) })
    }

    /// Stops accepting and closes the port. Sockets already handed out are not touched.
    pub fn stop(mut self) {
        self.shut();
    }

    fn shut(&mut self) {
        drop(self.stop.take());
        // This is what wakes a thread that waits in accept.
        if let Err(error) = SockRef::from(&self.listener).shutdown(Shutdown::Both) {
            tracing::debug!(%error, "shut down listener");
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the accepting thread had panicked");
        }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.shut();
    }
}

struct AcceptLoop {
    listener: TcpListener,
    /// Disconnected when the owner stops; nothing is ever sent.
    stopped: StopReceiver<()>,
    workers: Vec<mpsc::Sender<Accepted>>,
    next: usize,
    num_errors: Counter,
    num_refused: Counter,
}

impl AcceptLoop {
    fn run(mut self) {
        while !self.is_stopped(Duration::ZERO) {
            match self.listener.accept() {
                Ok((stream, peer)) => self.hand_out(stream, peer),
                Err(error) => {
                    if self.is_stopped(Duration::ZERO) {
                        return;
                    }
                    self.num_errors.increment(1);
                    if !concerns_one_connection(&error) {
                        tracing::warn!(%error, "accept");
                        self.is_stopped(ACCEPT_BACKOFF);
                    }
                }
            }
        }
    }

    fn is_stopped(&self, wait: Duration) -> bool {
        self.stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout)
    }

    fn hand_out(&mut self, stream: TcpStream, peer: SocketAddr) {
        // A client that left meanwhile makes these fail; the first read will tell.
        if stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).is_err() {
            self.num_errors.increment(1);
            return;
        }
        let mut accepted = Accepted { stream, peer };
        for _ in 0..self.workers.len() {
            let worker = &self.workers[self.next % self.workers.len()];
            self.next = self.next.wrapping_add(1);
            match worker.try_send(accepted) {
                Ok(()) => return,
                Err(TrySendError::Full(back) | TrySendError::Closed(back)) => accepted = back,
            }
        }
        self.num_refused.increment(1);
        answer_and_drop(&accepted.stream, Refusal::UNAVAILABLE);
    }
}

/// Errors that say something of one connection only; all others would come again at once.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{Ipv4Addr, SocketAddr, TcpStream};

    use tokio::sync::mpsc;

    use super::{Acceptor, bind};

    fn loopback() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    #[test]
    fn sockets_go_round_and_a_full_house_is_told() {
        let listener = bind(loopback()).unwrap();
        let address = listener.local_addr().unwrap();
        let (first, mut first_queue) = mpsc::channel(1);
        let (second, mut second_queue) = mpsc::channel(1);
        let acceptor = Acceptor::start(listener, vec![first, second]).unwrap();
        let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut answer = String::new();
        (&clients[2]).read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        let first = first_queue.blocking_recv().unwrap();
        let second = second_queue.blocking_recv().unwrap();
        assert_eq!(first.peer, clients[0].local_addr().unwrap());
        assert_eq!(second.peer, clients[1].local_addr().unwrap());
        acceptor.stop();
        assert!(TcpStream::connect(address).is_err(), "the port is still open");
        bind(address).unwrap();
    }
}
