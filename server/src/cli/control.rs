//! The control socket: how commands reach a running node. One JSON line each way and connection; only the node's own user (and root) may speak.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::operation::Operation;
use crate::app::Foundation;
use crate::app::failure::{Exit, Failure};

/// Its name in the data folder.
const SOCKET: &str = "control.sock";
/// Nobody but the owner.
const SOCKET_MODE: u32 = 0o600;
/// Bytes of one line. Above: the connection is closed.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Time in which a request must arrive. After: the connection is closed.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// Connections at once; others wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 8;
/// Pause after an accept that failed, for lack of file descriptors for example.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// Bytes of a socket's path that the kernel takes.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// What a node answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Done(String),
    Failed(Failure),
}

/// The listening socket; the file goes when it is dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Listens in the data folder, whose store the caller must hold: an older socket file is then a dead node's.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn bind(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = with_short_path(data_dir, |short| UnixListener::bind(short))?;
        // The folder is closed to others, so nobody comes in between.
        fs::set_permissions(&path, fs::Permissions::from_mode(SOCKET_MODE))?;
        Ok(Self { listener, path })
    }

    /// Serves commands for as long as it is polled.
    pub async fn serve(self, foundation: Foundation) {
        let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let foundation = foundation.clone();
                    tokio::spawn(async move {
                        let _turn = turn;
                        if let Err(error) = answer(stream, &foundation).await {
                            tracing::warn!(%error, "serve control socket");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accept on control socket");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // A file that stays is replaced by the next node.
        let _left = fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, foundation: &Foundation) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let mine = rustix::process::geteuid().as_raw();
    if peer != mine && peer != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {peer} may not control this node")));
    }
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let reading = async { BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut line).await };
    tokio::time::timeout(REQUEST_WITHIN, reading).await??;
    let outcome = match serde_json::from_str::<Operation>(&line) {
        Ok(operation) => operation.perform(foundation).await,
        Err(_) => Err(Failure::new(Exit::Usage, "the node does not know this command; is it of another version?")),
    };
    let reply = outcome.map_or_else(Reply::Failed, Reply::Done);
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await
}

/// Asks the node that serves this folder; `None` when none does.
///
/// # Errors
/// What the node refuses.
pub(super) async fn ask(data_dir: &Path, operation: &Operation) -> Result<Option<String>, Failure> {
    let problem = |error: io::Error| Failure::new(Exit::Failed, format!("speak to the node: {error}"));
    let connecting = with_short_path(data_dir, |short| std::os::unix::net::UnixStream::connect(short));
    let stream = match connecting {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => return Err(problem(error)),
    };
    stream.set_nonblocking(true).map_err(problem)?;
    let (read, mut write) = UnixStream::from_std(stream).map_err(problem)?.into_split();
    let mut text = serde_json::to_string(operation).map_err(|error| Failure::new(Exit::Failed, error))?;
    text.push('\n');
    write.write_all(text.as_bytes()).await.map_err(problem)?;
    let mut line = String::new();
    // No deadline: a backup takes as long as it takes.
    BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut line).await.map_err(problem)?;
    match serde_json::from_str(&line) {
        Ok(Reply::Done(answer)) => Ok(Some(answer)),
        Ok(Reply::Failed(failure)) => Err(failure),
        Err(_) => Err(Failure::new(Exit::Failed, "the node ended before it answered")),
    }
}

/// The kernel takes short socket paths only; a long one is reached through the folder's descriptor.
fn with_short_path<T>(data_dir: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    use std::os::fd::AsRawFd as _;
    let path = data_dir.join(SOCKET);
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return act(&path);
    }
    let folder = fs::File::open(data_dir)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(SOCKET))
}

#[cfg(test)]
mod tests;
