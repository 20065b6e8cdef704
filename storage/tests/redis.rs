//! What nodes share, on a redis-server that each test starts itself, when there is one on this machine.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rialto_storage::backend::redis::RedisShared;
use rialto_storage::conformance::soft;
use rialto_storage::shared::{Doorbell, Rate, RateLimits};
use tempfile::TempDir;

/// A redis-server of its own, without memory on disk.
struct Server {
    port: u16,
    folder: TempDir,
    child: Child,
}

impl Server {
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let folder = tempfile::tempdir().expect("a folder");
        let child = spawn(port, folder.path())?;
        Some(Self { port, folder, child })
    }

    fn shared(&self) -> RedisShared {
        RedisShared::new(&format!("redis://127.0.0.1:{}/", self.port), "test").expect("a good address")
    }

    fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    fn restart(&mut self) {
        self.child = spawn(self.port, self.folder.path()).expect("it started before");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `None` where there is no such program.
fn spawn(port: u16, folder: &Path) -> Option<Child> {
    let port = port.to_string();
    let arguments = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    Command::new("redis-server").args(arguments).current_dir(folder).stdout(Stdio::null()).spawn().ok()
}

/// Waits until it answers.
async fn answers(shared: &RedisShared) {
    for _ in 0..200 {
        if shared.ping().await.is_ok() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("redis-server does not answer");
}

#[tokio::test]
async fn conformance() {
    let Some(server) = Server::start() else { return };
    let shared = server.shared();
    answers(&shared).await;
    soft::limits(&shared).await;
    soft::presence(&shared).await;
    soft::revocations(&shared).await;
    soft::doorbell(&shared).await;
}

#[tokio::test]
async fn it_comes_and_goes() {
    let Some(mut server) = Server::start() else { return };
    let shared = server.shared();
    answers(&shared).await;
    let rate = Rate { burst: 1, refill_ms: 60_000 };
    assert_eq!(shared.take("k".to_owned(), rate, 1).await.unwrap(), 0);
    shared.ring("mail".to_owned(), "lost".to_owned()).await.unwrap();
    assert_eq!(shared.answer("mail".to_owned(), "w".to_owned(), 60_000, 1).await.unwrap().len(), 1);
    server.kill();
    shared.take("k".to_owned(), rate, 2).await.unwrap_err();
    server.restart();
    answers(&shared).await;
    assert_eq!(shared.take("k".to_owned(), rate, 3).await.unwrap(), 0, "the script is loaded again, what it kept is gone");
    shared.ring("mail".to_owned(), "again".to_owned()).await.unwrap();
    let rings = shared.answer("mail".to_owned(), "w".to_owned(), 60_000, 1_000).await.unwrap();
    assert_eq!(rings.iter().map(|ring| ring.job.as_str()).collect::<Vec<_>>(), ["again"], "the group is made again");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    assert!(RedisShared::new("not an address", "test").is_err());
}
