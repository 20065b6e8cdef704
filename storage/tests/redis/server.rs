//! redis-server processes of a test's own: alone, as a cluster, or watched by sentinels.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rialto_storage::backend::redis::{RedisOptions, RedisServers, RedisShared};
use tempfile::TempDir;

/// Time in which servers must do what a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// One process, without memory on disk.
pub(crate) struct Server {
    pub(crate) port: u16,
    arguments: Vec<String>,
    folder: TempDir,
    child: Child,
}

/// A port that nobody has; for a cluster node also the one 10,000 above, on which its nodes talk.
fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        if port < 55_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

impl Server {
    /// `None` where there is no redis-server.
    pub(crate) fn start(more: &[&str]) -> Option<Self> {
        let port = free_port();
        let number = port.to_string();
        let own = ["--port", &number, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        Self::spawn(port, own.iter().chain(more).map(|text| (*text).to_owned()).collect(), tempfile::tempdir().expect("a folder"))
    }

    /// A sentinel that watches the master at this port as "main"; it takes another one for master half a second after it is gone.
    fn sentinel(master: u16) -> Option<Self> {
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {master} 2\nsentinel down-after-milliseconds main 500\n\
             sentinel failover-timeout main 2000\n"
        );
        std::fs::write(&file, text).expect("a file");
        Self::spawn(port, vec![file.display().to_string(), "--sentinel".to_owned()], folder)
    }

    fn spawn(port: u16, arguments: Vec<String>, folder: TempDir) -> Option<Self> {
        let child = spawn(&arguments, folder.path())?;
        Some(Self { port, arguments, folder, child })
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn shared(&self) -> RedisShared {
        RedisShared::new(&RedisOptions::from(format!("redis://{}/", self.address()).as_str()), "test").expect("a good address")
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.arguments, self.folder.path()).expect("it started before");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn spawn(arguments: &[String], folder: &Path) -> Option<Child> {
    Command::new("redis-server").args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
}

/// What a server answers.
fn says(server: &Server, command: &[&str]) -> String {
    let ran = Command::new("redis-cli").args(["-p", &server.port.to_string()]).args(command).output().expect("redis-cli");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// Looks until something holds.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// Waits until it answers.
pub(crate) async fn answers(shared: &RedisShared) {
    eventually("Redis answers", async || shared.ping().await.ok()).await;
}

/// Three masters, each with a third of the slots.
pub(crate) struct Cluster(pub(crate) Vec<Server>);

impl Cluster {
    pub(crate) async fn start() -> Option<Self> {
        let more = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let servers: Vec<Server> = (0..3).map(|_| Server::start(&more)).collect::<Option<_>>()?;
        for server in &servers {
            answers(&server.shared()).await;
        }
        let nodes: Vec<String> = servers.iter().map(Server::address).collect();
        let create =
            Command::new("redis-cli").args(["--cluster", "create"]).args(&nodes).args(["--cluster-yes"]).output().expect("redis-cli");
        assert!(create.status.success(), "{}", String::from_utf8_lossy(&create.stdout));
        for server in &servers {
            eventually("each node takes the cluster for whole", async || {
                says(server, &["cluster", "info"]).contains("cluster_state:ok").then_some(())
            })
            .await;
        }
        Some(Self(servers))
    }

    /// Through one of its nodes.
    pub(crate) fn shared(&self) -> RedisShared {
        let options = RedisOptions { servers: RedisServers::Cluster(vec![self.0[0].address()]), credentials: None };
        RedisShared::new(&options, "test").expect("a good address")
    }
}

/// A master and a replica, watched by three sentinels.
pub(crate) struct Watched {
    pub(crate) master: Server,
    _replica: Server,
    sentinels: Vec<Server>,
}

impl Watched {
    pub(crate) async fn start() -> Option<Self> {
        let master = Server::start(&[])?;
        answers(&master.shared()).await;
        let port = master.port.to_string();
        let replica = Server::start(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"])?;
        let sentinels: Vec<Server> = (0..3).map(|_| Server::sentinel(master.port)).collect::<Option<_>>()?;
        let watched = Self { master, _replica: replica, sentinels };
        for sentinel in &watched.sentinels {
            eventually("each sentinel knows of the replica and of the others", async || watched.knows_all(sentinel)).await;
        }
        Some(watched)
    }

    fn knows_all(&self, sentinel: &Server) -> Option<()> {
        let text = says(sentinel, &["sentinel", "master", "main"]);
        let fields: Vec<&str> = text.lines().collect();
        let is = |name: &str, value: &str| fields.windows(2).any(|pair| pair == [name, value]);
        (is("num-slaves", "1") && is("num-other-sentinels", "2")).then_some(())
    }

    pub(crate) fn shared(&self) -> RedisShared {
        let sentinels = self.sentinels.iter().map(Server::address).collect();
        let options = RedisOptions { servers: RedisServers::Sentinels { sentinels, master: "main".to_owned() }, credentials: None };
        RedisShared::new(&options, "test").expect("good addresses")
    }
}
