//! Arguments, password, login. Neither password nor token is ever printed.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Parser;
use rialto_client::http::{Http, Session};

/// Chat on a Rialto server from the terminal.
#[derive(Debug, Parser)]
#[command(name = "rialto-chat", version)]
pub(crate) struct Arguments {
    /// Where the server listens; may be given several times
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: Vec<String>,
    /// Your user name
    #[arg(long)]
    pub(crate) user: String,
    /// A file with your password; otherwise RIALTO_PASSWORD, otherwise you are asked
    #[arg(long)]
    pub(crate) password_file: Option<PathBuf>,
    /// Make the account first
    #[arg(long)]
    pub(crate) register: bool,
}

/// Logs in, or registers.
pub(crate) async fn log_in(arguments: &Arguments) -> Result<Session> {
    let password = password(arguments)?;
    let http = Http::new(arguments.url.first().context("give --url")?)?;
    let session = match arguments.register {
        true => http.register(&arguments.user, &password, None).await.context("register")?,
        false => http.login(&arguments.user, &password).await.context("log in")?,
    };
    Ok(session)
}

fn password(arguments: &Arguments) -> Result<String> {
    if let Some(file) = &arguments.password_file {
        let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    if let Ok(password) = std::env::var("RIALTO_PASSWORD") {
        return Ok(password);
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        bail!("give --password-file or RIALTO_PASSWORD: the input is no terminal to ask at");
    }
    write!(std::io::stderr().lock(), "password: ")?;
    std::io::stderr().flush()?;
    let hidden = echo(false);
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if hidden {
        echo(true);
        writeln!(std::io::stderr().lock())?;
    }
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Switches the terminal's echo. Where there is no `stty` the password is seen while it is typed, as everything else is.
fn echo(on: bool) -> bool {
    let word = if on { "echo" } else { "-echo" };
    Command::new("stty").arg(word).stdin(Stdio::inherit()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
