//! What lies between a node and an engine, and does what a bad network does, on command: it is slow, holds one direction or both, cuts and refuses.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that pass at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// What happens to the bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    Passes,
    /// They pass, but so much later.
    Late(Duration),
    /// They are held, and pass when this ends, unless they are cut off before.
    Held,
}

#[derive(Clone, Copy, Debug)]
struct Weather {
    to_engine: Flow,
    to_node: Flow,
    refuses: bool,
    cuts: u64,
}

/// A proxy on a port of its own. Dropping it cuts everything.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    weather: watch::Sender<Weather>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// A proxy to the engine at `address` (`host:port`), through which everything passes.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("a bound socket has an address").to_string();
        let fair = Weather { to_engine: Flow::Passes, to_node: Flow::Passes, refuses: false, cuts: 0 };
        let (weather, seen) = watch::channel(fair);
        let mut tasks = JoinSet::new();
        tasks.spawn(pass_all(listener, address.to_owned(), seen));
        Self { address: own, weather, _tasks: tasks }
    }

    /// Where it is: `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What happens to requests and to answers from now on.
    pub fn flows(&self, to_engine: Flow, to_node: Flow) {
        self.weather.send_modify(|weather| (weather.to_engine, weather.to_node) = (to_engine, to_node));
    }

    /// Ends every connection, with what is held.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Ends every connection, and each new one at once.
    pub fn refuse(&self) {
        self.weather.send_modify(|weather| (weather.cuts, weather.refuses) = (weather.cuts + 1, true));
    }

    /// Everything passes again; what was held passes first.
    pub fn heal(&self) {
        self.weather.send_modify(|weather| (weather.to_engine, weather.to_node, weather.refuses) = (Flow::Passes, Flow::Passes, false));
    }
}

async fn pass_all(listener: TcpListener, engine: String, mut weather: watch::Receiver<Weather>) {
    let (mut passing, mut cuts) = (JoinSet::new(), 0);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let refuses = weather.borrow().refuses;
                if let (Ok((node, _)), false) = (accepted, refuses) {
                    passing.spawn(pass(node, engine.clone(), weather.clone()));
                }
            }
            changed = weather.changed() => {
                if changed.is_err() {
                    return;
                }
                if weather.borrow().cuts > cuts {
                    cuts = weather.borrow().cuts;
                    passing = JoinSet::new();
                }
            }
            Some(_) = passing.join_next() => {}
        }
    }
}

async fn pass(node: TcpStream, engine: String, weather: watch::Receiver<Weather>) {
    let Ok(engine) = TcpStream::connect(engine).await else { return };
    // Small requests are not to wait for each other.
    let _best_effort = (node.set_nodelay(true), engine.set_nodelay(true));
    let ((from_node, to_node), (from_engine, to_engine)) = (node.into_split(), engine.into_split());
    tokio::join!(
        pump(from_node, to_engine, weather.clone(), |weather| weather.to_engine),
        pump(from_engine, to_node, weather, |weather| weather.to_node),
    );
}

/// Passes one direction on until it ends.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut weather: watch::Receiver<Weather>, of: fn(&Weather) -> Flow) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(read) = from.read(&mut chunk).await {
        let flow = match weather.wait_for(|weather| of(weather) != Flow::Held).await {
            Ok(weather) => of(&weather),
            Err(_) => return,
        };
        if let Flow::Late(late) = flow {
            tokio::time::sleep(late).await;
        }
        if read == 0 || to.write_all(&chunk[..read]).await.is_err() {
            break;
        }
    }
    let _ended = to.shutdown().await;
}
