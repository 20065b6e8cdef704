//! The server under test: found, or started and ended with the run.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::clock;
use crate::limits::SPAWN_SECONDS_MAX;
use crate::process::Processes;
use crate::worker;

/// What a server prints before its address.
const ANNOUNCEMENT: &str = "listening on ";
/// Seconds that a reachable target may take to accept.
const REACHABLE_SECONDS: u64 = 5;

/// A server that can be reached.
#[derive(Debug)]
pub(crate) struct Server {
    /// `http://host:port`.
    pub(crate) url: String,
    /// `host:port` as the Host header says it.
    pub(crate) host: String,
    /// Where it is.
    pub(crate) address: SocketAddr,
    /// Its processes.
    pub(crate) processes: Processes,
    started: Option<Started>,
}

/// How a server was started.
#[derive(Debug)]
struct Started {
    child: Child,
    command: String,
    cpus: Vec<usize>,
    allow_remote: bool,
}

impl Server {
    /// A server that runs already.
    ///
    /// # Errors
    /// When the URL makes no sense, leads away from this machine without leave, or nobody accepts there.
    pub(crate) fn attach(url: &str, cpus: &[usize], allow_remote: bool) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").with_context(|| format!("{url:?} is not http://host:port"))?;
        ensure!(matches!(scheme, "http" | "ws"), "{url:?}: TLS is off in measurements; http:// is wanted");
        let host = rest.split('/').next().unwrap_or_default();
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let addresses: Vec<SocketAddr> = host.to_socket_addrs().with_context(|| format!("resolve {host}"))?.collect();
        let address = *addresses
            .iter()
            .find(|address| address.is_ipv4())
            .or_else(|| addresses.first())
            .with_context(|| format!("{host} has no address"))?;
        ensure!(allow_remote || address.ip().is_loopback(), "{host} is not this machine: load on others' machines wants --allow-remote");
        TcpStream::connect_timeout(&address, Duration::from_secs(REACHABLE_SECONDS)).with_context(|| format!("nobody accepts at {url}"))?;
        let processes = if address.ip().is_loopback() { Processes::listening_on(address.port()) } else { Processes::default() };
        processes.pin(cpus);
        Ok(Self { url: url.to_owned(), host, address, processes, started: None })
    }

    /// Starts a server by a shell command; its first line on standard output says where it listens.
    ///
    /// # Errors
    /// When it does not say so in time.
    pub(crate) fn spawn(command: &str, cpus: &[usize], allow_remote: bool) -> Result<Self> {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("exec {command}")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = Self::spawn_pinned(shell, cpus).with_context(|| format!("start {command:?}"))?;
        let stdout = child.stdout.take().context("standard output is a pipe")?;
        let (sender, lines) = sync_channel(1);
        std::thread::Builder::new().name("target".to_owned()).spawn(move || {
            let mut first = Some(sender);
            // What it says later is read too, so that it never waits for us.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(sender) = first.take() {
                    _ = sender.send(line);
                }
            }
        })?;
        let line = lines.recv_timeout(Duration::from_secs(SPAWN_SECONDS_MAX));
        let attached = match line.ok().as_deref().and_then(|line| line.trim().strip_prefix(ANNOUNCEMENT)) {
            Some(url) => Self::attach(url.trim(), &[], allow_remote),
            None => Err(anyhow::anyhow!("{command:?} did not say «{ANNOUNCEMENT}http://127.0.0.1:PORT» on its first line")),
        };
        match attached {
            Ok(mut server) => {
                if server.processes.pids.is_empty() {
                    server.processes.pids.extend(i32::try_from(child.id()));
                }
                server.started = Some(Started { child, command: command.to_owned(), cpus: cpus.to_vec(), allow_remote });
                Ok(server)
            }
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Whether it was started with the run.
    pub(crate) fn was_started(&self) -> bool {
        self.started.is_some()
    }

    /// Ends a server that we started as a power cut would, and starts it again; gives how long it took until it accepted, in nanoseconds.
    ///
    /// # Errors
    /// When it was not started by us, or does not come back.
    pub(crate) fn restart(&mut self) -> Result<u64> {
        let mut started = self.started.take().context("only a server that was spawned can be restarted")?;
        started.child.kill().and_then(|()| started.child.wait()).context("kill the server")?;
        let began_ns = clock::now_ns();
        *self = Self::spawn(&started.command, &started.cpus, started.allow_remote)?;
        Ok(clock::now_ns() - began_ns)
    }

    /// A child inherits the CPUs of the thread that starts it.
    fn spawn_pinned(mut command: Command, cpus: &[usize]) -> Result<Child> {
        let cpus = cpus.to_vec();
        let starter = std::thread::Builder::new().name("starter".to_owned()).spawn(move || {
            worker::pin(&cpus)?;
            command.spawn().map_err(anyhow::Error::from)
        })?;
        match starter.join() {
            Ok(child) => child,
            Err(_) => bail!("the starting thread has panicked"),
        }
    }
}

fn end(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    // A measured server is not asked twice: what it still has to save does not matter any more.
    let patience = std::time::Duration::from_millis(200);
    let (sender, receiver) = sync_channel::<()>(0);
    for _ in 0..15 {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        _ = receiver.recv_timeout(patience);
    }
    drop(sender);
    _ = child.kill();
    _ = child.wait();
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(started) = &mut self.started {
            end(&mut started.child);
        }
    }
}
