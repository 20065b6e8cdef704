//! The table of figures: every row is one comparison that anybody can run alone; this runs them all and writes them as Markdown.

mod date;
mod markdown;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use crate::compare::Comparison;
use crate::view::say;

/// The rows that come with the harness.
const ROWS: &str = include_str!("../figures.toml");

/// `rialto-load table`.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// Rows to measure; when none is named, all that need nothing but this machine.
    rows: Vec<String>,
    /// Runs of each side instead of each row's own number.
    #[arg(long)]
    runs: Option<usize>,
    /// Writes the table to a file as well.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Lists the rows with their commands, and measures nothing.
    #[arg(long)]
    list: bool,
}

/// One row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// Its name on the command line.
    pub(crate) name: String,
    /// What is measured, for readers.
    pub(crate) what: String,
    /// The command without runs and assertions; words with spaces in single quotes.
    pub(crate) command: String,
    /// Runs of each side.
    pub(crate) runs: usize,
    /// What must hold, and thereby which figures are shown.
    pub(crate) asserts: Vec<String>,
    /// It wants something that somebody else has to start, so it is measured only where it is named.
    #[serde(default)]
    pub(crate) only_named: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    row: Vec<Row>,
}

/// A row and what came of it.
pub(crate) struct Measured {
    /// The row.
    pub(crate) row: Row,
    /// The exit code of its command.
    pub(crate) exit: i32,
    /// Its figures; absent when it could not run.
    pub(crate) comparison: Option<Comparison>,
}

/// Measures the rows. Exit code: the worst of their commands'.
///
/// # Errors
/// When a row is not known.
pub(crate) fn table(args: &TableArgs) -> Result<u8> {
    let rows = chosen(args)?;
    if args.list {
        rows.iter().for_each(|row| say(&format!("{:<14} {}", row.name, row.command_line())));
        return Ok(0);
    }
    let measured = rows.into_iter().map(measure).collect::<Result<Vec<_>>>()?;
    let text = markdown::text(&measured);
    say(&text);
    if let Some(path) = &args.out {
        std::fs::write(path, &text).with_context(|| path.display().to_string())?;
    }
    let worst = measured.iter().map(|measured| measured.exit).max().unwrap_or(0);
    let held = measured.iter().filter(|measured| measured.exit == 0).count();
    say(&format!("{}: {held} of {} rows held", if worst == 0 { "PASS" } else { "FAIL" }, measured.len()));
    Ok(u8::try_from(worst).unwrap_or(1))
}

fn rows() -> Result<Vec<Row>> {
    let rows: Rows = toml::from_str(ROWS).context("figures.toml")?;
    Ok(rows.row)
}

fn chosen(args: &TableArgs) -> Result<Vec<Row>> {
    let mut rows = rows()?;
    let known: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    if let Some(unknown) = args.rows.iter().find(|name| !known.contains(name)) {
        bail!("there is no row {unknown}: {}", known.join(", "));
    }
    // Listed are all.
    let is_chosen = |row: &Row| if args.rows.is_empty() { args.list || !row.only_named } else { args.rows.contains(&row.name) };
    rows.retain(is_chosen);
    for row in &mut rows {
        row.runs = args.runs.unwrap_or(row.runs);
    }
    Ok(rows)
}

/// Runs a row's command as a process of its own, so that the figures are those of the command that is printed.
fn measure(row: Row) -> Result<Measured> {
    say(&format!("\n## {}\n{}", row.name, row.command_line()));
    let folder = tempfile::tempdir().context("a folder for results")?;
    let json = folder.path().join("comparison.json");
    let status = Command::new(std::env::current_exe().context("own program")?)
        .args(row.words()?)
        .arg("--json")
        .arg(&json)
        .status()
        .context("start the row's command")?;
    let text = std::fs::read_to_string(&json).ok();
    let comparison = text.map(|text| serde_json::from_str(&text)).transpose().context("the row's result")?;
    Ok(Measured { row, exit: status.code().unwrap_or(1), comparison })
}

impl Row {
    /// The command as a person types it.
    pub(crate) fn command_line(&self) -> String {
        let asserts: String = self.asserts.iter().map(|assert| format!(" --assert '{assert}'")).collect();
        format!("rialto-load {} --runs {}{asserts}", self.command, self.runs)
    }

    fn words(&self) -> Result<Vec<String>> {
        let mut words = split(&self.command)?;
        words.extend(["--runs".to_owned(), self.runs.to_string()]);
        words.extend(self.asserts.iter().flat_map(|assert| ["--assert".to_owned(), assert.clone()]));
        Ok(words)
    }
}

/// The words of a command; single quotes keep spaces.
fn split(command: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for (number, part) in command.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    ensure!(command.matches('\'').count().is_multiple_of(2), "an open quote in {command:?}");
    Ok(words)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        compare: crate::compare::CompareArgs,
    }

    #[test]
    fn words_are_split_as_a_shell_would() {
        assert_eq!(
            split("compare durable --spawn-b 'ws --answer' --pin").unwrap(),
            ["compare", "durable", "--spawn-b", "ws --answer", "--pin"]
        );
        assert!(split("a 'b").is_err());
    }

    #[test]
    fn every_row_is_a_command_whose_scenarios_and_assertions_are_right() {
        let rows = rows().unwrap();
        assert!(rows.len() >= 8);
        for row in rows {
            assert!(!row.asserts.is_empty() && row.runs >= 5 && !row.what.contains('|'), "{}", row.name);
            let words = row.words().unwrap();
            let args = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{}: {error}", row.name));
            args.compare.check().unwrap_or_else(|error| panic!("{}: {error:#}", row.name));
        }
    }
}
