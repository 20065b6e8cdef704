//! A Cassandra of a test's own, which may be killed: `RIALTO_TEST_CASSANDRA_JARS` names the folder with its jars.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::{clock, repository};

/// How long it may take to start: it reads its commit log again, on two cores that may be busy.
const START_PATIENCE: Duration = Duration::from_secs(240);
/// What it says when it serves.
const STARTED: &str = "Startup complete";

/// One small node. Dropping it ends the process.
#[derive(Debug)]
pub struct Cassandra {
    jars: PathBuf,
    port: u16,
    folder: TempDir,
    child: Option<Child>,
    starts: usize,
}

impl Cassandra {
    /// Starts one and waits until it serves; `None` without jars.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Option<Self> {
        let jars = PathBuf::from(std::env::var_os("RIALTO_TEST_CASSANDRA_JARS")?);
        let port = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("an address").port();
        let folder = TempDir::with_prefix("rialto-test-cassandra-").expect("a temporary folder can be made");
        let mut cassandra = Self { jars, port, folder, child: None, starts: 0 };
        cassandra.restart().await;
        Some(cassandra)
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as a power cut would end the process.
    ///
    /// # Panics
    /// When it is not running.
    pub async fn kill9(&mut self) {
        let mut child = self.child.take().expect("it is running");
        child.kill().await.expect("a child can be killed");
    }

    /// Starts it again on the same data, and waits until it serves.
    ///
    /// # Panics
    /// When it does not.
    pub async fn restart(&mut self) {
        let path = self.folder.path().join("log");
        let log = File::options().create(true).append(true).open(&path).expect("a log file can be opened");
        let mut command = Command::new(repository::root().join("tests/engines/cassandra"));
        command.arg("run").arg(&self.jars).arg(self.folder.path()).arg(self.port.to_string()).env("HEAP", "256m");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().expect("the script can be started"));
        self.starts += 1;
        let serves = async {
            while std::fs::read_to_string(&path).unwrap_or_default().matches(STARTED).count() < self.starts {
                clock::look_again().await;
            }
        };
        clock::within_time("Cassandra serves", START_PATIENCE, serves).await;
    }
}
