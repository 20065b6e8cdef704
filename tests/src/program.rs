//! Other programs of the workspace as processes: what they read is typed, what they print is awaited line by line.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::{clock, repository};

/// The terminal chat.
///
/// # Panics
/// When it cannot be built.
pub fn chat() -> PathBuf {
    clients().join("rialto-chat")
}

/// An example bot of the SDK: `dice`, `echo` or `poll`.
///
/// # Panics
/// When it cannot be built.
pub fn bot(name: &str) -> PathBuf {
    clients().join("examples").join(name)
}

/// The folder of the SDK's programs: `RIALTO_CLIENTS`, else the test build, brought up to date once per test process.
fn clients() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| std::env::var_os("RIALTO_CLIENTS").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    // The whole workspace's features, so that nothing is compiled that the tests have not compiled already.
    let status = std::process::Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--bin", "rialto-chat", "--example", "dice", "--example", "echo", "--example", "poll"])
        .current_dir(repository::root())
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "the SDK's programs do not build");
    repository::target().join("debug")
}

/// A running program. Dropping it ends the process.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    printed: Vec<String>,
}

impl Program {
    /// Starts it; a login reads its password from the environment.
    ///
    /// # Panics
    /// When the process cannot be started.
    #[must_use]
    pub fn start(program: &Path, arguments: &[&str], password: &str) -> Self {
        Self::run(Command::new(program).args(arguments).env("RIALTO_PASSWORD", password))
    }

    /// Starts a bot in its folder, with what it finds in its environment.
    ///
    /// # Panics
    /// When the process cannot be started.
    #[must_use]
    pub fn start_bot(program: &Path, url: &str, token: &str, folder: &Path) -> Self {
        Self::run(Command::new(program).env("RIALTO_URL", url).env("RIALTO_TOKEN", token).current_dir(folder))
    }

    fn run(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the program can be started");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("standard output is a pipe");
        Self { child, stdin, lines: BufReader::new(stdout).lines(), printed: Vec::new() }
    }

    /// Types a line.
    ///
    /// # Panics
    /// When the program reads no more.
    pub async fn types(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("the input is open");
        stdin.write_all(format!("{line}\n").as_bytes()).await.expect("the program reads its input");
    }

    /// Ends its input.
    pub fn types_no_more(&mut self) {
        self.stdin = None;
    }

    /// Waits for a line that contains `text`, from here on, and gives it.
    ///
    /// # Panics
    /// When the program ends first, or does not print it in time.
    pub async fn prints(&mut self, text: &str) -> String {
        let Self { lines, printed, .. } = self;
        let found = async {
            while let Some(line) = lines.next_line().await.expect("its output is text") {
                printed.push(line.clone());
                if line.contains(text) {
                    return Some(line);
                }
            }
            None
        };
        let line = clock::within(&format!("a line with {text:?}"), found).await;
        line.unwrap_or_else(|| panic!("the program ended without {text:?}; it printed {:?}", self.printed))
    }

    /// Waits for its end, and gives how it ended and all that it printed.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ends(mut self) -> (ExitStatus, Vec<String>) {
        let rest = async {
            while let Some(line) = self.lines.next_line().await.expect("its output is text") {
                self.printed.push(line);
            }
            self.child.wait().await.expect("a child can be waited for")
        };
        let status = clock::within("the program ends", rest).await;
        (status, self.printed)
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn terminated(self) -> (ExitStatus, Vec<String>) {
        let pid = self.child.id().expect("it runs");
        let told = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
        assert!(told.expect("kill can be started").success(), "the signal was not delivered");
        self.ends().await
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill9(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }
}
