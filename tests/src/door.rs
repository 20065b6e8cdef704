//! A door with an address that stays while the node behind it comes and goes, as a load balancer is for clients that people run.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes connections on to a node. Dropping it closes them all.
#[derive(Debug)]
pub struct Door {
    url: String,
    behind: watch::Sender<Option<String>>,
    _tasks: JoinSet<()>,
}

impl Door {
    /// Opens a door on a free port to the node at `url`.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn open(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (behind, seen) = watch::channel(Some(authority(url)));
        let mut tasks = JoinSet::new();
        tasks.spawn(pass_all(listener, seen));
        Self { url: format!("http://{address}"), behind, _tasks: tasks }
    }

    /// Where the door is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends what passes, and lets nobody in.
    pub fn shut(&self) {
        self.behind.send_replace(None);
    }

    /// Leads to the node at `url` from here on.
    pub fn leads_to(&self, url: &str) {
        self.behind.send_replace(Some(authority(url)));
    }
}

fn authority(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

async fn pass_all(listener: TcpListener, mut behind: watch::Receiver<Option<String>>) {
    let mut passing = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let address = behind.borrow().clone();
                if let (Ok((stream, _)), Some(address)) = (accepted, address) {
                    passing.spawn(pass(stream, address));
                }
            }
            changed = behind.changed() => {
                if changed.is_err() {
                    return;
                }
                passing = JoinSet::new();
            }
            Some(_) = passing.join_next() => {}
        }
    }
}

async fn pass(mut outside: TcpStream, address: String) {
    if let Ok(mut inside) = TcpStream::connect(address).await {
        // How a connection ended is seen at both its ends.
        let _ended = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
    }
}
