//! A running `rialto` process with a data folder of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::engine::Keyspace;
use crate::{Http, Person, Pick as _, Ran, User, binary, clock, repository};

/// What precedes the address on the first line of standard output.
const ANNOUNCEMENT: &str = "listening on ";

/// How many lines of the server's log a failed test shows.
const LOG_LINES_SHOWN: usize = 40;

/// A server process. Dropping it ends the process; its folder is removed unless the test is failing.
#[derive(Debug)]
pub struct Rialto {
    program: PathBuf,
    child: Option<Child>,
    url: String,
    settings: Vec<String>,
    data: PathBuf,
    folder: Option<TempDir>,
    /// Where its store lies, when that is on an engine.
    keyspace: Option<Keyspace>,
}

impl Rialto {
    /// Starts a node on a free port, with `--set` for each of `settings`, and waits until it serves.
    pub async fn start(settings: &[&str]) -> Self {
        let folder = TempDir::with_prefix("rialto-test-").expect("a temporary folder can be made");
        let data = folder.path().join("data");
        Self::start_in(binary::path().to_path_buf(), folder, data, settings).await
    }

    /// Starts another program that serves as `rialto` does.
    pub async fn start_program(program: &Path, settings: &[&str]) -> Self {
        let folder = TempDir::with_prefix("rialto-test-").expect("a temporary folder can be made");
        let data = folder.path().join("data");
        Self::start_in(program.to_path_buf(), folder, data, settings).await
    }

    /// Starts another node on the same store, with the same settings and a data folder of its own: a rival, for there is no cluster.
    ///
    /// # Panics
    /// When the store is the embedded one, which no two nodes share.
    pub async fn rival(&self) -> Self {
        assert!(self.keyspace.is_some(), "rivals need a store that nodes share");
        let folder = TempDir::with_prefix("rialto-test-").expect("a temporary folder can be made");
        let (program, data, settings) = (self.program.clone(), folder.path().join("data"), self.settings.clone());
        let mut node = Self { program, child: None, url: String::new(), settings, data, folder: Some(folder), keyspace: None };
        node.spawn().await;
        node
    }

    /// What `/health/ready` says of a dependency.
    pub async fn health_of(&self, dependency: &str) -> String {
        let answer = self.http().get("/health/ready").send().await;
        let ready: serde_json::Value = serde_json::from_str(&answer.text()).expect("health is JSON");
        let found = &ready["dependencies"][dependency];
        assert!(found["ms"].is_u64(), "{dependency} is looked at, and timed: {ready}");
        let serves = found["state"] != "failing";
        assert_eq!(answer.status == 200, serves && ready["status"] == "ok", "{ready}");
        found.text("state")
    }

    /// Sends the process a signal.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub async fn signal(&self, name: &str) {
        let killed = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.pid())).status().await;
        assert!(killed.expect("a shell can be started").success(), "the signal was not delivered");
    }

    /// Starts a node whose store lies in `data`, outside the kit's own folder.
    pub async fn start_on(data: &Path, settings: &[&str]) -> Self {
        let folder = TempDir::with_prefix("rialto-test-").expect("a temporary folder can be made");
        Self::start_in(binary::path().to_path_buf(), folder, data.to_path_buf(), settings).await
    }

    /// Starts a node on the embedded store in `data`, whatever the suites run on.
    pub async fn start_embedded(data: &Path) -> Self {
        let folder = TempDir::with_prefix("rialto-test-").expect("a temporary folder can be made");
        Self::start_with(binary::path().to_path_buf(), folder, data.to_path_buf(), &[], None).await
    }

    /// Starts a node on what a keyspace holds.
    pub async fn start_on_keyspace(keyspace: Keyspace) -> Self {
        let folder = TempDir::with_prefix("rialto-test-").expect("a temporary folder can be made");
        let data = folder.path().join("data");
        Self::start_with(binary::path().to_path_buf(), folder, data, &[], Some(keyspace)).await
    }

    async fn start_in(program: PathBuf, folder: TempDir, data: PathBuf, settings: &[&str]) -> Self {
        Self::start_with(program, folder, data, settings, Keyspace::empty().await).await
    }

    async fn start_with(program: PathBuf, folder: TempDir, data: PathBuf, settings: &[&str], keyspace: Option<Keyspace>) -> Self {
        // A test's own word comes last, and counts.
        let mut all: Vec<String> = keyspace.iter().flat_map(Keyspace::settings).collect();
        all.extend(settings.iter().map(|setting| (*setting).to_owned()));
        let settings = all;
        let mut node = Self { program, child: None, url: String::new(), settings, data, folder: Some(folder), keyspace };
        node.spawn().await;
        node
    }

    async fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_path()).expect("the log file can be opened");
        let mut command = Command::new(&self.program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&self.data);
        for setting in &self.settings {
            command.arg("--set").arg(setting);
        }
        command.current_dir(repository::root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary can be started");
        let stdout = child.stdout.take().expect("standard output is a pipe");
        self.child = Some(child);
        self.url = clock::within("the node says where it listens", first_line(stdout)).await.unwrap_or_else(|line| {
            panic!("the first line on stdout is {line:?}, not the address; log:\n{}", self.log());
        });
    }

    /// `http://127.0.0.1:PORT`. It changes with every start.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An HTTP client of this node.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(&self.url)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A folder for the test's own files, removed with the node.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().expect("the folder lives as long as the node").path()
    }

    /// Everything logged so far, by earlier starts too.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder().join("stderr.log")
    }

    /// The process id.
    ///
    /// # Panics
    /// When the process has been ended.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("the node is running")
    }

    /// Resident memory of the process in KiB.
    ///
    /// # Panics
    /// When the process is gone.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has resident memory");
        line.trim().trim_end_matches("kB").trim().parse().expect("resident memory is a number")
    }

    /// Ends the process at once, as a power cut would, and waits until it is gone.
    pub async fn kill9(&mut self) {
        let mut child = self.child.take().expect("the node is running");
        child.kill().await.expect("a child can be killed");
    }

    /// Asks the process to drain. It does not wait: see [`Self::exit`].
    pub async fn sigterm(&self) {
        self.signal("TERM").await;
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// When it does not within the deadline.
    pub async fn exit(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the node is running");
        clock::within("the node exits", child.wait()).await.expect("a child can be waited for")
    }

    /// Starts it again on the same data, after [`Self::kill9`] or [`Self::exit`].
    pub async fn restart(&mut self) {
        assert!(self.child.is_none(), "the node is still running");
        self.spawn().await;
    }

    /// Runs a command of the binary on this node's data folder, with this node's settings.
    pub async fn command(&self, arguments: &[&str]) -> Ran {
        self.command_with_input(arguments, "").await
    }

    /// [`Self::command`] with a text on standard input.
    pub async fn command_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let data = self.data.to_string_lossy().into_owned();
        let mut all: Vec<&str> = arguments.to_vec();
        all.extend(["--data", &data]);
        for setting in &self.settings {
            all.extend(["--set", setting]);
        }
        binary::rialto_with_input(all, &[], input).await
    }

    /// Registers somebody, with HTTP only.
    pub async fn user(&self, name: &str) -> User {
        User::register(&self.http(), name).await
    }

    /// Registers somebody and connects their first device.
    pub async fn person(&self, name: &str) -> Person {
        Person::connect(self.user(name).await).await
    }

    /// Two of them, for stories.
    pub async fn two_people(&self, one: &str, other: &str) -> (Person, Person) {
        (self.person(one).await, self.person(other).await)
    }
}

impl Drop for Rialto {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may be gone already; dropping the child reaps it.
            let _gone = child.start_kill();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
            let kept = self.folder.take().map(TempDir::keep);
            crate::note(&format!("kept {kept:?}; end of the node's log:\n{}", shown.join("\n")));
        }
    }
}

/// Reads the announced address, then keeps reading in the background so that the pipe never fills.
async fn first_line(stdout: ChildStdout) -> Result<String, String> {
    let mut reader = BufReader::new(stdout);
    let mut line = String::new();
    reader.read_line(&mut line).await.map_err(|error| error.to_string())?;
    let url = line.trim_end().strip_prefix(ANNOUNCEMENT).map(str::to_owned).ok_or(line)?;
    tokio::spawn(async move {
        let mut rest = [0_u8; 4096];
        while matches!(reader.read(&mut rest).await, Ok(read) if read > 0) {}
    });
    Ok(url)
}
