//! The binary under test, and its commands.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use tokio::process::Command;

use crate::{clock, repository};

/// The `rialto` binary: `RIALTO_BIN`, else the release build, brought up to date once per test process.
///
/// # Panics
/// When it cannot be built.
pub fn path() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("RIALTO_BIN").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let status = std::process::Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--workspace", "--bin", "rialto"])
        .current_dir(repository::root())
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "the server does not build");
    repository::target().join("release/rialto")
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Ran {
    /// What it printed, provided that it succeeded.
    ///
    /// # Panics
    /// When it did not.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Its complaint, provided that it ended with `code`.
    ///
    /// # Panics
    /// When it ended otherwise, or said nothing, or panicked.
    pub fn fails_with(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.trim().is_empty(), "a failure says why: {self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self.stderr
    }
}

/// Runs one command of the binary in the repository's folder and waits for its end.
pub async fn rialto<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    rialto_with_env(arguments, &[]).await
}

/// [`rialto`] with environment variables.
///
/// # Panics
/// When the process cannot be started or does not end.
pub async fn rialto_with_env<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>, env: &[(&str, &str)]) -> Ran {
    rialto_with_input(arguments, env, "").await
}

/// [`rialto_with_env`] with a text on standard input.
///
/// # Panics
/// When the process cannot be started or does not end.
pub async fn rialto_with_input<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>, env: &[(&str, &str)], input: &str) -> Ran {
    use tokio::io::AsyncWriteExt as _;
    let mut child = Command::new(path())
        .args(arguments)
        .envs(env.iter().copied())
        .current_dir(repository::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary can be started");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    // A command that does not read its input may already be gone: that is no failure of the test.
    let _unread = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = clock::within("a command of the binary ends", child.wait_with_output()).await.expect("its output can be read");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
