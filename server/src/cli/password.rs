//! Passwords for commands: never an argument, which every process on the machine could read.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use rialto_actors::accounts::limits::PASSWORD_BYTES_MAX;

use crate::app::failure::{Exit, Failure};

/// The first line of a file or of standard input; at a terminal it is asked for and not shown.
pub(super) fn read(file: Option<&Path>) -> Result<String, Failure> {
    let problem = |error: std::io::Error| Failure::new(Exit::Usage, format!("read the password: {error}"));
    let line = match file {
        Some(path) => first_line(std::fs::File::open(path).map_err(problem)?).map_err(problem)?,
        None if std::io::stdin().is_terminal() => ask().map_err(problem)?,
        None => first_line(std::io::stdin().lock()).map_err(problem)?,
    };
    if line.is_empty() {
        return Err(Failure::new(Exit::Usage, "no password: give it on standard input or with --password-file"));
    }
    Ok(line)
}

fn first_line(source: impl std::io::Read) -> std::io::Result<String> {
    let mut line = String::new();
    // One byte more than fits, so that a longer one is noticed and refused instead of cut.
    let bytes_max = u64::try_from(PASSWORD_BYTES_MAX + 3).unwrap_or(u64::MAX);
    std::io::BufReader::new(source.take(bytes_max)).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

fn ask() -> std::io::Result<String> {
    write!(std::io::stderr(), "password: ")?;
    let echo = |word: &str| Command::new("stty").arg(word).stdin(Stdio::inherit()).status();
    // Without stty the password is shown, which is the terminal's owner's to see.
    let _hidden = echo("-echo");
    let line = first_line(std::io::stdin().lock());
    let _shown = echo("echo");
    writeln!(std::io::stderr())?;
    line
}
