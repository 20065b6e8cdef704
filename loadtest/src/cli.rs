//! The command line. Exit 0: thresholds held; 1: one missed; 2: bad usage or unreachable target; 3: run void.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::controller::{self, Plan};
use crate::result::RunReport;
use crate::view::{say, view};
use crate::{compare, peer, report, scenario, table, worker};

/// Exit code of bad usage and of a target that cannot be reached.
const USAGE: u8 = 2;

/// Loads a real-time server with a scenario and judges what it measures.
#[derive(Debug, Parser)]
#[command(name = "rialto-load", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one scenario: a file, or the name of a shipped one.
    Run(RunArgs),
    /// Runs A and B in turn (ABAB…) and prints the ratios A/B with their spread; without B the spread of A.
    Compare(Box<compare::CompareArgs>),
    /// Measures the figures that the README shows, and writes them as a Markdown table.
    Table(table::TableArgs),
    /// Lists the shipped scenarios.
    List {
        /// Prints the text of one, to begin an own one with.
        name: Option<String>,
    },
    /// A generator process.
    #[command(hide = true)]
    Worker,
    /// A bare server to compare with: answers each message after a group commit of all that came together to a plain file.
    Peer {
        /// The file; it is truncated.
        #[arg(long)]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Scenario file, or the name of a shipped one.
    scenario: PathBuf,
    /// A running server: http://127.0.0.1:PORT.
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// A command whose first line on stdout is `listening on http://127.0.0.1:PORT`, ended with the run; or rialto, ws, socketio, file.
    #[arg(long, value_name = "COMMAND")]
    spawn: Option<String>,
    /// Sets a parameter of the scenario, or any key by its dotted path.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the report as one HTML file that opens offline.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// A JSON report to show the differences to.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Plain lines even on a terminal.
    #[arg(long)]
    no_tui: bool,
    /// Keeps the server on the first CPU and the generator on the second.
    #[arg(long)]
    pin: bool,
    /// Lets the target be another machine than this one.
    #[arg(long)]
    allow_remote: bool,
}

/// Runs the command line.
pub(crate) fn main() -> ExitCode {
    raise_descriptor_limit();
    let done = match Cli::parse().command {
        Command::Run(args) => run(args),
        Command::Compare(args) => compare::compare(&args),
        Command::Table(args) => table::table(&args),
        Command::List { name } => list(name.as_deref()),
        Command::Worker => worker::run().map(|()| 0),
        Command::Peer { file } => peer::run(&file).map(|()| 0),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&format!("ERROR {error:#}"));
            ExitCode::from(USAGE)
        }
    }
}

/// Every process of a run, the spawned server too, may hold as many sockets as the machine allows: shells commonly grant 1,024.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused, it stays as it is, and the clients above it are counted as lost.
    _ = setrlimit(Resource::Nofile, limit);
}

fn run(args: RunArgs) -> Result<u8> {
    let baseline = args.baseline.as_deref().map(report::read).transpose()?;
    let plan = Plan {
        path: args.scenario,
        sets: args.sets,
        url: args.target,
        spawn: args.spawn,
        allow_remote: args.allow_remote,
        pin: args.pin,
        wanted: Vec::new(),
    };
    let result = controller::run(&plan, view(args.no_tui).as_mut())?;
    for line in report::lines(&result, baseline.as_ref()) {
        say(&line);
    }
    write(&result, baseline.as_ref(), args.json, args.html)?;
    say(&result.verdict.text);
    Ok(result.verdict.exit)
}

fn write(result: &RunReport, baseline: Option<&RunReport>, json: Option<PathBuf>, html: Option<PathBuf>) -> Result<()> {
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(result)?;
        std::fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
    }
    if let Some(path) = html {
        std::fs::write(&path, report::html(result, baseline)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn list(name: Option<&str>) -> Result<u8> {
    for (known, text) in scenario::shipped() {
        match name {
            None => {
                let about = text.lines().find_map(|line| line.strip_prefix("about = "));
                say(&format!("{known:<13} {}", about.unwrap_or_default().trim_matches('"')));
            }
            Some(name) if name == *known => say(text.trim_end()),
            Some(_) => {}
        }
    }
    let is_known = name.is_none_or(|name| scenario::shipped().iter().any(|(known, _)| *known == name));
    anyhow::ensure!(is_known, "there is no scenario {}", name.unwrap_or_default());
    Ok(0)
}
