//! A redis-server of a test's own, and the part of a shared one that a node under test has for itself.

use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::{clock, eventually};

/// A redis-server without memory on disk. Dropping it ends the process.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Redis {
    /// Starts one; `None` where there is no such program.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("an address").port();
        let folder = TempDir::with_prefix("rialto-test-redis-").expect("a temporary folder can be made");
        let mut redis = Self { port, folder, child: None };
        redis.spawn().await.then_some(redis)
    }

    async fn spawn(&mut self) -> bool {
        let port = self.port.to_string();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]).current_dir(self.folder.path());
        let Ok(child) = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn() else { return false };
        self.child = Some(child);
        eventually("redis-server answers", async || say(&self.address(), "PING").await).await;
        true
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it at once: it forgets everything.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn kill9(&mut self) {
        let mut child = self.child.take().expect("it is running");
        child.kill().await.expect("a child can be killed");
    }

    /// Starts it again, where it was.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        assert!(self.child.is_none() && self.spawn().await, "it started before");
    }
}

/// Says something to a server; its answer's first line, unless that is an error.
async fn say(address: &str, line: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()?;
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).await.ok()?;
    let text = String::from_utf8_lossy(&answer[..read]).into_owned();
    text.starts_with('+').then_some(text)
}

/// The address of one database of a server that suites share, emptied.
pub(super) async fn empty_database(address: &str, number: usize) -> String {
    let emptied = clock::within("a database is empty", say(address, &format!("SELECT {number}\r\nFLUSHDB"))).await;
    assert!(emptied.is_some(), "the redis-server at {address} has no database {number}");
    format!("redis://{address}/{number}")
}
